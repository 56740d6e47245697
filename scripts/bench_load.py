"""The load generator of the benchmark, in a process of its own: a job on standard input, figures on output.

A small HTTP/1.1 client over keep-alive connections rather than a library, because client and daemon share the
cores and every microsecond spent here is taken from what is measured. Requests are built before the clock
starts.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from bench_events import mix

#: How often it is asked whether the last event has been scored, in seconds.
POLL = 0.02


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, dict[str, str], bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        _, protocol = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        length = int(headers.get("content-length", 0))
        if len(rest) < length or self._answer is None:
            return
        self._buffer = rest[length:]
        self._answer.set_result((int(status.split(" ", 2)[1]), headers, rest[:length]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the daemon closed the connection"))

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def request(method: str, path: str, key: str, body: bytes = b"", content: str = "application/json") -> bytes:
    """A whole HTTP/1.1 request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: {content}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def batches(job: dict[str, Any]) -> dict[str, Any]:
    """Posts events in batches from several connections; done when every one is durable and scored."""
    events = _events(job)
    key, size = job["key"], job["batch"]
    array = job["form"] == "array"
    content = "application/json" if array else "application/x-ndjson"
    queue: list[tuple[bytes, str]] = []
    for first in range(0, len(events), size):
        lines = [msgspec.json.encode(each) for each in events[first : first + size]]
        body = b"[" + b",".join(lines) + b"]" if array else b"\n".join(lines) + b"\n"
        last = events[min(first + size, len(events)) - 1]["id"]
        queue.append((request("POST", "/v1/events", key, body, content), last))
    queue.reverse()
    figures = {"events": len(events), "accepted": 0, "duplicates": 0, "refused_503": 0}
    latencies: list[float] = []
    newest: list[str] = []

    async def poster() -> None:
        connection = await Connection.open(job["port"])
        mine = ""
        while queue:
            message, last = queue.pop()
            while True:
                begun = time.perf_counter()
                status, headers, body = await connection.ask(message)
                if status != 503:
                    break
                figures["refused_503"] += 1
                await asyncio.sleep(float(headers.get("retry-after", "1")))
            latencies.append(time.perf_counter() - begun)
            _expect(status, (202,), body)
            answer = json.loads(body)
            if answer["rejected"]:
                raise SystemExit(f"an event was rejected: {answer['rejected'][0]}")
            figures["accepted"] += answer["accepted"]
            figures["duplicates"] += answer["duplicates"]
            mine = last
        if mine:
            newest.append(mine)

    begun = time.perf_counter()
    await asyncio.gather(*(poster() for _ in range(job["posters"])))
    durable = time.perf_counter() - begun
    connection = await Connection.open(job["port"])
    for each in newest:
        while True:
            status, _, body = await connection.ask(request("GET", f"/v1/assessments/{each}", key))
            _expect(status, (200, 202), body)
            if status == 200:
                break
            await asyncio.sleep(POLL)
    scored = time.perf_counter() - begun
    return {
        **figures,
        "durable_per_s": round(len(events) / durable, 1),
        "scored_per_s": round(len(events) / scored, 1),
        "seconds": round(scored, 3),
        **_quantiles(latencies),
    }


async def inline(job: dict[str, Any]) -> dict[str, Any]:
    """Asks for assessments one event a request, from several clients that each wait for their answer."""
    messages = [request("POST", "/v1/assessments", job["key"], msgspec.json.encode(each)) for each in _events(job)]
    messages.reverse()
    total = len(messages)
    latencies: list[float] = []
    refused = 0

    async def client(connection: Connection) -> None:
        nonlocal refused
        while messages:
            message = messages.pop()
            begun = time.perf_counter()
            status, headers, body = await connection.ask(message)
            if status == 503:
                refused += 1
                messages.append(message)
                await asyncio.sleep(float(headers.get("retry-after", "1")))
                continue
            latencies.append(time.perf_counter() - begun)
            _expect(status, (200,), body)

    connections = [await Connection.open(job["port"]) for _ in range(job["clients"])]
    begun = time.perf_counter()
    await asyncio.gather(*(client(each) for each in connections))
    seconds = time.perf_counter() - begun
    return {
        "clients": job["clients"],
        "requests": total,
        "refused_503": refused,
        "per_s": round(total / seconds, 1),
        "seconds": round(seconds, 3),
        **_quantiles(latencies),
    }


def _events(job: dict[str, Any]) -> list[dict[str, Any]]:
    return list(mix(job["seed"], job["events"], job["accounts"], datetime.now(UTC), job["minutes"]))


def _expect(status: int, wanted: tuple[int, ...], body: bytes) -> None:
    if status not in wanted:
        raise SystemExit(f"expected status {wanted}, got {status}: {body[:300].decode(errors='replace')}")


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    at = {name: ordered[int(share * (len(ordered) - 1))] for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99))}
    return {name: round(1000 * value, 2) for name, value in at.items()}


async def main() -> None:
    job = json.load(sys.stdin)
    try:
        async with asyncio.timeout(job["limit"]):
            figures = await (batches(job) if job["phase"] == "batches" else inline(job))
    except TimeoutError:
        raise SystemExit(f"not done within {job['limit']:.0f} s") from None
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
