"""What the daemon and its edge processes say to each other: msgpack over a Unix socket pair.

Both ends are of one installation and one version, and nobody else has the sockets.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from sentinel.pipeline.item import Item, Outcome
from sentinel.pipeline.request import Answer, Request

#: Bytes of the length in front of each message.
_HEAD: Final = 4


class Submit(msgspec.Struct, frozen=True, array_like=True, tag="submit"):
    """Edge: judge these; the answer is :class:`Judged` or :class:`Refused`."""

    call: int
    inline: bool
    items: list[Item]


class Ask(msgspec.Struct, frozen=True, array_like=True, tag="ask"):
    """Edge: whether event ``key`` waits to be judged (``holds``), what is wrong (``ready``), or the ``metrics``."""

    call: int
    what: Literal["holds", "ready", "metrics"]
    key: str = ""


class Exercise(msgspec.Struct, frozen=True, array_like=True, tag="exercise"):
    """Edge: a person's right is exercised; the answer is :class:`Exercised`, :class:`Declined` or :class:`Refused`."""

    call: int
    request: Request


class Serving(msgspec.Struct, frozen=True, array_like=True, tag="serving"):
    """Edge: requests are answered from now on."""


class Served(msgspec.Struct, frozen=True, array_like=True, tag="served"):
    """Edge: all requests it answered so far, by route and status."""

    requests: list[tuple[str, int, int]]


class Judged(msgspec.Struct, frozen=True, array_like=True, tag="judged"):
    """Daemon: what came of the items of a call, in order; without the mails, which are the daemon's own."""

    call: int
    outcomes: list[Outcome]


class Refused(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """Daemon: why the items of a call came to nothing."""

    call: int
    overloaded: bool
    text: str
    retry: int | bool  #: seconds to wait when overloaded, else whether trying again may help


class Told(msgspec.Struct, frozen=True, array_like=True, tag="told"):
    """Daemon: the answer to :class:`Ask`."""

    call: int
    value: Any


class Exercised(msgspec.Struct, frozen=True, array_like=True, tag="exercised"):
    """Daemon: what came of a right."""

    call: int
    answer: Answer


class Declined(msgspec.Struct, frozen=True, array_like=True, tag="declined"):
    """Daemon: why a right was not exercised: what is wrong with a field, or what is in the way."""

    call: int
    conflict: bool
    field: str
    text: str


class Order(msgspec.Struct, frozen=True, array_like=True, tag="order"):
    """Daemon: open the store and ``serve``; ``reload`` the configuration; answer what came and ``stop``."""

    what: Literal["serve", "reload", "stop"]


ToDaemon = Submit | Ask | Exercise | Serving | Served
ToEdge = Judged | Refused | Told | Exercised | Declined | Order

_encoder: Final = msgspec.msgpack.Encoder()


class Pipe(asyncio.Protocol):
    """One end of the pair. Messages come in order; each is handled before the next is decoded."""

    def __init__(self, type: Any, heard: Callable[[Any], None], ended: Callable[[], None]) -> None:
        """``type`` is the union of what may be heard; ``ended`` is called once the other end is gone."""
        self._decode = msgspec.msgpack.Decoder(type).decode
        self._heard = heard
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._unsent: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = None
        self._ended()

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        self._unread += data
        at = 0
        while len(self._unread) >= at + _HEAD:
            begin = at + _HEAD
            end = begin + int.from_bytes(self._unread[at:begin], "big")
            if len(self._unread) < end:
                break
            with memoryview(self._unread) as unread:
                message = self._decode(unread[begin:end])
            at = end
            self._heard(message)
        del self._unread[:at]

    def send(self, message: ToDaemon | ToEdge) -> None:
        """Send a message; to an end that is gone it goes nowhere."""
        if self._transport is None:
            return
        packed = _encoder.encode(message)
        if not self._unsent:
            # All that is said in one turn of the loop goes in one call to the system.
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent += (len(packed).to_bytes(_HEAD, "big"), packed)

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.writelines(self._unsent)
        self._unsent = []

    def close(self) -> None:
        """Send what is left, then end."""
        self._flush()
        if self._transport is not None:
            self._transport.close()
