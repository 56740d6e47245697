"""Keys: who may do what, and from when to when."""

import asyncio
from collections.abc import Iterable

import pytest

from sentinel.api.app import ROUTES
from sentinel.api.auth import SCOPES
from tests.running import Client, Command, InProcess, login

GUARDED = [route for route in ROUTES if route.scope]


def path(route: str) -> str:
    return route.replace("{event}", "e-1").replace("{account}", "u-1")


def test_everything_but_health_the_document_and_what_is_public_needs_a_key() -> None:
    # What receivers of Shared Signals look up is public: addresses and public keys. The answer page has its own token.
    assert {route.path for route in ROUTES if not route.scope} == {
        "/healthz", "/readyz", "/openapi.json", "/answer/{token}", "/.well-known/ssf-configuration",
        "/.well-known/jwks.json",
    }  # fmt: skip
    assert {route.scope for route in GUARDED} == set(SCOPES)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic c2VudGluZWw6", "Bearer sentinel_wrong", "Bearer \udcff\udcfe", "Bearer é"],
)
async def test_without_a_good_key_nothing_is_told(daemon: InProcess, header: str | None) -> None:
    stranger = daemon.stranger()
    for route in GUARDED:
        sent = {"Authorization": header} if header is not None else {}
        body = {"x": 1} if route.method in ("POST", "PUT") else None
        reply = await stranger.ask(route.method, path(route.path), body, headers=sent)
        assert reply.status == 401, (route, reply.text)
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert reply.headers["Content-Type"].startswith("application/problem+json")


async def test_a_scope_opens_its_paths_and_no_other(daemon: InProcess) -> None:
    for scope in SCOPES:
        client = await daemon.client(scope)
        for route in GUARDED:
            body: dict[str, str] | None = {} if route.method in ("POST", "PUT") else None
            reply = await client.ask(route.method, path(route.path), body)
            if route.scope == scope:
                assert reply.status not in (401, 403), (route, reply.text)
            else:
                assert (reply.status, repr(route.scope) in reply.body["detail"]) == (403, True)


async def test_the_scheme_is_case_insensitive(daemon: InProcess, client: Client) -> None:
    reply = await daemon.stranger().get("/v1/alerts", headers={"Authorization": f"bearer  {client.secret}"})
    assert reply.status == 200


async def test_a_secret_is_kept_nowhere(daemon: InProcess, client: Client) -> None:
    await client.take([login("e-1")])
    await daemon.stop()
    assert client.secret
    for file in _files(daemon):
        assert client.secret.encode() not in file


def _files(daemon: InProcess) -> Iterable[bytes]:
    return (path.read_bytes() for path in daemon.daemon.config.state.iterdir() if path.is_file())


async def test_a_key_of_the_command_line_works_at_once_and_a_revoked_one_stops(
    daemon: InProcess, sentinel: Command
) -> None:
    async def command(*arguments: str) -> str:
        done = await asyncio.to_thread(sentinel, "keys", *arguments, "--config", daemon.path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # Something asked just before, so that the daemon has read the keys.
    assert (await daemon.stranger("wrong").get("/v1/alerts")).status == 401
    secret = (await command("create", "web", "--scope", "events", "--scope", "accounts")).strip()
    client = daemon.stranger(secret)
    assert (await client.post("/v1/events", login("e-1"))).status == 202
    assert (await client.post("/v1/assessments", login("e-1"))).status == 403
    await command("revoke", "web")
    async with asyncio.timeout(1.5):
        while (await client.get("/v1/alerts")).status != 401:  # noqa: ASYNC110  # what happens in the daemon tells nobody
            await asyncio.sleep(0.02)
