"""Signatures that the standard's own library verifies; secrets in its form and no other."""

import base64
import time
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sentinel.events.hook import HookEvent
from sentinel.hooks.webhooks import WebhookSecret, body_of, headers, message_id

OLD, NEW = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))
EVENT = HookEvent(
    type="answer.given", tenant="default", account="a", time=1_800_000_000_000_001, about="e", data={"event": "größer"}
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner, max_size=3)
)


def verify(secret: str, body: bytes, sent: dict[str, str]) -> Any:
    return Webhook(secret).verify(body, sent)


def now() -> int:
    return time.time_ns() // 1000


@given(data=st.dictionaries(st.text(), json_values, max_size=4))
def test_any_payload_is_verified_by_the_standard_library_of_receivers(data: dict[str, Any]) -> None:
    body = body_of(HookEvent(type="t", tenant="d", account=None, time=0, about="e", data=data))
    sent = headers(message_id("n"), now(), body, [WebhookSecret(NEW)])
    assert verify(NEW, body, sent) == {"type": "t", "timestamp": "1970-01-01T00:00:00Z", "data": data}


def test_while_a_secret_is_exchanged_receivers_of_either_verify() -> None:
    body = body_of(EVENT)
    sent = headers("msg_1", now(), body, [WebhookSecret(NEW), WebhookSecret(OLD)])
    assert verify(NEW, body, sent) == verify(OLD, body, sent)
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    with pytest.raises(WebhookVerificationError):
        verify(other, body, sent)


@pytest.mark.parametrize("changed", ["id", "timestamp", "body"])
def test_nothing_of_it_can_be_changed(changed: str) -> None:
    body = body_of(EVENT)
    sent = headers("msg_1", now(), body, [WebhookSecret(NEW)])
    if changed == "body":
        body = body.replace(b"answer", b"Answer")
    elif changed == "id":
        sent["webhook-id"] = "msg_2"
    else:
        sent["webhook-timestamp"] = str(int(sent["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        verify(NEW, body, sent)


def test_an_asymmetric_key_signs_as_v1a() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    body = body_of(EVENT)
    for raw in (b"k" * 32, b"k" * 32 + private.public_key().public_bytes_raw()):
        sent = headers("msg_1", now(), body, [WebhookSecret("whsk_" + base64.b64encode(raw).decode())])
        version, _, signature = sent["webhook-signature"].partition(",")
        assert version == "v1a"
        signed = f"msg_1.{sent['webhook-timestamp']}.".encode() + body
        private.public_key().verify(base64.b64decode(signature), signed)
        with pytest.raises(InvalidSignature):
            private.public_key().verify(base64.b64decode(signature), signed + b" ")


@pytest.mark.parametrize(
    ("secret", "wrong"),
    [
        ("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "begins with whsec_"),
        ("whsec_s3cr3t?s3cr3t", "not base64"),
        ("whsec_" + base64.b64encode(b"s" * 23).decode(), "24 to 64 bytes, this one has 23"),
        ("whsec_" + base64.b64encode(b"s" * 65).decode(), "24 to 64 bytes, this one has 65"),
        ("whsk_" + base64.b64encode(b"s" * 33).decode(), "32 or 64 bytes"),
    ],
)
def test_a_bad_secret_is_refused_without_being_told(secret: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as error:
        WebhookSecret(secret)
    assert secret.partition("_")[2][:8] not in str(error.value) or not secret.partition("_")[2]
