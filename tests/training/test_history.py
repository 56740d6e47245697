"""What of stored history is learned from: whose, of which days, and what answers do to it."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.events.clock import DAY, to_micros, utc_day
from sentinel.pipeline.item import TenantSettings
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Record
from sentinel.store.sqlite.store import SqliteStore
from sentinel.training.history import Collected, collect
from sentinel.training.impostors import Impostors
from tests.pipeline.installation import AWAY, RULES, START, Installation, login
from tests.pipeline.test_merging import Merged

SETTINGS = TenantSettings(rules=RULES)
#: Flagged, but not high: another device at home.
NEW = {"device_id": "tablet", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"}
UNTIL = to_micros(START + timedelta(days=400))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Merged]:
    found = Merged(tmp_path)
    yield found
    await found.close()


@pytest.fixture
def inst(world: Merged) -> Installation:
    return world.inst


async def learned(
    inst: Installation, tenant: str = "default", *, until: int = UNTIL, window_days: int = 180
) -> Collected:
    return await collect(inst.store, tenant, SETTINGS, Impostors(None, 1), window_days=window_days, until=until, seed=1)


def kinds(found: Collected) -> Counter[tuple[str, bool]]:
    """Rows by kind, and by whether somebody answered."""
    table = found.table
    return Counter(
        (table.kinds[kind], bool(answered)) for kind, answered in zip(table.kind, table.answered, strict=True)
    )


def daily(days: int, account: str = "u-1", begin: int = 0, **fields: Any) -> list[dict[str, Any]]:
    return [login(24 * day, id=f"{account}-{day}", account=account, **fields) for day in range(begin, begin + days)]


async def test_each_trusted_login_is_a_row_but_the_first(inst: Installation) -> None:
    await inst.run([*daily(10), *daily(5, "u-2")])
    found = await learned(inst)
    assert kinds(found) == {("real", False): 13}
    assert (found.logins, found.accounts) == (15, 2)
    first = utc_day(to_micros(START))
    assert (found.first_day, found.last_day) == (first, first + 9)


async def test_nothing_is_learned_of_nothing(inst: Installation) -> None:
    found = await learned(inst)
    assert (len(found.table), found.logins, found.accounts) == (0, 0, 0)
    assert found.last_day - found.first_day + 1 == 0


NOT_LOGINS: dict[str, dict[str, Any]] = {
    "a failure": {"outcome": "failure", "reason": "bad_password"},
    "one refused": {"outcome": "blocked"},
    "one that waits": {"outcome": "pending"},
    "another type": {"type": "session_seen", "outcome": None, "session_id": "s"},
    "by an admin": {"actor": "admin"},
    "flagged high": AWAY,
    "flagged once": NEW,
}


@pytest.mark.parametrize("kind", NOT_LOGINS)
async def test_what_is_no_trusted_login_is_no_row(inst: Installation, kind: str) -> None:
    event = login(24 * 30, id="odd") | NOT_LOGINS[kind]
    await inst.run([*daily(10), {name: value for name, value in event.items() if value is not None}])
    found = await learned(inst)
    assert kinds(found) == {("real", False): 9}
    assert found.logins == 10


async def test_what_was_flagged_and_settled_since_is_a_row(inst: Installation) -> None:
    await inst.run([*daily(10), *daily(3, begin=20, **NEW)])
    assert kinds(await learned(inst)) == {("real", False): 9}
    await inst.run(daily(3, begin=36, **NEW))
    outcomes = await inst.run(daily(1, begin=40, **NEW))
    assert outcomes[0].assessment is not None
    assert outcomes[0].assessment.decision == "allow"
    found = await learned(inst)
    # As they were then: the new device's share of logins was nothing.
    assert kinds(found)["real", False] == 9 + 7
    assert found.logins == 17


async def test_what_was_flagged_high_is_no_row_though_all_of_it_is_trusted_since(inst: Installation) -> None:
    odd = login(24 * 20, id="odd") | AWAY
    again = login(24 * 21, id="again") | AWAY
    await inst.run([*daily(10), odd, again])
    await inst.run([inst.answer("again", "legitimate", at=START + timedelta(days=22))])
    assert kinds(await learned(inst)) == {("real", False): 9, ("real", True): 1}


async def test_answers_are_labels(inst: Installation) -> None:
    odd = login(24 * 20, id="odd") | AWAY
    await inst.run([*daily(10), odd])
    assert kinds(await learned(inst)) == {("real", False): 9}
    await inst.run([inst.answer("odd", "legitimate", at=START + timedelta(days=21))])
    assert kinds(await learned(inst)) == {("real", False): 9, ("real", True): 1}
    await inst.run([inst.answer("odd", "compromised", at=START + timedelta(days=22))])
    found = await learned(inst)
    assert kinds(found) == {("real", False): 9, ("answered", True): 1}
    assert found.logins == 10


async def test_what_a_challenge_stopped_is_an_attackers_when_somebody_says_so(inst: Installation) -> None:
    odd = login(24 * 20, id="odd") | AWAY | {"outcome": "failure", "reason": "mfa_failed", "password_ok": True}
    await inst.run([*daily(10), odd])
    await inst.run([inst.answer("odd", "compromised", at=START + timedelta(days=21))])
    assert kinds(await learned(inst)) == {("real", False): 9, ("answered", True): 1}


async def test_an_answer_changes_nothing_that_came_before_it(inst: Installation) -> None:
    odd = login(24 * 20, id="odd") | AWAY
    await inst.run([*daily(10), odd, *daily(5, begin=21)])
    before = await learned(inst)
    await inst.run([inst.answer("odd", "legitimate", at=START + timedelta(days=30))])
    after = await learned(inst)
    said = after.table.answered
    assert said.sum() == 1
    assert after.table.values[~said].tobytes() == before.table.values.tobytes()


async def test_restricted_accounts_are_left_out_whatever_came_before(world: Merged) -> None:
    inst = world.inst
    await inst.run([*daily(10), *daily(5, "u-2")])
    await world.ask("restrict", "u-1", reason="not mine")
    await inst.run(daily(5, begin=10))
    found = await learned(inst)
    assert (kinds(found), found.accounts) == ({("real", False): 4}, 1)
    await world.ask("lift", "u-1")
    # What came meanwhile is kept for the person alone.
    assert kinds(await learned(inst)) == {("real", False): 13}


async def test_erased_accounts_are_gone(world: Merged) -> None:
    await world.inst.run([*daily(10), *daily(5, "u-2")])
    await world.ask("erase", "u-1")
    found = await learned(world.inst)
    assert (kinds(found), found.accounts) == ({("real", False): 4}, 1)


async def test_two_accounts_that_became_one_are_one(world: Merged) -> None:
    inst = world.inst
    await inst.run([each for pair in zip(daily(10), daily(10, "u-2"), strict=True) for each in pair])
    await world.merge("u-1", "u-2")

    class Whose(Impostors):
        def note(self, sighting: Any) -> None:
            accounts.add(sighting.account)

    accounts: set[str] = set()
    found = await collect(inst.store, "default", SETTINGS, Whose(None, 1), window_days=180, until=UNTIL, seed=1)
    assert accounts == {inst.handle("u-2")}
    assert (found.accounts, kinds(found)) == (1, {("real", False): 19})


async def test_tenants_are_apart(inst: Installation) -> None:
    await inst.run([*daily(10), *[inst.arrival(each, tenant="shop") for each in daily(4, begin=2)]])
    assert kinds(await learned(inst)) == {("real", False): 9}
    shop = await learned(inst, "shop")
    assert kinds(shop) == {("real", False): 3}
    # Its own days, not those of the whole store.
    assert (shop.first_day, shop.last_day) == (utc_day(to_micros(START)) + 2, utc_day(to_micros(START)) + 5)
    assert (await learned(inst, "none")).logins == 0


async def test_nothing_older_than_the_window_is_read(inst: Installation) -> None:
    await inst.run([*daily(10), *daily(10, begin=30), *daily(3, "u-2", begin=37)])
    found = await learned(inst, window_days=10)
    last = utc_day(to_micros(START)) + 39
    assert (found.first_day, found.last_day) == (last - 9, last)
    # Its first login of the window has no past: what was before is not known.
    assert kinds(found) == {("real", False): 9 + 2}
    logins = [record async for record in inst.store.history() if record.time < (last - 9) * DAY]
    assert len(logins) == 10


async def test_events_of_a_wrong_clock_move_no_window(inst: Installation) -> None:
    await inst.run([*daily(10), login(24 * 3000, id="future")])
    found = await learned(inst, until=to_micros(START + timedelta(days=12)), window_days=20)
    assert kinds(found) == {("real", False): 9}
    assert found.last_day == utc_day(to_micros(START)) + 9


async def test_what_a_daemon_stores_meanwhile_is_for_the_next_time(
    inst: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.store.sqlite.store._PAGE", 2)
    await inst.run(daily(10))
    history = inst.store.history

    async def growing(*given: Any, **more: Any) -> AsyncIterator[Record]:
        async for record in history(*given, **more):
            if more.get("type") is None and record.event_id == "u-1-5":
                await inst.run([*daily(5, "late"), *daily(5, begin=10)])
            yield record

    monkeypatch.setattr(inst.store, "history", growing)
    assert (await learned(inst)).logins == 10


async def test_raw_values_are_never_opened(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    await inst.run([*daily(10), login(24 * 20, id="odd") | AWAY])
    await inst.run([inst.answer("odd", "compromised", at=START + timedelta(days=21))])
    opener = Vault.opener

    def refuse(vault: Vault, key: AccountKey, purpose: str, day: int) -> Any:
        assert purpose != "raw"
        return opener(vault, key, purpose, day)

    async def never(*given: Any) -> Any:
        raise AssertionError("raw values are not for training")

    monkeypatch.setattr(Vault, "opener", refuse)
    monkeypatch.setattr(SqliteStore, "raw", never)
    monkeypatch.setattr(SqliteStore, "attributes", never)
    assert kinds(await learned(inst)) == {("real", False): 9, ("answered", True): 1}


async def test_progress_goes_from_nothing_to_all(inst: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.training.history._STEP", 2)
    await inst.run(daily(20))
    heard: list[float] = []
    await collect(
        inst.store, "default", SETTINGS, Impostors(None, 1), window_days=180, until=UNTIL, seed=1, progress=heard.append
    )
    assert heard == sorted(heard)
    assert len(heard) > 5
    assert (heard[0] < 0.3, heard[-1]) == (True, 1.0)
