"""The sd_notify protocol: tells systemd how the daemon is doing (man 3 sd_notify).

One datagram of ``KEY=value`` lines to the socket named by ``$NOTIFY_SOCKET``. Without that variable every
call does nothing, so the daemon runs the same in a terminal. A call that cannot be delivered never raises:
failing to tell systemd must not end the service, and systemd's own time-outs notice the silence. Each call
says whether the datagram was sent.
"""

import os
import socket
import time
from typing import Final

#: Longest wait, in seconds, for room in the socket's queue: the event loop stands still for that time.
_PATIENCE: Final = 0.5


def ready(text: str = "") -> bool:
    """Start-up, or a reload begun with :func:`reloading`, is complete. ``text`` is as for :func:`status`."""
    return _send("READY=1", *_status(text))


def reloading() -> bool:
    """The configuration is being read again; :func:`ready` must follow, also when the old one stays in force.

    The monotonic time lets ``Type=notify-reload`` (systemd 253 and newer) tell it from an earlier reload.
    """
    return _send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping() -> bool:
    """Shut-down has begun."""
    return _send("STOPPING=1")


def status(text: str) -> bool:
    """One line for ``systemctl status``: counts and states, never a value out of an event."""
    return _send(*_status(text))


def watchdog() -> bool:
    """The main loop turns: to be called from it every :func:`watchdog_interval` seconds."""
    return _send("WATCHDOG=1")


def watchdog_interval() -> float | None:
    """Seconds between calls of :func:`watchdog`, or ``None`` when systemd does not watch this process.

    Half of ``WatchdogSec=``, as sd_watchdog_enabled(3) advises: one late call is not yet a restart.
    """
    process = os.environ.get("WATCHDOG_PID")
    # A child inherits the environment of the daemon but is not the process that is watched.
    if process is not None and process != str(os.getpid()):
        return None
    try:
        microseconds = int(os.environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 2_000_000 if microseconds > 0 else None


def _status(text: str) -> tuple[str, ...]:
    # A line break would start another assignment.
    return (f"STATUS={' '.join(text.split())}",) if text else ()


def _send(*lines: str) -> bool:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not lines or address[:1] not in ("/", "@"):
        return False
    if address[0] == "@":
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(_PATIENCE)
            sender.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True
