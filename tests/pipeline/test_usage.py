"""Usage figures: whom they count, once a day, whatever way events are cut; and what of it ever reaches the disk."""

import itertools
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.errors import StoreError
from sentinel.events.sighting import Device
from sentinel.pipeline import usage, usage_cells
from sentinel.pipeline.item import Arrival, Call, NewAttributes, Outcome, UsagePolicy
from sentinel.pipeline.usage import Usage, begin, epsilon_of, least_of, scale_of
from sentinel.pipeline.usage_cells import cells, cells_of, dimensions
from sentinel.privacy.noise import spread
from sentinel.privacy.sealer import Sealer
from sentinel.rules.ruleset import RuleSet
from sentinel.store.protocol import USAGE_DAYS, Changes
from tests.builders import sighting
from tests.pipeline.installation import AWAY, START, Installation, encoded, login

DAY = int(START.timestamp()) // 86_400
#: Tells every cell that is not empty, so that counting itself can be seen.
OPEN = UsagePolicy(epsilon=100_000.0, min_cell=1)
FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def no_noise(scale: Fraction) -> int:
    return 0


def installation(folder: Path, policy: UsagePolicy | None = OPEN, **more: Any) -> Installation:
    return Installation(folder, rules=RuleSet(()), usage=policy, **({"noise": no_noise} | more))


def come(
    inst: Installation, id: str, at: timedelta = timedelta(), account: str | None = "u-1", **fields: Any
) -> Arrival:
    """A login posted ``at`` so long after the start, when it happened."""
    time = START + at
    tenant = fields.pop("tenant", "default")
    event = login(0, after=at) | {"account": account} | fields | {"id": id}
    given = {name: value for name, value in event.items() if value is not None}
    return inst.arrival(given, tenant=tenant, received=time)


async def told(inst: Installation, tenant: str = "default") -> dict[int, dict[str, dict[str, int]]]:
    """Day (0: that of the start) → dimension → numbers."""
    out: dict[int, dict[str, dict[str, int]]] = {}
    for one in await inst.store.usage(tenant, since=0):
        out.setdefault(one.day - DAY, {})[one.dimension] = one.numbers
    return out


async def ended(inst: Installation, days: int = 1) -> dict[int, dict[str, dict[str, int]]]:
    """What is told once the first event of a later day came."""
    await inst.one(come(inst, "ends", timedelta(days=days), account="last"))
    return await told(inst)


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


# Whom they count


async def test_an_account_counts_once_a_day_as_let_in_and_once_as_turned_away(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    hour = timedelta(hours=1)
    refused = {"outcome": "failure", "reason": "bad_password", **AWAY}
    await inst.run(
        [
            come(inst, "1", **refused),
            come(inst, "2", hour, **refused),
            come(inst, "3", 2 * hour, auth={"method": "passkey"}, user_agent=FOX),
            come(inst, "4", 3 * hour, auth={"method": "password"}, **AWAY),
            come(inst, "5", 4 * hour, outcome="blocked"),
            come(inst, "6", 5 * hour, account="u-2", outcome="blocked"),
            come(inst, "7", 26 * hour),
        ]
    )
    assert (await ended(inst, 3))[0] == {
        "logins": {"success": 1, "failure": 1, "blocked": 1},
        "methods": {"passkey": 1},
        "browsers": {"Firefox": 1},
        "countries": {"FR": 1},
    }
    assert (await told(inst))[1]["logins"] == {"success": 1}
    await inst.store.close()


NOT_COUNTED: dict[str, Callable[[Installation], Any]] = {
    "pending": lambda inst: come(inst, "1", outcome="pending"),
    "another type": lambda inst: come(inst, "1", type="session_seen", outcome=None),
    "no account": lambda inst: come(inst, "1", account=None, outcome="failure", reason="unknown_account"),
    "no such account": lambda inst: come(inst, "1", outcome="failure", reason="unknown_account"),
    "by an admin": lambda inst: come(inst, "1", actor="admin"),
    "from a file": lambda inst: msgspec.structs.replace(come(inst, "1"), received=None),
    "imported": lambda inst: msgspec.structs.replace(come(inst, "1"), silent=True),
}


@pytest.mark.parametrize("kind", NOT_COUNTED)
async def test_what_is_not_counted(tmp_path: Path, kind: str) -> None:
    inst = installation(tmp_path)
    await inst.run([NOT_COUNTED[kind](inst)])
    assert await inst.store.tallies() == {}
    await inst.store.close()


async def test_a_duplicate_a_conflict_and_a_restricted_account_are_not_counted(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    first = come(inst, "1")
    outcome = await inst.one(first)
    assert outcome.assessment is not None
    later = timedelta(days=1)
    await inst.run([come(inst, "1", later), msgspec.structs.replace(first, received=first.received + 86_400_000_000)])  # type: ignore[operator]
    assert await told(inst) == {0: {"logins": {"success": 1}, "methods": {"unknown": 1}, "browsers": {"unknown": 1},
                                    "countries": {"FR": 1}}}  # fmt: skip
    assert (await ended(inst, 2))[1]["logins"] == {}
    counting, changes = Usage({}, lambda day: Sealer(b"k" * 32), no_noise), Changes()
    profile = await inst.profile("u-1")
    assert profile is not None
    profile.usage_day = 0
    unjudged = Outcome(assessment=msgspec.structs.replace(outcome.assessment, level=None))
    for came, days in ((unjudged, {}), (outcome, {(DAY, "default")})):
        counting.count(first, came, {first.sighting.account or "": profile}, OPEN, changes)
        counting.note(changes)
        assert set(changes.tallies) == set(days)
    await inst.store.close()


async def test_a_name_that_does_not_exist_is_not_the_account_that_has_it_by_now(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "1", outcome="failure", reason="unknown_account"), come(inst, "2")])
    assert (await ended(inst))[0]["logins"] == {"success": 1}
    await inst.store.close()


async def test_a_concluded_login_is_one(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    minute = timedelta(minutes=1)
    await inst.run([come(inst, "1", outcome="pending"), come(inst, "2", minute, concludes="1")])
    assert (await ended(inst))[0]["logins"] == {"success": 1}
    await inst.store.close()


async def test_nothing_is_counted_unless_it_is_wanted_and_judging_is_the_same(tmp_path: Path) -> None:
    answers = []
    for name, policy in (("off", None), ("on", OPEN)):
        (tmp_path / name).mkdir()
        inst = Installation(tmp_path / name, usage=policy)
        events = [come(inst, str(n), timedelta(hours=9 * n), **(AWAY if n % 4 == 3 else {})) for n in range(12)]
        answers.append(encoded(await inst.run(events, size=5)))
        assert bool(await inst.store.tallies()) == (policy is not None)
        await inst.store.close()
    assert answers[0] == answers[1]


def test_an_app_cannot_call_itself_like_a_cell() -> None:
    base = sighting()
    names = {"unknown": "other", "program": "other", "Chrome Mobile iOS": "Chrome", None: "unknown"}
    for browser, cell in names.items():
        seen = msgspec.structs.replace(base, device=Device(browser=browser))
        assert cells()[f"browsers/{cell}"] in cells_of(seen)
    seen = msgspec.structs.replace(base, device=Device(browser="Chrome", type="bot"))
    assert cells()["browsers/program"] in cells_of(seen)
    assert cells()["countries/other"] in cells_of(sighting(place={"country": "ZZ"}))
    assert cells()["countries/unknown"] in cells_of(sighting())


def test_an_account_adds_no_more_than_the_noise_is_made_for() -> None:
    by_cell = {place: name.partition("/")[0] for name, place in cells().items()}
    let_in = Counter(by_cell[place] for place in cells_of(sighting()))
    refused = Counter(by_cell[place] for place in cells_of(sighting(outcome="failure", reason="bad_password")))
    assert {one.name: one.most for one in dimensions()} == let_in + refused
    policy = UsagePolicy(epsilon=1.5)
    assert sum(one.most / scale_of(one, policy) for one in dimensions()) == Fraction(3, 2)


# The same counts however events are cut

Logins = st.lists(
    st.tuples(
        st.integers(0, 20),  # hours since the one before
        st.sampled_from(["u-1", "u-2", "u-3"]),
        st.sampled_from(["success", "failure", "blocked"]),
        st.sampled_from(["FR", "JP"]),
        st.sampled_from(["same batch", "same batch", "next batch", "overlapping", "restart", "lost"]),
    ),
    min_size=1,
    max_size=40,
)


@given(Logins)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_counts_are_exact_over_batches_restarts_and_failures(logins: list[Any]) -> None:
    expected: dict[int, dict[str, Counter[str]]] = {}
    seen: set[tuple[int, str, bool]] = set()
    with TemporaryDirectory() as folder:
        inst = installation(Path(folder))
        hours, waiting, committing = 9, [], None
        for number, (step, account, outcome, country, then) in enumerate(logins):
            hours += step
            day, success = hours // 24, outcome == "success"
            counted = expected.setdefault(day, {"logins": Counter(), "countries": Counter()})
            if (day, account, success) not in seen:
                seen.add((day, account, success))
                counted["logins"][outcome] += 1
                counted["countries"].update([country] if success else [])
            at = timedelta(hours=hours - 9)
            waiting.append(come(inst, str(number), at, account, outcome=outcome, place={"country": country}))
            if then == "same batch" and number < len(logins) - 1:
                continue
            if then == "lost":
                await lose(inst, waiting, committing)
                committing = None
            batch = await inst.pipeline.judge(waiting)
            if committing is not None:
                await inst.pipeline.commit(committing)
            waiting, committing = [], batch
            if then != "overlapping" or number == len(logins) - 1:
                await inst.pipeline.commit(batch)
                committing = None
            if then == "restart":
                await inst.reopen()
        found = await ended(inst, hours // 24 + 2)
        await inst.store.close()
    for day, counts in expected.items():
        assert found[day]["logins"] == counts["logins"]
        assert found[day]["countries"] == counts["countries"]
    assert all(not found[day]["logins"] for day in set(found) - set(expected))


async def lose(inst: Installation, batch: list[Arrival], before: Any) -> None:
    """Judge a batch that the store then does not take."""
    judged = await inst.pipeline.judge(batch)
    if before is not None:
        await inst.pipeline.commit(before)
    judged.changes.prepared.append(("INSERT INTO nothing VALUES (?)", [1]))
    with pytest.raises(StoreError):
        await inst.pipeline.commit(judged)


async def test_events_that_overtake_each_other_at_midnight_count_once(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    before, after = timedelta(hours=14, minutes=59), timedelta(hours=15, minutes=1)
    await inst.one(come(inst, "0", account="u-3"))
    await inst.run([come(inst, "1", after), come(inst, "2", before), come(inst, "3", after)])
    await inst.run([come(inst, "4", before, account="u-2"), come(inst, "5", after, account="u-2")])
    assert (await ended(inst, 2))[1]["logins"] == {"success": 2}
    assert (await told(inst))[0]["logins"] == {"success": 2}
    await inst.store.close()


async def test_what_comes_for_a_day_that_is_over_counts_on_the_day_under_way(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "1"), come(inst, "2", timedelta(days=1), account="u-2")])
    await inst.reopen()
    await inst.one(come(inst, "3", timedelta(hours=1), account="u-3"))
    assert (await ended(inst, 2))[0]["logins"] == {"success": 1}
    assert (await told(inst))[1]["logins"] == {"success": 2}
    await inst.store.close()


async def test_tenants_have_days_of_their_own_that_end_together(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "1"), come(inst, "2", tenant="shop")])
    await inst.one(come(inst, "3", timedelta(days=2)))
    assert (await told(inst, "shop"))[0]["logins"] == {"success": 1}
    assert (await told(inst, "shop"))[1]["logins"] == {}
    await inst.store.close()


async def test_calls_are_counted_by_key_whatever_they_brought(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    call = Call("web", int(START.timestamp()) * 1_000_000)
    first = msgspec.structs.replace(come(inst, "1"), call=call)
    given = msgspec.structs.replace(inst.answer("1", "legitimate"), call=Call("app", call.at))
    named = login(9, email="ada@example.org")
    attributes = inst.arrival(named).attributes
    assert attributes is not None
    account = first.sighting.account or ""
    put = NewAttributes(tenant="default", account_key=account, attributes=attributes, call=call)
    await inst.run([first, come(inst, "2"), first, given, put])
    assert await inst.store.calls("default", since=0) == {(DAY, "default", "web"): 3, (DAY, "default", "app"): 1}
    await inst.store.close()


# What reaches the disk


async def test_the_noise_is_in_the_number_from_the_start(tmp_path: Path) -> None:
    drawn: list[Fraction] = []

    def noise(scale: Fraction) -> int:
        drawn.append(scale)
        return 1000 + len(drawn)

    inst = installation(tmp_path, UsagePolicy(epsilon=2.0, min_cell=10), noise=noise)
    await inst.run([come(inst, str(n), account=f"u-{n}") for n in range(5)])
    await inst.reopen()
    await inst.one(come(inst, "5", account="u-5"))
    assert drawn == [scale for one in dimensions() for scale in [scale_of(one, UsagePolicy())] * len(one.values)]
    found = (await ended(inst))[0]
    for name, place in cells().items():
        dimension, _, value = name.partition("/")
        counted = {"logins/success": 6, "methods/unknown": 6, "browsers/unknown": 6, "countries/FR": 6}.get(name, 0)
        assert found[dimension][value] == 1000 + place + 1 + counted
    await inst.store.close()


async def test_small_cells_are_never_written_and_the_running_day_is_gone(tmp_path: Path) -> None:
    inst = installation(tmp_path, UsagePolicy(epsilon=2.0, min_cell=10))
    people = [come(inst, f"a{n}", account=f"a{n}") for n in range(21)]
    await inst.run([*people, *(come(inst, f"b{n}", account=f"b{n}", **AWAY) for n in range(19))])
    found = (await ended(inst))[0]
    assert found["countries"] == {"FR": 21}
    assert found["logins"] == {"success": 40}
    assert rows(inst.path, "SELECT DISTINCT day FROM usage_open") == [(DAY + 1,)]
    assert [row for row in rows(inst.path, "SELECT numbers FROM usage") if "JP" in row[0]] == []
    await inst.store.close()


async def test_the_running_day_says_nothing_by_its_bytes(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    sizes = set()
    for size in (1, 200, 100):
        await inst.run([come(inst, f"{size}-{n}", account=f"{size}-{n}") for n in range(size)])
        ((sealed,),) = rows(inst.path, "SELECT sealed FROM usage_open")
        assert b"countries" not in sealed
        sizes.add(len(sealed))
    assert len(sizes) == 1
    assert rows(inst.path, "SELECT * FROM usage") == []
    await inst.store.close()


async def test_a_day_on_which_nobody_came_has_noise_like_any_other(tmp_path: Path) -> None:
    numbers = itertools.count(1)
    inst = installation(tmp_path, noise=lambda scale: next(numbers))
    await inst.one(come(inst, "1"))
    found = await ended(inst, 4)
    assert sorted(found) == [0, 1, 2, 3]
    counts = [found[day]["countries"]["ZW"] for day in sorted(found)]
    assert counts == [counts[0] + len(cells()) * day for day in range(4)]
    found = await ended(inst, 4)
    assert sorted(found) == [0, 1, 2, 3]
    await inst.one(come(inst, "much later", timedelta(days=2000)))
    assert min(set(await told(inst)) - {0, 1, 2, 3, 4}) == 2000 - USAGE_DAYS
    await inst.store.close()


async def test_another_policy_holds_from_the_next_day_on(tmp_path: Path) -> None:
    inst = installation(tmp_path, UsagePolicy(epsilon=2.0, min_cell=10))
    await inst.one(come(inst, "1"))
    inst._settings = msgspec.structs.replace(inst._settings, usage=UsagePolicy(epsilon=4.0, min_cell=500))
    await inst.reopen()
    await inst.one(come(inst, "2", timedelta(days=1)))
    await inst.one(come(inst, "3", timedelta(days=2)))
    told = [one for one in await inst.store.usage("default", since=0) if one.dimension == "logins"]
    assert [(one.epsilon, one.scale, one.least) for one in told] == [(0.5, 4.0, 21), (1.0, 2.0, 500)]
    await inst.store.close()


async def test_a_version_with_other_cells_goes_on_with_those_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inst = installation(tmp_path)
    with monkeypatch.context() as patched:
        before = (usage_cells.Dimension("logins", ("success", "gone"), 2), *dimensions()[1:])
        places = {name: at for at, name in enumerate(f"{one.name}/{value}" for one in before for value in one.values)}
        for module in (usage, usage_cells):
            patched.setattr(module, "dimensions", lambda: before)
            patched.setattr(module, "cells", lambda: places)
        patched.setattr(usage, "_names", lambda: "\n".join(places))
        await inst.run([come(inst, str(n), account=f"u-{n}") for n in range(3)])
    await inst.reopen()
    found = (await ended(inst))[0]
    assert found["logins"] == {"success": 3}
    assert found["countries"] == {"FR": 3}
    await inst.store.close()


def test_the_docs_state_the_budget_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "usage.md").read_text()
    policy = UsagePolicy()
    leasts = ", ".join(f"{least_of(one, policy)} for `{one.name}`" for one in dimensions())
    assert leasts in text
    logins, *others = dimensions()
    row = "| {} | {} | {:g} | {} | {:.1f} |"
    stated = (logins.most, float(epsilon_of(policy)), scale_of(logins, policy), spread(scale_of(logins, policy)))
    assert row.format("`logins`", *stated) in text
    (scale,) = {scale_of(one, policy) for one in others}
    assert f"| 1 each | 0.5 each | {scale} each | {spread(scale):.1f} each |" in text
    assert f"kept for {USAGE_DAYS} days" in text


def test_a_day_begins_with_noise_from_the_system() -> None:
    first, second = begin(UsagePolicy()), begin(UsagePolicy())
    assert len(first.numbers) == len(cells())
    assert first.numbers != second.numbers
