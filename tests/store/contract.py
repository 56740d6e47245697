"""What every store must do, whichever it is. A new store is one entry in :data:`STORES`.

An entry opens a store that lives in a folder: opened again there, it must know what was committed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sentinel.errors import StoreError
from sentinel.events.alert import Notice, OpenAlert
from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND, utc_day
from sentinel.events.hook import HookEvent
from sentinel.events.sighting import Attributes, Raw
from sentinel.past.commons import KEPT, PERIOD, CommonRow, period_of
from sentinel.past.profile import Challenge, KnownFactor, Profile, Seen, Session, TrustedPlace, Value
from sentinel.past.windows import Track
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.answer_token import ROLES, Role, digest_of, make_token
from sentinel.privacy.retention import Due
from sentinel.privacy.vault import Vault
from sentinel.store.aging import Expiring, Kept
from sentinel.store.hooks import Disabled, Hook
from sentinel.store.protocol import (
    DRIFT_DAYS,
    FIRED_DAYS,
    USAGE_DAYS,
    AlertRow,
    AnswerLink,
    ApiKey,
    AskedVerdict,
    Changes,
    CommonKey,
    Extent,
    Past,
    Record,
    Store,
    TrackKey,
    UsageDay,
    Wanted,
)
from sentinel.store.sqlite.store import SqliteStore
from tests.store.named import NamedVault

Opener = Callable[..., Awaitable[Store]]


async def open_sqlite(folder: Path, vault: Vault, *, profiles: int = 1000, entries: int = 100_000) -> Store:
    """A SQLite store in a file; ``profiles`` and ``entries`` bound its caches."""
    return SqliteStore(folder / "store.db", vault, profile_cache=profiles, track_cache=entries)


STORES: dict[str, Opener] = {"sqlite": open_sqlite}

START = 1_800_000_000 * SECOND
FAILURES: TrackKey = ("failures", ("default", "prefix-1"))
KEEP = HOUR
GIVEN = Attributes(account="u-1", email="ada@example.org", tags=("admin",), as_of=START)
NO_MAILS = {"pending": 0, "sent": 0, "failed": 0, "unaddressed": 0, "held": 0, "folded": 0, "answered": 0}
NEW, OTHER = Attributes(account="u-1", locale="fr"), Attributes(account="u-2", name="Größer 漢字")


@pytest.fixture(params=STORES)
async def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens the store; called again, it closes it first, so that only what was committed is there."""
    opened: list[Store] = []
    vault = NamedVault()

    async def open_again(**bounds: int) -> Store:
        if opened:
            await opened.pop().close()
        opened.append(await STORES[request.param](tmp_path, vault, **bounds))
        return opened[0]

    yield open_again
    for store in opened:
        await store.close()


@pytest.fixture
async def store(reopen: Opener) -> Store:
    return await reopen()


def record(key: str = "event-1", **changed: Any) -> Record:
    fields: dict[str, Any] = {
        "key": key, "tenant": "default", "account": "account-1", "time": START, "type": "login", "body": b"\x00body",
        "event_id": "e-1", "account_id": "u-1", "sighting": b"sighting", "windows": b"", "assessment": b"assessment",
        "trusted": True, "alert": "a-1",
    }  # fmt: skip
    return Record(**(fields | changed))


def alert(id: str = "a-1", **changed: Any) -> AlertRow:
    fields: dict[str, Any] = {
        "id": id, "tenant": "default", "account": "account-1", "kind": "suspicious_sign_in", "level": "medium",
        "risk": 50.5, "first": START, "last": START, "events": 1, "rules": ["new_device"], "event": "event-1",
    }  # fmt: skip
    return AlertRow(**(fields | changed))


def notice(id: str = "a-1", **changed: Any) -> Notice:
    fields: dict[str, Any] = {
        "id": id, "kind": "suspicious_sign_in", "tenant": "default", "event": "event-1", "account": "account-1",
        "time": START, "risk": 50.5, "level": "medium", "decision": "notify", "titles": ("Größer – 漢字",),
    }  # fmt: skip
    return Notice(**(fields | changed))


def full_profile() -> Profile:
    """A profile with something in every field."""
    return Profile(
        values={
            "country": {"FR": Value(START, START + 1, START, 2, [20_000], barred=True, compromised=True)},
            "network": {"AS64496": Value(START, START)},
        },
        places=[TrustedPlace(START, 48.9, 2.4, 20.0, "FR", "event-1"), TrustedPlace(START, 1.0, 2.0, 0.0, None, "e")],
        warmup=[START, START + 1],
        trusted_logins=2,
        last_seen=START,
        recovered_at=START - 1,
        compromised={"event-0": START - 2},
        sessions={"session-1": Session(START, "event-1", "device", None, "FR", trusted=True, compromised=True)},
        factors={"factor-1": KnownFactor("totp", START, START + 5)},
        challenges=[Challenge(START, None, "factor-1", "push")],
        alerts=[
            OpenAlert(
                id="a-1", kind="attack", level="high", risk=61.25, first=START, last=START + 9, events=3, folded=2,
                rules=["push_bombing"], contexts=["country:FR"],
            )
        ],
        usage_day=20_000,
        usage_marks=3,
        seen={"address": {"": Seen(1, 20_000), "address1": Seen(2, 20_001)}},
    )  # fmt: skip


def everything() -> Changes:
    """One of each noun."""
    track = Track()
    track.add(START, ("account-1", 7, None), KEEP)
    track.add(START - MINUTE, ("account-2", None, "x"), KEEP)
    return Changes(
        records=[record()],
        profiles={"account-1": full_profile()},
        tracks={FAILURES: track},
        attributes={"account-1": GIVEN},
        alerts={("default", "a-1"): alert()},
        notices=[notice()],
    )


async def recall(store: Store, *, tracks: tuple[TrackKey, ...] = (), **keys: set[str]) -> Past:
    return await store.recall(Wanted(tracks=dict.fromkeys(tracks, KEEP), **keys))


async def enter(store: Store, *times: int, key: TrackKey = FAILURES, member: str = "m", keep: int = KEEP) -> None:
    past = await recall(store, tracks=(key,))
    for time in times:
        past.tracks[key].add(time, (member,), keep)
    await store.commit(Changes(tracks={key: past.tracks[key]}))


async def counted(store: Store, key: TrackKey = FAILURES, at: int = START + HOUR, over: int = 48 * HOUR) -> int:
    return (await recall(store, tracks=(key,))).tracks[key].count(at, over)


async def as_is_and_reopened(store: Store, reopen: Opener) -> AsyncIterator[Store]:
    """The store with its caches, then without."""
    yield store
    yield await reopen()


# What was committed is there


async def test_everything_comes_back_as_it_was_committed(store: Store, reopen: Opener) -> None:
    given = everything()
    expected = msgspec.msgpack.encode(given.profiles["account-1"])
    await store.commit(given)
    async for again in as_is_and_reopened(store, reopen):
        past = await recall(
            again, records={"event-1"}, profiles={"account-1"}, attributes={"account-1"}, tracks=(FAILURES,)
        )
        assert past.records == {"event-1": record()}
        assert msgspec.msgpack.encode(past.profiles["account-1"]) == expected
        assert past.attributes == {"account-1": GIVEN}
        track = past.tracks[FAILURES]
        assert (track.count(START, HOUR), track.count(START - 1, HOUR), len(track)) == (2, 1, 2)
        assert [track.distinct(START, HOUR, index) for index in range(3)] == [2, 1, 1]
        assert await again.record("event-1") == record()
        assert await again.attributes("account-1") == GIVEN
        assert await again.profile("account-1") == full_profile()
        assert await again.alerts("default") == [alert()]
        assert await again.mail_counts() == {
            "pending": 1,
            "sent": 0,
            "failed": 0,
            "unaddressed": 0,
            "held": 0,
            "folded": 0,
            "answered": 0,
        }
        assert [entry async for entry in again.history()] == [record()]


async def test_what_is_not_there_is_missing_or_empty(store: Store) -> None:
    past = await recall(store, records={"none"}, profiles={"none"}, attributes={"none"}, tracks=(FAILURES,))
    assert (past.records, past.attributes) == ({}, {})
    assert past.profiles == {"none": Profile()}
    assert len(past.tracks[FAILURES]) == 0
    assert await store.record("none") is None
    assert await store.attributes("none") is None
    assert await store.profile("none") is None
    assert await store.alerts("default") == []
    assert [entry async for entry in store.history()] == []
    assert await store.keys() == []


async def test_asking_for_nothing_gives_nothing(store: Store) -> None:
    assert await store.recall(Wanted()) == Past()
    await store.commit(Changes())


async def test_a_record_without_account_and_alert(store: Store, reopen: Opener) -> None:
    bare = record(account=None, alert=None, trusted=False, windows=b"\x80", sighting=b"")
    await store.commit(Changes(records=[bare]))
    assert await (await reopen()).record("event-1") == bare


async def test_raw_values_are_asked_for_apart(store: Store, reopen: Opener) -> None:
    raw = Raw(event="e-1", account="u-1", ip="192.0.2.1", user_agent="Sample/1.0", device_id="laptop")
    nobody = Raw(event="e-2", ip="192.0.2.2")
    await store.commit(
        Changes(
            records=[
                record(raw=raw),
                record("event-2", account=None, alert=None, event_id="e-2", account_id=None, raw=nobody),
                record("event-3"),
            ]
        )
    )
    async for again in as_is_and_reopened(store, reopen):
        found = (await recall(again, records={"event-1", "event-2", "event-3"})).records
        assert found["event-1"] == record()
        assert await again.raw(found["event-1"]) == raw
        assert await again.raw(found["event-2"]) == nobody
        assert await again.raw(found["event-3"]) == Raw(event="e-1", account="u-1")


async def test_large_batches(store: Store, reopen: Opener) -> None:
    keys = [f"event-{number}" for number in range(3000)]
    tracks: dict[TrackKey, Track] = {}
    for number, key in enumerate(keys):
        tracks[key, ("default", number)] = track = Track()
        track.add(START, (), KEEP)
    await store.commit(
        Changes(
            records=[record(key) for key in keys],
            profiles={key: Profile(trusted_logins=number) for number, key in enumerate(keys)},
            tracks=tracks,
        )
    )
    past = await recall(await reopen(), records=set(keys), profiles=set(keys), tracks=tuple(tracks))
    assert set(past.records) == set(keys)
    assert [past.profiles[key].trusted_logins for key in keys] == list(range(3000))
    assert all(len(past.tracks[key]) == 1 for key in tracks)


async def test_days_are_counted_without_answers_and_by_tenant(store: Store, reopen: Opener) -> None:
    day = utc_day(START)
    records = [
        record("login-1", alert="a-1"),
        record("login-2", time=START + DAY, tenant="shop", alert=None),
        record("change", type="password_changed", alert="a-1"),
        record("answer", type="feedback", alert=None),
        record("old", time=START - 2 * DAY),
    ]
    await store.commit(Changes(records=records))
    async for opened in as_is_and_reopened(store, reopen):
        found = await opened.counts_by_day(since=day)
        assert [(each.day, each.events, each.logins, each.flagged) for each in found] == [
            (day, 2, 1, 1),
            (day + 1, 1, 1, 0),
        ]
        assert [each.day for each in await opened.counts_by_day(since=0, tenant="default")] == [day - 2, day]


async def test_mails_are_counted_by_the_day_they_were_done_with(store: Store) -> None:
    await store.commit(Changes(notices=[notice("a-1"), notice("a-2"), notice("a-3", tenant="shop"), notice("a-4")]))
    mails = await store.lease(worker="w", now=START, limit=9, seconds=60)
    by_alert = {mail.notice.id: mail.id for mail in mails}
    for alert, at, state in (("a-1", START, "sent"), ("a-2", START + DAY, "failed"), ("a-3", START + DAY, "sent")):
        await store.settle_mail(by_alert[alert], worker="w", now=at, state=state)
    day = utc_day(START)
    assert await store.mails_by_day(since=0) == {(day, "sent"): 1, (day + 1, "failed"): 1, (day + 1, "sent"): 1}
    assert await store.mails_by_day(since=day + 1, tenant="shop") == {(day + 1, "sent"): 1}


async def test_records_are_read_by_number_in_the_order_they_came(store: Store, reopen: Opener) -> None:
    assert await store.newest_number() == 0
    assert (await store.page(0, limit=5)).last == 0
    await store.commit(Changes(records=[record(f"event-{number}") for number in range(3)]))
    await store.commit(Changes(records=[record("late", time=START - 3 * DAY)]))
    async for opened in as_is_and_reopened(store, reopen):
        first = await opened.page(0, limit=3)
        rest = await opened.page(first.last, limit=3)
        assert [each.key for _, each in [*first.records, *rest.records]] == ["event-0", "event-1", "event-2", "late"]
        numbers = [number for number, _ in [*first.records, *rest.records]]
        assert numbers == sorted(set(numbers))
        assert (first.key, rest.key, rest.last) == ("event-2", "late", await opened.newest_number())
        assert [await opened.key_at(number) for number in numbers] == ["event-0", "event-1", "event-2", "late"]
        assert await opened.key_at(rest.last + 1) is None
        assert (await opened.page(rest.last, limit=3)).records == []


async def test_an_answer_changes_whether_a_record_is_trusted(store: Store) -> None:
    await store.commit(Changes(records=[record(), record("event-2", trusted=False)]))
    await store.commit(Changes(trust={"event-1": False, "event-2": True}))
    past = await recall(store, records={"event-1", "event-2"})
    assert (past.records["event-1"].trusted, past.records["event-2"].trusted) == (False, True)


async def test_an_answer_in_the_batch_of_its_event(store: Store) -> None:
    await store.commit(Changes(records=[record(trusted=True)], trust={"event-1": False}))
    found = await store.record("event-1")
    assert found is not None
    assert not found.trusted


async def test_attributes_are_replaced(store: Store) -> None:
    await store.commit(Changes(attributes={"account-1": GIVEN, "account-2": OTHER}))
    await store.commit(Changes(attributes={"account-1": NEW}))
    past = await recall(store, attributes={"account-1", "account-2"})
    assert past.attributes == {"account-1": NEW, "account-2": OTHER}


# All or nothing


async def test_a_failing_commit_changes_nothing(store: Store, reopen: Opener) -> None:
    await store.commit(everything())
    past = await recall(
        store, profiles={"account-1", "account-2"}, tracks=(FAILURES,), records={"event-1"}, attributes={"account-1"}
    )
    past.profiles["account-1"].trusted_logins = 99
    past.profiles["account-2"].trusted_logins = 1
    past.tracks[FAILURES].add(START + 1, ("account-3", 1, None), KEEP)
    again = Changes(
        records=[record("event-2"), record("event-1", time=START + 1)],  # the second key is taken
        profiles=past.profiles,
        tracks=past.tracks,
        attributes={"account-1": NEW},
        alerts={("default", "a-1"): alert(events=7), ("default", "a-2"): alert("a-2")},
        closed={("default", "a-1"): "legitimate"},
        notices=[notice("a-2")],
        hooks=[hook()],
        trust={"event-1": False},
    )
    with pytest.raises(StoreError):
        await store.commit(again)
    store.forget(past)
    async for after in as_is_and_reopened(store, reopen):
        past = await recall(
            after, records={"event-1", "event-2"}, profiles={"account-1", "account-2"}, attributes={"account-1"},
            tracks=(FAILURES,),
        )  # fmt: skip
        assert past.records == {"event-1": record()}
        assert past.profiles == {"account-1": full_profile(), "account-2": Profile()}
        assert past.attributes == {"account-1": GIVEN}
        assert len(past.tracks[FAILURES]) == 2
        assert await after.alerts("default") == [alert()]
        assert (await after.mail_counts())["pending"] == 1
        assert await after.hook_counts() == {}
        await after.check()


async def test_a_batch_that_was_given_up_is_forgotten(store: Store) -> None:
    await enter(store, START)
    past = await recall(store, profiles={"account-1"}, tracks=(FAILURES,))
    past.profiles["account-1"].trusted_logins = 5
    past.tracks[FAILURES].add(START, ("m",), KEEP)
    store.forget(past)
    again = await recall(store, profiles={"account-1"}, tracks=(FAILURES,))
    assert again.profiles["account-1"] == Profile()
    assert len(again.tracks[FAILURES]) == 1
    await enter(store, START + 1)
    assert await counted(store) == 2


async def test_a_profile_that_was_asked_for_alone_is_the_callers_own(store: Store) -> None:
    await store.commit(Changes(profiles={"account-1": Profile(trusted_logins=1)}))
    mine = await store.profile("account-1")
    assert mine is not None
    mine.trusted_logins = 9
    assert (await recall(store, profiles={"account-1"})).profiles["account-1"].trusted_logins == 1


# Caches


@pytest.mark.parametrize(("profiles", "entries"), [(1, 1), (3, 30), (1000, 100_000)])
async def test_small_caches_lose_nothing(reopen: Opener, profiles: int, entries: int) -> None:
    store = await reopen(profiles=profiles, entries=entries)
    keys: list[TrackKey] = [("failures", ("default", number)) for number in range(5)]
    for step in range(6):
        accounts = {f"account-{(step + number) % 5}" for number in range(3)}
        chosen = [keys[(step + number) % 5] for number in range(3)]
        past = await recall(store, profiles=accounts, tracks=tuple(chosen))
        for account in accounts:
            past.profiles[account].trusted_logins += 1
        for key in chosen:
            past.tracks[key].add(START + step, (step,), KEEP)
        await store.commit(Changes(profiles=past.profiles, tracks=past.tracks))
    past = await recall(store, profiles={f"account-{number}" for number in range(5)}, tracks=tuple(keys))
    assert [past.profiles[f"account-{number}"].trusted_logins for number in range(5)] == [4, 4, 4, 3, 3]
    assert [len(past.tracks[key]) for key in keys] == [4, 4, 4, 3, 3]


# Windows


async def test_entries_of_a_track_add_up_over_commits_and_openings(store: Store, reopen: Opener) -> None:
    await enter(store, START, START + MINUTE)
    await enter(store, START + 2 * MINUTE, START + 2 * MINUTE)
    store = await reopen()
    await enter(store, START - MINUTE)
    async for after in as_is_and_reopened(store, reopen):
        assert await counted(after) == 5
        assert await counted(after, at=START + MINUTE, over=MINUTE) == 2


async def test_tracks_are_kept_apart(store: Store, reopen: Opener) -> None:
    keys: list[TrackKey] = [
        ("failures", ("default", "x")),
        ("failures", ("shop", "x")),
        ("successes", ("default", "x")),
        ("failures", ("default", "x", "y")),
        ("failures", ("default", "x\x1fy")),
        ("failures", ("default", 'x","y')),
        ("failures", ("default", 1)),
        ("failures", ("default", "1")),
        ("failures", ("default", "x\0")),
        ("failures", ("default", "größer 漢字")),
        ("failures", ("default", "X")),
    ]
    for count, key in enumerate(keys, start=1):
        await enter(store, *[START] * count, key=key)
    async for after in as_is_and_reopened(store, reopen):
        assert [await counted(after, key) for key in keys] == list(range(1, len(keys) + 1))


@pytest.mark.parametrize("restart", [False, True])
async def test_what_a_track_holds_does_not_depend_on_caches(reopen: Opener, restart: bool) -> None:
    """A late event sees what it would have seen without a restart, however late it is."""
    store = await reopen()
    # The third is an hour late: what it brought stays, and what the second let go is gone.
    for time in (START, START + 3 * HOUR, START + 2 * HOUR, START + 3 * HOUR + MINUTE):
        await enter(store, time)
    store = await reopen() if restart else store
    assert await counted(store, at=START + 4 * HOUR) == 2
    await enter(store, START + 4 * HOUR)
    store = await reopen() if restart else store
    assert await counted(store, at=START + 4 * HOUR) == 3


async def test_rules_that_look_further_back_see_what_is_still_stored(store: Store) -> None:
    await enter(store, START, START + 2 * HOUR)
    assert await counted(store, at=START + 2 * HOUR) == 1
    past = await store.recall(Wanted(tracks={FAILURES: 4 * HOUR}))
    assert past.tracks[FAILURES].count(START + 2 * HOUR, 4 * HOUR) == 2


async def test_only_what_no_window_sees_expires(store: Store, reopen: Opener) -> None:
    # Kept by the hour, so that nothing tells to the microsecond when somebody was seen.
    start = START - START % HOUR
    await enter(store, start, keep=10 * MINUTE)
    await enter(store, start + 55 * MINUTE, keep=10 * MINUTE)
    other: TrackKey = ("failures", ("default", "other"))
    await enter(store, start, key=other, keep=HOUR + MINUTE)
    assert await store.expire_windows(start + HOUR) == 0
    assert await store.expire_windows(start + HOUR + 1) == 1
    assert await store.expire_windows(start + HOUR + 1) == 0
    store = await reopen()
    assert await counted(store) == 1
    assert await counted(store, other) == 1
    assert await store.expire_windows(start + 2 * HOUR + 1) == 2
    assert await counted(await reopen()) == 0


# History


async def test_history_is_in_the_order_of_commits(store: Store, reopen: Opener) -> None:
    times = [START + 5, START, START + 9, START + 2]
    for number, time in enumerate(times):
        await store.commit(
            Changes(records=[record(f"e-{number}{part}", time=time, account=f"account-{part}") for part in "ab"])
        )
    async for after in as_is_and_reopened(store, reopen):
        assert [entry.key async for entry in after.history()] == [f"e-{n}{part}" for n in range(4) for part in "ab"]
        assert [entry.key async for entry in after.history("account-b")] == [f"e-{number}b" for number in range(4)]
        assert [entry.key async for entry in after.history("account-a", since=START + 5)] == ["e-0a", "e-2a"]
        assert [entry.key async for entry in after.history("nobody")] == []


async def test_history_longer_than_a_page(store: Store) -> None:
    keys = [f"e-{number}" for number in range(1201)]
    await store.commit(Changes(records=[record(key, time=START + number) for number, key in enumerate(keys)]))
    assert [entry.key async for entry in store.history()] == keys
    assert [entry.key async for entry in store.history(since=START + 100)] == keys[100:]


async def test_commits_go_on_while_history_is_read(store: Store) -> None:
    await store.commit(Changes(records=[record(f"e-{number}") for number in range(1000)]))
    seen: list[str] = []
    async for entry in store.history():
        if not seen:
            await store.commit(Changes(records=[record("late")]))
        seen.append(entry.key)
    assert seen == [*(f"e-{number}" for number in range(1000)), "late"]


# Alerts


async def test_alerts_newest_first_by_tenant_account_and_kind(store: Store) -> None:
    rows = [
        alert("a-1", last=START + 1),
        alert("a-2", last=START + 3, account="account-2"),
        alert("a-3", last=START + 2, kind="attack"),
        alert("a-4", last=START + 9, account=None, kind="campaign"),
        alert("a-5", last=START + 5, tenant="shop"),
    ]
    await store.commit(Changes(alerts={(row.tenant, row.id): row for row in rows}))

    async def ids(tenant: str, **filters: Any) -> list[str]:
        return [row.id for row in await store.alerts(tenant, **filters)]

    assert await ids("default") == ["a-4", "a-2", "a-3", "a-1"]
    assert await ids("default", limit=2) == ["a-4", "a-2"]
    assert await ids("default", limit=2, state="open") == ["a-4", "a-2"]
    assert await ids("default", account="account-1") == ["a-3", "a-1"]
    assert await ids("default", account="account-1", kind="attack") == ["a-3"]
    assert await ids("default", kind="campaign") == ["a-4"]
    assert await ids("shop") == ["a-5"]
    assert await ids("shop", account="account-2") == []


async def test_an_alert_that_goes_on_keeps_its_beginning(store: Store) -> None:
    await store.commit(Changes(alerts={("default", "a-1"): alert()}))
    later = alert(
        level="high", risk=75.0, last=START + HOUR, events=4, rules=["new_device", "new_country"], event="event-9",
    )  # fmt: skip
    await store.commit(Changes(alerts={("default", "a-1"): later}))
    assert await store.alerts("default") == [
        alert(level="high", risk=75.0, last=START + HOUR, events=4, rules=["new_device", "new_country"])
    ]


async def test_a_closed_alert_stays_closed(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(alerts={("default", "a-1"): alert()}))
    await store.commit(Changes(closed={("default", "a-1"): "legitimate", ("default", "unknown"): "legitimate"}))
    await store.commit(Changes(alerts={("default", "a-1"): alert(events=2)}))
    assert [(row.state, row.events) for row in await (await reopen()).alerts("default")] == [("legitimate", 2)]


async def test_a_campaign_that_goes_on_after_it_was_called_one_is_open_again(store: Store) -> None:
    """Its later events are told to nobody else, so that the list of open ones has to show it."""
    campaigns = [alert(id, account=None, kind="campaign") for id in ("a-1", "a-2")]
    changes = {("default", row.id): row for row in campaigns}
    await store.commit(Changes(alerts=changes))
    # An answer about one of its events is none about all of them.
    await store.commit(Changes(closed={("default", "a-1"): "compromised", ("default", "a-2"): "legitimate"}))
    assert len(await store.alerts("default", state="open")) == 2
    for id, verdict in (("a-1", "compromised"), ("a-2", "legitimate")):
        asked = AskedVerdict(tenant="default", about="alert", target=id, verdict=verdict, time=START)  # type: ignore[arg-type]  # one of them
        await store.settle_verdict(await store.ask_verdict(asked), now=START, answered=1, alerts=[id])
    assert await store.alerts("default", state="open") == []
    await store.commit(Changes(alerts=changes))
    assert [row.id for row in await store.alerts("default", state="open")] == ["a-1"]


async def test_an_alert_closed_in_the_batch_that_raised_it(store: Store) -> None:
    await store.commit(Changes(alerts={("default", "a-1"): alert()}, closed={("default", "a-1"): "compromised"}))
    assert [row.state for row in await store.alerts("default")] == ["compromised"]


async def test_open_alerts_and_single_ones(store: Store) -> None:
    rows = [alert(f"a-{number}", last=START + number) for number in range(4)] + [alert("a-1", tenant="shop")]
    await store.commit(Changes(alerts={(row.tenant, row.id): row for row in rows}))
    await store.commit(Changes(closed={("default", "a-1"): "legitimate", ("default", "a-3"): "compromised"}))
    assert [row.id for row in await store.alerts("default", state="open", limit=2)] == ["a-2", "a-0"]
    assert await store.alert("shop", "a-1") == alert("a-1", tenant="shop")
    assert await store.alert("shop", "a-2") is None


async def event_keys(store: Store, row: AlertRow) -> list[str]:
    return [found.key async for found in store.alert_events(row)]


async def test_events_of_an_alert_are_those_of_its_account(store: Store) -> None:
    keys = [f"e-{number:04}" for number in range(1201)]
    others = [record("x", alert=None), record("y", account="account-2"), record("z", tenant="shop", account="other")]
    await store.commit(Changes(records=[record(key) for key in keys] + others))
    assert await event_keys(store, alert()) == keys


async def test_events_of_a_campaign_are_told_apart_from_its_accounts_alerts(store: Store, reopen: Opener) -> None:
    keys = [f"e-{number:04}" for number in range(1201)]
    await store.commit(
        Changes(
            records=[record(key, account=f"account-{key}", alert="a-own") for key in [*reversed(keys), "other"]],
            campaigns=[("default", "c-1", key) for key in keys] + [("default", "c-2", "e-0007")],
        )
    )
    await store.commit(Changes(campaigns=[("default", "c-1", "e-0000")]))  # told twice
    async for again in as_is_and_reopened(store, reopen):
        assert await event_keys(again, alert("c-1", account=None, kind="campaign")) == keys[::-1]
        assert await event_keys(again, alert("c-2", account=None, kind="campaign")) == ["e-0007"]
        assert await event_keys(again, alert("c-1", account=None, kind="campaign", tenant="shop")) == []


async def test_a_verdict_waits_until_it_is_carried_out(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(alerts={("default", "a-1"): alert(), ("shop", "a-1"): alert(tenant="shop")}))
    first = AskedVerdict(tenant="default", about="alert", target="a-1", verdict="legitimate", time=START)
    second = AskedVerdict(tenant="shop", about="account", target="account-1", verdict="compromised", time=START + 1)
    ids = [await store.ask_verdict(first), await store.ask_verdict(second)]
    waiting = [msgspec.structs.replace(one, id=id) for one, id in zip((first, second), ids, strict=True)]
    async for again in as_is_and_reopened(store, reopen):
        assert await again.asked_verdicts() == waiting
    await again.settle_verdict(ids[0], now=START + 9, answered=3, alerts=["a-1", "unknown"])
    assert await again.asked_verdicts() == waiting[1:]
    assert await again.asked_verdicts(ids[0]) == [
        msgspec.structs.replace(waiting[0], target="", answered=3, done=START + 9)
    ]
    assert [row.state for row in await again.alerts("default")] == ["legitimate"]
    assert [row.state for row in await again.alerts("shop")] == ["open"]
    third = await again.ask_verdict(msgspec.structs.replace(first, time=START + 30 * DAY))
    assert await again.asked_verdicts(ids[0]) == []
    assert [one.id for one in await again.asked_verdicts()] == [ids[1], third]


# Outbox


async def test_a_mail_comes_out_as_it_went_in(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await (await reopen()).lease(worker="w", now=START, limit=10, seconds=60)
    assert mail.notice == notice()
    assert (mail.attempts, mail.first_try) == (0, START)


def token(store: Store, role: Role = "current", id: str = "a-1") -> str:
    """The token of the link that the mail about an alert has."""
    assert isinstance(store, SqliteStore)
    return make_token(store.vault.answer_key, "default", id, role)


async def test_a_mail_comes_with_links_that_its_tokens_find(store: Store, reopen: Opener) -> None:
    told = notice(kind="credential_change")
    await store.commit(Changes(notices=[told, notice("a-2", account=None, kind="campaign")]))
    again = await reopen()
    for role, days in (("current", 7), ("former", 30)):
        assert await again.answer_link(digest_of(token(again, role))) == AnswerLink(
            tenant="default", notice=told, role=role, expires=START + days * DAY
        )
    assert await again.answer_link(digest_of(token(again, id="a-2"))) is None
    assert await again.answer_link(digest_of("x" * 43)) is None


async def test_a_link_goes_when_it_has_ended(store: Store) -> None:
    await store.commit(Changes(notices=[notice(kind="credential_change")]))
    none = Due(raw_through=0, records_through=0)
    end = -(-START // DAY) * DAY  # of the day, by which a link is kept
    for at, left, due in ((7 * DAY - 1, [True, True], 0), (7 * DAY, [False, True], 1), (30 * DAY, [False, False], 1)):
        assert (await store.expiring(none, mails_before=0, links_before=end + at)).links == due
        assert await store.expire_windows(end + at) == due
        found = [await store.answer_link(digest_of(token(store, role))) is not None for role in ROLES]
        assert found == left


async def test_links_go_with_their_account(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(notices=[notice(), notice("a-2", account="account-2")]))
    assert await store.erase(key_of(store, "account-1").rows, "account-1") == 3
    again = await reopen()
    assert await again.answer_link(digest_of(token(again))) is None
    assert await again.answer_link(digest_of(token(again, id="a-2"))) is not None


@pytest.mark.parametrize("held", [False, True])
async def test_an_answer_clears_the_mail_that_waits_and_no_other(store: Store, held: bool) -> None:
    await store.commit(Changes(notices=[notice(), notice("a-3")]))
    leased = await store.lease(worker="w", now=START, limit=1, seconds=60)
    await store.commit(Changes(held={"account-1": held}))
    await store.commit(Changes(answered={("default", "a-1"): START + 1, ("default", "a-9"): START}))
    assert (await store.mail_counts())["answered"] == 1
    assert [kept.state for kept in await store.mails_of("account-1")] == ["answered", "held" if held else "pending"]
    # Leased, and not under way yet: it does not go, and what became of it stays.
    (mail,) = leased
    assert mail.notice.id == "a-1"
    assert not await store.holds_mail(mail.id, worker="w")
    await store.settle_mail(mail.id, worker="w", now=START + 2, state="failed")
    await store.retry_mail(mail.id, worker="w", at=START, reason="")
    assert (await store.mail_counts())["answered"] == 1
    assert await store.expire_mails(START + DAY, limit=10) >= 1
    assert (await store.mail_counts())["answered"] == 0


async def test_what_was_sent_stays_sent_when_it_is_answered(store: Store) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="w", now=START, limit=1, seconds=60)
    await store.settle_mail(mail.id, worker="w", now=START, state="sent")
    await store.commit(Changes(answered={("default", "a-1"): START}))
    assert await store.mail_counts() == NO_MAILS | {"sent": 1}


async def test_one_alert_is_at_most_one_mail(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(notices=[notice(), notice(level="high")]))
    await store.commit(Changes(notices=[notice(level="critical")]))
    (mail,) = await store.lease(worker="w", now=START, limit=10, seconds=60)
    await store.settle_mail(mail.id, worker="w", now=START, state="sent")
    store = await reopen()
    await store.commit(Changes(notices=[notice()]))
    assert await store.lease(worker="w", now=START + HOUR, limit=10, seconds=60) == []
    assert await store.mail_counts() == {
        "pending": 0,
        "sent": 1,
        "failed": 0,
        "unaddressed": 0,
        "held": 0,
        "folded": 0,
        "answered": 0,
    }


async def test_alerts_of_a_restricted_account_are_hidden_but_from_its_export(store: Store) -> None:
    other = alert("a-2", account="account-2")
    await store.commit(Changes(alerts={("default", "a-1"): alert(), ("default", "a-2"): other}))
    await store.commit(Changes(held={"account-1": True}))
    assert [row.id for row in await store.alerts("default")] == ["a-2"]
    assert await store.alerts("default", account="account-1") == []
    assert [row.id for row in await store.alerts("default", account="account-1", hidden=True)] == ["a-1"]
    await store.commit(Changes(held={"account-1": False}))
    assert {row.id for row in await store.alerts("default")} == {"a-1", "a-2"}


async def test_mails_of_an_account_tell_their_kind_when_they_are_gone(store: Store, reopen: Opener) -> None:
    rows = {("default", row.id): row for row in (alert(), alert("a-2", kind="attack"))}
    notices = [
        notice(),
        notice("a-2", kind="attack"),
        notice("a-3", account="account-2"),
        notice("a-4", kind="summary"),
    ]
    await store.commit(Changes(alerts=rows, notices=notices))
    assert [(mail.kind, mail.state, mail.time, mail.alert) for mail in await store.mails_of("account-1")] == [
        ("suspicious_sign_in", "pending", START, "a-1"),
        ("attack", "pending", START, "a-2"),
        ("summary", "pending", START, "a-4"),
    ]
    for mail in await store.lease(worker="w", now=START + 1, limit=10, seconds=60):
        if mail.notice.id != "a-2":
            await store.settle_mail(mail.id, worker="w", now=START + 2, state="sent")
    await store.commit(Changes(held={"account-1": True}))
    again = await reopen()
    assert [(mail.kind, mail.state, mail.time, mail.alert) for mail in await again.mails_of("account-1")] == [
        ("suspicious_sign_in", "sent", START - START % DAY, "a-1"),
        ("attack", "held", START + 1, "a-2"),
        ("", "sent", START - START % DAY, None),  # neither what it said nor an alert is there any more
    ]
    assert await again.mails_of("account-3") == []


async def test_windows_kept_by_an_account_are_counted(store: Store, reopen: Opener) -> None:
    mine, others = Track(), Track()
    mine.add(START, (), KEEP)
    mine.add(START + SECOND, (), KEEP)
    others.add(START, ("account-1",), KEEP)
    key: TrackKey = ("failures", ("default", "account-1"))
    await store.commit(Changes(tracks={key: mine, FAILURES: others}, owners={key: "account-1"}))
    mine.add(START - SECOND, (), KEEP)
    await store.commit(Changes(tracks={key: mine}, owners={key: "account-1"}))
    again = await reopen()
    (kept,) = await again.windows_of("account-1")
    assert (kept.entries, kept.first, kept.last) == (3, START - SECOND, START + SECOND)
    assert await again.windows_of("account-2") == []


async def test_a_question_is_answered_once_and_the_answer_stays(store: Store, reopen: Opener) -> None:
    first = await store.ask(b"erase u-1", now=START)
    second = await store.ask(b"lift u-2", now=START)
    assert await store.questions() == [(first, b"erase u-1"), (second, b"lift u-2")]
    assert await store.answer(first) is None
    await store.reply(first, b"done", now=START + 1)
    again = await reopen()
    assert await again.questions() == [(second, b"lift u-2")]
    assert await again.answer(first) == b"done"
    await again.ask(b"another", now=START + HOUR)
    assert await again.answer(first) == b"done"
    await again.ask(b"another", now=START + DAY + HOUR)
    assert await again.answer(first) is None


async def test_the_most_urgent_go_first_then_the_oldest(store: Store) -> None:
    for id, level in [("a-1", "low"), ("a-2", "high"), ("a-3", "critical"), ("a-4", "high"), ("a-5", "medium")]:
        await store.commit(Changes(notices=[notice(id, level=level)]))
    first = await store.lease(worker="w", now=START, limit=2, seconds=60)
    rest = await store.lease(worker="w", now=START, limit=10, seconds=60)
    assert [mail.notice.id for mail in first + rest] == ["a-3", "a-2", "a-4", "a-5", "a-1"]


async def test_a_leased_mail_is_one_workers_until_the_lease_runs_out(store: Store) -> None:
    await store.commit(Changes(notices=[notice("a-1"), notice("a-2")]))
    (mine,) = await store.lease(worker="one", now=START, limit=1, seconds=60)
    (other,) = await store.lease(worker="two", now=START, limit=10, seconds=60)
    assert {mine.notice.id, other.notice.id} == {"a-1", "a-2"}
    assert await store.lease(worker="one", now=START + 60 * SECOND - 1, limit=10, seconds=60) == []
    taken_over = await store.lease(worker="two", now=START + 60 * SECOND, limit=10, seconds=60)
    assert {mail.id for mail in taken_over} == {mine.id, other.id}
    assert {(mail.attempts, mail.first_try) for mail in taken_over} == {(1, START)}


async def test_leases_outlive_a_restart(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(notices=[notice()]))
    await store.lease(worker="one", now=START, limit=1, seconds=60)
    store = await reopen()
    assert await store.lease(worker="two", now=START + SECOND, limit=1, seconds=60) == []
    assert len(await store.lease(worker="two", now=START + 60 * SECOND, limit=1, seconds=60)) == 1


async def test_who_lost_the_lease_changes_nothing(store: Store) -> None:
    await store.commit(Changes(notices=[notice()]))
    (lost,) = await store.lease(worker="one", now=START, limit=1, seconds=60)
    later = START + 61 * SECOND
    (mail,) = await store.lease(worker="two", now=later, limit=1, seconds=60)
    await store.settle_mail(lost.id, worker="one", now=later, state="sent")
    assert (await store.mail_counts())["pending"] == 1
    await store.retry_mail(lost.id, worker="one", at=START, reason="unreachable")
    assert await store.lease(worker="three", now=later + SECOND, limit=1, seconds=60) == []
    await store.settle_mail(mail.id, worker="two", now=later, state="failed", reason="refused")
    await store.settle_mail(mail.id, worker="two", now=later, state="sent")
    assert await store.mail_counts() == {
        "pending": 0,
        "sent": 0,
        "failed": 1,
        "unaddressed": 0,
        "held": 0,
        "folded": 0,
        "answered": 0,
    }


async def test_a_retry_is_due_when_it_says(store: Store) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="one", now=START, limit=1, seconds=600)
    await store.retry_mail(mail.id, worker="one", at=START + 30 * SECOND, reason="greylisted")
    assert await store.lease(worker="two", now=START + 29 * SECOND, limit=1, seconds=60) == []
    (again,) = await store.lease(worker="two", now=START + 30 * SECOND, limit=1, seconds=60)
    assert (again.id, again.attempts, again.first_try) == (mail.id, 1, START)


@pytest.mark.parametrize("state", ["sent", "failed", "unaddressed"])
async def test_a_mail_that_is_done_with_is_never_leased_again(store: Store, state: str) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="one", now=START, limit=1, seconds=60)
    await store.settle_mail(mail.id, worker="one", now=START, state=state)
    await store.retry_mail(mail.id, worker="one", at=START, reason="")
    assert await store.lease(worker="one", now=START + HOUR, limit=1, seconds=60) == []
    assert (await store.mail_counts())[state] == 1


async def test_a_mail_cannot_end_as_nothing_known(store: Store) -> None:
    with pytest.raises(ValueError, match="sent"):
        await store.settle_mail(1, worker="one", now=START, state="lost")


# Keys of senders, the installation's key


async def test_api_keys(store: Store, reopen: Opener) -> None:
    one = ApiKey(name="web", tenant="default", digest=b"\x00" * 32, scopes=("events", "assess"), created=START)
    two = ApiKey(name="app", tenant="shop", digest=b"\x01" * 32, scopes=(), created=START)
    assert await store.put_key(one)
    assert await store.put_key(two)
    assert not await store.put_key(msgspec.structs.replace(one, digest=b"\x02" * 32, tenant="shop"))
    assert await store.keys() == [two, one]
    assert await store.revoke_key("web", now=START + 1)
    assert not await store.revoke_key("web", now=START + 2)
    assert not await store.revoke_key("unknown", now=START)
    # A name that was used is not used again: logs and lists would mean two things by it.
    assert not await store.put_key(msgspec.structs.replace(one, digest=b"\x02" * 32))
    again = await reopen()
    assert await again.keys() == [two, msgspec.structs.replace(one, revoked=START + 1)]
    assert await again.tenants() == {"default", "shop"}


async def test_a_store_belongs_to_one_key(store: Store, reopen: Opener) -> None:
    await store.bind(b"one")
    await store.bind(b"one")
    async for after in as_is_and_reopened(store, reopen):
        with pytest.raises(StoreError, match=r"another keyring.*keyring\.db") as failure:
            await after.bind(b"two")
        assert not failure.value.retry
        await after.bind(b"one")


async def test_a_good_store_checks(store: Store) -> None:
    await store.check()


async def test_closing_twice_is_no_error(reopen: Opener) -> None:
    store = await reopen()
    await store.close()


# What looks at everything: backtest, counts


async def test_history_of_one_type_and_its_extent(store: Store) -> None:
    assert await store.extent() == Extent()
    rows = [record("e-1"), record("e-2", type="feedback", time=START + 9), record("e-3", time=START - 5)]
    await store.commit(Changes(records=rows))
    assert [entry.key async for entry in store.history(type="feedback")] == ["e-2"]
    assert [entry.key async for entry in store.history("account-1", type="login", since=START)] == ["e-1"]
    assert await store.extent() == Extent(records=3, oldest=START - 5, newest=START + 9)


async def test_findings_add_up_by_day_rule_and_status(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(fired={(7, "default", "new_device", "live"): 2, (7, "shop", "new_device", "live"): 1}))
    await store.commit(
        Changes(fired={(7, "default", "new_device", "live"): 3, (8, "default", "new_device", "shadow"): 1})
    )
    async for after in as_is_and_reopened(store, reopen):
        assert await after.fired(since=7) == {(7, "new_device", "live"): 6, (8, "new_device", "shadow"): 1}
        assert await after.fired(since=8) == {(8, "new_device", "shadow"): 1}
        assert await after.fired(since=0, tenant="shop") == {(7, "new_device", "live"): 1}
        assert await after.fired(since=9) == {}


async def test_findings_of_a_batch_that_failed_are_not_counted(store: Store) -> None:
    await store.commit(Changes(records=[record()]))
    with pytest.raises(StoreError):
        await store.commit(Changes(records=[record()], fired={(7, "default", "new_device", "live"): 1}))
    assert await store.fired(since=0) == {}


async def test_old_counts_are_dropped_with_upkeep(store: Store) -> None:
    today = utc_day(START)
    keys = [(today - FIRED_DAYS - 1, "default", "r", "live"), (today - FIRED_DAYS, "default", "r", "live")]
    await store.commit(Changes(fired=dict.fromkeys(keys, 1)))
    while await store.expire_windows(START):
        pass
    assert set(await store.fired(since=0)) == {(today - FIRED_DAYS, "r", "live")}


# Usage figures


def usage_day(day: int = 7, **changed: Any) -> UsageDay:
    fields: dict[str, Any] = {
        "day": day, "tenant": "default", "dimension": "browsers", "epsilon": 0.5, "scale": 2.0, "least": 14,
        "numbers": {"Samsung Internet": 20, "Chrome": 140},
    }  # fmt: skip
    return UsageDay(**(fields | changed))


async def test_an_open_day_of_usage_is_kept_until_it_is_over(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(tallies={(7, "default"): b"one", (7, "shop"): b"other"}))
    await store.commit(Changes(tallies={(7, "default"): b"two", (8, "default"): b"next"}))
    async for after in as_is_and_reopened(store, reopen):
        assert await after.tallies() == {(7, "default"): b"two", (7, "shop"): b"other", (8, "default"): b"next"}
    await after.commit(Changes(tallies={(7, "default"): None}, usage=[usage_day()]))
    async for again in as_is_and_reopened(after, reopen):
        assert await again.tallies() == {(7, "shop"): b"other", (8, "default"): b"next"}
        assert await again.usage("default", since=0) == [usage_day()]


async def test_usage_is_told_by_tenant_oldest_first_and_never_anew(store: Store) -> None:
    later, earlier = usage_day(8), usage_day(7, dimension="logins", numbers={})
    await store.commit(Changes(usage=[later, earlier, usage_day(tenant="shop")]))
    await store.commit(Changes(usage=[usage_day(7, dimension="logins", numbers={"success": 150})]))
    assert await store.usage("default", since=0) == [earlier, later]
    assert await store.usage("default", since=8) == [later]
    assert await store.usage("nobody", since=0) == []


async def test_api_calls_add_up_by_day_and_key(store: Store) -> None:
    await store.commit(Changes(calls={(7, "default", "web"): 2, (7, "shop", "web"): 1}))
    await store.commit(Changes(calls={(7, "default", "web"): 3, (8, "default", "app"): 1}))
    assert await store.calls("default", since=0) == {(7, "default", "web"): 5, (8, "default", "app"): 1}
    assert await store.calls("shop", since=7) == {(7, "shop", "web"): 1}
    assert await store.calls("default", since=9) == {}


async def test_usage_of_a_batch_that_failed_is_not_kept(store: Store) -> None:
    await store.commit(Changes(records=[record()], tallies={(7, "default"): b"one"}))
    lost = Changes(
        records=[record()], tallies={(7, "default"): None}, usage=[usage_day()], calls={(7, "default", "web"): 1}
    )
    with pytest.raises(StoreError):
        await store.commit(lost)
    assert await store.tallies() == {(7, "default"): b"one"}
    assert await store.usage("default", since=0) == []
    assert await store.calls("default", since=0) == {}


async def test_old_usage_is_dropped_with_upkeep(store: Store) -> None:
    kept = utc_day(START) - USAGE_DAYS
    await store.commit(
        Changes(
            tallies={(day, "default"): b"sealed" for day in (kept - 1, kept)},
            usage=[usage_day(kept - 1), usage_day(kept)],
            calls={(day, "default", "web"): 1 for day in (kept - 1, kept)},
        )
    )
    while await store.expire_windows(START):
        pass
    assert set(await store.tallies()) == {(kept, "default")}
    assert await store.usage("default", since=0) == [usage_day(kept)]
    assert set(await store.calls("default", since=0)) == {(kept, "default", "web")}


# Drift


async def test_counts_of_drift_are_replaced_and_told_by_tenant_oldest_first(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(drift={(8, "default"): b"one", (7, "default"): b"before", (7, "shop"): b"other"}))
    await store.commit(Changes(drift={(8, "default"): b"two"}))
    async for after in as_is_and_reopened(store, reopen):
        assert list((await after.drift("default", since=0)).items()) == [(7, b"before"), (8, b"two")]
        assert await after.drift("default", since=8) == {8: b"two"}
        assert await after.drift("nobody", since=0) == {}
        assert await after.newest_drift() == {(8, "default"): b"two", (7, "shop"): b"other"}


async def test_drift_of_a_batch_that_failed_is_not_kept(store: Store) -> None:
    await store.commit(Changes(records=[record()], drift={(7, "default"): b"one"}))
    with pytest.raises(StoreError):
        await store.commit(Changes(records=[record()], drift={(7, "default"): b"two", (8, "default"): b"next"}))
    assert await store.drift("default", since=0) == {7: b"one"}


async def test_old_drift_is_dropped_with_upkeep(store: Store) -> None:
    kept = utc_day(START) - DRIFT_DAYS
    await store.commit(Changes(drift={(day, "default"): b"sealed" for day in (kept - 1, kept, kept + DRIFT_DAYS)}))
    while await store.expire_windows(START):
        pass
    assert set(await store.drift("default", since=0)) == {kept, kept + DRIFT_DAYS}


# What is common for everybody

#: The first day of a period of 91 days.
FIRST = period_of(utc_day(START)) * PERIOD


def common(*, name: int = 1, period: int = FIRST // PERIOD, counts: tuple[int, ...] = (1, 2, 3, 4)) -> CommonRow:
    """Counts of the periods that ``period`` is the last of; those of period p are at p modulo the number kept."""
    return CommonRow(3, name, period, counts)


def of(day: int) -> int:
    return day * DAY


async def test_counts_of_everybody_are_replaced_dropped_and_told_by_tenant(store: Store, reopen: Opener) -> None:
    rows = [common(name=number) for number in (-(2**63), 2**63 - 1, *range(70))]
    await store.commit(Changes(commons={("default", row.level, row.name): row for row in rows}))
    more = common(name=7, period=FIRST // PERIOD + 1, counts=(2**32 - 1, 0, 0, 0))
    await store.commit(
        Changes(commons={("default", 3, 7): more, ("default", 3, 8): None, ("shop", 3, 7): common(name=7)})
    )
    expected = sorted([*(row for row in rows if row.name not in (7, 8)), more])
    async for after in as_is_and_reopened(store, reopen):
        found = await after.commons()
        assert {tenant: sorted(rows) for tenant, rows in found.items()} == {
            "default": expected,
            "shop": [common(name=7)],
        }


async def test_counts_of_everybody_of_a_batch_that_failed_are_not_kept(store: Store) -> None:
    await store.commit(Changes(records=[record()], commons={("default", 3, 1): common()}))
    lost: dict[CommonKey, CommonRow | None] = {("default", 3, 1): None, ("default", 3, 2): common(name=2)}
    with pytest.raises(StoreError):
        await store.commit(Changes(records=[record()], commons=lost))
    assert await store.commons() == {"default": [common()]}


async def aged(store: Store, day: int) -> dict[int, tuple[int, ...]]:
    """Upkeep on UTC day ``day``; counts by name."""
    while await store.expire_windows(of(day)):
        pass
    return {row.name: row.counts for row in (await store.commons()).get("default", [])}


async def test_each_count_of_everybody_goes_when_its_period_is_kept_no_more(store: Store) -> None:
    """Also where the row is younger: it was counted since."""
    last = FIRST // PERIOD
    whole = [last - back for back in range(KEPT)]
    counts = tuple(1 + whole.index(next(period for period in whole if period % KEPT == slot)) for slot in range(KEPT))
    await store.commit(
        Changes(
            commons={
                ("default", 3, 1): common(counts=counts),
                # Of the last period nothing: a late event was counted.
                ("default", 3, 2): common(
                    name=2, counts=tuple(9 if slot == whole[-1] % KEPT else 0 for slot in range(KEPT))
                ),
            }
        )
    )
    for passed in range(KEPT + 1):
        # Counts of the period ``back`` before the last are 1 + back.
        kept = tuple(number if number <= KEPT - passed else 0 for number in counts)
        expected = {1: kept} if any(kept) else {}
        if not passed:
            expected[2] = tuple(9 if slot == whole[-1] % KEPT else 0 for slot in range(KEPT))
        for day in (FIRST + passed * PERIOD, FIRST + (passed + 1) * PERIOD - 1):
            assert await aged(store, day) == expected


async def test_many_old_counts_go_in_steps(store: Store) -> None:
    last = FIRST // PERIOD
    # Every fourth is dropped as a whole, the others lose a count or two.
    rows = [common(name=number, period=last - (0, 1, 0, KEPT - 1)[number % 4]) for number in range(2500)]
    await store.commit(Changes(commons={("default", row.level, row.name): row for row in rows}))
    steps = []
    while dropped := await store.expire_windows(of(FIRST + PERIOD)):
        steps.append(dropped)
    assert max(steps) <= 1000
    assert sum(steps) == 2500
    assert {sum(map(bool, row.counts)) for row in (await store.commons())["default"]} == {2, 3}
    while await store.expire_windows(of(FIRST + KEPT * PERIOD)):
        pass
    assert await store.commons() == {}


async def test_what_is_not_old_stays_whatever_its_period(store: Store, reopen: Opener) -> None:
    """The periods' order and a clock behind the events change nothing."""
    await store.commit(Changes(commons={("default", 3, 1): common()}))
    for day in (FIRST - PERIOD, FIRST, FIRST + PERIOD - 1):
        assert await aged(store, day) == {1: (1, 2, 3, 4)}


# Rights


def both() -> Changes:
    """Two accounts with one of each noun, and what they share."""
    shared, own = Track(), Track()
    shared.add(START, ("account-1",), KEEP)
    shared.add(START, ("account-2",), KEEP)
    own.add(START, (), KEEP)
    own_key: TrackKey = ("failures", ("default", "account-1"))
    return Changes(
        records=[
            record(),
            record("event-1b", time=START + 3 * DAY),
            record("event-2", account="account-2", alert="a-2", event_id="e-2", account_id="u-2"),
            record("event-3", account=None, alert=None, account_id=None),
        ],
        profiles={"account-1": full_profile(), "account-2": full_profile()},
        tracks={FAILURES: shared, own_key: own},
        owners={own_key: "account-1"},
        attributes={"account-1": GIVEN, "account-2": OTHER},
        alerts={("default", "a-1"): alert(), ("default", "a-2"): alert("a-2", account="account-2")},
        notices=[notice(), notice("a-2", account="account-2")],
        campaigns=[("default", "c-1", "event-1"), ("default", "c-1", "event-2")],
    )


def rows_of(store: Store, account: str) -> bytes:
    """What the row ids of a test's account are made of."""
    assert isinstance(store, SqliteStore)
    return store.vault.of(account).rows


async def test_an_erased_account_leaves_nothing_and_others_stay(store: Store, reopen: Opener) -> None:
    await store.commit(both())
    rows = rows_of(store, "account-1")
    assert await store.left_of(rows) > 5
    assert await store.erase(rows, "account-1") > 5
    async for again in as_is_and_reopened(store, reopen):
        assert await again.left_of(rows) == 0
        past = await recall(
            again,
            records={"event-1", "event-1b", "event-2", "event-3"},
            profiles={"account-1", "account-2"},
            attributes={"account-1", "account-2"},
            tracks=(FAILURES, ("failures", ("default", "account-1"))),
        )
        assert set(past.records) == {"event-2", "event-3"}
        assert past.profiles == {"account-1": Profile(), "account-2": full_profile()}
        assert past.attributes == {"account-2": OTHER}
        # Counts that many share keep their totals.
        assert [len(track) for track in past.tracks.values()] == [2, 0]
        assert [row.id for row in await again.alerts("default")] == ["a-2"]
        assert await event_keys(again, alert("c-1", account=None, kind="campaign")) == ["event-2"]
        assert (await again.mail_counts())["pending"] == 1
    assert await store_erases_nothing(again, rows)


async def store_erases_nothing(store: Store, rows: bytes) -> bool:
    return await store.erase(rows, "account-1") == 0


async def test_mails_wait_and_alerts_are_hidden_while_an_account_is_restricted(store: Store, reopen: Opener) -> None:
    await store.commit(both())
    await store.commit(Changes(held={"account-1": True}))
    store = await reopen()
    assert [row.id for row in await store.alerts("default")] == ["a-2"]
    assert await store.alert("default", "a-1") is None
    (mail,) = await store.lease(worker="w", now=START, limit=10, seconds=60)
    assert mail.notice.id == "a-2"
    assert (await store.mail_counts())["held"] == 1
    await store.commit(Changes(held={"account-1": False}))
    assert {row.id for row in await store.alerts("default")} == {"a-1", "a-2"}
    assert [mail.notice.id for mail in await store.lease(worker="w", now=START, limit=10, seconds=60)] == ["a-1"]


async def test_a_mail_that_was_under_way_when_its_account_was_restricted_is_sent_once(store: Store) -> None:
    await store.commit(both())
    mails = await store.lease(worker="w", now=START, limit=10, seconds=60)
    assert [await store.holds_mail(mail.id, worker="w") for mail in mails] == [True, True]
    assert not await store.holds_mail(mails[0].id, worker="another")
    await store.commit(Changes(held={"account-1": True}))
    assert {mail.notice.id: await store.holds_mail(mail.id, worker="w") for mail in mails} == {
        "a-1": False,
        "a-2": True,
    }
    for mail in mails:
        await store.settle_mail(mail.id, worker="w", now=START, state="sent")
    await store.commit(Changes(held={"account-1": False}))
    assert await store.lease(worker="w", now=START + HOUR, limit=10, seconds=60) == []
    assert (await store.mail_counts())["sent"] == 2


async def test_what_came_while_restricted_is_marked(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(records=[record(restricted=True), record("event-2")]))
    store = await reopen()
    assert [entry.restricted async for entry in store.history()] == [True, False]


async def test_what_is_asked_is_answered_once(store: Store, reopen: Opener) -> None:
    first, second = await store.ask(b"erase u-1", now=START), await store.ask(b"restrict u-2", now=START + 1)
    store = await reopen()
    assert await store.questions() == [(first, b"erase u-1"), (second, b"restrict u-2")]
    assert await store.answer(first) is None
    await store.reply(first, b"done", now=START + 2)
    assert await store.answer(first) == b"done"
    assert [id for id, _ in await store.questions()] == [second]
    await store.ask(b"later", now=START + 3 * DAY)
    assert await store.answer(first) is None


# Merging an account into another one


def key_of(store: Store, account: str) -> AccountKey:
    assert isinstance(store, SqliteStore)
    return store.vault.of(account)


async def give_over(store: Store) -> int:
    own: TrackKey = ("failures", ("default", "account-1"))
    return await store.reown(
        key_of(store, "account-1"),
        key_of(store, "account-2"),
        changed=lambda record: msgspec.structs.replace(record, account="account-2"),
        tracks={own: ("failures", ("default", "account-2"))},
    )


async def test_what_is_given_over_is_found_under_the_other_account(store: Store, reopen: Opener) -> None:
    changes = both()
    raw = Raw(event="e-1", account="u-1", ip="192.0.2.1")
    changes.records[0].raw = raw
    lost: TrackKey = ("unknown", ("default", "account-1"))
    changes.tracks[lost], changes.owners[lost] = Track(), "account-1"
    changes.tracks[lost].add(START, (), KEEP)
    await store.commit(changes)
    await recall(store, tracks=(("failures", ("default", "account-2")),))
    former = key_of(store, "account-1")
    assert await give_over(store) == 0
    assert await give_over(store) == 0
    parts = await store.parts([former, key_of(store, "account-2"), key_of(store, "nobody")])
    assert parts == {"account-1": (full_profile(), GIVEN), "account-2": (full_profile(), OTHER)}
    merged = Profile(trusted_logins=7)
    await store.merge(former, Changes(profiles={"account-2": merged}, held={"account-2": True}))
    async for again in as_is_and_reopened(store, reopen):
        assert await again.left_of(former.rows) == 0
        assert list(await again.parts([former, key_of(again, "account-2")])) == ["account-2"]
        records = [entry async for entry in again.history("account-2")]
        assert [(entry.key, entry.account, entry.account_id) for entry in records] == [
            ("event-1", "account-2", "u-1"),
            ("event-1b", "account-2", "u-1"),
            ("event-2", "account-2", "u-2"),
        ]
        assert await again.raw(records[0]) == raw
        past = await recall(
            again,
            profiles={"account-1", "account-2"},
            attributes={"account-1", "account-2"},
            tracks=(FAILURES, ("failures", ("default", "account-2")), lost),
        )
        assert past.profiles == {"account-1": Profile(), "account-2": merged}
        assert past.attributes == {"account-2": OTHER}
        assert len(past.tracks[FAILURES]) == 2
        assert len(past.tracks["failures", ("default", "account-2")]) == 1
        assert len(past.tracks[lost]) == 0
        assert await event_keys(again, alert("c-1", account=None, kind="campaign")) == ["event-1", "event-2"]
        assert (await again.mail_counts())["held"] == 2
    store = await reopen()
    await store.commit(Changes(held={"account-2": False}))
    assert {(row.id, row.account) for row in await store.alerts("default", account="account-2")} == {
        ("a-1", "account-2"),
        ("a-2", "account-2"),
    }
    mails = await store.lease(worker="w", now=START, limit=10, seconds=60)
    assert {(mail.notice.id, mail.notice.account) for mail in mails} == {("a-1", "account-2"), ("a-2", "account-2")}


async def test_links_in_mails_go_over_and_lead_to_the_account_that_is_left(store: Store, reopen: Opener) -> None:
    await store.commit(both())
    former = key_of(store, "account-1")
    await give_over(store)
    await store.merge(former, Changes(profiles={"account-2": Profile()}))
    again = await reopen()
    link = await again.answer_link(digest_of(token(again)))
    assert link is not None
    assert (link.notice.id, link.notice.account) == ("a-1", "account-2")
    assert await again.erase(key_of(again, "account-2").rows, "account-2") > 0
    assert await again.answer_link(digest_of(token(again))) is None


async def test_a_sent_mail_and_a_closed_alert_go_over_as_they_are(store: Store) -> None:
    changes = both()
    changes.closed["default", "a-1"] = "legitimate"
    await store.commit(changes)
    for mail in await store.lease(worker="w", now=START, limit=10, seconds=60):
        await store.settle_mail(mail.id, worker="w", now=START, state="sent")
    await give_over(store)
    states = {row.id: row.state for row in await store.alerts("default", account="account-2")}
    assert states == {"a-1": "legitimate", "a-2": "open"}
    assert (await store.mail_counts())["sent"] == 2
    assert await store.erase(key_of(store, "account-2").rows, "account-2") > 0
    assert (await store.mail_counts())["sent"] == 0


# What is let go of, step by step

LATER = utc_day(START) + 1


async def in_steps(step: Callable[[int], Awaitable[int]], limit: int = 7) -> int:
    """Ask for steps as whoever keeps house does: until one does less than it was asked for."""
    total = 0
    while True:
        done = await step(limit)
        assert done <= limit
        total += done
        if done < limit:
            return total


async def test_raw_values_are_cleared_up_to_a_day(store: Store, reopen: Opener) -> None:
    old = [record(f"e-{n}", raw=Raw(event=f"e-{n}", ip="192.0.2.7"), time=START + n) for n in range(20)]
    young = record("young", raw=Raw(event="young", ip="192.0.2.8"), time=START + DAY)
    await store.commit(Changes(records=[*old, young]))
    assert await in_steps(lambda limit: store.expire_raw(LATER - 2, limit=limit)) == 0
    assert await in_steps(lambda limit: store.expire_raw(LATER - 1, limit=limit)) == 20
    assert await in_steps(lambda limit: store.expire_raw(LATER - 1, limit=limit)) == 0
    async for again in as_is_and_reopened(store, reopen):
        assert [entry.key async for entry in again.history()] == [*(entry.key for entry in old), "young"]
        assert (await again.raw(msgspec.structs.replace(young, raw=None))).ip == "192.0.2.8"
        assert (await again.raw(msgspec.structs.replace(old[3], raw=None))).ip is None


async def test_records_go_by_day_with_their_places_in_campaigns(store: Store, reopen: Opener) -> None:
    old = [record(f"e-{n}", alert=None) for n in range(20)]
    young = record("young", time=START + DAY, alert=None)
    campaign = alert("c-1", account=None, kind="campaign", last=START + DAY)
    places = [("default", "c-1", entry.key) for entry in (*old, young)]
    await store.commit(Changes(records=[*old, young], alerts={("default", "c-1"): campaign}, campaigns=places))
    assert await in_steps(lambda limit: store.expire_records(LATER - 1, limit=limit)) == 20
    async for again in as_is_and_reopened(store, reopen):
        assert [entry.key async for entry in again.history()] == ["young"]
        assert await event_keys(again, campaign) == ["young"]
    # Posted again, the event is a new one, and no part of the campaign.
    await again.commit(Changes(records=[old[0]]))
    assert await event_keys(again, campaign) == ["young"]


async def test_alerts_of_all_tenants_go_by_the_day_they_were_last_seen(store: Store) -> None:
    rows = [alert(f"a-{n}", last=START - DAY) for n in range(9)] + [
        alert("a-1", tenant="shop", last=START - DAY), alert("a-90", first=START - DAY, last=START),
        alert("c-1", account=None, kind="campaign", last=START - DAY),
    ]  # fmt: skip
    await store.commit(Changes(alerts={(row.tenant, row.id): row for row in rows}))
    assert await in_steps(lambda limit: store.expire_alerts(LATER - 2, limit=limit)) == 11
    assert [row.id for row in await store.alerts("default")] == ["a-90"]
    assert await store.alerts("shop") == []


async def test_mails_go_when_they_are_done_with_and_when_nobody_needs_them(store: Store) -> None:
    start = START - START % DAY  # of what is done with, no more is kept than the day
    notices = [notice("done", time=start), notice("late", time=start - 1), notice("waits", time=start)]
    await store.commit(Changes(notices=[*notices, notice("just", time=start)]))
    mails = {mail.notice.id: mail.id for mail in await store.lease(worker="w", now=start, limit=10, seconds=1)}
    await store.settle_mail(mails["done"], worker="w", now=start - 1, state="sent")
    await store.settle_mail(mails["just"], worker="w", now=start, state="failed")
    assert await in_steps(lambda limit: store.expire_mails(start, limit=limit)) == 2
    assert {state: n for state, n in (await store.mail_counts()).items() if n} == {"pending": 1, "failed": 1}
    assert [mail.notice.id for mail in await store.lease(worker="v", now=start + DAY, limit=9, seconds=1)] == ["waits"]


async def test_verdicts_go_once_they_are_carried_out(store: Store) -> None:
    asked = AskedVerdict(tenant="default", about="alert", target="a-1", verdict="legitimate", time=START)
    first, second, third = [await store.ask_verdict(asked) for _ in range(3)]
    await store.settle_verdict(first, now=START - 1, answered=0, alerts=[])
    await store.settle_verdict(second, now=START, answered=0, alerts=[])
    assert await in_steps(lambda limit: store.expire_verdicts(START, limit=limit)) == 1
    assert [bool(await store.asked_verdicts(id)) for id in (first, second, third)] == [False, True, True]


async def test_how_much_is_due_is_counted_as_it_will_go(store: Store) -> None:
    await store.commit(everything())
    await store.commit(Changes(records=[record("raw", raw=Raw(event="raw", ip="192.0.2.7"))]))
    (mail,) = await store.lease(worker="w", now=START, limit=1, seconds=1)
    await store.settle_mail(mail.id, worker="w", now=START, state="sent")
    none = Due(raw_through=LATER - 2, records_through=LATER - 2)
    assert await store.expiring(none, mails_before=START - START % DAY) == Expiring()
    found = await store.expiring(Due(raw_through=LATER - 1, records_through=LATER - 1), mails_before=START + 1)
    assert found == Expiring(raw=1, records=2, alerts=1, mails=1)


async def test_what_is_kept_of_accounts_is_a_copy(store: Store, reopen: Opener) -> None:
    await store.commit(everything())
    await store.commit(Changes(attributes={"account-2": OTHER}))
    async for again in as_is_and_reopened(store, reopen):
        found = await again.kept(["account-1", "account-2", "account-3"])
        assert found == {
            "account-1": Kept(profile=full_profile(), attributes=GIVEN),
            "account-2": Kept(attributes=OTHER),
        }
        profile = found["account-1"].profile
        assert profile is not None
        profile.values.clear()
    assert (await recall(again, profiles={"account-1"})).profiles["account-1"] == full_profile()


async def test_an_account_without_a_past_is_dropped_and_no_other(store: Store, reopen: Opener) -> None:
    track = Track()
    track.add(START, ("account-1", 7, None), KEEP)
    both = {name: full_profile() for name in ("account-1", "account-2")}
    await store.commit(
        Changes(
            profiles=both,
            attributes={"account-1": GIVEN, "account-2": OTHER},
            notices=[notice(), notice("a-2", account="account-2")],
            tracks={FAILURES: track},
            owners={FAILURES: "account-1"},
            records=[record(account="account-2")],
            alerts={("default", "a-3"): alert("a-3", account="account-3")},
        )
    )
    assert [await store.has_past(f"account-{n}") for n in (1, 2, 3)] == [False, True, True]
    assert await store.drop_account("account-1") == 6
    assert await store.drop_account("account-1") == 0
    async for again in as_is_and_reopened(store, reopen):
        assert list(await again.kept(["account-1", "account-2"])) == ["account-2"]
        assert (await recall(again, profiles={"account-1"})).profiles["account-1"] == Profile()
    assert [mail.notice.id for mail in await again.lease(worker="w", now=START, limit=9, seconds=1)] == ["a-2"]
    assert len((await recall(again, tracks=(FAILURES,))).tracks[FAILURES]) == 0


async def test_space_is_given_back_in_steps(store: Store) -> None:
    await store.commit(Changes(records=[record(f"e-{n}", assessment=b"x" * 4000) for n in range(300)]))
    assert await store.expire_records(LATER, limit=1000) == 300
    assert await in_steps(lambda limit: store.reclaim(limit=limit), limit=20) > 250
    assert await store.scrub()
    assert await store.extent() == Extent()


async def test_a_mail_put_off_is_as_if_it_had_not_been_leased(store: Store) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="one", now=START, limit=1, seconds=600)
    await store.retry_mail(mail.id, worker="two", at=START, reason="", tried=False)  # not its holder
    await store.retry_mail(mail.id, worker="one", at=START + HOUR, reason="quiet hours", tried=False)
    assert await store.lease(worker="one", now=START + HOUR - 1, limit=1, seconds=60) == []
    (again,) = await store.lease(worker="one", now=START + HOUR, limit=1, seconds=60)
    assert (again.attempts, again.first_try) == (0, START + HOUR)
    await store.retry_mail(mail.id, worker="one", at=START + HOUR, reason="greylisted")
    (tried,) = await store.lease(worker="one", now=START + 2 * HOUR, limit=1, seconds=60)
    await store.retry_mail(mail.id, worker="one", at=START + 3 * HOUR, reason="rate limit", tried=False)
    (last,) = await store.lease(worker="one", now=START + 3 * HOUR, limit=1, seconds=60)
    assert (last.attempts, last.first_try) == (tried.attempts, tried.first_try) == (1, START + HOUR)


async def test_those_never_tried_go_before_those_that_failed(store: Store) -> None:
    await store.commit(Changes(notices=[notice(f"a-{number}") for number in range(3)]))
    for mail in await store.lease(worker="one", now=START, limit=2, seconds=60):
        await store.retry_mail(mail.id, worker="one", at=START, reason="greylisted")
    mails = await store.lease(worker="one", now=START, limit=3, seconds=60)
    assert [mail.notice.id for mail in mails] == ["a-2", "a-0", "a-1"]


async def test_a_refused_address_is_known_by_its_account_and_day_alone(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="one", now=START, limit=1, seconds=60)
    assert await store.refused("account-1", "ada@example.org") == await store.refusals() == 0
    await store.put_refusal(mail.id, "ada@example.org", worker="two")  # not its holder
    assert await store.refusals() == 0
    await store.put_refusal(mail.id, "ada@example.org", worker="one")
    await store.put_refusal(mail.id, "old@example.org", worker="one")
    await store.settle_mail(mail.id, worker="one", now=START, state="failed", reason="550")
    async for one in as_is_and_reopened(store, reopen):
        for address in ("Ada@Example.org", "old@example.org"):
            assert await one.refused("account-1", address) == START - START % DAY
        for account, address in (("account-1", "ada@example.com"), ("account-2", "ada@example.org")):
            assert await one.refused(account, address) == 0
        assert await one.refusals() == 1


def crowd(*ids: str, **values: Any) -> list[Notice]:
    return [notice(id, kind="new_sign_in", **values) for id in ids]


async def test_a_crowd_is_what_waits_for_its_first_try_and_is_not_critical(store: Store) -> None:
    await store.commit(Changes(notices=[
        *crowd("a-1", "a-2"), *crowd("b-1", account="account-2", tenant="shop"),
        notice("c-1", level="critical"), notice("d-1", kind="campaign", account=None),
    ]))  # fmt: skip
    assert await store.crowds(START) == {"default": 2, "shop": 1}
    taken = await store.lease(worker="one", now=START, limit=2, seconds=60)
    assert len(taken) == 2
    assert sum((await store.crowds(START)).values()) == 2
    for mail in taken:
        await store.retry_mail(mail.id, worker="one", at=START, reason="later")
    assert sum((await store.crowds(START + HOUR)).values()) == 2


async def test_mails_of_one_account_fold_into_one_that_tells_of_all(store: Store, reopen: Opener) -> None:
    change = notice("a-9", level="low", kind="credential_change", time=START + 9)
    await store.commit(Changes(notices=[
        *crowd("a-1", level="high", risk=70.0, events=2, earlier=1),
        *crowd("a-2", time=START + 1, events=2, earlier=1),
        change,
        *crowd("b-1", account="account-2"),
    ]))  # fmt: skip
    assert await store.fold_mails("shop", now=START) == 0
    assert await store.fold_mails("default", now=START) == 1
    assert await store.fold_mails("default", now=START) == 0
    store = await reopen()
    counts = await store.mail_counts()
    assert (counts["pending"], counts["folded"]) == (3, 1)
    mails = {mail.notice.id: mail.notice for mail in await store.lease(worker="w", now=START, limit=10, seconds=60)}
    assert set(mails) == {"a-2", "a-9", "b-1"}
    one = mails["a-2"]
    assert (one.kind, one.level, one.risk, one.events, one.earlier) == ("summary", "high", 70.0, 4, 2)
    assert mails["a-9"] == change
    assert [mail.state for mail in await store.mails_of("account-1")] == ["folded", "pending", "pending"]


async def test_a_mail_under_way_is_not_folded(store: Store) -> None:
    await store.commit(Changes(notices=crowd("a-1", "a-2", "a-3")))
    (mail,) = await store.lease(worker="one", now=START, limit=1, seconds=60)
    assert await store.fold_mails("default", now=START) == 1
    await store.settle_mail(mail.id, worker="one", now=START, state="sent")
    assert (await store.mail_counts())["pending"] == 1


# What the service's own systems are told


def hook(about: str = "event-1", **changed: Any) -> HookEvent:
    fields: dict[str, Any] = {
        "type": "assessment.raised", "tenant": "default", "account": "account-1", "time": START, "about": about,
        "data": {"event": "e-1", "account": "größer"}, "targets": ("auth", "audit"), "record": "event-1",
    }  # fmt: skip
    return HookEvent(**(fields | changed))


async def lease_hooks(store: Store, target: str = "auth", *, now: int = START, worker: str = "w-1") -> list[Hook]:
    return await store.lease_hooks(target, worker=worker, now=now, limit=10, seconds=60)


async def test_each_target_gets_what_was_committed_once(store: Store, reopen: Opener) -> None:
    await store.commit(Changes(hooks=[hook(), hook("event-2", targets=("auth",))]))
    await store.commit(Changes(hooks=[hook(), hook(account=None, type="campaign.detected")]))
    again = await reopen()
    found = await lease_hooks(again)
    assert [each.event for each in found] == [
        hook(), hook("event-2", targets=("auth",)), hook(account=None, type="campaign.detected")
    ]  # fmt: skip
    (first, campaign) = await lease_hooks(again, "audit")
    assert (first.event, first.name) == (hook(), found[0].name)
    assert len({each.name for each in found}) == 3
    assert await again.hook_targets() == {"auth", "audit"}
    await again.settle_hook(campaign.id, worker="w-1", now=START, state="delivered")
    assert await again.hook_counts() == {("audit", "pending"): 1, ("audit", "delivered"): 1, ("auth", "pending"): 3}


async def test_a_hook_is_held_by_one_worker_until_its_lease_runs_out(store: Store) -> None:
    await store.put_hooks([hook()])
    (first,) = await lease_hooks(store)
    assert (first.attempts, first.first_try) == (0, START)
    assert await lease_hooks(store, worker="w-2", now=START + 59 * SECOND) == []
    (taken,) = await lease_hooks(store, worker="w-2", now=START + 60 * SECOND)
    assert (taken.attempts, taken.first_try) == (1, START)
    await store.settle_hook(first.id, worker="w-1", now=START, state="dead")
    await store.retry_hook(first.id, worker="w-1", at=START, reason="late")
    assert await lease_hooks(store, worker="w-3", now=START + 61 * SECOND) == []
    await store.retry_hook(first.id, worker="w-2", at=START + HOUR, reason="answered 503")
    assert await lease_hooks(store, now=START + HOUR - 1) == []
    assert len(await lease_hooks(store, now=START + HOUR)) == 1


async def test_dead_letters_are_kept_and_sent_again_on_demand(store: Store) -> None:
    await store.put_hooks([hook(), hook("event-2", time=START - 3 * DAY), hook("event-3")])
    for each, state in zip(await lease_hooks(store), ("dead", "dead", "delivered"), strict=True):
        reason = "answered 500" if state == "dead" else ""
        await store.settle_hook(each.id, worker="w-1", now=START, state=state, reason=reason)  # type: ignore[arg-type]  # one of them
    (standing, _) = sorted(await store.hook_standings(), key=lambda each: each.target, reverse=True)
    assert (standing.states, standing.oldest) == ({"dead": 2, "delivered": 1}, 0)
    assert standing.reason == "answered 500"
    assert await store.replay_hooks("auth", since=START) == 1
    (again,) = await lease_hooks(store)
    assert (again.event, again.attempts, again.first_try) == (hook(), 0, START)
    assert await store.replay_hooks("auth") == 1
    assert await store.replay_hooks("nobody") == 0
    (standing, _) = sorted(await store.hook_standings(), key=lambda each: each.target, reverse=True)
    assert standing.oldest == START


async def test_what_waits_for_a_target_can_be_given_up(store: Store) -> None:
    await store.put_hooks([hook(), hook("event-2", targets=("auth",))])
    assert await store.bury_hooks("auth", now=START, reason="gone") == 2
    assert await lease_hooks(store) == []
    assert len(await lease_hooks(store, "audit")) == 1


async def test_a_target_stays_disabled_until_it_is_enabled(store: Store, reopen: Opener) -> None:
    gone = Disabled(target="auth", digest=b"d" * 32, since=START, reason="answered 410")
    await store.disable_hook(gone)
    await store.disable_hook(replace(gone, since=START + 1))
    again = await reopen()
    assert await again.disabled_hooks() == [replace(gone, since=START + 1)]
    await again.enable_hook("auth")
    assert await again.disabled_hooks() == []


async def test_hooks_of_a_restricted_account_wait(store: Store) -> None:
    await store.put_hooks([hook(), hook("event-2", account="account-2")])
    await store.commit(Changes(held={"account-1": True}))
    assert [each.event.about for each in await lease_hooks(store)] == ["event-2"]
    assert [each.state for each in await store.hooks_of("account-1")] == ["held", "held"]
    await store.commit(Changes(held={"account-1": False}))
    assert [each.event.about for each in await lease_hooks(store)] == ["event-1"]


async def test_a_dead_letter_of_a_restricted_account_waits_when_it_is_sent_again(store: Store) -> None:
    await store.put_hooks([hook(targets=("auth",)), hook("event-2", targets=("auth",), account="account-2")])
    for each in await lease_hooks(store):
        await store.settle_hook(each.id, worker="w-1", now=START, state="dead", reason="answered 500")
    await store.commit(Changes(held={"account-1": True}, profiles={"account-1": Profile(restricted_at=START)}))
    assert await store.replay_hooks("auth") == 2
    # What comes in later, of a mail that was under way, waits as well.
    await store.put_hooks([hook("event-3", targets=("auth",))])
    assert [each.event.about for each in await lease_hooks(store)] == ["event-2"]
    assert [each.state for each in await store.hooks_of("account-1")] == ["held", "held"]
    await store.commit(Changes(held={"account-1": False}, profiles={"account-1": Profile()}))
    again = await lease_hooks(store)
    assert [(each.event.about, each.attempts, each.first_try) for each in again] == [
        ("event-1", 0, START), ("event-3", 0, START)
    ]  # fmt: skip


async def test_hooks_go_with_their_account(store: Store) -> None:
    await store.put_hooks([hook(), hook("event-2", account="account-2")])
    key = store.vault.of("account-1")  # type: ignore[attr-defined]  # every store has one
    assert await store.left_of(key.rows) == 2
    await store.erase(key.rows, "account-1")
    assert [each.event.about for each in await lease_hooks(store)] == ["event-2"]
    assert await store.hooks_of("account-1") == []
    assert [(each.type, each.target) for each in await store.hooks_of("account-2")] == [
        ("assessment.raised", "auth"), ("assessment.raised", "audit")
    ]  # fmt: skip


async def test_hooks_expire_by_the_day_they_happened_on(store: Store) -> None:
    await store.put_hooks([hook(), hook("event-2", time=START - DAY)])
    assert await store.expire_hooks(utc_day(START) - 1, limit=100) == 2
    assert [each.event.about for each in await lease_hooks(store)] == ["event-1"]


async def test_a_mail_that_went_out_is_told_with_its_mark_and_only_then(store: Store) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="w-1", now=START, limit=1, seconds=60)
    told = hook(type="alert.sent", targets=("auth",))
    await store.settle_mail(mail.id, worker="another", now=START, state="sent", hooks=[told])
    assert await lease_hooks(store) == []
    await store.settle_mail(mail.id, worker="w-1", now=START, state="sent", hooks=[told])
    assert [each.event for each in await lease_hooks(store)] == [told]


async def test_hooks_that_wait_are_given_over_and_tell_of_the_other_account(store: Store) -> None:
    changes = both()
    changes.hooks = [hook(), hook("event-2", account="account-2")]
    await store.commit(changes)
    (done,) = await store.lease_hooks("audit", worker="w-1", now=START, limit=1, seconds=60)
    await store.settle_hook(done.id, worker="w-1", now=START, state="delivered")
    await give_over(store)
    await store.merge(key_of(store, "account-1"), Changes(), keep=True)
    assert [each.event.account for each in await lease_hooks(store)] == ["account-2", "account-2"]
    assert await store.hooks_of("account-1") == []
    assert sorted(each.state for each in await store.hooks_of("account-2")) == ["delivered", *["pending"] * 3]


async def test_of_a_mail_that_went_out_while_its_account_was_restricted_nobody_is_told(store: Store) -> None:
    await store.commit(Changes(notices=[notice()]))
    (mail,) = await store.lease(worker="w-1", now=START, limit=1, seconds=60)
    await store.commit(Changes(held={"account-1": True}))
    await store.settle_mail(mail.id, worker="w-1", now=START, state="sent", hooks=[hook(type="alert.sent")])
    assert (await store.mail_counts())["sent"] == 1
    assert await store.hook_counts() == {}
