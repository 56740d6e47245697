"""One account goes into another: its history, its trusted past and its rights with it, whatever comes between."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.audit.log import AuditLog
from sentinel.errors import Conflict, FieldError, StoreError
from sentinel.events.clock import DAY, to_text
from sentinel.events.sighting import Attributes
from sentinel.export.gather import rights_data
from sentinel.pipeline.item import NewAttributes
from sentinel.pipeline.merging import attributes_of_both
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting, unpack_windows
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.ledger import Ledger
from sentinel.store.protocol import AskedVerdict, Record
from sentinel.store.sqlite import reowning
from sentinel.store.sqlite.store import SqliteStore
from tests.pipeline.installation import AWAY, HOME, RULES, START, Installation, content, login, open_vault

NOW = int((START + timedelta(days=20)).timestamp() * 1_000_000)
WORK: dict[str, Any] = {
    "ip": "198.51.100.8",
    "place": {"country": "DE", "city": "Berlin", "lat": 52.5, "lon": 13.4, "accuracy_km": 20},
    "network": {"asn": 64497, "organisation": "Example Work", "kind": "business"},
    "device_id": "tablet",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}


async def alone(work: Callable[[], Awaitable[Answer]]) -> Answer:
    return await work()


class Merged:
    """An installation whose rights are exercised; :meth:`again` is a restart, which finishes what was begun."""

    def __init__(self, folder: Path) -> None:
        self.inst = Installation(folder)
        self._open()

    def _open(self) -> None:
        inst = self.inst
        self.ledger = Ledger(inst.path.parent / "erasures.db", inst.vault.root.derive("ledger"))
        self.rights = Rights(inst.store, inst.vault, self.ledger, alone, series=lambda tenant: RULES.series)

    async def ask(self, what: str, account: str = "u-1", **more: Any) -> Answer:
        given = {"time": NOW, "tenant": "default"} | more
        return await self.rights.exercise(Request(what=what, account=account, **given))  # type: ignore[arg-type]  # one of them

    async def merge(self, account: str = "u-1", into: str = "u-2", **more: Any) -> Answer:
        return await self.ask("merge", account, into=into, **more)

    async def again(self) -> int:
        self.ledger.close()
        await self.inst.reopen()
        self._open()
        return await self.rights.finish(NOW)

    async def close(self) -> None:
        self.ledger.close()
        await self.inst.store.close()
        self.inst.vault.close()

    async def history(self, account: str) -> list[Record]:
        return [record async for record in self.inst.store.history(self.inst.handle(account))]


@pytest.fixture
async def merged(tmp_path: Path) -> AsyncIterator[Merged]:
    """Two accounts with a past of two weeks, each at a place and with a device of its own."""
    found = Merged(tmp_path)
    await lived(found.inst)
    yield found
    await found.close()


async def lived(inst: Installation) -> None:
    await inst.run([login(24 * day, id=f"one-{day}", session_id=f"s-{day}", **WORK) for day in range(15)])
    await inst.run([login(24 * day + 1, id=f"two-{day}", account="u-2") for day in range(15)])


def later(number: int = 0, **fields: Any) -> dict[str, Any]:
    return login(24 * 20 + number, **fields)


async def test_history_and_raw_values_of_both_are_found_under_one(merged: Merged) -> None:
    before = [(record.event_id, record.account_id, record.trusted) for record in await merged.history("u-1")]
    before += [(record.event_id, record.account_id, record.trusted) for record in await merged.history("u-2")]
    head = merged.inst.handle("u-2")
    await merged.merge()
    for _ in range(2):
        records = await merged.history("u-2")
        # Under which id an event came stays to be seen.
        assert sorted((record.event_id, record.account_id, record.trusted) for record in records) == sorted(before)
        assert {record.account for record in records} == {head}
        assert {unpack_sighting(record.sighting).account for record in records} == {head}
        raw = {record.event_id: await merged.inst.store.raw(record) for record in records}
        assert (raw["one-3"].ip, raw["one-3"].device_id, raw["one-3"].account) == ("198.51.100.8", "tablet", "u-1")
        assert (raw["two-3"].ip, raw["two-3"].account) == ("192.0.2.7", "u-2")
        assert {unpack_assessment(record.assessment, "", None).level for record in records} == {"low"}
        # By its old name it is the same account.
        assert len(await merged.history("u-1")) == len(records)
        await merged.again()


async def test_a_later_event_of_either_name_is_judged_with_both_pasts(merged: Merged) -> None:
    strange = await merged.inst.one(later(id="before", account="u-2", **WORK))
    assert strange.assessment is not None
    assert {finding.rule for finding in strange.assessment.findings} >= {"new_device", "new_country"}
    await merged.merge()
    for number, fields in enumerate([WORK, HOME]):
        for account in ("u-1", "u-2"):
            event = later(1 + number, id=f"{account}-{number}", account=account, **fields)
            outcome = await merged.inst.one(event)
            assert outcome.assessment is not None
            assert (outcome.assessment.account, outcome.assessment.findings) == (account, [])
    assert {"u-1-0", "u-2-1"} <= {record.event_id for record in await merged.history("u-2")}


async def test_the_same_event_posted_again_is_still_the_same(merged: Merged) -> None:
    event = login(24, id="one-1", session_id="s-1", **WORK)
    await merged.merge()
    outcome = await merged.inst.one(event)
    assert outcome.duplicate
    assert not outcome.conflict


async def test_compromised_sticks(merged: Merged) -> None:
    # The person's own tablet for one account, the thief's for the other.
    await merged.inst.run([later(id=f"own-{n}", account="u-2", after=timedelta(minutes=n), **WORK) for n in range(2)])
    await merged.inst.one(merged.inst.answer("own-1", "legitimate", at=START + timedelta(days=20, hours=1)))
    for day in range(15):
        await merged.inst.one(merged.inst.answer(f"one-{day}", "compromised", at=START + timedelta(days=20)))
    device = merged.inst.enricher.pseudonym("device", "default", "tablet")
    assert device is not None
    profile = await merged.inst.profile("u-2")
    assert profile is not None
    assert profile.values["device"][device].trusted_at
    await merged.merge()
    profile = await merged.inst.profile("u-2")
    assert profile is not None
    assert profile.values["device"][device].compromised
    assert not profile.values["device"][device].trusted_at
    assert len(profile.compromised) == 15
    outcome = await merged.inst.one(later(3, id="after", account="u-2", **WORK))
    assert outcome.assessment is not None
    assert outcome.assessment.risk


async def test_an_answer_to_an_event_of_before_reaches_the_one_that_is_left(merged: Merged) -> None:
    await merged.merge()
    await merged.inst.one(merged.inst.answer("one-3", "compromised", at=START + timedelta(days=21)))
    profile = await merged.inst.profile("u-2")
    assert profile is not None
    assert list(profile.compromised) == [merged.inst.enricher.event_key("default", "one-3")]


@pytest.mark.parametrize("account", ["u-1", "u-2"])
async def test_a_restriction_of_either_is_one_of_both(merged: Merged, account: str) -> None:
    await merged.inst.one(later(id="alarm-1", **AWAY))
    await merged.inst.one(later(id="alarm-2", account="u-2", **AWAY))
    await merged.ask("restrict", account, reason="contested")
    answer = await merged.merge(reason="one person")
    assert (answer.restricted, answer.since) == (True, NOW)
    profile = await merged.inst.profile("u-2")
    assert profile is not None
    assert [(right.what, right.reason) for right in profile.rights] == [
        ("merged", "one person"),
        ("restricted", "contested"),
    ]
    outcome = await merged.inst.one(later(1, id="after", account="u-1", **AWAY))
    assert outcome.assessment is not None
    assert outcome.assessment.restricted
    # No mail of either goes out, no alert of either is shown, until it is lifted.
    assert await merged.inst.store.lease(worker="w", now=NOW, limit=100, seconds=60) == []
    assert await merged.inst.store.alerts("default") == []
    await merged.ask("lift", "u-2")
    mails = await merged.inst.store.lease(worker="w", now=NOW, limit=100, seconds=60)
    alerts = await merged.inst.store.alerts("default", account=merged.inst.handle("u-2"))
    assert {mail.notice.account for mail in mails} == {alert.account for alert in alerts} == {merged.inst.handle("u-2")}
    assert len(mails) >= 2
    assert {alert.id for alert in alerts} == {mail.notice.id for mail in mails}


async def test_an_open_objection_is_not_answered_by_the_rejection_of_another(merged: Merged) -> None:
    await merged.ask("object", "u-1", by="operator")
    await merged.ask("object", "u-2", by="operator", time=NOW + 1)
    await merged.ask("decide", "u-2", decision="rejected", time=NOW + 2)
    answer = await merged.merge(time=NOW + 3)
    assert (answer.restricted, answer.objection, answer.since) == (True, "open", NOW)
    profile = await merged.inst.profile("u-2")
    assert profile is not None
    exported = rights_data(profile)
    # The person reads the same as the service.
    assert (exported.restricted, exported.objection, exported.objection_since) == (True, "open", to_text(NOW))
    with pytest.raises(Conflict, match="an objection stands"):
        await merged.ask("lift", "u-2", time=NOW + 4)


async def test_failures_of_both_count_together(merged: Merged) -> None:
    wrong: dict[str, Any] = {"outcome": "failure", "reason": "bad_password", **HOME}
    minutes = [timedelta(minutes=n) for n in range(40)]
    await merged.inst.run([later(id=f"a-{n}", after=minutes[n], **wrong) for n in range(9)])
    alone_count = await count_of(merged, later(id="x", account="u-2", after=minutes[9], **wrong))
    await merged.merge()
    merged_count = await count_of(merged, later(id="y", account="u-2", after=minutes[10], **wrong))
    assert (alone_count, merged_count) == (1, 11)


async def count_of(merged: Merged, event: dict[str, Any]) -> int:
    """How many failures the account had, with this one."""
    await merged.inst.one(event)
    record = await merged.inst.store.record(merged.inst.enricher.event_key("default", event["id"]))
    assert record is not None
    return unpack_windows(record.windows).get("brute_force_account.failures") or 0


async def test_attributes_fill_gaps_and_the_other_address_still_hears(merged: Merged) -> None:
    at = int(START.timestamp() * 1_000_000)
    one = Attributes(account="u-1", email="old@example.org", name="Ada Example", locale="fr", as_of=at + DAY)
    two = Attributes(account="u-2", email="ada@example.org", locale="de", as_of=at)
    for account, given in (("u-1", one), ("u-2", two)):
        key = merged.inst.enricher.account_key("default", account)
        await merged.inst.one(NewAttributes(tenant="default", account_key=key, attributes=given))
    await merged.merge()
    found = await merged.inst.store.attributes(merged.inst.handle("u-2"))
    assert found is not None
    assert (found.account, found.email, found.name, found.locale) == ("u-2", "ada@example.org", "Ada Example", "de")
    assert (found.previous_email, found.previous_until) == ("old@example.org", NOW + 30 * DAY)


async def test_attributes_are_told_of_the_one_that_is_left(merged: Merged) -> None:
    key = merged.inst.enricher.account_key("default", "u-1")
    given = Attributes(account="u-1", email="ada@example.org", tags=("admin",), created=5, as_of=NOW - DAY)
    await merged.inst.one(NewAttributes(tenant="default", account_key=key, attributes=given))
    await merged.merge()
    found = await merged.inst.store.attributes(merged.inst.handle("u-2"))
    assert found is not None
    assert (found.account, found.email, found.tags, found.created) == ("u-2", "ada@example.org", ("admin",), 5)
    assert (found.previous_email, found.as_of) == (None, NOW - DAY)


def test_whoever_was_pushed_out_first_stays_the_second_recipient() -> None:
    standing = {"previous_email": "first@example.org", "previous_until": NOW + 1}
    known = Attributes(account="u-2", email="new@example.org", **standing)  # type: ignore[arg-type]  # as they are
    given = Attributes(account="u-1", email="other@example.org", previous_email="x@example.org", previous_until=NOW + 9)
    assert attributes_of_both(known, given, NOW).previous_email == "first@example.org"
    assert attributes_of_both(known, given, NOW + 1).previous_email == "x@example.org"
    assert attributes_of_both(known, given, NOW + 9).previous_email == "other@example.org"
    same = Attributes(account="u-1", email="new@example.org")
    assert attributes_of_both(known, same, NOW + 1) == known


async def test_a_verdict_on_the_account_is_not_one_on_the_others_alerts(merged: Merged) -> None:
    await merged.inst.one(later(id="alarm-1", **AWAY))
    await merged.inst.one(later(id="alarm-2", account="u-2", **AWAY))
    (alert, *_) = await merged.inst.store.alerts("default", account=merged.inst.handle("u-1"))
    await merged.inst.store.ask_verdict(
        AskedVerdict(
            tenant="default", about="account", target=merged.inst.handle("u-1"), verdict="legitimate", time=NOW
        )
    )
    await merged.merge()
    asked = await merged.inst.store.asked_verdicts()
    assert {each.about for each in asked} == {"alert"}
    assert alert.id in {each.target for each in asked}
    shown = await merged.inst.store.alerts("default", account=merged.inst.handle("u-2"))
    assert len(asked) < len(shown)


# What is refused, and what changes nothing


async def test_doing_it_again_changes_nothing(merged: Merged) -> None:
    first = await merged.merge()
    before = await state(merged)
    assert await merged.merge(time=NOW + 5) == first
    assert await state(merged) == before


async def test_what_cannot_be_merged(merged: Merged) -> None:
    with pytest.raises(FieldError, match="into: expected another account"):
        await merged.merge("u-1", "u-1")
    with pytest.raises(FieldError, match="into: expected the id"):
        await merged.ask("merge")
    await merged.merge("u-1", "u-2")
    with pytest.raises(Conflict, match="was itself merged"):
        await merged.merge("u-2", "u-1")
    with pytest.raises(Conflict, match="into another one before"):
        await merged.merge("u-1", "u-3")
    with pytest.raises(Conflict, match="erase that one"):
        await merged.ask("erase", "u-1")
    assert len(await merged.history("u-2")) == 30


async def test_accounts_never_heard_of_are_answered_alike_and_stay_merged(merged: Merged) -> None:
    known = await merged.merge("u-1", "u-2")
    assert await merged.merge("nobody-1", "nobody-2") == known
    await merged.inst.one(later(id="first", account="nobody-1"))
    assert [record.event_id for record in await merged.history("nobody-2")] == ["first"]


async def test_the_audit_log_tells_of_both(merged: Merged, tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.db", b"a" * 32)
    rows = [merged.inst.vault.of(merged.inst.handle(account)).row("audit") for account in ("u-1", "u-2")]
    inst = merged.inst
    rights = Rights(inst.store, inst.vault, merged.ledger, alone, log)
    request = Request(what="merge", tenant="default", account="u-1", into="u-2", time=NOW, purpose="one person")
    await rights.exercise(request)
    entries = log.show()
    assert {(entry.action, entry.purpose) for entry in entries} == {("account.merge", "one person")}
    assert {entry.account for entry in entries} == set(rows)
    log.close()


async def test_accounts_of_another_tenant_are_others(merged: Merged) -> None:
    await merged.merge("u-1", "u-2", tenant="shop")
    assert len(await merged.history("u-1")) == len(await merged.history("u-2")) == 15
    assert merged.inst.handle("u-1") != merged.inst.handle("u-2")


async def test_accounts_merged_one_after_the_other_are_all_one(merged: Merged) -> None:
    await merged.inst.run([login(24 * day + 2, id=f"three-{day}", account="u-3") for day in range(3)])
    await merged.merge("u-1", "u-2")
    await merged.merge("u-2", "u-3")
    for account in ("u-1", "u-2", "u-3"):
        assert len(await merged.history(account)) == 33
    assert await merged.again() == 0
    assert len({merged.inst.handle(account) for account in ("u-1", "u-2", "u-3")}) == 1
    assert len(await merged.history("u-1")) == 33


async def test_a_reader_beside_sees_one_account(merged: Merged) -> None:
    vault = open_vault(merged.inst.path.parent, writes=False)
    names = [merged.inst.enricher.account_key("default", account) for account in ("u-1", "u-2")]
    one, two = (vault.find(name) for name in names)
    assert one is not None
    assert two is not None
    store = SqliteStore(merged.inst.path, vault, readonly=True)
    record = next(record for record in await merged.history("u-1") if record.event_id == "one-3")
    await merged.merge()
    found = vault.find(names[0])
    assert found is not None
    assert found.handle == vault.of(one.handle).handle == two.handle
    # Read before, opened after.
    assert (await store.raw(record)).ip == "198.51.100.8"
    await store.close()
    vault.close()


# Erasure


async def test_erasing_the_one_leaves_nothing_of_either(merged: Merged) -> None:
    vault = merged.inst.vault
    keys = [vault.of(merged.inst.handle(account)) for account in ("u-1", "u-2")]
    await merged.merge()
    answer = await merged.ask("erase", "u-2")
    assert answer.receipt is not None
    parts = merged.ledger.parts(answer.receipt)
    assert [(part.handle, part.rows, part.done) for part in parts] == [(k.handle, k.rows, NOW) for k in reversed(keys)]
    for _ in range(2):
        vault = merged.inst.vault
        assert [vault.find(merged.inst.enricher.account_key("default", id)) for id in ("u-1", "u-2")] == [None, None]
        assert vault.keyring.accounts("handle", [key.handle for key in keys]) == []
        assert vault.keyring.merges() == []
        assert vault.owners([vault.ref(key) for key in keys]) == [None, None]
        assert [await merged.inst.store.left_of(key.rows) for key in keys] == [0, 0]
        await merged.again()
    with closing(sqlite3.connect(merged.inst.path.parent / "keyring.db")) as database:
        assert database.execute("SELECT count(*) FROM merged").fetchone() == (0,)
    # Whoever comes back by either name is somebody new.
    outcome = await merged.inst.one(later(id="new", account="u-1"))
    assert outcome.assessment is not None
    assert outcome.assessment.warming_up
    assert await merged.inst.profile("u-2") is None


async def test_a_backup_from_before_is_merged_again_and_erased_again(merged: Merged, tmp_path: Path) -> None:
    keys = [merged.inst.vault.of(merged.inst.handle(account)) for account in ("u-1", "u-2")]
    backup = tmp_path / "backup.db"
    copy(merged.inst.path, backup)
    await merged.merge(reason="one person")
    expected = await state(merged)
    await restore(merged, backup)
    assert await merged.again() == 1
    assert await state(merged) == expected
    await merged.ask("erase", "u-2")
    await restore(merged, backup)
    await merged.again()
    for erasure in merged.ledger.entries():
        await merged.inst.store.erase(erasure.rows, erasure.handle)
    assert [await merged.inst.store.left_of(key.rows) for key in keys] == [0, 0]


def copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


async def restore(merged: Merged, backup: Path) -> None:
    await merged.inst.store.close()
    copy(backup, merged.inst.path)


async def state(merged: Merged) -> dict[str, Any]:
    """All that the store holds, opened."""
    return content(merged.inst.path)


# Crashes


class Crash(BaseException):
    """The process is gone."""


class Killer:
    """Lets so many writes pass, counts them, and kills at the next one, before or after it is on the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, passes: int, *, after: bool) -> None:
        self.left, self.after, self.counted = passes, after, 0
        write, merge, destroy = SqliteStore._write, Keyring.merge, Keyring.destroy_accounts

        async def stored(store: SqliteStore, work: Callable[[sqlite3.Connection], Any]) -> Any:
            self.before()
            done = await write(store, work)
            self.behind()
            return done

        def told(what: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*given: Any) -> Any:
                self.before()
                done = what(*given)
                self.behind()
                return done

            return wrapped

        monkeypatch.setattr(SqliteStore, "_write", stored)
        monkeypatch.setattr(Keyring, "merge", told(merge))
        monkeypatch.setattr(Keyring, "destroy_accounts", told(destroy))
        for name in ("put", "finish"):
            monkeypatch.setattr(Ledger, name, told(getattr(Ledger, name)))

    def before(self) -> None:
        if not self.left and not self.after:
            raise Crash
        self.counted += 1

    def behind(self) -> None:
        if not self.left and self.after:
            raise Crash
        self.left -= 1


async def full(folder: Path) -> Merged:
    """Two accounts with something of everything."""
    folder.mkdir(exist_ok=True)
    found = Merged(folder)
    await lived(found.inst)
    wrong: dict[str, Any] = {"outcome": "failure", "reason": "bad_password", **HOME}
    await found.inst.run([later(id=f"f-{n}", after=timedelta(minutes=n), **wrong) for n in range(3)])
    await found.inst.one(later(id="alarm-1", after=timedelta(hours=1), **AWAY, email="one@example.org"))
    await found.inst.one(later(id="alarm-2", after=timedelta(hours=1), account="u-2", **AWAY))
    await found.ask("restrict", "u-1")
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_step_of_a_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    monkeypatch.setattr(reowning, "PAGE", 10)
    whole = await full(tmp_path / "whole")
    before = await state(whole)
    with monkeypatch.context() as patched:
        killer = Killer(patched, 1000, after=after)
        await whole.merge()
        steps = killer.counted
    expected = await state(whole)
    await whole.close()
    assert steps >= 6
    for step in range(steps):
        broken = await full(tmp_path / f"{step}")
        with monkeypatch.context() as patched:
            Killer(patched, step, after=after)
            with pytest.raises(Crash):
                await broken.merge()
        await broken.again()
        found = await state(broken)
        if step == 0 and not after:
            assert found == before
        else:
            assert found == expected
        # Whoever asked has no answer and asks again.
        await broken.merge()
        assert await state(broken) == expected
        assert await broken.rights.finish(NOW) == 0
        await broken.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_step_of_an_erasure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    for step in range(30):
        broken = await full(tmp_path / f"{step}")
        keys: list[AccountKey] = [broken.inst.vault.of(broken.inst.handle(id)) for id in ("u-1", "u-2")]
        await broken.merge()
        with monkeypatch.context() as patched:
            Killer(patched, step, after=after)
            try:
                await broken.ask("erase", "u-2")
            except Crash:
                ended = False
            else:
                ended = True
        await broken.again()
        left = [await broken.inst.store.left_of(key.rows) for key in keys]
        there = broken.inst.vault.keyring.accounts("handle", [key.handle for key in keys])
        if broken.ledger.entries():
            assert (left, there, broken.inst.vault.keyring.merges()) == ([0, 0], [], [])
        else:
            assert len(there) == 2
            assert left[1] > 0
        await broken.close()
        if ended:
            break
    assert 4 <= step < 30


async def test_a_store_that_fails_leaves_what_the_next_attempt_finishes(
    merged: Merged, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        Killer(patched, 1, after=False)
        with pytest.raises(Crash):
            await merged.merge()
    # Without a restart: what comes meanwhile is of the one account already.
    await merged.inst.one(later(id="between", account="u-1", **WORK))
    await merged.merge()
    assert len(await merged.history("u-2")) == 31
    profile = await merged.inst.profile("u-2")
    assert profile is not None
    assert profile.trusted_logins >= 30


# Damage


def damage(inst: Installation, table: str, column: str, where: str, value: object) -> None:
    """Change one byte of a sealed value."""
    with closing(sqlite3.connect(inst.path, isolation_level=None)) as database:
        (sealed,) = database.execute(f"SELECT {column} FROM {table} WHERE {where} = ?", (value,)).fetchone()
        changed = bytes([*sealed[:-1], sealed[-1] ^ 1])
        assert database.execute(f"UPDATE {table} SET {column} = ? WHERE {where} = ?", (changed, value)).rowcount == 1


async def half_merged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Merged:
    """A merge that the keyring knows of, and the store does not."""
    found = await full(folder)
    with monkeypatch.context() as patched:
        Killer(patched, 0, after=True)
        with pytest.raises(Crash):
            await found.merge()
    return found


async def test_a_damaged_event_keeps_neither_the_daemon_from_starting_nor_the_rest_from_being_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await half_merged(tmp_path / "one", monkeypatch)
    inst = broken.inst
    before = len(await broken.history("u-2"))
    damage(inst, "event", "record", "key", inst.enricher.event_key("default", "one-3"))
    (merge,) = inst.vault.keyring.merges()
    number = f"account number {merge.former.number} into {merge.head.number}"
    assert await broken.again() == 1
    assert f"the merge of {number}: 1 rows are damaged and stay where they are" in caplog.text
    assert "u-1" not in caplog.text
    assert "one-3" not in caplog.text
    ids = {record.event_id for record in await broken.history("u-2")}
    assert "one-3" not in ids
    assert {"one-2", "one-4", "two-3"} <= ids
    assert len(ids) == before + 18
    profile = await broken.inst.profile("u-2")
    assert profile is not None
    assert profile.restricted  # the restriction came along
    # It is not lost: it is there to be looked at, and to be erased.
    assert await broken.inst.store.left_of(merge.former.rows) == 1
    assert await broken.again() == 0
    await broken.ask("erase", "u-2")
    assert await broken.inst.store.left_of(merge.former.rows) == 0
    await broken.close()


async def test_a_damaged_profile_keeps_neither_the_daemon_from_starting_nor_other_merges_from_being_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await half_merged(tmp_path / "one", monkeypatch)
    await broken.inst.run([login(24 * day + 2, id=f"three-{day}", account="u-3") for day in range(3)])
    with monkeypatch.context() as patched:
        Killer(patched, 0, after=True)
        with pytest.raises(Crash):
            await broken.merge("u-3", "u-4")
    merges = {merge.former.lookup: merge for merge in broken.inst.vault.keyring.merges()}
    bad = merges[broken.inst.enricher.account_key("default", "u-1")]
    other = merges[broken.inst.enricher.account_key("default", "u-3")]
    damage(broken.inst, "profile", "sealed", "key", bad.former.row("profile"))
    assert await broken.again() == 1
    assert f"the merge of account number {bad.former.number} into {bad.head.number} was not finished" in caplog.text
    assert len(await broken.history("u-4")) == 3
    assert await broken.inst.store.left_of(other.former.rows) == 0
    assert await broken.inst.store.left_of(bad.former.rows) > 0
    assert await broken.inst.one(later(9, id="after", account="u-3"))
    with pytest.raises(StoreError, match="does not open"):
        await broken.merge()
    await broken.close()
