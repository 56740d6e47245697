"""A system that is told: a real HTTP server on loopback that answers as it is told to and keeps what came."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from aiohttp import web

#: The longest that anything here may take, in seconds.
PATIENCE = 20.0


class Came(msgspec.Struct, frozen=True):
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = msgspec.json.decode(self.body)
        return found


Answer = Callable[[Came], Awaitable[web.StreamResponse]]


class HookServer:
    """``answer`` says what to answer; by default 202."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.came: list[Came] = []
        self.answer = answer
        self._changed = asyncio.Event()

    async def start(self, context: ssl.SSLContext | None = None) -> "HookServer":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        came = Came(
            request.path, {name.lower(): value for name, value in request.headers.items()}, await request.read()
        )
        self.came.append(came)
        self.request = request
        self._changed.set()
        return await self.answer(came) if self.answer is not None else web.Response(status=202)

    async def wait(self, number: int) -> list[Came]:
        """What came, once so many requests did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while len(self.came) < number:
                    self._changed.clear()
                    await self._changed.wait()
        assert len(self.came) >= number, f"only {len(self.came)} of {number} requests came"
        return self.came

    async def stop(self) -> None:
        await self._runner.cleanup()


def answers(*statuses: int, **headers: str) -> Answer:
    """Answer with one status after the other, the last one from then on."""
    left = list(statuses)

    async def answer(came: Came) -> web.StreamResponse:
        status = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer
