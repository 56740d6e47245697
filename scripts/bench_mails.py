"""Posts events of which many mail somebody, at a steady pace: a job on standard input, when each was posted on output.

The mail server is the caller's: it takes the difference to when each mail was accepted.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from bench_load import Connection, request

#: Somebody had the password, and the person said no to the second factor: mailed at first sight.
DENIED: dict[str, Any] = {
    "outcome": "failure",
    "reason": "mfa_failed",
    "password_ok": True,
    "mfa": {"method": "push", "outcome": "denied"},
}
#: Connections that the posts are spread over, so that one slow answer does not stop the clock.
CONNECTIONS = 8


def event(number: int, mails: bool) -> dict[str, Any]:
    """A login on an account and a network of its own; one that ``mails`` has the number in its address."""
    return {
        "id": f"mail-{number}",
        "time": datetime.now(UTC).isoformat(),
        "account": f"mail-{number}",
        "outcome": "success",
        "ip": f"2001:db8:{number:x}::1",
        "device_id": f"mail-device-{number}",
        "email": f"m{number}@example.org",
        **(DENIED if mails else {}),
    }


async def post(job: dict[str, Any]) -> dict[str, float]:
    """Number of the event that mails → when it was posted (seconds of the machine's clock)."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await Connection.open(job["port"]))
    posted: dict[str, float] = {}

    async def one(number: int) -> None:
        mails = number % job["one_in"] == 0
        connection = await free.get()
        body = msgspec.json.encode(event(number, mails))
        if mails:
            posted[str(number)] = time.time()
        status, _, answer = await connection.ask(request("POST", "/v1/events", job["key"], body))
        free.put_nowait(connection)
        if status != 202:
            raise SystemExit(f"expected status 202, got {status}: {answer[:300].decode(errors='replace')}")

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(job["events"]):
            await asyncio.sleep(max(0.0, begun + number / job["per_s"] - time.perf_counter()))
            group.create_task(one(number))
    return posted


if __name__ == "__main__":
    json.dump(asyncio.run(post(json.load(sys.stdin))), sys.stdout)
