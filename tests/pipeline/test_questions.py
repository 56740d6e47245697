"""What commands ask of whoever judges: written down first, done once, and answered whatever comes."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.audit.entry import Entry
from sentinel.audit.log import AuditLog
from sentinel.daemon.questions import answer_all
from sentinel.errors import FieldError, Overloaded, StoreError
from sentinel.events.sighting import Attributes
from sentinel.pipeline.item import Item, Outcome
from sentinel.pipeline.questions import (
    RECTIFIABLE,
    Question,
    Rectify,
    Refused,
    answer_question,
    encode_question,
    read_reply,
)
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import Ledger
from tests.pipeline.installation import Installation, login

NOW = 1_793_000_000_000_000


class Installed(Installation):
    """An installation with the person's rights and an audit log that can refuse."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ledger = Ledger(folder / "erasures.db", self.vault.root.derive("ledger"))
        self.log = Log(folder / "audit.db", self.vault.root.derive("audit"))
        self.rights = Rights(self.store, self.vault, self.ledger, alone=lambda work: work(), log=self.log)

    async def ask(self, question: Question | bytes) -> Answer:
        data = question if isinstance(question, bytes) else encode_question(question)
        return read_reply(await answer_question(data, self.rights, self.pipeline.process, self.vault, self.log))


class Log(AuditLog):
    """An audit log that can be full; ``seen`` is called with what is written, at that moment."""

    full = False
    seen: Any = None

    def append(self, entries: Sequence[Entry]) -> int:
        if self.full:
            raise StoreError("audit.db: the disk is full")
        if self.seen is not None:
            self.seen(entries)
        return super().append(entries)


@pytest.fixture
async def inst(tmp_path: Path) -> AsyncIterator[Installed]:
    one = Installed(tmp_path)
    await one.run([login(number) for number in range(3)])
    yield one
    await one.store.close()
    one.log.close()
    one.ledger.close()
    one.vault.close()


def request(what: Any, account: str = "u-1", **more: Any) -> Request:
    return Request(what=what, tenant="default", account=account, time=NOW, by="operator", actor="ada", **more)


async def test_an_entry_is_written_before_anything_is_done(inst: Installed) -> None:
    known: list[tuple[str, bool, str | None]] = []

    def seen(entries: Sequence[Entry]) -> None:
        there = inst.vault.find(inst.enricher.account_key("default", "u-1")) is not None
        known.extend((entry.action, there, entry.account) for entry in entries)

    inst.log.seen = seen
    row = inst.vault.of(inst.handle()).row("audit")
    await inst.ask(request("restrict"))
    await inst.ask(request("lift"))
    erased = await inst.ask(request("erase", purpose="letter"))
    assert known == [("account.restrict", True, row), ("account.lift", True, row), ("account.erase", True, row)]
    assert inst.vault.find(inst.enricher.account_key("default", "u-1")) is None
    (entry,) = inst.log.show(action="account.erase")
    assert (entry.actor, entry.role, entry.purpose, entry.time) == ("ada", "operator", "letter", NOW)
    assert erased.receipt is not None
    # Of an account never heard of the entry has nothing to be found by; a restriction makes it known.
    await inst.ask(request("erase", "nobody"))
    await inst.ask(request("restrict", "somebody"))
    assert known[3][2] is None
    assert known[4][2] == inst.vault.of(inst.handle("somebody")).row("audit")


async def test_what_cannot_be_written_down_is_not_done(inst: Installed) -> None:
    inst.log.full = True
    questions: list[Question] = [request(what) for what in ("erase", "restrict", "object")]
    given = Attributes(account="u-1", name="Ada")
    for question in [*questions, Rectify(tenant="default", account="u-1", time=NOW, attributes=given)]:
        with pytest.raises(Refused, match="the disk is full"):
            await inst.ask(question)
    profile = await inst.profile()
    assert profile is not None
    assert (profile.restricted, profile.rights) == (False, [])
    assert await inst.store.attributes(inst.handle()) is None
    assert inst.ledger.entries() == []


async def test_who_asks_in_vain_is_told_why(inst: Installed) -> None:
    for question, text in [
        (request("decide", decision="upheld"), "no objection to decide"),
        (request("restrict", reason="x" * 501), "reason: expected one line"),
        (request("restrict", purpose="two\nlines"), "purpose: expected one line"),
        (b"no question", "different versions"),
        (msgspec.msgpack.encode(["right", "dance", "default", "u-1", 1]), "different versions"),
    ]:
        with pytest.raises(Refused, match=text):
            await inst.ask(question)


async def test_attributes_are_replaced_and_forgotten_and_only_their_names_are_told(inst: Installed) -> None:
    given = Attributes(account="u-1", email="ada@example.org", name="Ada", tags=("admin",), as_of=NOW)
    await inst.ask(Rectify(tenant="default", account="u-1", time=NOW, attributes=given))
    none = Attributes(account="u-1", as_of=NOW)
    await inst.ask(Rectify(tenant="default", account="u-1", time=NOW, attributes=none, forget=("name", "tags")))
    kept = await inst.store.attributes(inst.handle())
    assert kept == Attributes(account="u-1", email="ada@example.org", as_of=NOW)
    await inst.ask(Rectify(tenant="default", account="u-1", time=NOW, attributes=none, forget=("email",)))
    kept = await inst.store.attributes(inst.handle())
    assert kept is not None
    assert kept.email is None
    moved = Attributes(account="u-1", email="ada@new.example.org", previous_email="bob@example.org", as_of=NOW)
    await inst.ask(Rectify(tenant="default", account="u-1", time=NOW, attributes=moved))
    await inst.ask(Rectify(tenant="default", account="u-1", time=NOW, attributes=none, forget=("previous_email",)))
    kept = await inst.store.attributes(inst.handle())
    assert kept is not None
    assert (kept.email, kept.previous_email, kept.previous_until) == ("ada@new.example.org", None, 0)
    sealed = [entry.sealed for entry in inst.log.show(action="account.rectify")]
    assert all(each is not None and b"email" not in each for each in sealed)


def test_every_attribute_can_be_put_right() -> None:
    apart = {"account", "as_of", "previous_until"}
    assert set(RECTIFIABLE.values()) == set(Attributes.__struct_fields__) - apart


async def test_all_that_is_asked_is_answered(inst: Installed, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Rights):
        async def exercise(self, request: Request) -> Answer:
            if request.account == "u-broken":
                raise RuntimeError("inside")
            return await super().exercise(request)

    rights = Broken(inst.store, inst.vault, inst.ledger, alone=lambda work: work(), log=inst.log)
    ids = [
        await inst.store.ask(encode_question(request("restrict", account)), now=NOW)
        for account in ("u-broken", "u-1", "u-2")
    ]
    assert await answer_all(inst.store, rights, inst.pipeline.process, inst.vault, inst.log)
    assert await inst.store.questions() == []
    with pytest.raises(Refused, match="broke off inside"):
        read_reply(await inst.store.answer(ids[0]) or b"")
    assert [read_reply(await inst.store.answer(id) or b"").restricted for id in ids[1:]] == [True, True]
    assert "u-1" not in caplog.text


async def test_what_is_asked_while_stopping_waits_for_the_next(inst: Installed) -> None:
    async def stopping(items: Sequence[Item]) -> list[Outcome]:
        raise Overloaded("the daemon is stopping")

    async def refusing(items: Sequence[Item]) -> list[Outcome]:
        raise FieldError("account", "too long")

    given = Attributes(account="u-1", name="Ada", as_of=NOW)
    question = encode_question(Rectify(tenant="default", account="u-1", time=NOW, attributes=given))
    id = await inst.store.ask(question, now=NOW)
    assert not await answer_all(inst.store, inst.rights, stopping, inst.vault, inst.log)
    assert [found for found, _ in await inst.store.questions()] == [id]
    assert await answer_all(inst.store, inst.rights, refusing, inst.vault, inst.log)
    with pytest.raises(Refused, match="account: too long"):
        read_reply(await inst.store.answer(id) or b"")
