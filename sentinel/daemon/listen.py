"""Where the daemon listens: a Unix socket that a killed daemon left behind makes way, nothing else does."""

import asyncio
import errno
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sentinel.config import Listen
from sentinel.errors import SentinelError

#: Connections that may wait to be accepted.
BACKLOG: Final = 1024
#: How long, in seconds, the edges of a daemon that was killed may take to let its port go.
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.05


@asynccontextmanager
async def listening(listen: Listen) -> AsyncIterator[list[socket.socket]]:
    """Sockets that listen there, one for each address of the name; a Unix socket's file goes away with it.

    Raises :class:`SentinelError`.
    """
    path = Path(listen.path) if listen.path else None
    if path is not None:
        await make_way(path)
    try:
        opened = await _open(listen)
    except OSError as error:
        hint = "is another daemon running?" if error.errno == errno.EADDRINUSE else "give another place in `listen`"
        raise SentinelError(f"cannot listen on {listen}: {error.strerror or error}; {hint}") from None
    try:
        yield opened
    finally:
        for each in opened:
            each.close()
        if path is not None:
            path.unlink(missing_ok=True)


async def _open(listen: Listen) -> list[socket.socket]:
    """Wait a little for an address in use: processes of a daemon that was killed are just ending."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _PATIENCE
    while True:
        try:
            return await _listen(listen)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or loop.time() > give_up:
                raise
            await asyncio.sleep(_PAUSE)


async def _listen(listen: Listen) -> list[socket.socket]:
    where: list[tuple[int, Any]] = [(socket.AF_UNIX, listen.path)]
    if not listen.path:
        found = await asyncio.get_running_loop().getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        where = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    with ExitStack() as stack:
        opened = []
        for family, address in where:
            each = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            if family != socket.AF_UNIX:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind(address)
            each.listen(BACKLOG)
            each.setblocking(False)
            opened.append(each)
        stack.pop_all()
    return opened


async def make_way(path: Path) -> None:
    """Remove the socket that a killed daemon left behind. Raises :class:`SentinelError` for anything else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):  # noqa: ASYNC240  # one file, nobody waits
            raise SentinelError(f"listen: {path} is there already and is no socket; choose another path")
        _, writer = await asyncio.open_unix_connection(path)
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)  # noqa: ASYNC240  # one file, nobody waits
    except OSError as error:
        raise SentinelError(f"listen: {path}: {error.strerror}") from None
    else:
        writer.close()
        raise SentinelError(f"listen: another process answers on {path}; stop it, or choose another path")
