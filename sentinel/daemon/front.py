"""HTTP over a listening socket, the same in the daemon itself and in an edge process."""

import gc
import socket
import sys
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from sentinel.api.app import make_app
from sentinel.api.service import Service
from sentinel.api.unreadable import MAX_LINE, Runner
from sentinel.daemon.listen import BACKLOG
from sentinel.enrich.device import describe

#: Seconds that requests under way may take when told to stop.
DRAIN: Final = 20.0
#: Seconds that a refused body is still read, so that its sender gets the answer and not a broken connection.
_LINGER: Final = 2.0


async def serve_http(service: Service, listening: Iterable[socket.socket]) -> web.AppRunner:
    """Answer requests that come in on ``listening``; :meth:`web.AppRunner.cleanup` drains and ends it."""
    # The first agent costs a fifth of a second to prepare the parser; no request should wait for that.
    describe("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    runner = Runner(
        make_app(service),
        access_log=None,
        handle_signals=False,
        auto_decompress=False,
        shutdown_timeout=DRAIN,
        keepalive_timeout=75,
        lingering_time=_LINGER,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
    )
    await runner.setup()
    for each in listening:
        await web.SockSite(runner, each, backlog=BACKLOG).start()
    return runner


def tune_interpreter() -> None:
    """Settings of the interpreter for a process that answers requests."""
    # The state is made of many small objects without cycles: scanning them all again and again costs a quarter of the
    # time and finds nothing.
    gc.set_threshold(50_000, 20, 100)
    # The writer thread wants the interpreter's lock a dozen times a batch; at the default of five milliseconds it would
    # wait longer for it than for the disk.
    sys.setswitchinterval(0.0005)
