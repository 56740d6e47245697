"""Signed mails, verified with dkimpy's own verifier and a zone file in memory."""

import base64
from email import message_from_bytes
from email.policy import SMTP

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sentinel.alerts.compose import Identity, compose
from sentinel.alerts.dkim import DkimError, Signer
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.alerts.smtp import Mailer, SmtpSettings
from tests.alerts.test_smtp import HOST, Inbox, serve

NOW = sample("attack").time


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def zone(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> dict[bytes, bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        kind, public = b"rsa", key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, public = b"ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {b"mails._domainkey.example.org.": b"v=DKIM1; k=" + kind + b"; p=" + base64.b64encode(public)}


def good(mail: bytes, known: dict[bytes, bytes]) -> bool:
    return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: known.get(bytes(name))))


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
async def test_what_arrives_is_signed_and_no_change_passes(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
    identity = Identity(service_name="Exämple", from_header="Exämple Sécurité <security@example.org>")
    message = compose(sample("attack"), sample_attributes(), identity, recipient="ada@example.org", now=NOW)
    settings = SmtpSettings(host=HOST, port=0, tls="none", envelope_from="bounces@example.org")
    inbox = Inbox()
    async with serve(inbox) as port:
        values = {field: getattr(settings, field) for field in ("host", "tls", "envelope_from")}
        mailer = Mailer(SmtpSettings(port=port, **values), Signer("example.org", "mails", pem(key)))
        assert (await mailer.send(message, "ada@example.org")).status == "sent"
        await mailer.close()
    mail = inbox.mails[0].content
    assert isinstance(mail, bytes)
    assert good(mail, zone(key))
    assert not good(mail, {})
    assert not good(mail, zone(rsa.generate_private_key(public_exponent=65537, key_size=1024)))
    for before, after in (
        (b"Subject: ", b"Subject: Not "),
        (b"To: ", b"Subject: another one\r\nTo: "),
        (b"To: ", b"From: eve@example.com\r\nTo: "),
        (b"ada@example.org", b"eve@example.org"),
    ):
        assert mail.count(before) >= 1
        assert not good(mail.replace(before, after, 1), zone(key)), before
    assert str(message_from_bytes(mail, policy=SMTP)["From"]).endswith("<security@example.org>")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "no key",
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)).replace("A", "B"),
        RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()[:200],
    ],
)
def test_a_bad_key_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(DkimError) as caught:
        Signer("example.org", "mails", key)
    assert "BEGIN" not in str(caught.value)
