"""Evidence: others' tools open it and check the signature, and every change is noticed."""

import io
import json
import subprocess
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from sentinel.events.clock import DAY
from sentinel.export.evidence import Claim, EvidenceError, encrypt_to, encrypt_with, make_evidence
from tests.export import age_format

SECRET = bytes(range(32))
CLAIM = Claim(
    account="u-1", tenant="default", purpose="claim 4711", made=20_000 * DAY, keep_until=20_400 * DAY, controller="GmbH"
)
PACKAGE = bytes(range(256)) * 1000


def unpack(archive: bytes, folder: Path) -> Path:
    with ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(folder)
    return folder


def verify(folder: Path) -> bool:
    """As README.txt tells it."""
    sums = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True)
    command = "openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig"
    assert command in (folder / "README.txt").read_text()
    signature = subprocess.run(command.split(), cwd=folder, capture_output=True)
    return sums.returncode == signature.returncode == 0


def test_openssl_and_sha256sum_check_it(tmp_path: Path) -> None:
    evidence = make_evidence(PACKAGE, CLAIM, secret=SECRET)
    folder = unpack(evidence.archive, tmp_path)
    assert verify(folder)
    assert (folder / "package.zip").read_bytes() == PACKAGE
    assert (folder / "public_key.pem").read_text() == evidence.public_key
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "public_key.pem", "-outform", "DER"], cwd=folder, capture_output=True
    ).stdout
    printed = subprocess.run(["sha256sum"], input=der, capture_output=True).stdout.split()[0].decode()
    assert printed == evidence.fingerprint
    assert evidence.fingerprint in (folder / "README.txt").read_text()


@pytest.mark.parametrize("name", ["package.zip", "statement.json", "README.txt", "SHA256SUMS", "SHA256SUMS.sig"])
def test_a_single_changed_bit_is_noticed(tmp_path: Path, name: str) -> None:
    folder = unpack(make_evidence(PACKAGE, CLAIM, secret=SECRET).archive, tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[5] ^= 1
    (folder / name).write_bytes(data)
    assert not verify(folder)


def test_it_states_how_long_it_may_be_kept(tmp_path: Path) -> None:
    folder = unpack(make_evidence(PACKAGE, CLAIM, secret=SECRET).archive, tmp_path)
    statement = json.loads((folder / "statement.json").read_text())
    assert (statement["keep_until"], statement["purpose"]) == ("2025-11-08T00:00:00Z", "claim 4711")
    assert "did not extend any retention" in statement["retention"]
    assert "Keep it until 2025-11-08 at the latest" in (folder / "README.txt").read_text()


def test_one_installation_has_one_key_and_the_same_input_gives_the_same_bytes() -> None:
    first, again = (make_evidence(PACKAGE, CLAIM, secret=SECRET) for _ in range(2))
    assert first == again
    assert make_evidence(PACKAGE, CLAIM, secret=bytes(32)).fingerprint != first.fingerprint


def test_only_the_recipients_open_it() -> None:
    evidence = make_evidence(PACKAGE, CLAIM, secret=SECRET)
    (one, first), (two, second), (stranger, _) = (age_format.identity() for _ in range(3))
    sealed = encrypt_to(evidence, [first, f" {second}\n"])
    assert age_format.open_with_key(sealed, one) == evidence.archive
    assert age_format.open_with_key(sealed, two) == evidence.archive
    with pytest.raises(age_format.WrongKeyError):
        age_format.open_with_key(sealed, stranger)
    assert b"package.zip" not in sealed


def test_a_passphrase_opens_it() -> None:
    evidence = make_evidence(b"small", CLAIM, secret=SECRET)
    sealed = encrypt_with(evidence, "correct horse battery")
    assert age_format.open_with_passphrase(sealed, "correct horse battery") == evidence.archive
    with pytest.raises(age_format.WrongKeyError):
        age_format.open_with_passphrase(sealed, "correct horse batterie")


@pytest.mark.parametrize("recipients", [[], ["age1nonsense"], ["ssh-ed25519 AAAA"]])
def test_a_wrong_recipient_is_refused(recipients: list[str]) -> None:
    evidence = make_evidence(b"small", CLAIM, secret=SECRET)
    with pytest.raises(EvidenceError, match=r"recipient.*age-keygen.*age1…"):
        encrypt_to(evidence, recipients)


def test_what_makes_no_sense_is_refused() -> None:
    evidence = make_evidence(b"small", CLAIM, secret=SECRET)
    with pytest.raises(EvidenceError, match="at least 12 characters"):
        encrypt_with(evidence, "short")
    with pytest.raises(EvidenceError, match="the date is past"):
        make_evidence(b"", msgspec.structs.replace(CLAIM, keep_until=CLAIM.made), secret=SECRET)
    with pytest.raises(EvidenceError, match="name the claim"):
        make_evidence(b"", msgspec.structs.replace(CLAIM, purpose=" "), secret=SECRET)
    with pytest.raises(ValueError, match="32 bytes"):
        make_evidence(b"", CLAIM, secret=b"short")
