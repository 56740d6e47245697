"""1,000 of 1,200 people erased in random order, with kills between the steps and within them: nothing of them can be
read in the live files or in an earlier backup, and of all others everything is as it was, byte for byte."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sentinel.errors import StoreError
from sentinel.privacy.account_key import AccountKey
from sentinel.store.rows import Rows
from tests.pipeline.installation import Installation, open_vault
from tests.privacy.erasure import crowd, found, rig

PEOPLE, ERASED, ROUNDS = 1200, 1000, 130
#: What records are read from, as :class:`sentinel.store.rows.EventRow` has it.
COLUMNS = ("key", "tenant", "owner", "ref", "day", "type", "body", "raw", "record", "trusted", "alert")


@dataclass
class Aftermath:
    """What the rig left behind: the live files in ``folder``, those of before in ``backup``."""

    folder: Path
    report: dict[str, Any]
    gone: list[AccountKey]
    stay: list[AccountKey]

    @property
    def backup(self) -> Path:
        return self.folder / "backup"

    @property
    def live(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_file()]

    @property
    def keys(self) -> list[Path]:
        """The files that hold keys."""
        return [path for path in self.live if path.name.startswith(("keyring.db", "erasures.db"))]

    def ids(self, keys: list[AccountKey]) -> set[str]:
        """All row ids of accounts."""
        days = found.days(self.backup / "store.db")
        return set().union(*(found.row_ids(key, days) for key in keys))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    folder = tmp_path_factory.mktemp("erased")
    numbers = [str(number) for number in (PEOPLE, ERASED, ROUNDS, 7)]
    command = [sys.executable, "-m", "tests.privacy.erasure.rig", str(folder), *numbers]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    vault = open_vault(folder / "backup", writes=False)
    everybody = found.accounts(vault)
    lookups = {vault.pseudonym("account", "default", crowd.name(number)) for number in report["erased"]}
    vault.close()
    gone = [key for lookup, key in everybody.items() if lookup in lookups]
    return Aftermath(folder, report, gone, [key for lookup, key in everybody.items() if lookup not in lookups])


def test_the_rig_died_at_every_step(after: Aftermath) -> None:
    assert len(after.gone) == len(after.report["erased"]) == ERASED
    died = {" ".join(line.split()[2:5]) for line in after.report["deaths"]}
    assert died >= {
        "INSERT INTO erasure", "DELETE FROM account", "DELETE FROM event", "DELETE FROM alert", "UPDATE erasure SET",
        "BEGIN IMMEDIATE", "COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)",
    }  # fmt: skip
    entries, done = after.report["entries"]
    # Of a request without an answer that was made again there are two entries; none is left half done.
    assert entries == done
    assert after.report["finished"] > 10


def test_no_row_and_no_byte_of_them_is_in_the_live_files(after: Aftermath, tmp_path: Path) -> None:
    ids = after.ids(after.gone)
    rows = list(found.owned(after.backup / "store.db", ids))
    assert {table for table, _ in rows} == {table for table, _ in found.OWNED}
    assert list(found.owned(after.folder / "store.db", ids)) == []
    handles, lookups = (
        {name.encode()[:8]: name.encode() for name in names}
        for names in ([key.handle for key in after.gone], [key.lookup for key in after.gone])
    )
    texts = {*handles.values(), *lookups.values(), *(name.encode() for name in ids), *found.names(rows)}
    wrapped = [row for row in found.dump(after.backup / "keyring.db")["account"] if row[2].encode() in texts]
    blobs = found.sealed(rows) | {row[3] for row in wrapped}
    assert len(wrapped) == ERASED
    whole = {text[:8]: text for text in texts}
    assert found.hits(after.keys, whole, whole=True) == {}
    assert found.hits(after.keys, found.pieces(blobs), whole=False) == {}
    # In the store's own file pieces may lie in the room between rows, where rows were moved: sealed ones, and names
    # that only a destroyed key gives. Written anew it has none; nothing that an account is known by is there at all.
    assert found.hits(after.live, handles | lookups, whole=True) == {}
    slack = found.hits(after.live, whole, whole=True).get("store.db", set())
    slack |= found.hits(after.live, found.pieces(blobs), whole=False).get("store.db", set())
    assert len(slack) < 0.02 * len(texts | blobs)
    with closing(sqlite3.connect(after.folder / "store.db")) as database:
        database.execute("VACUUM INTO ?", (str(tmp_path / "anew.db"),))
    assert found.hits([tmp_path / "anew.db"], whole, whole=True) == {}
    assert found.hits([tmp_path / "anew.db"], found.pieces(blobs), whole=False) == {}
    # The search is one that finds: all of it was there before.
    before = list(after.backup.iterdir())
    assert len(set().union(*found.hits(before, found.pieces(blobs), whole=False).values())) == len(blobs)
    assert found.hits(before, handles, whole=True)["keyring.db"] == set(handles.values())


def test_all_others_are_as_before_byte_for_byte(after: Aftermath) -> None:
    before, now = found.dump(after.backup / "store.db"), found.dump(after.folder / "store.db")
    ids = after.ids(after.gone)
    lost = {row["key"] for table, row in found.owned(after.backup / "store.db", ids) if table == "event"}
    theirs = {table: [] for table in before}
    for table, row in found.owned(after.backup / "store.db", ids):
        theirs[table].append(tuple(row.values()))
    theirs["campaign_event"] = [row for row in before["campaign_event"] if row[1] in lost]
    assert len(theirs["campaign_event"]) > 10
    # The last mail to those whose account seemed taken over: nobody's any more.
    farewells = now["mail"] - before["mail"]
    assert {row[3] for row in farewells} == {None}
    now["mail"] -= farewells
    # A campaign that began with one of them begins with the first who is left.
    begins = {row[0]: row[7] for row in now["alert"] if row[5] == "campaign"}
    assert {key for key in begins.values() if key} <= {row[1] for row in now["event"]}
    for rows in (before, now):
        rows["alert"] = {(*row[:7], begins[row[0]] if row[0] in begins else row[7], *row[8:]) for row in rows["alert"]}
    for table in before.keys() - {"verdict"}:
        assert now[table] == before[table] - set(theirs[table]), table
    kept = found.dump(after.backup / "keyring.db")["account"]
    handles = {key.handle for key in after.stay}
    assert found.dump(after.folder / "keyring.db")["account"] == {row for row in kept if row[2] in handles}


def test_verdicts_about_them_name_nobody_any_more(after: Aftermath) -> None:
    targets = [(row[3], row[7]) for row in found.dump(after.folder / "store.db")["verdict"]]
    left = [target for target, _ in targets if target]
    # Three each: about an event, the account, an alert.
    assert 0 < len(left) < len(targets) == 39
    assert len({key.handle for key in after.stay} & set(left)) == len(left) / 3
    assert not {key.handle for key in after.gone} & set(left)
    assert sum(not target and done > 0 for target, done in targets) == 39 - len(left)


def test_a_backup_opens_nothing_of_them_with_todays_keys(after: Aftermath, tmp_path: Path) -> None:
    shutil.copy(after.backup / "store.db", tmp_path)
    shutil.copy(after.folder / "keyring.db", tmp_path)
    read, others = opened(tmp_path), {key.handle for key in after.stay}
    assert read.accounts == others
    assert read.profiles == others
    # With the keys of before all of them open: it is the keys that make the difference.
    whole = opened(after.backup)
    assert whole.accounts == others | {key.handle for key in after.gone}
    assert whole.events > read.events > 0


def test_nothing_of_them_opens_under_any_key_there_is(after: Aftermath) -> None:
    vault = open_vault(after.folder, writes=False)
    rows = [row for table, row in found.owned(after.backup / "store.db", after.ids(after.gone)) if table == "event"]
    keys = [*found.accounts(vault).values(), vault.of(None)]
    for row in rows[:: len(rows) // 20]:
        for key in keys:
            sealer = vault.sealer(key, "record", row["day"])
            assert sealer is not None
            with pytest.raises(StoreError):
                sealer.open(row["record"], row["key"])
    vault.close()


def test_replayed_over_a_restored_backup_the_ledger_gives_what_is_live(
    after: Aftermath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.store.sqlite.store.connect", rig.unsynced)
    for name in ("store.db", "keyring.db"):
        shutil.copy(after.backup / name, tmp_path)
    shutil.copy(after.folder / "erasures.db", tmp_path)

    async def replay() -> None:
        inst = Installation(tmp_path)
        _, ledger = crowd.rights(inst)
        inst.vault.keyring.destroy_accounts([erasure.handle for erasure in ledger.entries()])
        for erasure in ledger.entries():
            await inst.store.erase(erasure.rows, erasure.handle)
        await inst.store.close()
        inst.vault.close()

    asyncio.run(replay())
    restored, live = found.dump(tmp_path / "store.db"), found.dump(after.folder / "store.db")
    # What is not in the backup: the last mails.
    live["mail"] &= restored["mail"]
    assert restored == live
    keys, live = found.dump(tmp_path / "keyring.db"), found.dump(after.folder / "keyring.db")
    # That there were erasures since the backup, the live one knows.
    (count,) = (row for row in live["value"] if "ledger/entries" in row)
    assert keys["value"] == live["value"] - {count}
    assert {**keys, "value": ()} == {**live, "value": ()}


@dataclass
class Read:
    """What a folder's keyring reads of its store: how many events, and whose events and profiles."""

    events: int
    accounts: set[str]
    profiles: set[str]


def opened(folder: Path) -> Read:
    """Everything that can be read with the keys in ``folder``."""

    async def read() -> Read:
        inst = Installation(folder)
        records = [record async for record in inst.store.history()]
        handles = [key.handle for key in found.accounts(inst.vault).values()]
        profiles = {handle for handle in handles if await inst.store.profile(handle) is not None}
        await inst.store.close()
        inst.vault.close()
        return Read(len(records), {record.account for record in records if record.account}, profiles)

    return asyncio.run(read())


def test_records_are_read_by_rows_that_lead_nowhere_without_their_key(after: Aftermath) -> None:
    vault = open_vault(after.folder, writes=False)
    rows = [row for table, row in found.owned(after.backup / "store.db", after.ids(after.gone)) if table == "event"]
    assert set(vault.owners([row["ref"] for row in rows])) == {None}
    assert Rows(vault).records([[row[name] for name in COLUMNS] for row in rows]) == []
    vault.close()
