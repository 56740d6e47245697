"""What the service's systems are told: of which events and answers, and of which not."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sentinel.events.assessment import DECISION_ORDER, LEVEL_ORDER
from sentinel.events.hook import PAYLOADS, HookEvent
from sentinel.hooks.receivers import Receiver, Receivers
from sentinel.pipeline.item import Arrival
from sentinel.store.hooks import Hook
from tests.pipeline.installation import AWAY, START, TOLD, Installation, login

NOW = int((START + timedelta(days=30)).timestamp() * 1_000_000)


@pytest.fixture
def inst(tmp_path: Path) -> Installation:
    return Installation(tmp_path, hooks=TOLD)


def come(inst: Installation, hours: int, *, late: timedelta = timedelta(), **fields: Any) -> Arrival:
    """An event as it arrives over HTTP."""
    event = login(hours, **fields)
    return inst.arrival(event, received=START + timedelta(hours=hours) + late)


def past(inst: Installation) -> list[Arrival]:
    return [come(inst, 24 * day) for day in range(4)]


async def told(inst: Installation, target: str = "auth") -> list[HookEvent]:
    """What a target was told since last asked."""
    hooks: list[Hook] = await inst.store.lease_hooks(target, worker="w", now=NOW, limit=1000, seconds=10**6)
    for each in hooks:
        if target == "auth":
            msgspec.convert(each.event.data, PAYLOADS[each.event.type], strict=True)  # type: ignore[index]  # one of them
    return [each.event for each in hooks]


async def test_ordinary_logins_are_told_to_nobody(inst: Installation) -> None:
    await inst.run(past(inst))
    assert await told(inst) == await told(inst, "idp") == []


async def test_a_login_to_stop_is_told_once(inst: Installation) -> None:
    await inst.run(past(inst))
    far = come(inst, 97, session_id="s-1", **AWAY)
    first = await inst.one(far)
    assert (await inst.one(far)).duplicate
    (raised,) = await told(inst)
    assert first.assessment is not None
    assert (raised.type, raised.account, raised.time) == ("assessment.raised", inst.handle(), far.sighting.time)
    assert (raised.data["event"], raised.data["account"]) == ("e-97", "u-1")
    assert (raised.data["level"], raised.data["alert"]) == (first.assessment.level, first.assessment.alert)
    (change,) = await told(inst, "idp")
    assert change.data["claims"]["previous_level"] == "LOW"
    assert change.data["claims"]["current_level"] == "HIGH"
    assert change.data["claims"]["risk_reason"] == ", ".join(raised.data["rules"])


@pytest.mark.parametrize("how", ["late", "history"])
async def test_nothing_is_told_of_what_is_too_late_or_history(inst: Installation, how: str) -> None:
    await inst.run(past(inst))
    far = come(inst, 97, late=timedelta(hours=25) if how == "late" else timedelta(), **AWAY)
    outcome = await inst.one(replace(far, silent=how == "history"))
    assert outcome.assessment is not None
    assert outcome.assessment.level in ("high", "critical")
    assert await told(inst) == await told(inst, "idp") == []


@pytest.mark.parametrize("level", LEVEL_ORDER)
@pytest.mark.parametrize("decision", DECISION_ORDER)
@pytest.mark.parametrize("wanted", LEVEL_ORDER)
def test_who_hears_of_an_assessment(level: str, decision: str, wanted: str) -> None:
    receivers = Receivers(
        (
            Receiver(name="a", types=frozenset({"assessment.raised"}), level=wanted),
            Receiver(name="b", types=frozenset({"answer.given"}), level=wanted),
        )
    )
    hears = decision in ("challenge", "block") or LEVEL_ORDER[level] >= LEVEL_ORDER[wanted]
    assert receivers.of_assessment(level, decision) == (("a",) if hears else ())


async def test_a_campaign_is_told_when_it_begins(tmp_path: Path) -> None:
    inst = Installation(tmp_path, hooks=TOLD)
    tries = [
        come(
            inst, 100, account=f"v-{number}", id=f"t-{number}", outcome="failure", reason="bad_password",
            **AWAY | {"ip": "203.0.113.77"},
        )
        for number in range(40)
    ]  # fmt: skip
    await inst.run(tries)
    (alert,) = await inst.store.alerts("default", kind="campaign")
    (found,) = await told(inst)
    assert (found.type, found.account, found.data["campaign"]) == ("campaign.detected", None, alert.id)
    assert "v-" not in repr(found.data)


async def test_not_me_after_a_login_revokes_and_asks_for_new_credentials(inst: Installation) -> None:
    await inst.run([*past(inst), come(inst, 97, session_id="s-1", **AWAY)])
    await told(inst)
    await told(inst, "idp")
    await inst.one(inst.answer("e-97", "compromised"))
    (answered,) = await told(inst)
    assert answered.data["verdict"] == "compromised"
    signals = {each.type: each for each in await told(inst, "idp")}
    assert set(signals) == {
        "session-revoked", "risk-level-change", "credential-compromise", "account-credential-change-required"
    }  # fmt: skip
    assert signals["session-revoked"].record == inst.enricher.event_key("default", "e-97")
    assert all(each.record is None for type, each in signals.items() if type != "session-revoked")
    assert signals["credential-compromise"].data["claims"]["credential_type"] == "password"


@pytest.mark.parametrize(("fields", "counts"), [(AWAY, False), ({"device_id": "phone"}, True)])
async def test_a_persons_yes_that_confirms_nothing_is_told_as_such(
    inst: Installation, fields: dict[str, Any], counts: bool
) -> None:
    await inst.run([*past(inst), come(inst, 97, **fields)])
    await told(inst)
    await inst.one(msgspec.structs.replace(inst.answer("e-97", "legitimate"), by="person"))
    (given,) = await told(inst)
    assert (given.data["verdict"], given.data["by"], given.data["counts"]) == ("legitimate", "person", counts)


async def test_not_me_about_a_failed_guess_revokes_nothing(inst: Installation) -> None:
    await inst.run([*past(inst), come(inst, 97, outcome="failure", reason="bad_password", session_id="s-1", **AWAY)])
    await told(inst, "idp")
    await inst.one(inst.answer("e-97", "compromised"))
    assert [each.type for each in await told(inst, "idp")] == ["risk-level-change"]


async def test_an_account_is_cleared_with_the_last_that_was_compromised(inst: Installation) -> None:
    await inst.run([*past(inst), come(inst, 97, **AWAY), come(inst, 98, **AWAY)])
    await inst.run([inst.answer("e-97", "compromised"), inst.answer("e-98", "compromised")])
    await told(inst)
    await inst.one(inst.answer("e-97", "legitimate"))
    assert [each.type for each in await told(inst)] == ["answer.given"]
    await inst.one(inst.answer("e-98", "legitimate"))
    given, cleared = await told(inst)
    assert (given.type, cleared.type, cleared.data) == (
        "answer.given", "account.cleared", {"account": "u-1", "event": "e-98", "by": "service"}
    )  # fmt: skip
    await inst.one(inst.answer("e-24", "legitimate"))
    assert [each.type for each in await told(inst)] == ["answer.given"]


@pytest.mark.parametrize(
    ("fields", "claims"),
    [
        ({"type": "password_changed"}, ("password", "update", "user")),
        ({"type": "mfa_enrolled", "mfa": {"method": "webauthn"}}, ("fido2-roaming", "create", "user")),
        ({"type": "mfa_removed", "mfa": {"method": "sms"}, "actor": "admin"}, ("phone-sms", "delete", "admin")),
        ({"type": "mfa_removed", "mfa": {"method": "push"}, "actor": "system"}, ("app", "delete", "system")),
    ],
)  # fmt: skip
async def test_changes_of_credentials_are_signals(
    inst: Installation, fields: dict[str, Any], claims: tuple[str, str, str]
) -> None:
    await inst.run([*past(inst), come(inst, 97, **fields)])
    found = [each.data["claims"] for each in await told(inst, "idp") if each.type == "credential-change"]
    assert found == [dict(zip(("credential_type", "change_type", "initiating_entity"), claims, strict=True))]


@pytest.mark.parametrize("fields", [{"type": "email_changed"}, {"type": "password_changed", "outcome": "failure"}])
async def test_what_changes_no_credential_is_no_signal_of_one(inst: Installation, fields: dict[str, Any]) -> None:
    await inst.run([*past(inst), come(inst, 97, **fields)])
    assert "credential-change" not in [each.type for each in await told(inst, "idp")]


async def test_nobody_is_told_where_nobody_is_configured(tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    await inst.run([*past(inst), come(inst, 97, **AWAY)])
    await inst.one(inst.answer("e-97", "compromised"))
    assert await inst.store.hook_counts() == {}
