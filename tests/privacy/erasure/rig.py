"""Erases most of a crowd in children that are killed between and within the steps; run by test_erasure.py.

Two kinds of death: before the n-th statement that any of the three databases (ledger, keyring, store) is given, which
meets every border between two steps and every place within a transaction, one after the other; and at any moment, from
outside. Whoever
asked for an erasure and got no answer asks again. Prints one JSON object: what the test reads.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sentinel.database import connect
from sentinel.pipeline.request import Request
from sentinel.privacy import keyring
from sentinel.privacy import ledger as ledgers
from sentinel.store.sqlite import store as stores
from tests.pipeline.installation import TOLD, Installation
from tests.privacy.erasure import crowd
from tests.privacy.erasure.found import dump

#: Statements of one erasure: of the ledger, the keyring and the store.
STATEMENTS = 75
#: Rounds between two looks at all rows.
CHECKED = 10

#: Tables in which an erasure only deletes. (The mail that tells of one is a new row, and verdicts are over with it.)
UNTOUCHED = ("event", "profile", "attributes", "track", "campaign_event", "fired", "installation")


async def prepare(folder: Path, people: int) -> None:
    """The crowd, and the copies of before in ``folder/backup``."""
    inst = await crowd.fill(folder, people)
    await inst.store.close()
    inst.vault.close()
    (folder / "backup").mkdir()
    for each in ("store.db", "keyring.db"):
        shutil.copy(folder / each, folder / "backup" / each)


def unsynced(*arguments: Any, **more: Any) -> sqlite3.Connection:
    """A connection that waits for no disk: what is written survives a kill all the same."""
    database = connect(*arguments, **more)
    database.execute("PRAGMA synchronous = OFF")
    return database


async def erase(folder: Path, people: list[int], out: int, last: int) -> None:
    """Finish what was begun, then erase ``people`` in turn; each number is written to ``out`` once it was answered.
    Dies before statement number ``last``; 0: not by itself."""
    statements = 0

    def before(statement: str) -> None:
        nonlocal statements
        statements += 1
        if statements == last:
            os.write(out, f"died before {statement}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(*arguments: Any, **more: Any) -> sqlite3.Connection:
        database = unsynced(*arguments, **more)
        if begun and last:
            database.set_trace_callback(before)
        return database

    begun = False
    for module in (keyring, ledgers, stores):
        module.connect = watched  # type: ignore[attr-defined]
    inst = Installation(folder, hooks=TOLD)
    rights, ledger = crowd.rights(inst)
    begun = True
    if last:
        for database in (ledger._db, inst.vault.keyring._db, inst.store._write_db):
            database.set_trace_callback(before)
    os.write(out, f"finished {await rights.finish(0)}\n".encode())
    for number in people:
        request = Request(what="erase", tenant="default", account=crowd.name(number), time=crowd.NOW + number)
        answer = await rights.exercise(request)
        assert answer.receipt is not None
        os.write(out, f"{number}\n".encode())
    await inst.store.close()


def killed(folder: Path, people: list[int], last: int, after: int) -> list[str]:
    """Fork a child that erases; without ``last`` it is killed a moment after ``after`` answers. What it wrote."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        asyncio.run(erase(folder, people, writing, last))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        told = []
        if not last and after < len(people):
            told = [line.strip() for _, line in zip(range(after + 1), lines, strict=False)]
            for _ in range(int(10 ** random.uniform(0, 5))):
                pass
            os.kill(child, signal.SIGKILL)
        told += [line.strip() for line in lines if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, f"the child ended with {status}"
    return told


def main(folder: Path, people: int, number: int, rounds: int, seed: int) -> None:
    """Erase ``number`` of ``people`` with a kill in each of ``rounds`` and one undisturbed round at the end."""
    random.seed(seed)
    asyncio.run(prepare(folder, people))
    whole = dump(folder / "store.db")
    order = random.sample(range(people), number)
    done, deaths, finished = 0, [], 0
    began = time.perf_counter()
    for turn in range(rounds + 1):
        each = max(1, (number - done) // (rounds + 1 - turn))
        batch = order[done : done + 2 * each] if turn < rounds else order[done:]
        last = 0
        if turn < STATEMENTS:
            last = turn + 1
        elif turn < rounds and turn % 2:
            last = random.randint(1, STATEMENTS * each)
        told = killed(folder, batch, last, random.randint(0, each) if turn < rounds else len(batch))
        done += sum(line.isdecimal() for line in told)
        deaths += [line for line in told if line.startswith("died")]
        finished += sum(int(line.split()[1]) for line in told if line.startswith("finished"))
        if turn % CHECKED == 0:
            left = dump(folder / "store.db")
            assert all(left[table] <= whole[table] for table in UNTOUCHED), "a row changed"
    with closing(sqlite3.connect(folder / "erasures.db")) as ledger:
        entries = ledger.execute("SELECT count(*), sum(done > 0) FROM erasure").fetchone()
    report: dict[str, Any] = {
        "erased": order[:done], "deaths": deaths, "finished": finished, "entries": entries, "rounds": rounds,
        "seconds": time.perf_counter() - began,
    }  # fmt: skip
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
