"""Hooks and streams from the HTTP post of an event to the system that is told, over a whole daemon."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sentinel.events.clock import now
from sentinel.hooks.keys import public_keys
from sentinel.hooks.signals import metadata
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import load_master_key
from sentinel.privacy.vault import Vault
from tests.conftest import Start
from tests.hooks.receiver import PATIENCE, HookServer
from tests.hooks.told import CAEP, ISSUER, RISC, configuration, tokens, told, verified
from tests.running import AWAY, Client, InProcess, OwnProcess, ago, habits, login


@pytest.fixture
async def receiver() -> AsyncIterator[HookServer]:
    server = await HookServer().start()
    yield server
    await server.stop()


@pytest.fixture
def configured(tmp_path: Path, receiver: HookServer) -> str:
    """A hook and a stream to the receiver."""
    return configuration(tmp_path, receiver)


async def attacked(client: Client) -> dict[str, Any]:
    """A past at home, and a login far away: the assessment."""
    await client.take(habits(email="ada@example.org"))
    return await client.assess(login("far", ago(minutes=1), session_id="s-far", email="ada@example.org", **AWAY))


async def settled(daemon: InProcess, number: int) -> None:
    """Wait until so many deliveries are marked."""
    async with asyncio.timeout(PATIENCE):
        while sum((await daemon.daemon.store.hook_counts()).values()) != number or any(  # noqa: ASYNC110  # nothing tells
            state == "pending" for _, state in await daemon.daemon.store.hook_counts()
        ):
            await asyncio.sleep(0.01)


async def test_an_attack_its_answer_and_its_end_are_told(start: Start, configured: str, receiver: HookServer) -> None:
    daemon = await start(configured)
    client = await daemon.client()
    assessed = await attacked(client)
    assert assessed["level"] in ("high", "critical")
    await receiver.wait(3)
    first = told(receiver)
    assert sorted(each["type"] for each in first) == ["alert.sent", "assessment.raised"]
    raised = next(each for each in first if each["type"] == "assessment.raised")
    assert raised["timestamp"] == assessed["time"]
    assert raised["data"] == {
        "event": "far", "account": "u-1", "risk": assessed["risk"], "level": assessed["level"],
        "decision": assessed["decision"], "alert": assessed["alert"], "campaign": None,
        "rules": [each["rule"] for each in assessed["findings"] if each["status"] == "live"],
        "end_sessions": assessed["act"]["end_sessions"], "hold_change": assessed["act"]["hold_change"],
    }  # fmt: skip
    sent = next(each for each in first if each["type"] == "alert.sent")
    assert (sent["data"]["alert"], sent["data"]["account"], sent["data"]["event"]) == (assessed["alert"], "u-1", "far")
    (token,) = tokens(receiver)
    claims = await verified(daemon, token)
    (risk,) = claims["events"].values()
    assert set(claims["events"]) == {CAEP + "risk-level-change"}
    assert (risk["previous_level"], risk["current_level"], risk["principal"]) == ("LOW", "HIGH", "USER")
    assert claims["sub_id"] == {"format": "iss_sub", "iss": ISSUER, "sub": "u-1"}
    assert claims["txn"] == "far"

    assert (await client.post("/v1/feedback", {"event": "far", "verdict": "compromised"})).status == 200
    await receiver.wait(8)
    assert told(receiver)[-1]["data"] == {
        "event": "far", "account": "u-1", "verdict": "compromised", "by": "service", "alert": assessed["alert"],
        "counts": True,
    }  # fmt: skip
    sets = {
        next(iter(claims["events"])): claims
        for claims in [await verified(daemon, each) for each in tokens(receiver)[1:]]
    }
    assert set(sets) == {
        CAEP + "session-revoked", CAEP + "risk-level-change", RISC + "credential-compromise",
        RISC + "account-credential-change-required",
    }  # fmt: skip
    assert sets[CAEP + "session-revoked"]["sub_id"] == {
        "format": "complex", "user": {"format": "iss_sub", "iss": ISSUER, "sub": "u-1"},
        "session": {"format": "opaque", "id": "s-far"},
    }  # fmt: skip
    assert (
        sets[RISC + "credential-compromise"]["events"][RISC + "credential-compromise"]["credential_type"] == "password"
    )
    assert all(abs(next(iter(each["events"].values()))["event_timestamp"] - each["iat"]) < 60 for each in sets.values())
    assert len({each["jti"] for each in sets.values()}) == 4

    assert (await client.post("/v1/feedback", {"event": "far", "verdict": "legitimate"})).status == 200
    await receiver.wait(11)
    assert {each["type"] for each in told(receiver)[-2:]} == {"answer.given", "account.cleared"}
    cleared = await verified(daemon, tokens(receiver)[-1])
    assert cleared["events"][CAEP + "risk-level-change"]["current_level"] == "LOW"
    assert all(came.headers["authorization"] == "Bearer t-0k-3n" for came in receiver.came if came.path == "/sets")
    assert all(
        came.headers["content-type"] == "application/secevent+jwt" for came in receiver.came if came.path == "/sets"
    )
    await settled(daemon, 11)
    metrics = (await client.get("/metrics")).text
    assert 'sentinel_hooks{state="delivered",target="auth"} 5.0' in metrics


async def test_changes_of_credentials_are_told(start: Start, configured: str, receiver: HookServer) -> None:
    daemon = await start(configured)
    client = await daemon.client()
    await client.take(
        [
            login("m-1", type="mfa_enrolled", outcome=None, mfa={"method": "totp", "device_id": "phone"}),
            login("p-1", type="password_changed", outcome=None),
        ]
    )
    await receiver.wait(2)
    found = [await verified(daemon, each) for each in tokens(receiver)]
    changes = [
        each["events"][CAEP + "credential-change"] for each in found if CAEP + "credential-change" in each["events"]
    ]
    assert sorted((each["change_type"], each["credential_type"], each["initiating_entity"]) for each in changes) == [
        ("create", "app", "user"), ("update", "password", "user")
    ]  # fmt: skip


async def test_of_a_restricted_account_nothing_is_told(start: Start, configured: str, receiver: HookServer) -> None:
    daemon = await start(configured)
    client = await daemon.client()
    await client.take(habits())
    assert (await client.put("/v1/accounts/u-1/restriction", {"reason": "contested"})).status == 200
    await client.assess(login("far", ago(minutes=1), **AWAY))
    await client.post("/v1/feedback", {"event": "far", "verdict": "compromised"})
    assert await daemon.daemon.store.hook_counts() == {}
    assert receiver.came == []


async def test_without_an_issuer_there_is_no_transmitter(daemon: InProcess) -> None:
    stranger = daemon.stranger()
    for path in ("/.well-known/ssf-configuration", "/.well-known/jwks.json"):
        reply = await stranger.get(path)
        assert reply.status == 404
        assert "[signals] issuer" in reply.body["detail"]


async def test_edge_processes_serve_the_keys_and_the_courier_signs_with_them(
    own_process: Callable[..., OwnProcess], configured: str, receiver: HookServer, state: Path
) -> None:
    running = await asyncio.to_thread(own_process, configured)
    vault = Vault(Keyring(state / "keyring.db", load_master_key(state), readonly=True), writes=False)
    async with aiohttp.ClientSession() as session:
        for path, expected in (
            ("/.well-known/ssf-configuration", metadata(ISSUER)),
            ("/.well-known/jwks.json", public_keys(vault.keyring, now())),
        ):
            async with session.get(running.base + path) as answer:
                assert (answer.status, await answer.json()) == (200, expected)
    vault.close()
    assert await asyncio.to_thread(running.stop) == 0


async def test_a_reload_puts_other_targets_in_place(
    start: Start, configured: str, receiver: HookServer, tmp_path: Path
) -> None:
    daemon = await start()
    client = await daemon.client()
    await client.take(habits())
    with daemon.path.open("a") as file:
        file.write(configured)
    daemon.daemon.reload()
    await client.assess(login("far", ago(minutes=1), **AWAY))
    await receiver.wait(2)
    assert {came.path for came in receiver.came} == {"/hook", "/sets"}
    # A secret that is not there is told, and what was in force stays.
    (tmp_path / "hook.secret").unlink()
    daemon.path.write_text(daemon.path.read_text().replace("allow_private", "timeout_seconds = 5\nallow_private"))
    daemon.daemon.reload()
    assert daemon.daemon.config.hooks[0].timeout_seconds == 15
    await client.post("/v1/feedback", {"event": "far", "verdict": "legitimate"})
    await receiver.wait(3)
