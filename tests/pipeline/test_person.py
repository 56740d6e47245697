"""What a person's answer by mail does: it confirms as far as the contract lets it, and its no sticks."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sentinel.past.profile import TrustPolicy
from sentinel.pipeline.explain import profile_before
from sentinel.pipeline.item import Answer, TenantSettings
from sentinel.privacy.answer_token import digest_of, make_token
from sentinel.store.protocol import AlertRow, Changes, Record
from tests.pipeline.installation import AWAY, RULES, START, Installation, login

#: A new phone at home: told by mail, below high.
PHONE: dict[str, Any] = {"device_id": "phone", "session_id": "s-phone"}
#: Somebody in Tokyo, an hour after the person was in Paris: high.
TOKYO: dict[str, Any] = {**AWAY, "session_id": "s-tokyo"}
MAILED = START + timedelta(hours=102)


@pytest.fixture
async def inst(tmp_path: Path) -> AsyncIterator[Installation]:
    """Somebody who logs in daily for four days, and then with something new."""
    installation = Installation(tmp_path)
    await installation.run([login(day * 24) | {"email": "ada@example.org"} for day in range(5)])
    yield installation
    await installation.store.close()


def said(inst: Installation, event: str, verdict: str, *, at: datetime = MAILED, **changes: Any) -> Answer:
    return replace(inst.answer(event, verdict, at=at), by="person", tell=True, **changes)


async def record(inst: Installation, event: str) -> Record:
    found = await inst.store.record(inst.enricher.event_key("default", event))
    assert found is not None
    return found


async def own(inst: Installation) -> list[AlertRow]:
    return await inst.store.alerts("default", account=inst.handle())


async def cases(inst: Installation) -> list[AlertRow]:
    return await inst.store.alerts("default", kind="campaign")


async def trusts(inst: Installation, kind: str, value: str) -> bool:
    profile = await inst.profile()
    assert profile is not None
    at = int(MAILED.timestamp() * 1_000_000)
    key = inst.vault.pseudonym("device", "default", value) if kind == "device" else value
    return profile.trusts(kind, key, at, TrustPolicy())


async def answers(inst: Installation) -> list[str]:
    return [f"{each.windows.decode()} {each.assessment.decode()}" async for each in inst.store.history(type="feedback")]


async def test_it_was_me_below_high_lets_the_device_into_the_trusted_past(inst: Installation) -> None:
    (seen,) = await inst.run([login(100, **PHONE)])
    assert seen.assessment is not None
    assert seen.assessment.level in ("low", "medium")
    assert seen.assessment.alert is not None
    assert not (await record(inst, "e-100")).trusted
    await inst.one(said(inst, "e-100", "legitimate"))
    assert (await record(inst, "e-100")).trusted
    assert await trusts(inst, "network", "AS64496")
    assert [alert.state for alert in await own(inst)] == ["legitimate"]
    assert (await inst.store.mail_counts())["answered"] == 1
    (again,) = await inst.run([login(101, **PHONE)])
    assert again.assessment is not None
    assert not again.assessment.findings
    assert await answers(inst) == ["person legitimate"]
    assert await cases(inst) == []


async def test_it_was_me_at_high_confirms_nothing_and_is_kept(inst: Installation) -> None:
    (seen,) = await inst.run([login(97, **TOKYO)])
    assert seen.assessment is not None
    assert seen.assessment.level in ("high", "critical")
    before = await inst.profile()
    await inst.one(said(inst, "e-97", "legitimate"))
    assert await inst.profile() == before
    assert not (await record(inst, "e-97")).trusted
    assert [alert.state for alert in await own(inst)] == ["answered"]
    # The mail may still be on its way to another address.
    assert (await inst.store.mail_counts())["answered"] == 0
    assert await answers(inst) == ["person legitimate"]


async def test_a_yes_about_the_first_of_a_summary_does_not_close_what_was_high_in_it(inst: Installation) -> None:
    """The day's mails are used up, so that the second stranger stands in the summary that began with a tablet."""
    second = {
        **AWAY,
        "device_id": "second",
        "session_id": "s-2",
        "place": {"country": "BR", "lat": -23.5, "lon": -46.6},
    }
    await inst.run([login(97, **TOKYO), login(100, **PHONE), login(102, device_id="tablet", session_id="s-tablet")])
    (seen,) = await inst.run([login(104, **second)])
    first, last = await record(inst, "e-102"), await record(inst, "e-104")
    assert first.alert == last.alert is not None
    assert seen.assessment is not None
    assert seen.assessment.level in ("high", "critical")
    before = await inst.profile()
    await inst.one(said(inst, "e-102", "legitimate", at=START + timedelta(hours=105)))
    assert await inst.profile() == before
    assert not (await record(inst, "e-102")).trusted


@pytest.mark.parametrize(
    "change",
    [{"type": "recovery_used"}, {"type": "email_changed", "email": "eve@example.org"}, {"email": "eve@example.org"}],
)
async def test_it_was_me_within_thirty_days_of_a_recovery_or_change_of_address_confirms_nothing(
    inst: Installation, change: dict[str, Any]
) -> None:
    await inst.run([login(98, **change), login(100, **PHONE)])
    await inst.one(said(inst, "e-100", "legitimate"))
    assert not (await record(inst, "e-100")).trusted


@pytest.mark.parametrize(("source", "counts"), [(PHONE, False), ({}, True)])
async def test_it_was_me_after_a_reset_by_mail_confirms_nothing_unless_it_was_done_at_home(
    inst: Installation, source: dict[str, Any], counts: bool
) -> None:
    """Whoever has the mailbox asks for a reset, sets a password, waits a day and says yes to the mail."""
    await inst.run([login(97, type="password_reset_requested", **source), login(98, type="password_changed", **source)])
    (seen,) = await inst.run([login(128, **PHONE)])
    assert seen.assessment is not None
    assert seen.assessment.level in ("low", "medium")
    await inst.one(said(inst, "e-128", "legitimate", at=START + timedelta(hours=129)))
    assert (await record(inst, "e-128")).trusted == counts


async def test_it_was_me_thirty_days_after_a_recovery_confirms(inst: Installation) -> None:
    hours = 98 + 31 * 24
    await inst.run([login(98, type="recovery_used"), login(hours, **PHONE)])
    await inst.one(said(inst, f"e-{hours}", "legitimate", at=START + timedelta(hours=hours + 1)))
    assert (await record(inst, f"e-{hours}")).trusted


async def test_from_the_former_address_a_yes_confirms_nothing_and_a_no_counts(inst: Installation) -> None:
    await inst.run([login(100, **PHONE)])
    await inst.one(said(inst, "e-100", "legitimate", former=True))
    assert not (await record(inst, "e-100")).trusted
    await inst.one(said(inst, "e-100", "compromised", former=True))
    profile = await inst.profile()
    assert profile is not None
    assert profile.compromised


async def test_a_no_takes_the_session_out_tells_operators_once_and_sticks(inst: Installation) -> None:
    await inst.run([login(100, **PHONE)])
    assert (await inst.one(said(inst, "e-100", "compromised"))).error is None
    profile = await inst.profile()
    assert profile is not None
    assert list(profile.compromised) == [inst.enricher.event_key("default", "e-100")]
    key = inst.enricher.event_key("default", "e-100")
    assert [session.compromised for session in profile.sessions.values() if session.event == key] == [True]
    assert [alert.state for alert in await own(inst)] == ["compromised"]
    (case,) = await cases(inst)
    assert (case.state, case.level, case.account) == ("open", "critical", None)
    assert [each.event_id async for each in inst.store.alert_events(case)] == ["e-100"]
    mails = await inst.store.lease(worker="w", now=0, limit=9, seconds=60)
    assert [(mail.notice.id, mail.notice.account) for mail in mails] == [(case.id, None)]
    # Whatever the person says now, again and again, changes nothing.
    for verdict in ("legitimate", "compromised") * 3:
        outcome = await inst.one(said(inst, "e-100", verdict, at=MAILED + timedelta(hours=1)))
        assert outcome.duplicate
    assert await inst.profile() == profile
    assert await answers(inst) == ["person compromised"]
    assert len(await cases(inst)) == 1
    # What comes from that session later enters no trusted past, not even with a device that was trusted before.
    await inst.run([login(101, session_id="s-phone")])
    assert not (await record(inst, "e-101")).trusted


async def test_a_yes_about_another_event_does_not_lift_a_no(inst: Installation) -> None:
    await inst.run([login(100, **PHONE), login(101, **PHONE | {"session_id": "s-2"})])
    await inst.one(said(inst, "e-100", "compromised"))
    await inst.one(said(inst, "e-101", "legitimate"))
    assert not (await record(inst, "e-101")).trusted
    assert not await trusts(inst, "device", "phone")


async def test_the_service_lifts_a_persons_no(inst: Installation) -> None:
    await inst.run([login(100, **PHONE)])
    await inst.one(said(inst, "e-100", "compromised"))
    await inst.one(inst.answer("e-100", "legitimate", at=MAILED + timedelta(hours=1)))
    profile = await inst.profile()
    assert profile is not None
    assert not profile.compromised
    assert (await record(inst, "e-100")).trusted
    # The link was used: what it said is known, and an old form that is sent again says nothing new.
    assert (await inst.one(said(inst, "e-100", "compromised", at=MAILED + timedelta(hours=2)))).duplicate
    assert await inst.profile() == profile


async def test_a_no_after_a_yes_counts(inst: Installation) -> None:
    await inst.run([login(100, **PHONE)])
    await inst.one(said(inst, "e-100", "legitimate"))
    await inst.one(said(inst, "e-100", "compromised"))
    assert not (await record(inst, "e-100")).trusted
    assert not await trusts(inst, "device", "phone")
    assert len(await cases(inst)) == 1


async def test_a_no_to_a_try_that_failed_holds_no_risk(inst: Installation) -> None:
    """The attacker's values are out, but nobody got in: the person can go on."""
    await inst.run([login(100, **TOKYO | {"outcome": "failure", "reason": "bad_password"})])
    await inst.one(said(inst, "e-100", "compromised"))
    profile = await inst.profile()
    assert profile is not None
    assert not profile.compromised
    assert await cases(inst) == []


async def test_the_mail_about_a_change_goes_whatever_is_answered(inst: Installation) -> None:
    await inst.run([login(100, type="email_changed", email="eve@example.org")])
    assert (await inst.store.mail_counts())["pending"] == 1
    await inst.one(said(inst, "e-100", "legitimate"))
    await inst.one(inst.answer("e-100", "legitimate"))
    await inst.one(said(inst, "e-100", "compromised"))
    assert (await inst.store.mail_counts())["answered"] == 0


async def test_of_a_restricted_account_an_answer_changes_nothing(inst: Installation) -> None:
    await inst.run([login(100, **PHONE)])
    profile = await inst.profile()
    assert profile is not None
    profile.restricted_at = 1
    await inst.store.commit(Changes(profiles={inst.handle(): profile}))
    await inst.one(said(inst, "e-100", "compromised"))
    after = await inst.profile()
    assert after is not None
    assert not after.compromised
    assert await cases(inst) == []


async def test_explaining_later_sees_the_past_as_the_answers_left_it(inst: Installation) -> None:
    await inst.run([login(97, **TOKYO), login(100, **PHONE)])
    await inst.run([said(inst, "e-97", "legitimate"), said(inst, "e-100", "legitimate")])
    await inst.run([login(103)])
    replayed = await profile_before(inst.store, await record(inst, "e-103"), TenantSettings(rules=RULES))
    kept = await inst.profile()
    assert kept is not None
    for kind in ("device", "country", "network"):
        found = {key: bool(value.trusted_at) for key, value in replayed.values[kind].items()}
        assert found == {key: bool(value.trusted_at) for key, value in kept.values[kind].items()}


@pytest.mark.parametrize("by", ["person", "service"])
async def test_a_yes_by_mail_about_the_helpdesks_help_clears_nothing(inst: Installation, by: str) -> None:
    """Whoever has the mailbox calls the helpdesk, says yes to its mail, and comes in from somewhere new."""
    await inst.run([login(97, mfa={"method": "totp", "outcome": "success", "device_id": "app"})])
    help: dict[str, Any] = {"type": "mfa_removed", "actor": "admin", "mfa": {"method": "totp", "device_id": "app"}}
    await inst.run([login(98, **help), login(99, type="password_changed", actor="admin")])
    for event in ("e-98", "e-99"):
        await inst.one(replace(said(inst, event, "legitimate"), by=by))
    (seen,) = await inst.run([login(100, **PHONE)])
    assert seen.assessment is not None
    fired = {finding.rule for finding in seen.assessment.findings}
    assert ("helpdesk_takeover" in fired) == (by == "person")
    profile = await inst.profile()
    assert profile is not None
    assert any(factor.removed_at for factor in profile.factors.values()) == (by == "person")


async def test_the_link_in_the_mail_leads_to_the_event(inst: Installation) -> None:
    (seen,) = await inst.run([login(100, **PHONE)])
    (notice,) = seen.notices
    token = make_token(inst.vault.answer_key, "default", notice.id, "current")
    link = await inst.store.answer_link(digest_of(token))
    assert link is not None
    assert link.notice == notice
