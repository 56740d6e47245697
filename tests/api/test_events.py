"""``POST /v1/events``: what is taken, what is refused and how it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.running import HOST, PATIENCE, Client, InProcess, Reply, ago, login

Start = Callable[..., Awaitable[InProcess]]


def problem(reply: Reply, status: int) -> dict[str, Any]:
    """The problem document of a refusal (RFC 9457), after a look at its form."""
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.body["status"] == status
    assert reply.body["type"]
    assert reply.body["title"]
    assert reply.body["detail"]
    found: dict[str, Any] = reply.body
    return found


async def test_one_event_an_array_and_ndjson_are_taken(client: Client) -> None:
    one = await client.post("/v1/events", login("e-1"))
    assert (one.status, one.body) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    array = await client.post("/v1/events", [login("e-2"), login("e-3")])
    assert array.body == {"accepted": 2, "duplicates": 0, "rejected": []}
    lines = f"{json.dumps(login('e-4'))}\r\n\n{json.dumps(login('e-5'))}".encode()
    ndjson = await client.post("/v1/events", lines, headers={"Content-Type": "application/x-ndjson"})
    assert (ndjson.status, ndjson.body) == (202, {"accepted": 2, "duplicates": 0, "rejected": []})
    for number in range(1, 6):
        assert (await client.get(f"/v1/assessments/e-{number}")).status == 200


async def test_an_empty_array_is_no_error(client: Client) -> None:
    reply = await client.post("/v1/events", [])
    assert (reply.status, reply.body) == (202, {"accepted": 0, "duplicates": 0, "rejected": []})


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"colour": "red"}, "colour", "extra"),
        ({"mfa": {"colour": "red"}}, "mfa.colour", "unknown field"),
        ({"time": None}, "time", "required"),
        ({"time": "yesterday"}, "time", "RFC 3339"),
        ({"time": "2026-01-01T12:00:00"}, "time", "RFC 3339"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time", "1971"),
        ({"id": None}, "id", "required"),
        ({"outcome": None}, "outcome", "success"),
        ({"outcome": "perhaps"}, "outcome", "success"),
        ({"account": None}, "account", "required"),
        ({"account": ""}, "account", "1"),
        ({"ip": "192.0.2.300"}, "ip", "address"),
        ({"ip": "192.0.2.1:80"}, "ip", "address"),
        ({"type": "feedback", "event": "e-0", "verdict": "legitimate"}, "type", "/v1/feedback"),
        ({"label": "attack"}, "label", "HTTP"),
        ({"mfa": {"method": "stone tablet"}}, "mfa.method", "totp"),
        ({"place": {"lat": 48.9}}, "place.lon", "together"),
        ({"account": "x" * 1025}, "account", "1024"),
        ({"account": "é" * 600}, "account", "1024"),
        ({"extra": {"blob": "x" * 65_000, "more": "x" * 1000}}, "", "65536"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_event_is_refused_with_the_name_of_the_field(
    client: Client, change: dict[str, Any], field: str, said: str
) -> None:
    event = {k: v for k, v in (login("e-1") | change).items() if v is not None}
    found = problem(await client.post("/v1/events", event), 422)
    assert found["field"] == field
    assert said in found["detail"]
    assert problem(await client.post("/v1/assessments", event), 422) == found
    # In a batch the others are taken all the same.
    batch = await client.post("/v1/events", [login("good-1"), event, login("good-2")])
    assert (batch.status, batch.body["accepted"]) == (202, 2)
    assert batch.body["rejected"] == [{"index": 1, "field": field, "error": found["detail"]}]
    assert (await client.get("/v1/assessments/e-1")).status == 404


@pytest.mark.parametrize("path", ["/v1/events", "/v1/assessments"])
@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"nonsense", b'{"id": "\xff"}', b'"text"', b"7", b"null", b"[" * 5000, b'{"extra":' * 5000],
)
async def test_what_is_no_json_object_is_told(client: Client, path: str, body: bytes) -> None:
    found = problem(await client.post(path, body), 422)
    assert found["field"] == ""


async def test_a_refusal_never_repeats_a_value(client: Client) -> None:
    event = login("e-1", ip="hunter2", user_agent="x" * 3000, email="ada@example.org")
    reply = await client.post("/v1/events", event)
    assert reply.status == 422
    assert "hunter2" not in reply.text
    assert "ada@" not in reply.text


async def test_five_minutes_ahead_is_the_most(client: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=4, seconds=50)).isoformat()
    late = (datetime.now(UTC) + timedelta(minutes=5, seconds=10)).isoformat()
    assert (await client.post("/v1/events", login("e-1", soon))).status == 202
    found = problem(await client.post("/v1/events", login("e-2", late)), 422)
    assert (found["field"], "5 minutes" in found["detail"]) == ("time", True)


async def test_a_large_body_is_refused_before_it_is_read(client: Client) -> None:
    reply = await client.post("/v1/events", b"[" + b" " * 10_000_000 + b"]")
    assert "http.max_body_bytes" in problem(reply, 413)["detail"]


async def test_a_large_body_without_a_length_is_refused_too(daemon: InProcess, client: Client) -> None:
    import aiohttp

    async def endless() -> Any:
        for _ in range(11):
            yield b" " * 1_000_000

    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {client.secret}"}
        async with session.post(f"{daemon.base}/v1/events", data=endless(), headers=headers) as answer:
            assert answer.status == 413
            assert "http.max_body_bytes" in (await answer.json())["detail"]


async def test_a_body_of_exactly_the_limit_is_taken(start: Start) -> None:
    client = await (await start("[http]\nmax_body_bytes = 65536")).client()
    event = json.dumps(login("e-1")).encode()
    assert (await client.post("/v1/events", event + b" " * (65_536 - len(event)))).status == 202
    event = json.dumps(login("e-2")).encode()
    problem(await client.post("/v1/events", event + b" " * (65_537 - len(event))), 413)


async def test_a_body_that_does_not_come_is_not_waited_for(start: Start) -> None:
    daemon = await start("[http]\nrequest_timeout_seconds = 1")
    client = await daemon.client()
    reader, writer = await asyncio.open_connection(HOST, daemon.daemon.port)
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.secret}\r\nContent-Length: 9\r\n\r\n{{"
    )
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), PATIENCE)).startswith(b"HTTP/1.1 408 ")
    writer.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP"])
async def test_a_compressed_body_is_refused_unseen(client: Client, encoding: str) -> None:
    for path in ("/v1/events", "/v1/assessments", "/v1/feedback"):
        reply = await client.post(path, b"\x1f\x8b not really", headers={"Content-Encoding": encoding})
        assert "Content-Encoding" in problem(reply, 415)["detail"]


async def test_too_many_events_in_one_post(start: Start) -> None:
    client = await (await start("[http]\nmax_batch = 3")).client()
    assert (await client.post("/v1/events", [login(f"e-{n}") for n in range(3)])).status == 202
    reply = await client.post("/v1/events", [login(f"f-{n}") for n in range(4)])
    assert "http.max_batch" in problem(reply, 413)["detail"]
    assert (await client.get("/v1/assessments/f-0")).status == 404


async def test_the_same_event_again_is_a_duplicate(client: Client) -> None:
    event = login("e-1")
    await client.take([event])
    # Key order and white space are not content.
    other = json.dumps(dict(reversed(event.items())), indent=3).encode()
    assert (await client.post("/v1/events", other)).body == {"accepted": 0, "duplicates": 1, "rejected": []}
    both = await client.post("/v1/events", [event, login("e-2"), event])
    assert both.body == {"accepted": 1, "duplicates": 2, "rejected": []}


async def test_an_id_used_again_with_other_content(client: Client) -> None:
    await client.take([login("e-1")])
    other = login("e-1", device_id="another")
    found = problem(await client.post("/v1/events", other), 409)
    assert found["field"] == "id"
    assert problem(await client.post("/v1/assessments", other), 409)["field"] == "id"
    batch = await client.post("/v1/events", [other, login("e-2")])
    assert (batch.status, batch.body["accepted"]) == (202, 1)
    assert batch.body["rejected"] == [{"index": 0, "field": "id", "error": found["detail"]}]


async def test_twice_in_one_post_with_other_content(client: Client) -> None:
    batch = await client.post("/v1/events", [login("e-1"), login("e-1", device_id="another")])
    assert batch.body["accepted"] == 1
    assert [(each["index"], each["field"]) for each in batch.body["rejected"]] == [(1, "id")]


async def test_a_failure_of_nobody_known_is_taken(client: Client) -> None:
    event = login("e-1", account=None, outcome="failure", reason="unknown_account")
    assert (await client.post("/v1/events", event)).status == 202
    answer = (await client.get("/v1/assessments/e-1")).body
    assert (answer["account"], answer["scope"]) == (None, "attempt")


async def test_an_old_event_is_taken_and_mails_nobody(daemon: InProcess, client: Client) -> None:
    await client.put("/v1/accounts/u-1", {"email": "ada@example.org"})
    await client.take([login("e-1", ago(days=3), type="password_changed")])
    await client.take([login("e-2", ago(hours=1), type="mfa_removed", mfa={"method": "totp"})])
    assert sum((await daemon.daemon.store.mail_counts()).values()) == 1
    old, new = [(await client.get(f"/v1/assessments/e-{n}")).body for n in (1, 2)]
    assert new["findings"]
    assert old["event"] == "e-1"


async def test_ndjson_without_its_content_type(client: Client) -> None:
    lines = b"\n".join(json.dumps(login(id)).encode() for id in ("n-1", "n-2"))
    answer = await client.post("/v1/events", lines)
    assert (answer.status, answer.body["accepted"]) == (202, 2)
