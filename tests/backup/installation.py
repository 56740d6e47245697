"""An installation with a few accounts, to be backed up, damaged and restored."""

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sentinel.config import Config, load
from sentinel.daemon.backups import finish_restore, make_backup, opened_ledger
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.events.clock import DAY, SECOND
from sentinel.events.sighting import Attributes, Raw
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.privacy.account_key import AccountKey
from sentinel.store.protocol import Changes
from sentinel.store.sqlite import erasing
from tests.store.contract import alert, full_profile, notice, record

NOW = 1_800_000_000 * SECOND
TABLES = (
    "event",
    "profile",
    "attributes",
    "track",
    "alert",
    "mail",
    "answer_token",
    "campaign_event",
    "verdict",
    "api_key",
)


class Installation:
    """Its state is in ``folder/state``, its backups in ``folder/backups``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.state = folder / "state"
        self.backups = folder / "backups"
        file = folder / "sentinel.toml"
        file.write_text(f'state = "{self.state}"\n[backup]\ndirectory = "{self.backups}"\n')
        self.config: Config = load(file)
        prepare_state(self.config)

    def write(self, *accounts: str, time: int = NOW, batches: int = 1, plain: bool = False) -> None:
        """Batches with one of everything for each account, and once the document that is nobody's. ``plain`` profiles
        say little: above all, nobody is restricted."""
        asyncio.run(self._write(accounts, time, batches, plain))

    async def _write(self, accounts: tuple[str, ...], time: int, batches: int, plain: bool) -> None:
        vault = open_vault(self.config, writes=True)
        store = open_store(self.config, vault)
        await store.bind(vault.fingerprint)
        for batch in range(batches):
            changes = Changes(profiles={"campaigns:default": full_profile()})
            for account in accounts:
                handle = await self._fill(changes, vault, account, time, f"{account}-{time}-{batch}")
                if plain:
                    changes.profiles[handle] = Profile(last_seen=time, trusted_logins=1)
                    changes.records[-1].sighting = b""
            store.prepare(changes)  # makes the keys of days
            await vault.flush()
            await store.commit(changes)
        await store.close()
        vault.close()

    async def _fill(self, changes: Changes, vault: Any, account: str, time: int, id: str) -> str:
        lookup = vault.pseudonym("account", "default", account)
        handle = vault.admit([lookup])[lookup].handle
        raw = Raw(event=id, account=account, ip="192.0.2.7")
        fields = {"account": handle, "time": time, "raw": raw, "event_id": id, "account_id": account}
        changes.records.append(record(id, alert=f"a-{id}", **fields))
        changes.profiles[handle] = full_profile()
        changes.attributes[handle] = Attributes(account=account, email=f"{account}@example.org", as_of=time)
        track = Track()
        track.add(time, (handle, 7, None), DAY)
        changes.tracks["failures", ("default", handle)] = track
        changes.owners["failures", ("default", handle)] = handle
        changes.alerts["default", f"a-{id}"] = alert(f"a-{id}", account=handle, event=id, first=time, last=time)
        changes.notices.append(notice(f"a-{id}", account=handle, event=id))
        changes.alerts["default", "c-1"] = alert("c-1", account=None, kind="campaign", event=id, first=time, last=time)
        changes.campaigns.append(("default", "c-1", id))
        return handle

    def erase(self, account: str, *, keys: bool = True, rows: bool = True, time: int = NOW) -> None:
        """Erase an account, or stop in between: the ledger comes first, then the key, then the rows."""
        vault = open_vault(self.config, writes=True)
        key = vault.find(vault.pseudonym("account", "default", account))
        assert key is not None
        with opened_ledger(self.config, vault) as ledger:
            assert ledger is not None
            erasure = ledger.begin(key.handle, key.rows, time)
            if keys:
                vault.keyring.destroy_accounts([key.handle])
            if rows:
                with closing(sqlite3.connect(self.store, isolation_level=None)) as database:
                    erasing.erase(database, key.rows)
                ledger.finish(erasure.receipt, time)
        vault.close()

    def back_up(self, kind: Any = "data", *, now: int = NOW) -> Path:
        return make_backup(self.config, kind, self.backups, now=now, actor="ops")[0]

    @property
    def store(self) -> Path:
        return self.state / "sentinel.db"

    def tables(self) -> dict[str, list[Any]]:
        """Every row of the store, byte for byte."""
        return tables(self.store)

    def key_of(self, account: str) -> AccountKey:
        """The key of an account that is in the keyring."""
        vault = open_vault(self.config)
        key = vault.find(vault.pseudonym("account", "default", account))
        assert key is not None, account
        vault.close()
        return key

    def rows_of(self, account: str) -> dict[str, list[Any]]:
        """The rows of such an account."""
        key = self.key_of(account)
        found, all_rows = {}, self.tables()
        for table, owners in rows_of(key).items():
            found[table] = [
                row for row in all_rows[table] if set(owners) & {each for each in row if isinstance(each, str)}
            ]
        return found

    def accounts(self) -> int:
        vault = open_vault(self.config)
        count = vault.keyring.count()
        vault.close()
        return count

    def read_everything(self) -> list[str]:
        """What the store tells of each event, everything opened; the accounts, in order."""
        return asyncio.run(self._read())

    async def _read(self) -> list[str]:
        vault = open_vault(self.config, writes=True)
        store = open_store(self.config, vault)
        names = []
        async for each in store.history():
            raw = await store.raw(each)
            assert each.account is not None
            assert await store.profile(each.account) == full_profile()
            attributes = await store.attributes(each.account)
            assert attributes is not None
            assert attributes.account == each.account_id == raw.account
            names.append(each.account_id or "")
        await store.close()
        vault.close()
        return sorted(names)


def tables(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as database:
        return {table: sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in TABLES}


def rows_of(key: AccountKey) -> dict[str, list[str]]:
    days = [key.row(day) for day in range(NOW // DAY - 800, NOW // DAY + 60)]
    one = {
        "profile": "profile",
        "attributes": "attributes",
        "track": "windows",
        "alert": "alerts",
        "mail": "mails",
        "answer_token": "answers",
    }
    return {"event": days} | {table: [key.row(kind)] for table, kind in one.items()}


#: What changes names and content of files, as Python's audit events; SQLite's own writes are its own care.
STEPS = ("os.rename", "os.link", "os.remove", "open", "sqlite3.connect")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed before its step of that number; whether it came so far."""
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if event in STEPS and not (event == "open" and isinstance(arguments[0], str) and ".py" in arguments[0]):
                seen += 1
                if seen == step:
                    os._exit(137)

        sys.addaudithook(hook)
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 137), code
    return code == 137


def each_kill(inst: Installation, work: Callable[[], object], check: Callable[[], None]) -> int:
    """Do ``work`` again and again from the same state, killed at each of its steps; how many there are."""
    before = inst.folder.with_name("before")
    shutil.copytree(inst.folder, before)
    step = 1
    while killed_at(step, work):
        check()
        shutil.rmtree(inst.folder)
        shutil.copytree(before, inst.folder)
        step += 1
    check()
    return step - 1


def start(inst: Installation) -> None:
    """What the daemon does first."""
    finish_restore(inst.config)
    open_vault(inst.config, writes=True).close()
