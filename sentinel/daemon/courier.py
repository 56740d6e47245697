"""The courier: a process beside the daemon that writes and sends mails.

It has a store connection of its own and leases mails like any other worker, so it may be killed and started at any
time. The daemon holds its standard input: a byte wakes it, the end of input ends it, however the daemon ended.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import Final

from sentinel.config import Config
from sentinel.daemon.handover import handed_over, or_say_why, taken_over
from sentinel.daemon.mail import make_delivery
from sentinel.daemon.state import open_store, open_vault
from sentinel.events.clock import now

_log: Final = logging.getLogger("sentinel.courier")

#: Seconds before a courier that ended by itself is started anew, doubling up to the second.
_PAUSE: Final = (1.0, 60.0)
#: A courier that lived this long, in seconds, had started well.
_WELL: Final = 60.0
#: Seconds that a mail under way may take when the courier is to end.
_PATIENCE: Final = 15.0
#: Niceness: judging events comes first.
_NICE: Final = 10


class Courier:
    """The daemon's side: keeps one courier ``process`` alive; ``trouble`` says why there is none."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.trouble = ""
        self.process: asyncio.subprocess.Process | None = None

    async def run(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Keep a courier until ``stop``; ``wake`` says that there is a mail."""
        pause = _PAUSE[0]
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            try:
                code = await self._one(stop, wake)
            except OSError as error:
                code = error.errno or -1
            if stop.is_set():
                return
            if asyncio.get_running_loop().time() - began > _WELL:
                pause = _PAUSE[0]
            self.trouble = f"the courier ended with status {code}; mails wait until it is started anew"
            _log.error("%s", self.trouble)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(2 * pause, _PAUSE[1])

    async def _one(self, stop: asyncio.Event, wake: asyncio.Event) -> int:
        with handed_over(self.config) as (handed, arguments):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__, *arguments), stdin=asyncio.subprocess.PIPE, pass_fds=(handed,)
            )
        assert process.stdin is not None  # asked for
        self.process = process
        self.trouble = ""
        ended, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
        try:
            while not (ended.done() or stopping.done()):
                woken = asyncio.create_task(wake.wait())
                await asyncio.wait((ended, stopping, woken), return_when=asyncio.FIRST_COMPLETED)
                if woken.done():
                    wake.clear()
                    with contextlib.suppress(ConnectionError):
                        process.stdin.write(b"\n")
                        await process.stdin.drain()
                woken.cancel()
        finally:
            stopping.cancel()
            process.stdin.close()
            if not ended.done():
                await asyncio.wait((ended,), timeout=_PATIENCE)
            if not ended.done():
                # What it leased is taken over when the lease has run out.
                process.kill()
            code = await ended
        return code


async def deliver(config: Config) -> None:
    """The courier's side: deliver until standard input ends."""
    # A mark on a mail need not wait for the disk, and must not keep the daemon's commits waiting for it.
    vault = open_vault(config)
    store = open_store(config, vault, durable=False)
    stop, wake = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if os.read(0, 4096):
            wake.set()
        else:
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, heard)
    try:
        delivery = make_delivery(config, store, vault, lambda: False)
        await delivery.run(stop, wake, now)
    finally:
        await store.close()
        vault.close()


def main() -> None:
    """Entry of the process; its arguments are the configuration handed over."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A supervisor tells all processes to stop; the daemon does so in its own order, by ending the input.
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        # A hardened unit may forbid it; then judging and mails share alike.
        os.nice(_NICE)
    config = taken_over(sys.argv[1:])
    or_say_why(lambda: asyncio.run(deliver(config)))


if __name__ == "__main__":
    main()
