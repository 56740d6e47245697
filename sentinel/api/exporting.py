"""Few archives at once: each is in memory as a whole, and takes seconds of work for an account with a long history."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from sentinel.errors import Overloaded

#: Archives made and sent at once, in each process that answers requests.
AT_ONCE: Final = 2
#: Seconds that a request waits for its turn, and those after which it should come again.
PATIENCE: Final = 5.0
#: Seconds in which an archive has to be fetched, and how much longer that may take for each byte of it (1 MB/s):
#: whoever reads slower must not keep others from theirs.
FETCH: Final = 60.0
FETCH_BYTE: Final = 1e-6
_PIECE: Final = 64 * 1024


class Exports:
    """The turns of a process. ``patience`` is :data:`PATIENCE`."""

    def __init__(self, at_once: int = AT_ONCE, patience: float = PATIENCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._patience = patience

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and keep it within. Raises :class:`Overloaded` when none comes in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise Overloaded(
                "exports of other accounts are being made; ask again", retry_after=round(PATIENCE)
            ) from None
        try:
            yield
        finally:
            self._turns.release()


async def send_archive(request: web.Request, content: memoryview) -> web.StreamResponse:
    """Send a ZIP, piece by piece; returns when it is fetched. A connection that takes too long is cut."""
    response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="export.zip"'})
    response.content_type = "application/zip"
    response.content_length = len(content)
    try:
        async with asyncio.timeout(FETCH + FETCH_BYTE * len(content)):
            await response.prepare(request)
            for at in range(0, len(content), _PIECE):
                await response.write(content[at : at + _PIECE])
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # whoever asked is gone
    return response
