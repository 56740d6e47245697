"""Judges a stream into a store in children that are killed at random moments; run by test_crash.py.

Everything is imported once and each round forks: no threads are running yet then. Prints one JSON line a round:
the ids that were acknowledged in it, the rows that are on disk after it, and the digest of the whole content.
"""

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.pipeline.installation import Installation, digest, login

COUNT = 240


def stream() -> list[dict[str, Any]]:
    """Logins and failures of a few people, close enough in time for every window."""
    roll = random.Random(11)
    failure: dict[str, Any] = {"outcome": "failure", "reason": "bad_password"}
    return [
        login(
            0, id=f"e-{number}", account=f"u-{roll.randrange(4)}",
            time=f"2026-11-02T09:{number // 4:02}:{number % 60:02}Z",
            email=f"mail-{number // 50}@example.org", device_id=roll.choice(["laptop", "laptop", "stranger"]),
            **(failure if roll.random() < 0.4 else {}),
        )
        for number in range(COUNT)
    ]  # fmt: skip


async def judge(folder: Path, start: int, size: int, out: int) -> None:
    """Judge from event ``start`` on; each id is written to ``out`` once its batch is durable."""
    inst = Installation(folder)
    events = stream()
    for at in range(start, len(events), size):
        batch = events[at : at + size]
        await inst.run(batch, size=size)
        os.write(out, "".join(f"{event['id']}\n" for event in batch).encode())
    await inst.store.close()


def killed(folder: Path, start: int, size: int, after: int) -> list[str]:
    """Fork a child that judges, kill it once ``after`` ids came; the ids that came in all."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        asyncio.run(judge(folder, start, size, writing))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        acknowledged = [line.strip() for _, line in zip(range(after), lines, strict=False)]
        # A few instructions to some milliseconds more, so that it dies in every part of its work.
        for _ in range(int(10 ** random.uniform(0, 5.5))):
            pass
        os.kill(child, signal.SIGKILL)
        acknowledged += [line.strip() for line in lines if line.endswith("\n")]
    os.waitpid(child, 0)
    return acknowledged


def main(folder: Path, rounds: int, seed: int) -> None:
    """Crash ``rounds`` times, each time going on a little before where it stopped; then run to the end."""
    random.seed(seed)
    acknowledged = 0
    for number in range(rounds + 1):
        size = random.choice([1, 1, 3, 8, 20])
        start = max(0, acknowledged - random.choice([0, 0, 5]))
        after = random.randint(1, 2 * COUNT // rounds) if number < rounds else COUNT
        ids = killed(folder, start, size, after)
        acknowledged = max([acknowledged, *(int(each[2:]) + 1 for each in ids)])
        with closing(sqlite3.connect(folder / "store.db")) as database:
            (rows,) = database.execute("SELECT count(*) FROM event").fetchone()
            keys = Counter(key for (key,) in database.execute("SELECT key FROM event"))
        content = digest(folder / "store.db")
        print(json.dumps({"ids": ids, "rows": rows, "keys": keys, "digest": content}), flush=True)
        if acknowledged >= COUNT:
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
