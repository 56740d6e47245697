"""An installation with something in every column: two people, an attack, mails, figures, verdicts, an audit log."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sentinel.audit.entry import Entry
from sentinel.audit.log import AuditLog
from sentinel.events.clock import DAY, utc_day
from sentinel.events.hook import HookEvent
from sentinel.pipeline.drift import Counted
from sentinel.pipeline.item import Arrival, Call, UsagePolicy
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import LEDGER_NAME, Ledger
from sentinel.privacy.sealer import Sealer, pack
from sentinel.store.hooks import Disabled
from sentinel.store.protocol import ApiKey, AskedVerdict, Changes
from tests.pipeline.installation import AWAY, KEY, START, Installation, login

NOW = int(START.timestamp() * 1_000_000)
PEOPLE = ("u-1", "u-2")
#: File → name of the database in the inventory.
FILES = {"store.db": "sentinel.db", "keyring.db": "keyring.db", LEDGER_NAME: LEDGER_NAME, "audit.db": "audit.db"}


class Filled(Installation):
    """See the module; :meth:`fill` fills it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, usage=UsagePolicy())
        self.folder = folder
        self.ledger = Ledger(folder / LEDGER_NAME, self.vault.root.derive("ledger"))
        self.audit = AuditLog(folder / "audit.db", self.vault.root.derive("audit"))
        self.rights = Rights(self.store, self.vault, self.ledger, alone=lambda work: work())

    async def fill(self) -> "Filled":
        """Let things happen."""
        for day in range(4):
            await self.run([self._come(day * 24, account) for account in PEOPLE])
        await self.run([self._come(99, account, **AWAY) for account in PEOPLE])
        # An attack on many; with the fifteenth account it is one, so that the campaign begins with u-1.
        names = [*(f"v-{number}" for number in range(14)), "u-1", "v-14", "u-2"]
        tries = [
            self._come(100, name, **AWAY | {"ip": "203.0.113.77", "outcome": "failure", "reason": "bad_password"})
            for name in names
        ]
        await self.run([replace(tries[0], call=Call("web", NOW)), *tries[1:]])
        await self.run([self.answer(f"e-24-{name}", "legitimate") for name in PEOPLE])
        await self.run([self._come(130, name) for name in PEOPLE])
        day = utc_day(NOW)
        counted = pack(Counted(0, 1, {"impostor 2026-10-01": bytes(16)}))
        await self.store.commit(
            Changes(drift={(day, "default"): self.vault.drift(day).seal(counted, f"drift.{day}.default")})
        )
        await self.store.put_key(
            ApiKey(name="web", tenant="default", digest=b"d" * 32, scopes=("events",), created=NOW)
        )
        for name in PEOPLE:
            handle = self.handle(name)
            for about, target in (
                ("account", handle),
                ("event", self.enricher.event_key("default", f"e-0-{name}")),
            ):
                await self.store.ask_verdict(
                    AskedVerdict(tenant="default", about=about, target=target, verdict="compromised", time=NOW)  # type: ignore[arg-type]  # one of them
                )
        (*_, asked) = await self.store.asked_verdicts()
        await self.store.settle_verdict(asked.id, now=NOW, answered=0, alerts=[])
        (mail, *_) = await self.store.lease(worker="test", now=NOW, limit=1, seconds=60)
        await self.store.retry_mail(mail.id, worker="test", at=NOW, reason="the mail server is down")
        told = [
            HookEvent(
                type="assessment.raised",
                tenant="default",
                account=self.handle(name),
                time=NOW,
                about=self.enricher.event_key("default", f"e-99-{name}"),
                data={"event": f"e-99-{name}", "account": name},
                targets=("auth",),
            )
            for name in PEOPLE
        ]
        await self.store.put_hooks(told)
        await self.store.disable_hook(Disabled(target="gone", digest=b"d" * 32, since=NOW, reason="answered 410"))
        question = await self.store.ask(b"a question about u-9", now=NOW)
        await self.store.ask(b"another question", now=NOW)
        await self.store.reply(question, b"an answer", now=NOW)
        await self.rights.exercise(self.request("restrict", "u-3"))
        await self.rights.exercise(self.request("erase", "u-4"))
        await self.rights.exercise(replace(self.request("merge", "u-5"), into="u-3"))
        for name in PEOPLE:
            key = self.vault.of(self.handle(name))
            sealer = self.vault.sealer(key, "own")
            assert sealer is not None
            self.audit.append(
                [
                    Entry(
                        time=NOW,
                        actor="ops",
                        role="operator",
                        action="account.show",
                        purpose="ticket 7",
                        tenant="default",
                        account=key.row("audit"),
                        sealed=sealer.seal(b"details " * 4, "audit"),
                    )
                ]
            )
        return self

    def _come(self, hours: int, account: str, **fields: Any) -> Arrival:
        time = START + timedelta(hours=hours)
        event = login(hours, account=account, **fields) | {
            "id": f"e-{hours}-{account}",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "session_id": f"s-{account}-{hours}",
            "email": f"{account}@example.org",
            "name": f"Made-up {account}",
        }
        return self.arrival(event, received=time)

    def request(self, what: str, account: str) -> Request:
        """A request of an operator."""
        return Request(what=what, tenant="default", account=account, time=NOW, by="operator")  # type: ignore[arg-type]  # one of them

    async def erase(self, account: str) -> Answer:
        """Erase an account."""
        return await self.rights.exercise(self.request("erase", account))

    async def close(self) -> None:
        """Give everything back."""
        await self.store.close()
        self.ledger.close()
        self.audit.close()
        self.vault.close()


def rows(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every row of every table of every database: database as the inventory calls it, table, value by column."""
    for file, name in FILES.items():
        with closing(sqlite3.connect(folder / file)) as database:
            database.row_factory = sqlite3.Row
            for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                for row in database.execute(f"SELECT * FROM {table}"):
                    yield name, table, dict(row)


def schema(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Database → table → columns, as they really are."""
    found: dict[str, dict[str, list[str]]] = {}
    for file, name in FILES.items():
        with closing(sqlite3.connect(folder / file)) as database:
            tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            found[name] = {
                table: [row[1] for row in database.execute(f"PRAGMA table_info({table})")] for (table,) in tables
            }
    return found


#: For each sealed column the identity of a row, which is bound into what is sealed.
ROWS: dict[str, Callable[[dict[str, Any]], str]] = {
    "sentinel.db event.raw": lambda row: f"{row['key']}/{row['tenant']}/{row['type']}",
    "sentinel.db event.record": lambda row: f"{row['key']}/{row['tenant']}/{row['type']}",
    "sentinel.db profile.sealed": lambda row: f"profile/{row['key']}",
    "sentinel.db attributes.sealed": lambda row: f"attributes/{row['key']}",
    "sentinel.db track.entries": lambda row: f"{row['name']}/{row['expires']}",
    "sentinel.db alert.sealed": lambda row: f"alert/{row['key']}/{row['tenant']}/{row['kind']}",
    "sentinel.db mail.notice": lambda row: f"mail/{row['alert']}",
    "sentinel.db hook.body": lambda row: f"hook/{row['target']}/{row['name']}",
    "sentinel.db answer_token.notice": lambda row: f"answer/{row['digest'].hex()}",
    "sentinel.db asked.question": lambda row: f"asked/{row['id']}/question",
    "sentinel.db asked.answer": lambda row: f"asked/{row['id']}/answer",
    "sentinel.db usage_open.sealed": lambda row: f"usage.{row['day']}.{row['tenant']}",
    "sentinel.db drift.sealed": lambda row: f"drift.{row['day']}.{row['tenant']}",
    "keyring.db slot.key": lambda row: "slot",
    "keyring.db value.sealed": lambda row: f"value/{row['name']}",
    "keyring.db account.key": lambda row: f"account/{row['number']}/{row['lookup']}",
    "keyring.db merged.note": lambda row: f"merged/{row['number']}",
    "keyring.db standing.sealed": lambda row: f"standing/{row['number']}",
    "keyring.db day.raw": lambda row: f"day/{row['day']}/raw",
    "keyring.db day.record": lambda row: f"day/{row['day']}/record",
    "erasures.db erasure.sealed": lambda row: row["receipt"],
    "audit.db entry.sealed": lambda row: "audit",
}


def keys(installation: Filled) -> list[tuple[bytes, set[str]]]:
    """Every key of the installation that seals something, with the names that the inventory may have for it."""
    vault = installation.vault
    root, days = vault.root, vault.days
    common = vault.of(None)
    accounts = [*vault.keyring.page(0, 1000), common, vault.of("campaigns:default")]
    found = [(each.derive("own"), {"account"} | ({"installation"} if each is common else set())) for each in accounts]
    found += [(each.derive("standing"), {"account"}) for each in accounts]
    for each in accounts:
        for day in days.values():
            assert day.raw is not None
            found.append((each.derive("raw", day.raw), {"account x raw day"}))
            found.append((each.derive("record", day.record), {"account x record day"}))
    found.append((root.derive("ledger"), {"installation"}))
    with closing(sqlite3.connect(installation.folder / "store.db")) as database:
        for purpose, query in (
            ("windows", f"SELECT DISTINCT expires / {DAY} FROM track"),
            ("usage", "SELECT DISTINCT day FROM usage_open"),
            ("drift", "SELECT DISTINCT day FROM drift"),
        ):
            found += [(root.derive(f"{purpose}/{day}"), {"installation"}) for (day,) in database.execute(query)]
    master = KEY.derive("keyring")
    with closing(sqlite3.connect(installation.folder / "keyring.db")) as database:
        (slot,) = database.execute("SELECT key FROM slot").fetchone()
    return [*found, (master, {"keyring"}), (Sealer(master).open(slot, "slot"), {"keyring"})]
