"""Security Event Tokens: claims as the specifications have them, signed by keys that are published, pushed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from aiohttp import web

from sentinel.errors import SentinelError
from sentinel.events.clock import DAY, SECOND
from sentinel.events.hook import SIGNALS, HookEvent
from sentinel.events.sighting import Attributes, Raw
from sentinel.hooks.client import Poster
from sentinel.hooks.delivery import HookDelivery
from sentinel.hooks.keys import PUBLISHED, ensure_key, public_keys, rotate_key, signing_key
from sentinel.hooks.signals import URIS
from sentinel.hooks.targets import Signals
from sentinel.store.protocol import Changes, Record
from sentinel.store.sqlite.store import SqliteStore
from tests.hooks.receiver import Came, HookServer, answers
from tests.store.named import NamedVault

START = 1_700_000_000 * SECOND
ISSUER, AUDIENCE = "https://sentinel.example.org", "https://idp.example.org"


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = SqliteStore(None, NamedVault())
    ensure_key(store.vault.keyring, START)
    yield store
    await store.close()


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    server = await HookServer().start()
    yield server
    await server.stop()


def stream(store: SqliteStore, server: HookServer, **settings: Any) -> Signals:
    given: dict[str, Any] = {
        "issuer": ISSUER, "audience": AUDIENCE, "subject": "iss_sub", "token": None,
        "key": lambda: signing_key(store.vault.keyring), "store": store,
    }  # fmt: skip
    return Signals("idp", b"d" * 32, Poster(server.url, allow_private=True, timeout=10.0), **(given | settings))


def signal(type: str = "risk-level-change", **changed: Any) -> HookEvent:
    fields: dict[str, Any] = {
        "type": type, "tenant": "default", "account": "account-1", "time": START, "about": "event-1",
        "data": {"account": "u-1", "event": "e-1", "claims": {"current_level": "HIGH"}}, "targets": ("idp",),
    }  # fmt: skip
    return HookEvent(**(fields | changed))


def opened(store: SqliteStore, token: bytes) -> dict[str, Any]:
    """The claims, verified with the published keys by another library."""
    keys = jwt.PyJWKSet.from_dict(json.loads(json.dumps(public_keys(store.vault.keyring, START))))
    kid = jwt.get_unverified_header(token.decode())["kid"]
    found: dict[str, Any] = jwt.decode(
        token.decode(), keys[kid].key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER
    )
    return found


async def push(store: SqliteStore, target: Signals, *events: HookEvent, now: int = START) -> None:
    await store.put_hooks(events)
    delivery = HookDelivery(store, [target], worker="w")
    await delivery.run_once(now)
    await delivery.close()


@pytest.mark.parametrize("type", SIGNALS)
async def test_a_token_has_what_the_specifications_want(store: SqliteStore, server: HookServer, type: str) -> None:
    await push(store, stream(store, server, token="t0k3n"), signal(type), now=START + 5 * SECOND)
    (came,) = server.came
    assert came.headers["content-type"] == "application/secevent+jwt"
    assert came.headers["authorization"] == "Bearer t0k3n"
    assert jwt.get_unverified_header(came.body.decode())["typ"] == "secevent+jwt"
    claims = opened(store, came.body)
    assert claims.pop("jti")
    assert claims == {
        "iss": ISSUER, "aud": AUDIENCE, "iat": START // SECOND + 5, "txn": "e-1",
        "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": "u-1"},
        "events": {URIS[type]: {"current_level": "HIGH", "event_timestamp": START // SECOND}},  # type: ignore[index]  # one of them
    }  # fmt: skip


async def test_every_try_is_the_same_token_but_for_the_signature(store: SqliteStore, server: HookServer) -> None:
    server.answer = answers(500, 202)
    target = stream(store, server)
    await push(store, target, signal())
    await push(store, target, now=START + 10 * SECOND)
    first, second = (opened(store, came.body) for came in server.came)
    assert first == second


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("opaque", {"format": "opaque", "id": "u-1"}),
        ("email", {"format": "email", "email": "ada@example.org"}),
    ],
)
async def test_accounts_are_named_as_configured(
    store: SqliteStore, server: HookServer, format: str, expected: dict[str, str]
) -> None:
    await store.commit(Changes(attributes={"account-1": Attributes(account="u-1", email="ada@example.org")}))
    await push(store, stream(store, server, subject=format), signal())
    assert opened(store, server.came[0].body)["sub_id"] == expected


async def test_without_an_address_nobody_is_named_by_one(store: SqliteStore, server: HookServer) -> None:
    await push(store, stream(store, server, subject="email"), signal())
    assert server.came == []
    (standing,) = await store.hook_standings()
    assert standing.states == {"dead": 1}
    assert "no address" in standing.reason


async def test_a_revoked_session_is_named_as_the_service_names_it(store: SqliteStore, server: HookServer) -> None:
    raw = Raw(event="e-1", account="u-1", session_id="s-77")
    record = Record(
        key="event-1", tenant="default", account="account-1", time=START, type="login", body=b"b", event_id="e-1",
        account_id="u-1", raw=raw, sighting=b"s", windows=b"", assessment=b"a",
    )  # fmt: skip
    await store.commit(Changes(records=[record]))
    await push(store, stream(store, server), signal("session-revoked", record="event-1"))
    assert opened(store, server.came[0].body)["sub_id"] == {
        "format": "complex",
        "user": {"format": "iss_sub", "iss": ISSUER, "sub": "u-1"},
        "session": {"format": "opaque", "id": "s-77"},
    }


async def test_the_verification_event_is_about_the_stream(store: SqliteStore, server: HookServer) -> None:
    target = stream(store, server)
    assert (await target.test("state-1", START)).status == "delivered"
    claims = opened(store, server.came[0].body)
    assert claims["sub_id"] == {"format": "opaque", "id": "idp"}
    assert claims["events"] == {"https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "state-1"}}
    await target.poster.close()


@pytest.mark.parametrize(
    ("status", "body", "state", "reason"),
    [
        (400, b'{"err": "invalid_request", "description": "ada@example.org"}', "dead", "answered 400 invalid_request"),
        (400, b'{"err": "authentication_failed"}', "pending", "answered 400 authentication_failed"),
        (400, b'{"err": "ada@example.org"}', "pending", "answered 400"),
        (400, b"\xff{", "pending", "answered 400"),
        (400, b"[1]", "pending", "answered 400"),
        (401, b"", "pending", "answered 401"),
        (410, b"", "dead", "answered 410"),
        (200, b"", "delivered", ""),
    ],
)
async def test_what_a_receiver_answers_decides(
    store: SqliteStore, server: HookServer, status: int, body: bytes, state: str, reason: str
) -> None:
    async def answer(came: Came) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    server.answer = answer
    await push(store, stream(store, server), signal())
    (standing,) = await store.hook_standings()
    assert (standing.states, standing.reason) == ({state: 1}, reason)


async def test_a_new_key_signs_and_the_former_stays_published_for_a_month(
    store: SqliteStore, server: HookServer
) -> None:
    keyring, target = store.vault.keyring, stream(store, server)
    await push(store, target, signal())
    before = server.came[0].body
    kid = rotate_key(keyring, START)
    await push(store, target, signal(about="event-2"))
    assert jwt.get_unverified_header(server.came[1].body.decode())["kid"] == kid
    assert opened(store, before)
    assert opened(store, server.came[1].body)
    assert len(public_keys(keyring, START + PUBLISHED - 1)["keys"]) == 2
    # Not until another one is made, but for a month.
    (left,) = public_keys(keyring, START + PUBLISHED)["keys"]
    assert left["kid"] == kid
    rotate_key(keyring, START + PUBLISHED - DAY)
    assert len(public_keys(keyring, START + PUBLISHED - DAY)["keys"]) == 3
    rotate_key(keyring, START + PUBLISHED)
    assert len(public_keys(keyring, START + PUBLISHED)["keys"]) == 3
    with pytest.raises(KeyError):
        opened(store, before)


def test_published_keys_hold_nothing_secret_and_are_sealed_where_they_are_kept() -> None:
    vault = NamedVault()
    with pytest.raises(SentinelError, match="no key to sign with"):
        signing_key(vault.keyring)
    ensure_key(vault.keyring, START)
    ensure_key(vault.keyring, START + 1)
    (key,) = public_keys(vault.keyring, START)["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    (sealed,) = vault.keyring._db.execute("SELECT sealed FROM value WHERE name = 'signals'").fetchone()
    assert key["x"].encode() not in sealed
