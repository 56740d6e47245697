"""What the inventory says of sealing and erasure is so, column by column."""

import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

from sentinel.daemon.inventory import inventory
from sentinel.errors import StoreError
from sentinel.events.clock import utc_day
from sentinel.privacy.processing import name_of
from sentinel.privacy.sealer import Sealer
from tests.privacy.inventory.filled import NOW, PEOPLE, ROWS, Filled, keys, rows

LINES = {name_of(line): line for line in inventory()}
#: Columns that an erased account may still be found in by its row ids: its key is gone, so they lead nowhere.
LEADING_NOWHERE = {name for name, line in LINES.items() if line.erased == "key"}


def opened_by(value: bytes, row: str, pool: list[tuple[bytes, set[str]]]) -> list[set[str]]:
    """The names of the keys that open a value."""
    found = []
    for key, names in pool:
        with suppress(StoreError):
            Sealer(key).open(value, row)
            found.append(names)
    return found


async def test_what_is_declared_sealed_opens_with_one_key_only_and_that_is_the_one_declared(tmp_path: Path) -> None:
    filled = await Filled(tmp_path).fill()
    pool = keys(filled)
    declared = {name for name, line in LINES.items() if line.sealed != "none" and line.column}
    assert set(ROWS) == declared
    seen: Counter[str] = Counter()
    together: dict[str, bytes] = {}
    for database, table, row in rows(tmp_path):
        for column, value in row.items():
            name = f"{database} {table}.{column}"
            if name not in declared or value is None:
                continue
            assert value[:1] == b"\x02", name
            (names,) = opened_by(value, ROWS[name](row), pool)
            assert LINES[name].sealed in names, name
            seen[name] += 1
            together[name] = together.get(name, b"") + value[1:]
    assert set(seen) == declared, "nothing was in some column"
    for name, data in together.items():
        # Nonces, encrypted bytes and tags are all chance: they do not get shorter.
        assert len(zlib.compress(data, 9)) >= len(data), name
    await filled.close()


async def test_what_is_in_the_clear_opens_with_no_key(tmp_path: Path) -> None:
    filled = await Filled(tmp_path).fill()
    for database, table, row in rows(tmp_path):
        for column, value in row.items():
            if isinstance(value, bytes) and LINES[f"{database} {table}.{column}"].sealed == "none":
                assert len(value) <= 32, f"{table}.{column}: longer than any name or hash"
    await filled.close()


def names_of(filled: Filled, account: str) -> set[str]:
    """All that an account is found by: handle, lookup, row ids of every kind and day, keys of its events."""
    key = filled.vault.of(filled.handle(account))
    days = range(utc_day(NOW) - 1, utc_day(NOW) + 10)
    kinds: list[str | int] = [
        "profile", "attributes", "alerts", "mails", "answers", "hooks", "windows", "audit", *days
    ]  # fmt: skip
    mine = {key.row(kind) for kind in kinds}
    events = {row["key"] for database, table, row in rows(filled.folder) if table == "event" and row["owner"] in mine}
    return {key.handle, key.lookup, *mine, *events}


def found_in(folder: Path, names: set[str]) -> Counter[str]:
    """Columns that hold any of the names, whole or within something longer."""
    hits: Counter[str] = Counter()
    for database, table, row in rows(folder):
        for column, value in row.items():
            held = value.encode() if isinstance(value, str) else value
            if isinstance(held, bytes) and any(name.encode() in held for name in names):
                hits[f"{database} {table}.{column}"] += 1
    return hits


async def test_nothing_that_an_account_is_found_by_is_left_after_its_erasure(tmp_path: Path) -> None:
    filled = await Filled(tmp_path).fill()
    erased, other = (names_of(filled, account) for account in PEOPLE)
    before, others = found_in(tmp_path, erased), found_in(tmp_path, other)
    # Or the test would look for nothing.
    assert set(before) >= {
        "sentinel.db event.key", "sentinel.db event.owner", "sentinel.db event.body", "sentinel.db profile.key",
        "sentinel.db attributes.key", "sentinel.db track.owner", "sentinel.db alert.owner", "sentinel.db alert.event",
        "sentinel.db mail.owner", "sentinel.db answer_token.owner", "sentinel.db hook.owner",
        "sentinel.db campaign_event.event", "sentinel.db verdict.target",
        "keyring.db account.lookup", "keyring.db account.handle", "audit.db entry.account",
    }  # fmt: skip
    assert {LINES[name].kind for name in before} == {"pseudonymous"}
    await filled.erase("u-1")
    assert set(found_in(tmp_path, erased)) <= LEADING_NOWHERE
    assert found_in(tmp_path, other) == others
    (campaign,) = await filled.store.alerts("default", kind="campaign")
    assert campaign.event == ""
    assert [record.event_id async for record in filled.store.alert_events(campaign)] == ["e-100-v-14", "e-100-u-2"]
    await filled.close()


async def test_what_is_left_of_an_erased_account_belongs_to_nobody(tmp_path: Path) -> None:
    filled = await Filled(tmp_path).fill()
    handle, lookup = filled.handle(), filled.vault.of(filled.handle()).lookup
    references = [row["ref"] for database, table, row in rows(tmp_path) if table == "event" and row["ref"] is not None]
    theirs = [
        ref
        for ref, owner in zip(references, filled.vault.owners(references), strict=True)
        if owner and owner.handle == handle
    ]
    assert theirs
    sealed = [row["sealed"] for database, table, row in rows(tmp_path) if table == "entry"]
    await filled.erase("u-1")
    assert filled.vault.owners(theirs) == [None] * len(theirs)
    assert filled.vault.keyring.accounts("handle", [handle]) == filled.vault.keyring.accounts("lookup", [lookup]) == []
    # The audit entry stays; its details open no more.
    opened = [bool(opened_by(each, "audit", keys(filled))) for each in sealed]
    assert opened == [False, True]
    # Of shared windows only sealed entries are left, in which its handle stands for nobody.
    for line in LINES.values():
        if line.erased == "nameless" and line.column == "entries":
            assert line.sealed == "installation"
    await filled.close()


async def test_what_was_asked_is_emptied_once_it_is_done(tmp_path: Path) -> None:
    filled = await Filled(tmp_path).fill()
    waiting = {"verdict": "target", "asked": "question"}
    done = {table: row for database, table, row in rows(tmp_path) if table in waiting and row["done"]}
    assert {table: row[waiting[table]] for table, row in done.items()} == {"verdict": "", "asked": None}
    await filled.close()
