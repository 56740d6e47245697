"""Requests that cannot be read: a problem document like for any other error, which quotes nothing."""

import asyncio
import json

import pytest

from tests.running import HOST, Client, InProcess


async def raw(daemon: InProcess, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to ``request`` as it is."""
    reader, writer = await asyncio.open_connection(HOST, daemon.daemon.port)
    writer.write(request)
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return int(status.split()[1]), headers, body


SECRET = b"c0ffee-secret"


@pytest.mark.parametrize(
    ("request_line", "header", "said"),
    [
        (b"GET /v1/accounts/" + SECRET * 700, b"", "longer than 8190 bytes"),
        (b"GET /healthz", b"X-Long: " + SECRET * 700 + b"\r\n", "longer than 8190 bytes"),
        (b"GET /v1/accounts/" + SECRET + b"\xff", b"", "no HTTP request"),
        (b"POST /v1/events", b"Content-Length: " + SECRET + b"\r\n", "no HTTP request"),
        (b"GET http://[" + SECRET, b"", "no HTTP request"),
    ],
    ids=["long path", "long header", "bytes", "length", "address"],
)
async def test_what_is_no_http_is_told_so(daemon: InProcess, request_line: bytes, header: bytes, said: str) -> None:
    request = request_line + b" HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n"
    status, headers, body = await raw(daemon, request)
    assert (status, headers["content-type"], headers["server"]) == (400, "application/problem+json", "sentinel")
    problem = json.loads(body)
    assert problem["status"] == 400
    assert said in problem["detail"]
    assert SECRET not in body
    assert (await raw(daemon, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"))[0] == 200


@pytest.mark.parametrize("rest", ["%ff", "a%C3", "%ff/risk", "%ff/alerts", "%ff/export"])
async def test_an_account_that_is_no_text_is_told_so(daemon: InProcess, client: Client, rest: str) -> None:
    bearer = f"Authorization: Bearer {client.secret}"
    request = f"GET /v1/accounts/{rest} HTTP/1.1\r\nHost: a\r\n{bearer}\r\n\r\n".encode()
    status, headers, body = await raw(daemon, request)
    problem = json.loads(body)
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert (problem["field"], problem["detail"][:14]) == ("account", "expected UTF-8")
    assert (await client.get("/v1/accounts/%25ff")).body["account"] == "%ff"
    assert (await client.get("/v1/accounts/%C3%A9")).body["account"] == "é"
