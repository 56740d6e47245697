"""Rights where the store fails in between, and what the audit log keeps of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.audit.details import ROW, open_details
from sentinel.audit.log import AuditLog
from sentinel.errors import StoreError
from sentinel.pipeline.rights import Answer, Request, Rights
from sentinel.privacy.ledger import Ledger
from tests.pipeline.installation import START, Installation, login

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
