"""Retention as the daemon does it: day after day over a real store, with a moved clock."""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sentinel.config import load
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.expiry import Expiry
from sentinel.daemon.kept import Order, answer_to, put_order, read_mark
from sentinel.daemon.models import model_registry
from sentinel.daemon.retention import Retention
from sentinel.daemon.retention_parts import make_retention
from sentinel.daemon.state import open_ledger
from sentinel.errors import StoreError
from sentinel.events.alert import OpenAlert
from sentinel.events.clock import DAY, HOUR, MINUTE, to_datetime, to_micros, utc_day
from sentinel.events.sighting import Attributes
from sentinel.past.profile import Profile
from sentinel.pipeline.item import NewAttributes
from sentinel.privacy.sure_clock import PATIENCE, SETTLING
from sentinel.store.protocol import Changes
from tests.models.made import fitting
from tests.pipeline.installation import AWAY, HOME, START, Installation, content, text

_T = TypeVar("_T")
BEGIN = to_micros(START)
FIRST = utc_day(BEGIN)


async def alone(work: Callable[[], Awaitable[_T]]) -> _T:
    return await work()


class House:
    """An installation with its retention. ``time`` is the clock, ``ticks`` what only counts (micros)."""

    def __init__(self, folder: Path, raw_days: int = 365) -> None:
        self.inst = Installation(folder, raw_days=raw_days)
        self.raw_days = raw_days
        self.time, self.ticks = BEGIN, 0
        self.logged: list[str] = []
        self.start()

    def start(self) -> None:
        """As the daemon does; again after :meth:`Installation.reopen`."""
        inst = self.inst
        self.retention = Retention(
            Expiry(inst.store, inst.vault, alone, {}, rest=0.0),
            inst.vault,
            raw_days=lambda: self.raw_days,
            log=lambda now, purpose: self.logged.append(purpose),
            clock=lambda: self.time,
            ticks=lambda: self.ticks,
        )

    def go(self, to: int) -> None:
        """Time goes by, for all clocks."""
        self.ticks += to - self.time
        self.time = to

    async def event(self, id: str, account: str = "u-1", *, ago: int = 0, **fields: Any) -> None:
        """An event over HTTP, of ``ago`` micros before now."""
        time = to_datetime(self.time - ago)
        event = {"id": id, "time": text(time), "account": account, "outcome": "success", "device_id": "laptop", **HOME}
        come = self.inst.arrival(event | fields, received=to_datetime(self.time))
        await self.inst.one(come)
        self.retention.witness(come.sighting.time)

    async def raws(self) -> dict[str, str | None]:
        """The raw address of each event that is there."""
        return {record.event_id: (await self.inst.store.raw(record)).ip async for record in self.inst.store.history()}

    def column(self, query: str) -> list[Any]:
        """The first column of what a query finds in the store's file."""
        with closing(sqlite3.connect(self.inst.path)) as database:
            return [row[0] for row in database.execute(query)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    return House(tmp_path)


async def test_four_hundred_days(tmp_path: Path) -> None:
    """Nothing older than a year is left, in the files or, with today's keys, in old copies of them; nothing younger is
    touched."""
    house = House(tmp_path, raw_days=90)
    inst = house.inst
    backups: dict[int, Path] = {}
    for day in range(400):
        house.go((FIRST + day) * DAY + 12 * HOUR)
        await house.event(f"daily-{day}", "daily")
        if day % 7 == 0:
            await house.event(f"weekly-{day}", "weekly", device_id=f"phone-{day // 70}")
        if day < 20:
            await house.event(f"gone-{day}", "gone", email="gone@example.org")
        if day in (5, 390):
            await house.event(f"rare-{day}", "rare", **AWAY)
        house.go((FIRST + day) * DAY + 23 * HOUR + MINUTE)
        looked = day % 40 == 0 or day in (89, 90, 364, 365, 366, 384, 385)
        if looked:
            before, raws = content(inst.path), await house.raws()
        await house.retention.round()
        assert house.retention.standing().error == ""
        raw_through, records_through = FIRST + day - 89, FIRST + day - 364
        assert min(inst.vault.days) == max(FIRST, records_through + 1)
        assert house.column(f"SELECT count(*) FROM event WHERE raw IS NOT NULL AND day <= {raw_through}") == [0]
        for table in ("event", "alert"):
            assert house.column(f"SELECT count(*) FROM {table} WHERE day <= {records_through}") == [0]
        if day in (1, 100, 200):
            backups[day] = tmp_path / f"backup-{day}" / "store.db"
            backups[day].parent.mkdir()
            with closing(sqlite3.connect(inst.path)) as old, closing(sqlite3.connect(backups[day])) as copy:
                old.backup(copy)
        if looked:
            after, term = content(inst.path), (records_through + 1) * DAY
            assert after["events"] == [event for event in before["events"] if event["time"] >= term]
            assert after["alerts"] == [alert for alert in before["alerts"] if alert["last"] >= term]
            left = await house.raws()
            assert left == {
                event["event_id"]: raws[event["event_id"]] if utc_day(event["time"]) > raw_through else None
                for event in after["events"]
            }
            assert sum(ip is not None for ip in left.values()) >= min(day, 89)
            known = dict(after["profiles"])
            for name, profile in before["profiles"]:
                for kind, values in profile["values"].items():
                    stay = {key: value for key, value in values.items() if value["last"] >= term}
                    assert known.get(name, {"values": {}})["values"].get(kind, {}) == stay
    # Whoever was not seen for a year is gone wholly, with what was known besides events; others are there.
    accounts = {name: inst.vault.find(inst.enricher.account_key("default", name)) for name in ("daily", "gone", "rare")}
    assert [name for name, key in accounts.items() if key is None] == ["gone"]
    # The one who came back after 385 days was gone, too, and is new.
    assert house.retention.total.accounts == 2
    rare = await inst.profile("rare")
    assert rare is not None
    assert set(rare.values["country"]) == {"JP"}
    for table in ("profile", "attributes"):
        assert len(house.column(f"SELECT key FROM {table}")) == {"profile": 3, "attributes": 0}[table]
    daily = await inst.profile("daily")
    assert daily is not None
    assert daily.trusted_logins == 400
    await inst.reopen()
    for made, path in backups.items():
        shutil.copy(tmp_path / "keyring.db", path.parent / "keyring.db")
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                "SELECT key, tenant, owner, ref, day, type, body, NULL, record, trusted, alert, raw FROM event"
            ).fetchall()
        opened = inst.store._rows.records([row[:11] for row in rows])
        assert {utc_day(record.time) for record in opened} == set(range(FIRST + 36, FIRST + made + 1))
        assert any(row[11] for row in rows), "the copy has raw values"
        sealed = {row[0]: (row[11], row[3]) for row in rows}
        assert all(inst.store._rows.raw(record, *sealed[record.key]).ip is None for record in opened)
    await inst.store.close()
    inst.vault.close()


async def test_with_one_day_raw_values_are_gone_by_its_end_and_none_come_after(tmp_path: Path) -> None:
    house = House(tmp_path, raw_days=1)
    house.go(FIRST * DAY + 22 * HOUR)
    await house.event("before")
    await house.retention.round()
    assert (await house.raws())["before"] == HOME["ip"]
    house.go(FIRST * DAY + 23 * HOUR)
    await house.retention.round()
    await house.event("after")
    assert await house.raws() == {"before": None, "after": None}
    # Neither on a day that has had no event yet, nor after a restart.
    house.go((FIRST + 1) * DAY + 23 * HOUR)
    await house.retention.round()
    await house.inst.reopen()
    house.start()
    await house.event("late")
    assert (await house.raws())["late"] is None
    house.go((FIRST + 2) * DAY)
    await house.event("next")
    assert (await house.raws())["next"] == HOME["ip"]


async def test_a_clock_that_jumps_ahead_destroys_nothing_until_events_bear_it_out(house: House) -> None:
    await house.event("e-1")
    await house.retention.round()
    right, house.time = house.time, house.time + 400 * DAY
    await house.retention.round()
    house.ticks += PATIENCE
    house.time += PATIENCE
    await house.retention.round()
    assert (await house.raws())["e-1"] == HOME["ip"]
    standing = house.retention.standing()
    assert "nothing expires" in standing.error
    assert standing.doubted
    house.time = right + PATIENCE  # set right again
    await house.retention.round()
    assert house.retention.standing().error == house.retention.standing().warning == ""
    assert (await house.raws())["e-1"] == HOME["ip"]


async def test_a_machine_that_was_off_catches_up_once_events_come(house: House) -> None:
    await house.event("e-1")
    await house.retention.round()
    await house.inst.reopen()
    house.time, house.ticks = house.time + 400 * DAY, 5
    house.start()
    await house.retention.round()
    standing = house.retention.standing()
    assert (standing.error, bool(standing.warning)) == ("", True), "a probe must not keep the events away"
    assert await house.raws() == {"e-1": HOME["ip"]}
    house.go(house.time + SETTLING)
    await house.event("e-2", ago=MINUTE)
    await house.retention.round()
    assert await house.raws() == {"e-2": HOME["ip"]}
    assert house.retention.standing().warning == ""


async def test_a_clock_set_back_destroys_nothing_and_is_told(house: House) -> None:
    for day in range(3):
        house.go((FIRST + day) * DAY + 12 * HOUR)
        await house.event(f"e-{day}")
        await house.retention.round()
    house.raw_days = 1
    house.time -= 2 * DAY
    await house.retention.round()
    assert None not in (await house.raws()).values()
    assert "behind" in house.retention.standing().warning
    house.time += 2 * DAY
    await house.retention.round()
    assert [ip for ip in (await house.raws()).values() if ip] == [HOME["ip"]]


async def test_a_person_says_that_the_clock_is_right(house: House) -> None:
    await house.event("e-1")
    await house.retention.round()
    house.time += 400 * DAY
    await house.retention.round()
    stale, order = Order(1, house.time - 2 * MINUTE, house.time), Order(2, house.time, house.time)
    put_order(house.inst.vault.keyring, stale)
    await house.retention.obey()
    answer = answer_to(house.inst.vault.keyring, stale)
    assert answer is not None
    assert "nothing was done" in answer.error
    assert await house.raws() != {}
    put_order(house.inst.vault.keyring, order)
    await house.retention.obey()
    answer = answer_to(house.inst.vault.keyring, order)
    assert answer is not None
    assert (answer.error, answer.done.records, answer.done.record_keys) == ("", 1, 1)
    assert await house.raws() == {}
    assert house.retention.standing().warning == ""
    runs = len(house.logged)
    await house.retention.obey()
    assert len(house.logged) == runs, "an order is carried out once"


async def test_an_order_reaches_to_the_end_of_today_and_no_further(tmp_path: Path) -> None:
    house = House(tmp_path, raw_days=1)
    await house.event("today")
    put_order(house.inst.vault.keyring, Order(1, house.time, house.time + 30 * DAY))
    house.raw_days = 2
    await house.retention.obey()
    assert (await house.raws())["today"] == HOME["ip"]
    house.raw_days = 1
    put_order(house.inst.vault.keyring, Order(2, house.time, house.time + 30 * DAY))
    await house.retention.obey()
    assert (await house.raws())["today"] is None


async def test_what_cannot_be_logged_is_not_done_and_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.event("e-1")
    await house.retention.round()

    def fail(now: int, purpose: str) -> None:
        raise StoreError("the audit log is full")

    monkeypatch.setattr(house.retention, "_log", fail)
    house.go(house.time + 364 * DAY)
    await house.event("e-2")
    await house.retention.round()
    assert (house.retention.standing().warning, house.retention.standing().error) == ("the audit log is full", "")
    house.go(house.time + 2 * DAY)
    await house.retention.round()
    assert "still there; the audit log is full" in house.retention.standing().error
    assert house.retention.standing().overdue
    monkeypatch.undo()
    await house.retention.round()
    assert house.retention.standing().error == ""
    assert await house.raws() == {"e-2": HOME["ip"]}


async def test_the_age_of_the_oldest_raw_address(house: House) -> None:
    assert house.retention.standing().raw_age is None
    await house.event("e-1", ago=3 * DAY)
    assert house.retention.standing().raw_age == house.time - (FIRST - 3) * DAY
    house.raw_days = 3
    await house.retention.round()
    assert house.retention.standing().raw_age is None


async def test_history_older_than_a_year_goes_at_the_next_chance(house: House) -> None:
    await house.event("e-1")
    await house.retention.round()
    await house.event("old", "u-2", ago=500 * DAY)
    house.go(house.time + MINUTE)
    await house.retention.round()
    assert await house.raws() == {"e-1": HOME["ip"]}
    assert house.retention.standing().error == ""


async def test_attributes_go_with_the_account_and_a_former_address_after_a_month(house: House) -> None:
    inst = house.inst
    given = Attributes(account="u-1", email="ada@example.org", as_of=house.time)
    await inst.one(
        NewAttributes(tenant="default", account_key=inst.enricher.account_key("default", "u-1"), attributes=given)
    )
    await house.event("e-0")
    await house.event("e-1", email="ada@example.net")
    handle = inst.handle()
    for days in (29, 31, 364, 366):
        house.go(BEGIN + days * DAY + 12 * HOUR)
        await house.event(f"other-{days}", "u-2")
        await house.retention.round()
        attributes = await inst.store.attributes(handle) if days < 365 else None
        former = attributes.previous_email if attributes else None
        assert former == ("ada@example.org" if days == 29 else None)
        assert (attributes is not None and attributes.email == "ada@example.net") == (days < 365)
    assert inst.vault.find(inst.enricher.account_key("default", "u-1")) is None
    assert house.column("SELECT key FROM attributes") == []


async def test_who_only_acts_for_others_keeps_the_key_for_a_year(house: House) -> None:
    inst = house.inst
    helper = {"actor": "admin", "actor_account": "helper", "type": "password_changed", "outcome": None}
    await house.event("e-1", **helper)
    key = inst.vault.find(inst.enricher.account_key("default", "helper"))
    assert key is not None
    for day in range(0, 367, 6):
        house.go(BEGIN + day * DAY)
        await house.event(f"d-{day}")
        await house.retention.round()
        there = inst.vault.find(inst.enricher.account_key("default", "helper"))
        assert (there is not None and there.handle == key.handle) == (day < 365), day


async def test_a_crash_between_rows_and_key_is_made_good(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    inst = house.inst
    await house.event("e-1")
    house.go(BEGIN + 366 * DAY)
    await house.event("e-2", "u-2")

    async def killed(work: Callable[[], object]) -> None:
        raise StoreError("killed")

    keep = inst.vault.run
    drop = inst.store.drop_account

    async def dropped(account: str) -> int:
        monkeypatch.setattr(inst.vault, "run", killed)
        return await drop(account)

    monkeypatch.setattr(inst.store, "drop_account", dropped)
    await house.retention.round()
    monkeypatch.undo()
    assert inst.vault.run == keep
    assert house.retention.standing().warning == "killed"
    assert inst.vault.find(inst.enricher.account_key("default", "u-1")) is not None
    await house.retention.round()
    assert len(house.column("SELECT key FROM profile")) == 1


async def test_keys_that_the_disk_would_not_let_go_of_are_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = house.inst.vault
    await house.event("e-1")

    def fail(**days: int) -> tuple[int, int]:
        raise StoreError("the disk is full")

    monkeypatch.setattr(vault.keyring, "destroy_days", fail)
    house.go(BEGIN + 366 * DAY)
    await house.event("e-2")
    await house.retention.round()
    assert "the disk is full" in house.retention.standing().error
    monkeypatch.undo()
    await house.retention.round()
    assert house.retention.standing().error == ""
    assert list(vault.keyring.days()) == [utc_day(house.time)]


async def test_open_campaigns_are_forgotten_by_the_same_term(house: House) -> None:
    store = house.inst.store
    await house.event("e-1")
    house.go(BEGIN + 400 * DAY)
    old, young = (
        OpenAlert(id=id, kind="campaign", level="high", risk=70.0, first=BEGIN, last=last)
        for id, last in (("c-1", house.time - 366 * DAY), ("c-2", house.time - 364 * DAY))
    )
    await store.commit(Changes(profiles={"campaigns:default": Profile(alerts=[old, young])}))
    await house.event("e-2", "u-2")
    await house.retention.round()
    left = await store.profile("campaigns:default")
    assert left is not None
    assert [alert.id for alert in left.alerts] == ["c-2"]


async def test_a_mark_knows_which_accounts_are_older_than_a_year(house: House) -> None:
    await house.event("e-1")
    for day in range(0, 800, 25):
        house.go(BEGIN + day * DAY)
        await house.event(f"e-{day}", f"u-{day}")
        await house.retention.round()
    mark = read_mark(house.inst.vault.keyring)
    assert len(mark.numbers) <= 365 // 25 + 2
    assert mark.created_by(house.time - 365 * DAY) >= (800 - 365) // 25 - 1
    assert mark.created_by(BEGIN - DAY) == 0


async def test_a_model_goes_by_the_end_of_its_last_day_and_not_before(tmp_path: Path) -> None:
    """From the first day that it learned from, 365 days pass, as for the events of that day."""
    (tmp_path / "sentinel.toml").write_text(f'state = "{tmp_path}"\nrules.directory = "{tmp_path}"\n')
    config, inst = load(tmp_path / "sentinel.toml"), Installation(tmp_path)
    registry = model_registry(config)
    first = to_datetime(FIRST * DAY).date()
    registry.add(fitting(first_day=first))
    registry.promote("default", "impostor")
    registry.add(fitting(version="2026-02-02", first_day=first + timedelta(days=1)))
    ends = (FIRST + 365) * DAY
    done = []
    with (
        closing(inst.vault),
        opened_audit(config, inst.vault) as audit,
        closing(open_ledger(config, inst.vault)) as ledger,
    ):
        for number, time in enumerate((ends - 2 * HOUR, ends - 30 * MINUTE, ends + 23 * HOUR)):

            def clock(time: int = time) -> int:
                return time

            retention = make_retention(
                lambda: config, inst.store, inst.vault, audit.log, ledger, alone=alone, clock=clock
            )
            # Somebody says that the clock is right.
            put_order(inst.vault.keyring, Order(number, time, time))
            await retention.obey()
            answer = answer_to(inst.vault.keyring, Order(number, time, time))
            assert answer is not None
            assert answer.error == ""
            done.append((answer.done.models, registry.held("default", "impostor").versions))
        await inst.store.close()
    assert done == [(0, (fitting().version, "2026-02-02")), (1, ("2026-02-02",)), (1, ())]
    assert list(registry.directory.glob("*/impostor-*")) == []
