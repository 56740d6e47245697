"""The pipeline over a real store: the same answers however events are cut into batches, and all or nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import cache
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.demo.traffic import live, traffic
from sentinel.errors import StoreError
from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes, Raw, Sighting
from sentinel.past.profile import Profile
from sentinel.pipeline import batch
from sentinel.pipeline.attributes import LastTold
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.item import Item, NewAttributes
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.sqlite.store import SqliteStore
from tests.pipeline.installation import AWAY, START, Installation, content, encoded, login


@pytest.fixture
async def inst(tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    await installation.store.close()


async def settled(inst: Installation, account: str = "u-1") -> None:
    """Three ordinary logins, so that the account is no longer warming up."""
    await inst.run([login(number, account=account, id=f"{account}-{number}") for number in range(3)])


async def profile(inst: Installation, account: str = "u-1", tenant: str = "default") -> Profile | None:
    return await inst.profile(account, tenant)


# The same input gives the same answers


@cache
def stream() -> list[dict[str, Any]]:
    """Eight days of ordinary people, then the demo's attacks; with duplicates, conflicts and answers in between."""
    later = START + timedelta(days=8)
    seconds = 0.0

    def within(entry: tuple[float, dict[str, Any]]) -> bool:
        nonlocal seconds
        seconds += entry[0]
        return seconds < 41

    events = list(traffic(7, START, people=16, days=8))
    events += [event for _, event in takewhile(within, live(7, later, people=16))]
    mixed: list[dict[str, Any]] = []
    for number, event in enumerate(events):
        mixed.append(event)
        if number % 40 == 3:
            mixed.append(event)
        if number % 40 == 5:
            mixed.append(mixed[number // 2])
        if number % 60 == 7:
            mixed.append(event | {"service": "another"})
        if number % 30 == 9:
            verdict = "compromised" if number % 90 == 9 else "legitimate"
            mixed.append({"feedback": events[number - number % 4]["id"], "verdict": verdict, "time": event["time"]})
    return mixed


def items(inst: Installation) -> list[Item]:
    made: list[Item] = []
    for entry in stream():
        if "feedback" in entry:
            made.append(inst.answer(entry["feedback"], entry["verdict"]))
        else:
            made.append(inst.arrival(entry))
    return made


class Expected(msgspec.Struct):
    """What the whole stream in one batch gives."""

    outcomes: list[bytes]
    content: Any


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    inst = Installation(tmp_path_factory.mktemp("whole"))
    outcomes = await inst.run(items(inst), size=100_000)
    await inst.store.close()
    return Expected(encoded(outcomes), content(inst.path))


def test_the_stream_holds_what_it_is_for(expected: Expected) -> None:
    assert len(expected.outcomes) > 700
    assert sum(b'"level":"low"' not in outcome for outcome in expected.outcomes) > 20
    assert {outcome[:3] for outcome in expected.outcomes} == {b"0 0", b"1 0", b"0 1"}
    assert len(expected.content["mails"]) > 3
    assert len(expected.content["commons"]["default"]) > 40
    assert {row["state"] for row in expected.content["alerts"]} >= {"open", "legitimate"}


@pytest.mark.parametrize(("size", "reopen"), [(1, 0), (7, 0), (7, 3), (256, 0), (256, 1)])
async def test_the_same_answers_in_batches_of_any_size(
    inst: Installation, expected: Expected, size: int, reopen: int
) -> None:
    """``reopen``: restart after every so many batches; everything is judged from what is on disk then."""
    every, outcomes = items(inst), []
    for number, at in enumerate(range(0, len(every), size), start=1):
        outcomes += await inst.pipeline.process(every[at : at + size])
        if reopen and number % reopen == 0:
            await inst.reopen()
    assert encoded(outcomes) == expected.outcomes
    await inst.reopen()
    assert content(inst.path) == expected.content


async def test_the_same_answers_without_caches(inst: Installation, expected: Expected) -> None:
    await inst.store.close()
    inst.store = inst.pipeline.store = SqliteStore(inst.path, inst.vault, profile_cache=1, track_cache=1)
    assert encoded(await inst.run(items(inst), size=50)) == expected.outcomes


# Duplicates and conflicts


@pytest.mark.parametrize("how", ["one batch", "two batches", "reopened"])
async def test_the_same_id_and_body_is_a_duplicate(inst: Installation, how: str) -> None:
    await settled(inst)
    strange = login(5, **AWAY)
    if how == "one batch":
        first, again = await inst.run([strange, strange])
    else:
        first = await inst.one(strange)
        if how == "reopened":
            await inst.reopen()
        again = await inst.one(dict(reversed(strange.items())))
    assert (first.duplicate, again.duplicate, again.error) == (False, True, None)
    assert first.assessment is not None
    assert first.assessment.findings
    assert encoded([again])[0][4:] == encoded([first])[0][4:]
    known = await profile(inst)
    assert known is not None
    assert known.alerts[0].events == 1
    assert len([entry async for entry in inst.store.history()]) == 4


async def test_a_duplicate_changes_nothing(inst: Installation) -> None:
    await settled(inst)
    failed = [login(4, id=f"f-{number}", outcome="failure", reason="bad_password") for number in range(8)]
    await inst.run(failed)
    before = content(inst.path)
    await inst.run(failed + failed, size=3)
    assert content(inst.path) == before


async def test_the_same_id_with_another_body_is_a_conflict(inst: Installation) -> None:
    await inst.one(login(0))
    before = content(inst.path)
    for outcome in await inst.run([login(0, service="imap"), login(0, account="u-2"), login(0)]):
        assert outcome.conflict or outcome.duplicate
    conflict = await inst.one(login(0, service="imap"))
    assert conflict.conflict
    assert conflict.assessment is None
    assert conflict.error == "this id was used before with another content"
    assert content(inst.path) == before


async def test_a_conflict_within_one_batch(inst: Installation) -> None:
    first, second = await inst.run([login(0), login(0, service="imap")])
    assert (first.conflict, second.conflict) == (False, True)
    assert len([entry async for entry in inst.store.history()]) == 1


# Answers


@pytest.mark.parametrize("size", [1, 100])
async def test_what_was_called_legitimate_is_trusted(inst: Installation, size: int) -> None:
    await settled(inst)
    strange, same_again = login(5, **AWAY), login(6, **AWAY)
    outcomes = await inst.run([strange, inst.answer("e-5", "legitimate"), same_again], size=size)
    flagged, answered, after = outcomes
    assert answered.error is None
    assert flagged.assessment is not None
    assert after.assessment is not None
    assert "new_device" in [finding.rule for finding in flagged.assessment.findings]
    assert "new_device" not in [finding.rule for finding in after.assessment.findings]
    record = await inst.store.record(inst.enricher.event_key("default", "e-5"))
    assert record is not None
    assert record.trusted
    assert [row.state for row in await inst.store.alerts("default") if row.id == flagged.assessment.alert] == [
        "legitimate"
    ]


@pytest.mark.parametrize("size", [1, 100])
async def test_what_was_called_compromised_is_not(inst: Installation, size: int) -> None:
    await settled(inst)
    # The first of four: a value that another trusted login supports stays.
    other: dict[str, Any] = {"device_id": "phone", "network": {"asn": 64510, "kind": "mobile"}}
    taken, after = login(-1, **other), login(6, **other)
    outcomes = await inst.run([taken, inst.answer("e--1", "compromised"), after], size=size)
    assert outcomes[2].assessment is not None
    assert "new_device" in [finding.rule for finding in outcomes[2].assessment.findings]
    known = await profile(inst)
    assert known is not None
    device = inst.arrival(taken).sighting.device_key
    assert device is not None
    assert known.values["device"][device].compromised
    assert not known.values["country"]["FR"].compromised
    record = await inst.store.record(inst.enricher.event_key("default", "e--1"))
    assert record is not None
    assert not record.trusted


async def test_the_same_answer_given_twice_is_one(inst: Installation) -> None:
    await settled(inst)
    await inst.run([login(5, **AWAY), inst.answer("e-5", "legitimate"), inst.answer("e-5", "compromised", at=START)])
    before = content(inst.path)
    (outcome,) = await inst.run([inst.answer("e-5", "legitimate")])
    assert outcome.duplicate
    await inst.run([inst.answer("e-5", "legitimate"), inst.answer("e-5", "compromised")])
    assert content(inst.path) == before


async def test_an_answer_about_an_unknown_event(inst: Installation) -> None:
    await settled(inst)
    before = content(inst.path)
    early, _ = await inst.run([inst.answer("e-7", "legitimate"), login(5)])
    assert early.error == "no event with this id is known"
    outcome = await inst.one(inst.answer("e-9", "compromised"))
    assert outcome.error == "no event with this id is known"
    assert len(content(inst.path)["events"]) == len(before["events"]) + 1


async def test_an_answer_about_another_tenants_event(inst: Installation) -> None:
    await settled(inst)
    before = content(inst.path)
    assert (await inst.one(inst.answer("u-1-0", "compromised", tenant="shop"))).error is not None
    forged = msgspec.structs.replace(inst.answer("u-1-0", "compromised"), tenant="shop")
    assert (await inst.one(forged)).error is not None
    assert content(inst.path) == before


async def test_an_answer_about_a_name_that_was_only_tried_keeps_no_profile(inst: Installation) -> None:
    tried = login(0, account="hunter2", outcome="failure", reason="unknown_account")
    outcomes = await inst.run([tried, inst.answer("e-0", "compromised")])
    assert outcomes[1].error is None
    assert content(inst.path)["profiles"] == []


# Attributes


async def attributes(inst: Installation, account: str = "u-1", tenant: str = "default") -> Attributes:
    found = await inst.store.attributes(inst.handle(account, tenant))
    assert found is not None
    return found


@pytest.mark.parametrize("size", [1, 100])
async def test_the_newest_attributes_win_and_a_late_event_only_fills_gaps(inst: Installation, size: int) -> None:
    await inst.run(
        [
            login(5, email="new@example.org", locale="fr"),
            login(1, email="late@example.org", timezone="Europe/Paris", locale="de"),
            login(6),
        ],
        size=size,
    )
    known = await attributes(inst)
    assert (known.email, known.locale, known.timezone) == ("new@example.org", "fr", "Europe/Paris")
    assert known.previous_email is None
    assert known.as_of == inst.arrival(login(5)).sighting.time


@pytest.mark.parametrize("how", ["one by one", "one batch", "restarts"])
async def test_what_is_told_again_and_again(inst: Installation, how: str) -> None:
    """Nothing that saves work on repetitions may change what comes of them."""

    async def after(*told: tuple[float, str]) -> tuple[str | None, str | None]:
        account = f"u-{len(told)}-{told[-1]}"
        events = [
            login(0, id=f"{account}-{n}", account=account, email=f"{address}@example.org", after=timedelta(hours=hour))
            for n, (hour, address) in enumerate(told)
        ]
        if how == "restarts":
            for event in events:
                await inst.one(event)
                await inst.reopen()
        else:
            await inst.run(events, size=1 if how == "one by one" else 100)
        known = await attributes(inst, account)
        return (known.email or "")[0], (known.previous_email or "-")[0]

    assert await after((5, "x"), (5, "x"), (9, "x")) == ("x", "-")
    assert await after((5, "x"), (3, "y"), (8, "y")) == ("y", "x")
    assert await after((5, "x"), (8, "y"), (9, "x"), (10, "x")) == ("x", "y")
    assert await after((5, "x"), (60, "x"), (30, "y")) == ("x", "-")
    assert await after((5, "x"), (60, "x"), (61, "x"), (62, "y"), (61.5, "x"), (63, "y")) == ("y", "x")


async def test_names_kept_beside_a_change_in_a_full_memory(inst: Installation) -> None:
    inst.pipeline._told = LastTold(limit=2)
    await inst.run([login(0, id=f"a-{n}", account=f"u-{n}", email="x@example.org", name="Ada") for n in range(3)])
    changed = [login(1, id=f"b-{n}", account=f"u-{n}", email="x@example.org", locale="fr") for n in range(3)]
    await inst.run([*changed, *(event | {"id": f"c{event['id']}", "locale": "de"} for event in changed)])
    for number in range(3):
        known = await attributes(inst, f"u-{number}")
        assert (known.name, known.locale, known.email) == ("Ada", "de", "x@example.org")


@pytest.mark.parametrize("size", [1, 100])
async def test_a_former_address_is_kept_for_thirty_days(inst: Installation, size: int) -> None:
    await inst.run([login(0, email="old@example.org"), login(1, email="new@example.org"), login(2)], size=size)
    known = await attributes(inst)
    assert (known.email, known.previous_email) == ("new@example.org", "old@example.org")
    assert known.previous_until == inst.arrival(login(1)).sighting.time + 30 * DAY


async def test_an_address_changed_by_an_admin_is_the_address(inst: Installation) -> None:
    await inst.one(login(0, email="old@example.org"))
    changed = login(1, type="email_changed", actor="admin", email="new@example.org", previous_email="old@example.org")
    await inst.one(changed)
    known = await attributes(inst)
    assert (known.email, known.previous_email) == ("new@example.org", "old@example.org")


async def test_attributes_set_by_the_service(inst: Installation) -> None:
    await inst.one(login(5, email="one@example.org", name="Ada"))
    key = inst.enricher.account_key("default", "u-1")
    given = Attributes(account="u-1", email="two@example.org", as_of=inst.arrival(login(6)).sighting.time)
    await inst.one(NewAttributes(tenant="default", account_key=key, attributes=given))
    known = await attributes(inst)
    assert (known.email, known.previous_email, known.name) == ("two@example.org", "one@example.org", "Ada")


# Tenants


async def test_tenants_share_nothing(inst: Installation) -> None:
    await settled(inst)
    strange = login(5, email="a@example.org", **AWAY)
    await inst.one(strange)
    other = await inst.one(inst.arrival(strange, tenant="shop"))
    assert not other.duplicate
    assert other.assessment is not None
    assert other.assessment.warming_up
    assert await profile(inst, tenant="shop") != await profile(inst)
    await inst.one(inst.arrival(login(6, email="b@example.org"), tenant="shop"))
    assert (await attributes(inst)).email == "a@example.org"
    assert (await attributes(inst, tenant="shop")).email == "b@example.org"
    assert [row.tenant for row in await inst.store.alerts("shop")] == []


async def test_windows_of_tenants_are_apart(inst: Installation) -> None:
    failures = [
        login(5, id=f"f-{number}", outcome="failure", reason="bad_password", after=timedelta(seconds=number))
        for number in range(9)
    ]
    await inst.run([inst.arrival(event, tenant="shop") for event in failures])
    tenth = login(5, id="tenth", outcome="failure", reason="bad_password", after=timedelta(seconds=30))
    here = await inst.one(tenth)
    there = await inst.one(inst.arrival(tenth, tenant="shop"))
    assert here.assessment is not None
    assert there.assessment is not None
    assert "brute_force_account" not in [finding.rule for finding in here.assessment.findings]
    assert "brute_force_account" in [finding.rule for finding in there.assessment.findings]


# Old and late events


async def raw(inst: Installation, event: str) -> Raw:
    record = await inst.store.record(inst.enricher.event_key("default", event))
    assert record is not None
    return await inst.store.raw(record)


async def test_raw_values_older_than_raw_days_are_never_stored(tmp_path: Path) -> None:
    inst = Installation(tmp_path, raw_days=30)
    full = login(0, user_agent="Sample/1.0", session_id="s-1", client={"ja4": "j", "accept_language": "fr"})
    midnight = (START + timedelta(days=30)).replace(hour=0)
    young = inst.arrival(full | {"id": "young"}, received=midnight - timedelta(seconds=1))
    old = inst.arrival(full | {"id": "old"}, received=midnight)
    outcomes = await inst.run([young, old])
    assert all(outcome.assessment is not None for outcome in outcomes)
    kept = await raw(inst, "young")
    assert (kept.ip, kept.user_agent, kept.device_id, kept.session_id) == (
        "192.0.2.7", "Sample/1.0", "laptop", "s-1",
    )  # fmt: skip
    assert await raw(inst, "old") == Raw(event="old", account="u-1")
    await inst.store.close()


async def test_events_a_day_late_are_judged_but_mail_nobody(inst: Installation) -> None:
    for account in ("u-1", "u-2"):
        await settled(inst, account)
    received = START + timedelta(hours=5 + 24)
    in_time = inst.arrival(login(5, account="u-1", id="in-time", **AWAY), received=received)
    late = inst.arrival(login(5, account="u-2", id="late", after=timedelta(seconds=-1), **AWAY), received=received)
    outcomes = await inst.run([in_time, late])
    for outcome in outcomes:
        assert outcome.assessment is not None
        assert outcome.assessment.alert is not None
    mails = await inst.store.lease(worker="w", now=0, limit=10, seconds=60)
    assert [mail.notice.id for mail in mails] == [outcomes[0].assessment.alert]  # type: ignore[union-attr]  # asserted above


# Alerts are the same in any batch


async def test_an_alert_names_its_first_event_however_events_are_batched(tmp_path: Path) -> None:
    rows = []
    for size in (1, 100):
        folder = tmp_path / str(size)
        folder.mkdir()
        inst = Installation(folder)
        await settled(inst)
        await inst.run([login(5, id=f"away-{number}", **AWAY) for number in range(3)], size=size)
        rows.append([msgspec.structs.replace(row, account=None) for row in await inst.store.alerts("default")])
        await inst.store.close()
    assert rows[0] == rows[1]
    assert rows[0][0].event == inst.enricher.event_key("default", "away-0")
    assert rows[0][0].events == 3


# No raw value in the file


async def test_no_raw_value_is_in_the_files(inst: Installation) -> None:
    secrets: dict[str, Any] = {
        "ip": "198.51.100.23",
        "user_agent": "Mozilla/5.0 (SecretAgentText) Sample/77.1",
        "device_id": "secret-device-id",
        "session_id": "secret-session-id",
        "email": "secret.person@example.org",
        "previous_email": "secret.former@example.org",
        "name": "Secretname Person",
        "timezone": "Europe/Paris",
    }
    account = "secret-account-name"
    events = [
        login(n, account=account, **secrets, actor_account="secret-actor", client={"ja4": "secret-ja4",
              "accept_language": "secret-language"}, mfa={"method": "totp", "device_id": "secret-factor",
              "outcome": "success"}, extra={"note": "secret-extra"})
        for n in range(4)
    ]  # fmt: skip
    events.append(login(5, account=account, **(AWAY | {"ip": "198.51.100.77", "device_id": "secret-device-2"})))
    events += [
        login(6, id=f"tried-{number}", account="correct horse secret", outcome="failure", reason="unknown_account",
              ip="198.51.100.78", email="secret.typo@example.org", session_id="secret-tried-session")
        for number in range(30)
    ]  # fmt: skip
    events.append(login(7, id="secret-event-id", account=account, outcome="failure", reason="bad_password"))
    events.append(login(8, account=account, type="email_changed", email="secret.new@example.org"))
    outcomes = await inst.run(events, size=5)
    outcomes += await inst.run([inst.answer("secret-event-id", "compromised")])
    assert any(outcome.assessment and outcome.assessment.alert for outcome in outcomes)
    files = list(inst.path.parent.iterdir())
    assert {file.name for file in files if "keyring" not in file.name} == {"store.db", "store.db-wal", "store.db-shm"}
    found = b"".join(file.read_bytes() for file in files)
    await inst.store.close()
    found += inst.path.read_bytes()
    assert b"second_factor_guessing" in found or b"new_device" in found  # the search would find what is there
    for word in (
        b"secret",
        b"198.51.100.",
        b"192.0.2.",
        b"Sample/77",
        b"correct horse",
        b"Secretname",
        b"@example",
    ):
        assert word.lower() not in found.lower(), word
    for packed in (bytes([198, 51, 100, 23]), bytes([192, 0, 2, 7])):
        assert packed not in found


async def test_a_name_that_was_only_tried_is_not_even_sealed(inst: Installation) -> None:
    tried = login(0, account="correct horse", outcome="failure", reason="unknown_account", email="x@example.org")
    await inst.one(tried)
    assert (await raw(inst, "e-0")).account is None
    assert content(inst.path)["attributes"] == []


# Another key


async def test_a_store_of_another_key_is_refused_and_left_alone(inst: Installation, tmp_path: Path) -> None:
    await settled(inst)
    await inst.store.close()
    before = content(inst.path)
    other = Installation(tmp_path / "other")
    other.vault.close()
    other.vault = Vault.ephemeral()
    other.store = SqliteStore(inst.path, other.vault)
    other.pipeline = Pipeline(other.store, other.vault, lambda tenant: other._settings)
    with pytest.raises(StoreError, match=r"another keyring; restore the keyring\.db"):
        await other.run([login(5)])
    await other.store.close()
    assert content(inst.path) == before
    inst._open()
    assert (await inst.one(login(5))).error is None


# A batch that fails leaves no trace


def fail_in(table: str) -> Callable[[SqliteStore], None]:
    def spoil(store: SqliteStore) -> None:
        store._write_db.execute(
            f"CREATE TEMP TRIGGER spoilt BEFORE INSERT ON main.{table} BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
        )

    return spoil


def fill_disk(store: SqliteStore) -> None:
    (pages,) = store._write_db.execute("PRAGMA page_count").fetchone()
    store._write_db.execute(f"PRAGMA max_page_count = {pages}")


def mend(store: SqliteStore) -> None:
    store._write_db.execute("DROP TRIGGER IF EXISTS temp.spoilt")
    store._write_db.execute(f"PRAGMA max_page_count = {1 << 30}")


SPOILERS = {table: fail_in(table) for table in ("event", "profile", "track", "attributes", "alert", "mail")}
SPOILERS["full disk"] = fill_disk


@pytest.mark.parametrize("how", SPOILERS)
async def test_a_failed_batch_leaves_no_trace(inst: Installation, tmp_path: Path, how: str) -> None:
    def batch(hour: int) -> list[dict[str, Any]]:
        return [
            *(login(hour, id=f"a-{hour}-{n}", outcome="failure", reason="bad_password") for n in range(4)),
            login(hour, id=f"b-{hour}", email=f"mail-{hour}@example.org"),
            *(login(hour, id=f"c-{hour}-{n}", account=f"u-{n}", extra={"n": "x" * 500}) for n in range(40)),
            login(hour, id=f"d-{hour}", **(AWAY | {"device_id": f"stranger-{hour}"})),
        ]

    (tmp_path / "clean").mkdir()
    clean = Installation(tmp_path / "clean")
    for each in (inst, clean):
        await settled(each)
        await each.run(batch(3))
    SPOILERS[how](inst.store)
    before = content(inst.path)
    with pytest.raises(StoreError):
        await inst.run([*batch(4), *(login(4, id=f"x-{n}", account=f"many-{n}") for n in range(400))], size=1000)
    assert content(inst.path) == before
    mend(inst.store)
    assert encoded(await inst.run(batch(5))) == encoded(await clean.run(batch(5)))
    for each in (inst, clean):
        await each.reopen()
    assert content(inst.path) == content(clean.path)
    await clean.store.close()


async def test_an_error_while_judging_leaves_no_trace(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(inst)
    before = content(inst.path)
    profile_before = await profile(inst)
    good = [login(5, id=f"g-{number}", outcome="failure", reason="bad_password") for number in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr("sentinel.pipeline.batch._note_alert", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await inst.run([login(5), *good, login(6, **AWAY)])
    assert content(inst.path) == before
    assert await profile(inst) == profile_before
    outcomes = await inst.run([login(5), *good])
    assert not any(outcome.duplicate for outcome in outcomes)
    assert max(map(len, content(inst.path)["tracks"])) >= 3


async def test_a_batch_given_up_while_it_is_committed_is_whole_or_not_there(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits is cancelled at the worst moment: the commit goes on, and memory agrees with the disk after."""
    await settled(inst)
    reached = asyncio.Event()
    commit = inst.store.commit

    async def slow(changes: Any) -> None:
        reached.set()
        await commit(changes)

    monkeypatch.setattr(inst.store, "commit", slow)
    task = asyncio.ensure_future(inst.run([login(5, **AWAY)]))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again, following = await inst.run([login(5, **AWAY), login(6, **AWAY)])
    assert again.assessment is not None
    assert following.assessment is not None
    assert following.assessment.alert == again.assessment.alert
    (row,) = await inst.store.alerts("default")
    assert row.events == 2


# Windows


WINDOWS = """
title = "Shows its windows"
applies_to = ["login"]
when = "windows.short >= 0 && windows.long >= 0 && windows.accounts >= 0 && windows.failed >= 0"
risk = 1
audience = "none"
[windows.short]
count = "events"
by = ["account"]
over = "10m"
[windows.long]
count = "events"
by = ["account"]
over = "30m"
[windows.failed]
count = "events"
where = 'event.outcome == "failure"'
by = ["network.prefix"]
over = "10m"
[windows.accounts]
distinct = "account"
where = 'event.outcome == "failure"'
by = ["network.prefix"]
over = "30m"
[[test]]
name = "an attempt"
event = { time = 2026-01-01T12:00:00Z, ip = "192.0.2.1" }
fires = true
[[test]]
name = "nothing"
event = { time = 2026-01-01T12:00:00Z }
fires = false
"""


@cache
def window_rules() -> RuleSet:
    with TemporaryDirectory() as folder:
        path = Path(folder, "shows_windows.toml")
        path.write_text(WINDOWS)
        return RuleSet(load_rules([path]))


def recount(events: list[dict[str, Any]], at: int) -> dict[str, int]:
    """The windows of event ``at``, counted anew over every event so far."""
    this = events[at]

    def within(minutes: int) -> list[dict[str, Any]]:
        return [e for e in events[: at + 1] if 0 <= this["second"] - e["second"] <= minutes * 60]

    def failed(minutes: int) -> list[dict[str, Any]]:
        return [e for e in within(minutes) if e["ip"] == this["ip"] and e["outcome"] == "failure"]

    return {
        "windows.short": sum(e["account"] == this["account"] for e in within(10)),
        "windows.long": sum(e["account"] == this["account"] for e in within(30)),
        "windows.failed": len(failed(10)),
        "windows.accounts": len({e["account"] for e in failed(30)}),
    }


Arrivals = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 30, 299, 300, 301, 600, 1200]),  # seconds after the one before
        st.sampled_from([0, 0, 0, 1, 600, 1199]),  # seconds late
        st.sampled_from(["u-1", "u-2", "u-3"]),
        st.sampled_from(["192.0.2.1", "198.51.100.1"]),
        st.sampled_from(["success", "failure"]),
        st.sampled_from(["same batch", "same batch", "next batch", "restart"]),
    ),
    min_size=1,
    max_size=60,
)


@given(Arrivals)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_windows_are_exact_over_batches_restarts_and_late_events(arrivals: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        inst = Installation(Path(folder), rules=window_rules())
        second, events, batch, outcomes = 0, [], [], []
        for number, (step, late, account, ip, outcome, then) in enumerate(arrivals):
            second += step
            events.append({"second": second - late, "account": account, "ip": ip, "outcome": outcome})
            time = START + timedelta(seconds=second - late)
            batch.append(
                {
                    "id": f"e-{number}",
                    "time": time.isoformat(),
                    "account": account,
                    "ip": ip,
                    "outcome": outcome,
                }
            )
            if then != "same batch" or number == len(arrivals) - 1:
                outcomes += await inst.run(batch)
                batch = []
                if then == "restart":
                    await inst.reopen()
        await inst.store.close()
    for number, outcome in enumerate(outcomes):
        assert outcome.assessment is not None
        (finding,) = outcome.assessment.findings
        assert finding.evidence == recount(events, number)


async def test_findings_are_counted_by_day_and_a_concluded_login_once(tmp_path: Path) -> None:
    inst = Installation(tmp_path)
    await inst.run([login(n) for n in range(4)])
    pending = login(30, device_id="phone", outcome="pending")
    await inst.run([pending, login(31, device_id="phone", concludes="e-30", after=timedelta(minutes=-55))])
    day = int(START.timestamp()) // 86_400 + 1
    assert await inst.store.fired(since=0) == {(day, "new_device", "live"): 1}
    await inst.run([pending])  # a duplicate
    assert await inst.store.fired(since=0) == {(day, "new_device", "live"): 1}
    await inst.store.close()


# One batch is judged while the one before is committed


async def run_overlapping(inst: Installation, every: list[Item], size: int, begun: bool) -> list[Any]:
    """Every batch is judged before the commit of the one before it is done, or (not ``begun``) has even begun."""
    outcomes: list[Any] = []
    committing: asyncio.Task[Any] | None = None
    for at in range(0, len(every), size):
        if committing is not None and begun:
            await asyncio.sleep(0)
        judged = await inst.pipeline.judge(every[at : at + size])
        if committing is not None:
            outcomes += await committing
        committing = asyncio.create_task(inst.pipeline.commit(judged))
    assert committing is not None
    return outcomes + await committing


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("cached", [1, 20_000])
async def test_the_same_answers_while_the_batch_before_is_committed(
    inst: Installation, expected: Expected, cached: int, begun: bool
) -> None:
    await inst.store.close()
    inst.store = inst.pipeline.store = SqliteStore(inst.path, inst.vault, profile_cache=cached, track_cache=cached)
    assert encoded(await run_overlapping(inst, items(inst), 40, begun)) == expected.outcomes
    await inst.reopen()
    assert content(inst.path) == expected.content


async def test_what_was_judged_on_a_batch_that_is_lost_is_lost_too(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(inst)
    before = await profile(inst)
    commit = inst.store.commit

    async def full(changes: Any) -> None:
        await asyncio.sleep(0)
        raise StoreError("the disk is full")

    monkeypatch.setattr(inst.store, "commit", full)
    first = await inst.pipeline.judge([inst.arrival(login(5, device_id="phone"))])
    losing = asyncio.create_task(inst.pipeline.commit(first))
    await asyncio.sleep(0)
    second = await inst.pipeline.judge([inst.arrival(login(6, device_id="phone"))])
    monkeypatch.setattr(inst.store, "commit", commit)
    for lost in (losing, inst.pipeline.commit(second)):
        with pytest.raises(StoreError, match="the disk is full"):
            await lost
    assert await profile(inst) == before
    again = await inst.run([login(6, device_id="phone")])
    assert again[0].assessment is not None
    assert [finding.rule for finding in again[0].assessment.findings] == ["new_device"]


async def test_a_lost_batch_takes_only_the_next_with_it(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast events come: else they would be refused long after the disk is well again."""
    commit = inst.store.commit

    async def full(changes: Any) -> None:
        raise StoreError("the disk is full", retry=False)

    monkeypatch.setattr(inst.store, "commit", full)
    committing = asyncio.create_task(inst.pipeline.commit(await inst.pipeline.judge([inst.arrival(login(0))])))
    stored = []
    for number in range(1, 4):
        judged = await inst.pipeline.judge([inst.arrival(login(number))])
        (failed,) = await asyncio.gather(committing, return_exceptions=True)
        stored.append(not isinstance(failed, StoreError) or failed.retry)
        monkeypatch.setattr(inst.store, "commit", commit)
        committing = asyncio.create_task(inst.pipeline.commit(judged))
    await committing
    assert stored == [False, False, True]
    after = await profile(inst)
    assert after is not None
    assert after.trusted_logins == 2


async def test_a_batch_that_breaks_off_leaves_no_trace_of_itself(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the batch before it, with the same account, is being committed."""
    await settled(inst)
    first = await inst.pipeline.judge([inst.arrival(login(5))])
    committing = asyncio.create_task(inst.pipeline.commit(first))
    await asyncio.sleep(0)
    items, pack = [inst.arrival(login(number)) for number in (6, 7)], batch.pack_sighting

    def breaks(sighting: Sighting) -> bytes:
        if sighting.key == items[1].sighting.key:
            raise ZeroDivisionError
        return pack(sighting)

    monkeypatch.setattr(batch, "pack_sighting", breaks)
    with pytest.raises(ZeroDivisionError):
        await inst.pipeline.judge(items)
    await committing
    await inst.run([login(8)])
    after = await profile(inst)
    assert after is not None
    assert after.trusted_logins == 5
