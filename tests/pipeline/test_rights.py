"""Rights where the store fails in between, and what the audit log keeps of them."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from sentinel.audit.details import ROW, open_details
from sentinel.audit.log import AuditLog
from sentinel.database import BUSY_SECONDS, connect
from sentinel.errors import Conflict, FieldError, StoreError
from sentinel.events.alert import alert_id
from sentinel.events.clock import DAY, HOUR
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import Ledger
from tests.pipeline.installation import AWAY, START, Installation, login

NOW = int(START.timestamp() * 1_000_000)


async def alone(work: Callable[[], Awaitable[Answer]]) -> Answer:
    return await work()


class Exercised:
    """An installation whose rights are exercised."""

    def __init__(self, folder: Path) -> None:
        self.inst = Installation(folder)
        vault = self.inst.vault
        self.ledger = Ledger(folder / "erasures.db", vault.root.derive("ledger"))
        self.log = AuditLog(folder / "audit.db", vault.root.derive("audit"))
        self.rights = Rights(self.inst.store, vault, self.ledger, alone, self.log)

    async def ask(self, what: str, account: str = "u-1", **more: Any) -> Answer:
        given: dict[str, Any] = {"what": what, "account": account, "time": NOW, "tenant": "default"} | more
        return await self.rights.exercise(Request(**given))


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Exercised]:
    made = Exercised(tmp_path)
    yield made
    made.log.close()
    made.ledger.close()
    await made.inst.store.close()
    made.inst.vault.close()


async def failing(it: Exercised, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An erasure whose rows could not be deleted; what their row ids are made of."""
    await it.inst.run([login(0), login(1)])
    rows = it.inst.vault.of(it.inst.handle()).rows

    async def full(rows: bytes, handle: str) -> int:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(it.inst.store, "erase", full)
        with pytest.raises(StoreError, match="full"):
            await it.ask("erase")
    assert it.inst.vault.find(it.inst.enricher.account_key("default", "u-1")) is None
    assert await it.inst.store.left_of(rows) > 0
    return rows


@pytest.mark.parametrize("how", ["upkeep", "the next erasure"])
async def test_an_erasure_that_a_failing_store_left_half_done_is_finished(
    it: Exercised, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    rows = await failing(it, monkeypatch)
    (begun,) = it.ledger.unfinished()
    later = begun.time + 60_000_000
    await (it.rights.retry(later) if how == "upkeep" else it.ask("erase", "somebody-else", time=later))
    finished = it.ledger.get(begun.receipt)
    assert finished is not None
    assert (finished.time, finished.done) == (begun.time, later)
    assert await it.inst.store.left_of(rows) == 0
    assert it.ledger.unfinished() == []


async def test_an_erasure_does_not_wait_for_who_reads_the_store(it: Exercised) -> None:
    await it.inst.run([login(0), login(0, account="u-2")])
    rows = [it.inst.vault.of(it.inst.handle(account)).rows for account in ("u-1", "u-2")]
    with closing(connect(it.inst.path, readonly=True)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM event").fetchone()
        await it.inst.run([login(1)])
        began = perf_counter()
        receipts = [(await it.ask("erase", account)).receipt for account in ("u-1", "u-2")]
        assert perf_counter() - began < BUSY_SECONDS / 4
        assert [await it.inst.store.left_of(each) for each in rows] == [0, 0]
        assert {each.receipt for each in it.ledger.unfinished()} == set(receipts)
        await it.rights.retry(NOW)
        assert len(it.ledger.unfinished()) == 2
    await it.rights.retry(NOW)
    assert it.ledger.unfinished() == []


async def test_nothing_is_sealed_with_a_key_whose_destruction_failed_at_the_end(
    it: Exercised, monkeypatch: pytest.MonkeyPatch
) -> None:
    await it.inst.run([login(0)])
    handle = it.inst.handle()

    def full(**_: object) -> None:
        raise sqlite3.OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(it.inst.vault.keyring, "_scrub", full)
        with pytest.raises(StoreError):
            await it.ask("erase")
    await it.inst.run([login(5)])
    assert it.inst.handle() != handle
    await it.rights.retry(NOW)
    assert await it.inst.store.record(it.inst.enricher.event_key("default", "e-5")) is not None


async def test_the_persons_own_words_are_sealed_in_the_log(it: Exercised) -> None:
    await it.inst.run([login(0)])
    await it.ask("restrict", reason="my neighbour knows my password", purpose="ticket 7")
    await it.ask("object", by="operator", actor="olga", reason="not like this")
    await it.ask("decide", decision="rejected", reason="needed for security")
    entries = it.log.show()
    assert [(entry.action, entry.purpose) for entry in entries] == [
        ("account.restrict", "ticket 7"), ("account.object", ""), ("account.object", ""),
    ]  # fmt: skip
    key = it.inst.vault.of(it.inst.handle())
    assert {entry.account for entry in entries} == {key.row(ROW)}
    assert [open_details(key, entry) for entry in entries] == [
        {"reason": "my neighbour knows my password"},
        {"reason": "not like this"},
        {"reason": "needed for security", "decision": "rejected"},
    ]
    assert b"neighbour" not in b"".join(file.read_bytes() for file in it.inst.path.parent.iterdir())


async def test_the_last_mail_is_not_named_by_the_accounts_own_id(it: Exercised) -> None:
    await it.inst.run([login(number, email="ada@example.org") for number in range(4)])
    await it.inst.run([it.inst.answer("e-3", "compromised")])
    time = NOW + 4 * HOUR
    assert (await it.ask("erase", time=time)).told
    (mail,) = await it.inst.store.lease(worker="w", now=time, limit=9, seconds=60)
    # What logs say of it must not be found again by trying account ids.
    assert mail.notice.id != alert_id("u-1", "credential_change", f"erased.{time}")


async def test_a_mail_under_way_when_the_account_is_restricted_does_not_go_out_again(it: Exercised) -> None:
    await it.inst.run([login(number, email="ada@example.org") for number in range(4)])
    await it.inst.run([login(9, email="ada@example.org", **AWAY)])
    (mail,) = await it.inst.store.lease(worker="w", now=NOW, limit=9, seconds=60)
    await it.ask("restrict")
    await it.inst.store.settle_mail(mail.id, worker="w", now=NOW, state="sent")
    await it.ask("lift")
    assert await it.inst.store.lease(worker="w", now=NOW + 90 * DAY, limit=9, seconds=60) == []


@pytest.mark.parametrize(
    ("what", "more", "error"),
    [
        ("lift", {}, Conflict),
        ("decide", {"decision": "rejected", "account": "u-2"}, Conflict),
        ("decide", {}, FieldError),
        ("merge", {"into": "u-1"}, FieldError),
        ("merge", {}, FieldError),
        ("merge", {"account": "u-3", "into": "u-2"}, Conflict),
        ("erase", {"account": "u-3"}, Conflict),
    ],
)
async def test_what_is_refused_is_not_noted_as_done(
    it: Exercised, what: str, more: dict[str, Any], error: type[Exception]
) -> None:
    await it.ask("object", by="operator")
    await it.ask("merge", "u-3", into="u-1")
    before = it.log.show()
    with pytest.raises(error):
        await it.ask(what, **more)
    assert it.log.show() == before


async def test_what_cannot_be_noted_is_not_done(it: Exercised) -> None:
    await it.inst.run([login(number) for number in range(3)])
    it.log.close()
    for what, more in (("restrict", {}), ("erase", {}), ("merge", {"into": "u-2"})):
        with pytest.raises(StoreError, match=r"audit\.db"):
            await it.ask(what, **more)
    profile = await it.inst.profile()
    assert profile is not None
    assert (profile.rights, profile.restricted) == ([], False)
    assert it.ledger.count() == 0
    assert it.inst.vault.keyring.merges() == []
    it.log = AuditLog(it.inst.path.parent / "audit.db", it.inst.vault.root.derive("audit"))
