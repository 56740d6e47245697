"""An installation and what has been done to it: each deed can be done again to another one."""

import asyncio
import shutil
import sqlite3
from collections.abc import Coroutine, Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sentinel.pipeline.backtest import Plan, answered, play
from sentinel.pipeline.item import NewAttributes, Outcome, TenantSettings
from sentinel.pipeline.played import Played
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.ledger import Ledger
from sentinel.store.protocol import Mail
from tests.pipeline.installation import START, TOLD, Installation, text
from tests.privacy.erasure import crowd

_T = TypeVar("_T")
#: Who there is: tenant and number.
PEOPLE = [(tenant, number) for tenant in ("default", "shop") for number in range(2)]


class Who(NamedTuple):
    """An account."""

    tenant: str
    number: int

    @property
    def account(self) -> str:
        """Its id at the service; both tenants have the same ones."""
        return f"person-{self.number}"


class Deed(NamedTuple):
    """Something done. ``life`` counts the lives of accounts: who comes back after an erasure begins another."""

    what: str
    who: Who | None
    life: int
    time: int  #: minutes since the start
    details: dict[str, Any]
    restricted: bool = False  #: the account was, when it was done


def moment(minutes: int) -> int:
    """Micros of a time in minutes since the start."""
    return int((START + timedelta(minutes=minutes)).timestamp() * 1_000_000)


class World:
    """An installation in ``folder``, to be used from outside any event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._loop = asyncio.new_event_loop()
        self._open()

    def _open(self) -> None:
        self.inst = Installation(self.folder, hooks=TOLD)
        self.rights: Rights
        self.ledger: Ledger
        self.rights, self.ledger = crowd.rights(self.inst)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run something to its end."""
        return self._loop.run_until_complete(work)

    def stop(self) -> None:
        """Stop as a daemon stops."""
        self.run(self.inst.store.close())
        self.inst.vault.close()
        self.ledger.close()

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self.run(self._loop.shutdown_default_executor())
        self._loop.close()

    def reopen(self) -> None:
        """A restart."""
        self.stop()
        self._open()
        assert self.run(self.rights.finish(0)) == 0

    # Backup and restore

    def backup(self) -> None:
        """A consistent copy of the store, while it is in use."""
        target = self.folder / "backup.db"
        target.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.inst.path)) as database, closing(sqlite3.connect(target)) as copy:
            database.backup(copy)

    def restore(self) -> None:
        """The copy put back, under today's keys; ledger and standings are replayed before anything is served."""
        self.stop()
        for end in ("-wal", "-shm"):
            self.inst.path.with_name(self.inst.path.name + end).unlink(missing_ok=True)
        shutil.copy(self.folder / "backup.db", self.inst.path)
        self._open()
        for erasure in self.ledger.entries():
            self.inst.vault.keyring.destroy_accounts([erasure.handle])
            self.run(self.inst.store.erase(erasure.rows, erasure.handle))
            assert self.run(self.inst.store.left_of(erasure.rows)) == 0
        self.run(self.rights.finish(0))

    def owned(self) -> dict[str, int]:
        """How many rows of each table are an account's."""
        tables = {"event": "owner", "alert": "owner", "mail": "owner", "track": "owner", "attributes": "key"}
        with closing(sqlite3.connect(self.inst.path)) as database:
            return {
                table: database.execute(f"SELECT count({column}) FROM {table}").fetchone()[0]
                for table, column in tables.items()
            }

    # Deeds

    def key(self, who: Who) -> AccountKey | None:
        """The account's key."""
        return self.inst.vault.find(self.inst.enricher.account_key(who.tenant, who.account))

    def do(self, deed: Deed) -> Any:
        """Do something; the same on every world."""
        return getattr(self, deed.what)(deed)

    def post(self, deed: Deed) -> list[Outcome]:
        """Events."""
        assert deed.who is not None
        return self.run(
            self.inst.run([self.inst.arrival(event, tenant=deed.who.tenant) for event in deed.details["events"]])
        )

    def answer(self, deed: Deed) -> Outcome:
        """The service's answer about an event."""
        assert deed.who is not None
        at = START + timedelta(minutes=deed.time)
        event, verdict = deed.details["event"], deed.details["verdict"]
        return self.run(self.inst.one(self.inst.answer(event, verdict, tenant=deed.who.tenant, at=at)))

    def rectify(self, deed: Deed) -> None:
        """Other attributes."""
        assert deed.who is not None
        who = deed.who
        told = event(who, deed.life, deed.time, "-", **deed.details)
        given = self.inst.arrival(told, tenant=who.tenant).attributes
        assert given is not None
        key = self.inst.enricher.account_key(who.tenant, who.account)
        self.run(self.inst.run([NewAttributes(tenant=who.tenant, account_key=key, attributes=given)]))

    def exercise(self, deed: Deed) -> Answer:
        """A right."""
        assert deed.who is not None
        request = Request(
            tenant=deed.who.tenant, account=deed.who.account, time=moment(deed.time), by="operator", **deed.details
        )
        return self.run(self.rights.exercise(request))

    def deliver(self, deed: Deed) -> list[Mail]:
        """What the courier does: some mails go out, some have to wait."""
        now = moment(deed.time)
        mails = self.run(self.inst.store.lease(worker="courier", now=now, limit=1000, seconds=300))
        for mail in mails:
            if int(mail.notice.id[-1], 16) % 3:
                self.run(self.inst.store.settle_mail(mail.id, worker="courier", now=now, state="sent"))
            else:
                at = moment(deed.time + 60)
                self.run(self.inst.store.retry_mail(mail.id, worker="courier", at=at, reason="server down"))
        return mails

    def replayed(self) -> dict[str, Any]:
        """What a backtest learns from the history, with accounts by their pseudonyms."""

        async def learn() -> tuple[Played, int]:
            store = self.inst.store
            extent = await store.extent()
            plan = Plan(records=extent.records, since=0, until=1 << 62, answered=await answered(store))
            settings: TenantSettings = self.inst._settings
            return await play(store, lambda tenant: settings, plan), extent.records

        played, _ = self.run(learn())
        names = {key.handle: key.lookup for key in self.inst.vault.keyring.page(0, 1000)}
        marks = played.marks
        return {
            "totals": (played.events, played.logins, played.decisions, played.mails, played.sets),
            "marks": list(zip(marks.keys, marks.times, marks.risks, marks.decisions, marks.found, strict=True)),
            "accounts": [names[handle] if handle else None for handle in marks.accounts],
            "alerts": sorted(
                (each.kind, each.event, each.last, each.rules, each.mails) for each in played.alerts.values()
            ),
        }


def event(who: Who, life: int, minutes: int, id: str, *, stranger: bool = False, **fields: Any) -> dict[str, Any]:
    """A login of somebody, from home or by a stranger. Each life has networks and devices of its own: what counts for
    networks goes on counting, whoever is erased."""
    mark = life + 1000 * stranger
    return {
        "id": id, "time": text(START + timedelta(minutes=minutes)), "account": who.account, "outcome": "success",
        "ip": f"2001:db8:{mark:x}::7", "device_id": f"device-{mark}", "user_agent": f"Sample/{mark}.0",
        "place": {"country": "JP" if stranger else "FR", "city": f"Town {mark}", "lat": 35.0 if stranger else 48.0,
                  "lon": 139.0 if stranger else 2.0, "accuracy_km": 20},
        "network": {"asn": 4_200_000_000 + mark, "organisation": f"Example {mark}", "kind": "residential"},
    } | fields  # fmt: skip


def twin(folder: Path, deeds: Iterable[Deed]) -> World:
    """Another installation to which only these things were done."""
    world = World(folder)
    for deed in deeds:
        world.do(deed)
    return world
