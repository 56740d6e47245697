"""One POST: where it may go, what it follows, how much and how long it reads."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sentinel.hooks.client import MAX_ANSWER, Poster, Reply
from tests.hooks.receiver import Came, HookServer, answers

Post = Callable[..., Any]


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    server = await HookServer().start()
    yield server
    await server.stop()


async def post(url: str, **settings: Any) -> Reply:
    poster = Poster(url, **{"allow_private": True, "timeout": 10.0} | settings)
    try:
        return await poster.post(b"{}", {"content-type": "application/json"})
    finally:
        await poster.close()


async def test_what_comes_back_is_told(server: HookServer) -> None:
    server.answer = answers(503, Retry_After="120")
    reply = await post(server.url)
    assert (reply.status, reply.retry_after, reply.reason) == (503, "120", "")
    assert (server.came[0].body, server.came[0].headers["content-type"]) == (b"{}", "application/json")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_a_private_address_is_refused_however_it_is_written(server: HookServer, host: str) -> None:
    reply = await post(f"http://{host}:{server.port}/hook", allow_private=False)
    assert (reply.status, server.came) == (0, [])
    assert "private or special network" in reply.reason


async def test_a_name_is_checked_at_every_connect_by_the_address_that_is_connected_to(
    server: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = asyncio.get_running_loop().getaddrinfo

    async def rebinding(host: Any, port: Any, **more: Any) -> Any:
        asked.append(host)
        return await real("127.0.0.1", port, **more)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    url = f"http://hook.example.org:{server.port}/hook"
    assert (await post(url)).status == 202  # or the name would not lead there at all
    poster = Poster(url)
    for _ in range(2):
        assert "private or special network" in (await poster.post(b"{}", {})).reason
    await poster.close()
    assert asked == ["hook.example.org"] * 3
    assert len(server.came) == 1


async def test_posts_at_the_same_time_ask_for_the_name_once(
    server: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up that hangs holds a thread, and all targets share them."""
    asked: list[str] = []
    real, began, go = asyncio.get_running_loop().getaddrinfo, asyncio.Event(), asyncio.Event()

    async def slow(host: Any, port: Any, **more: Any) -> Any:
        asked.append(host)
        began.set()
        await go.wait()
        return await real("127.0.0.1", port, **more)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", slow)
    poster = Poster(f"http://name.example.org:{server.port}/hook", allow_private=True, timeout=10.0)
    posts = [asyncio.create_task(poster.post(b"{}", {})) for _ in range(8)]
    await began.wait()
    for _ in range(100):  # the others come as far as that
        await asyncio.sleep(0)
    go.set()
    assert {reply.status for reply in await asyncio.gather(*posts)} == {202}
    assert asked == ["name.example.org"]
    # And nothing is remembered of it.
    await poster.post(b"{}", {})
    assert asked == ["name.example.org"] * 2
    await poster.close()


async def test_redirects_are_not_followed(server: HookServer) -> None:
    server.answer = answers(307, Location=f"http://127.0.0.1:{server.port}/elsewhere")
    assert (await post(server.url)).status == 307
    assert [came.path for came in server.came] == ["/hook"]


async def test_proxies_of_the_environment_are_not_used(server: HookServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert (await post(server.url)).status == 202


async def test_no_more_than_the_beginning_of_an_answer_is_read(server: HookServer) -> None:
    async def flood(came: Came) -> web.StreamResponse:
        return web.Response(status=400, body=b"x" * (64 * MAX_ANSWER))

    server.answer = flood
    assert len((await post(server.url)).body) == MAX_ANSWER


@pytest.mark.parametrize("status", [202, 400])
async def test_an_answer_counts_though_its_body_never_ends(server: HookServer, status: int) -> None:
    never = asyncio.Event()

    async def begin(came: Came) -> web.StreamResponse:
        answer = web.StreamResponse(status=status)
        await answer.prepare(server.request)
        await answer.write(b"{")
        await never.wait()
        return answer

    server.answer = begin
    assert (await post(server.url, timeout=0.5)).status == status
    never.set()


async def test_an_answer_that_does_not_come_is_given_up(server: HookServer) -> None:
    never = asyncio.Event()

    async def wait(came: Came) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    server.answer = wait
    reply = await post(server.url, timeout=0.2)
    assert (reply.status, reply.reason) == (0, "no answer within 0.2 s")
    never.set()


async def test_what_is_no_http_and_what_is_not_there_is_told() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()

    other = await asyncio.start_server(speak, "127.0.0.1", 0)
    reply = await post(f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}/")
    assert (reply.status, reply.reason.startswith("the connection broke off")) == (0, True)
    other.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        reply = await post(f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert (reply.status, reply.reason) == (0, "no connection")


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    server = await HookServer().start(serving)
    url = f"https://127.0.0.1:{server.port}/hook"
    reply = await post(url)
    assert (reply.status, server.came) == (0, [])
    assert "certificate is not valid" in reply.reason
    assert (await post(url, trusted=ssl.create_default_context(cafile=str(file)))).status == 202
    await server.stop()


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file
