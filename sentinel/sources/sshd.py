"""OpenSSH's log: who signed in, who tried (auth.log, or the journal).

One try is one event, although sshd writes up to five lines about it
(:class:`~sentinel.sources.sshd_messages.Step`). The first line that is sure makes the event, so that a live
log is judged at once; later lines of the same connection about the same try add nothing. A line whose step
was there before begins the next try. Only a PAM module's failure waits for what follows, since with several
modules (``pam_unix`` before ``pam_sss``) it stands before successes too.

Passed over: other programs' lines; messages that are no try (sessions, key exchange, ends of sessions);
refused keys.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sentinel.errors import FieldError
from sentinel.events.clock import MINUTE, SECOND, to_text
from sentinel.events.event import Event, convert_event
from sentinel.sources.line import Ids, Line, Options, numbered
from sentinel.sources.sshd_messages import Said, Step, repeated, understand
from sentinel.sources.syslog import Entry, Reader

#: sshd's own names: since 9.8 a session, since 10.0 also the part before it, is a program of its own.
PROGRAMS: Final = frozenset({"sshd", "sshd-session", "sshd-auth"})

#: Connections remembered. A forgotten one costs at most one event too many.
MAX_CONNECTIONS: Final = 16_384
#: Silence after which a process id or port belongs to another connection; sshd's LoginGraceTime is 2 minutes.
FORGET_AFTER: Final = 10 * MINUTE
#: How long a PAM module's failure waits for the line that tells how it ended; PAM's delay is about 2 seconds.
HOLD: Final = 30 * SECOND
#: More repetitions than a log daemon compresses into one line.
MAX_REPEATED: Final = 10_000


class _Connection:
    __slots__ = ("held", "ip", "port", "refusal", "seen", "step", "user")

    def __init__(self, said: Said) -> None:
        self.ip = said.ip
        self.port = said.port
        self.user = said.user
        self.step = 0
        self.seen = 0
        self.refusal: str | None = None
        self.held: tuple[int, Entry, Said] | None = None

    def fits(self, said: Said) -> bool:
        """Whether what both know of the other end is the same."""
        return (said.ip is None or self.ip in (None, said.ip)) and (said.port is None or self.port in (None, said.port))


class _Tries:
    """Tells lines of one try from lines of the next, for one input."""

    def __init__(self) -> None:
        self._connections: OrderedDict[tuple[str | None, ...], _Connection] = OrderedDict()
        self._holding: OrderedDict[int, _Connection] = OrderedDict()

    def line(self, number: int, entry: Entry, said: Said) -> Iterator[tuple[int, Entry, Said]]:
        """The tries that are sure after this line."""
        connection = self._find(entry, said)
        open_try = connection.user == said.user or said.user is None or connection.user is None
        goes_on = open_try and said.step > connection.step > 0
        held = connection.held
        self._release(connection)
        if said.silent:
            if held is not None:
                yield held
            connection.refusal, connection.user = said.reason, said.user
            return
        if connection.refusal is not None and open_try and said.reason == "unknown_account":
            said = said._replace(reason=connection.refusal)
        if held is not None and not (goes_on or said.step is Step.ACCEPTED):
            yield held
            held = None
        if said.step is Step.PAM_HINT:
            if not goes_on:
                connection.held = number, entry, said
                self._holding[id(connection)] = connection
        elif Step.EXCEEDED <= said.step <= Step.CLOSED:
            if held is not None:
                yield number, entry, said._replace(reason=held[2].reason)
            elif not connection.step or connection.step == said.step:
                yield number, entry, said
        elif held is not None or not goes_on or said.step is Step.ACCEPTED:
            yield number, entry, said
        if said.step is Step.REFUSED and said.reason == "policy":
            connection.refusal = "policy"
        connection.step = said.step
        if said.user is not None:
            connection.user = said.user

    def due(self, now: int | None) -> Iterator[tuple[int, Entry, Said]]:
        """Tries that waited long enough for another line; with ``None`` all that wait."""
        while self._holding:
            connection = next(iter(self._holding.values()))
            held = connection.held
            assert held is not None  # only connections that hold something are in there
            if now is not None and now - held[1].time < HOLD and len(self._holding) <= MAX_CONNECTIONS:
                return
            self._release(connection)
            yield held

    def _release(self, connection: _Connection) -> None:
        connection.held = None
        self._holding.pop(id(connection), None)

    def _take_over(self, connection: _Connection, other: _Connection | None, entry: Entry, said: Said) -> None:
        """A PAM failure logged by a process of its own is this connection's once it tells how that ended."""
        if other is None or other is connection or other.held is None or connection.held is not None:
            return
        if said.step is Step.PAM_HINT or other.port or entry.time - other.seen > HOLD:
            return
        if other.user in (None, said.user):
            connection.held, connection.step, connection.user = other.held, Step.PAM_HINT, said.user
            self._release(other)
            other.step = 0

    def _find(self, entry: Entry, said: Said) -> _Connection:
        # By process first, else by the other end: PAM and sshd-auth may speak from processes of their own.
        process = ("pid", entry.host, entry.pid) if entry.pid else None
        keys = [
            key
            for key in (
                process,
                (entry.host, said.ip, said.port) if said.ip and said.port else None,
                (entry.host, said.ip) if said.ip else None,
            )
            if key is not None
        ]
        found: _Connection | None = None
        for key in keys:
            candidate = self._connections.get(key)
            if candidate is None or not candidate.fits(said) or entry.time - candidate.seen > FORGET_AFTER:
                continue
            # From another process and without a port it is a guess, good for the lines of one try only.
            if key is not process and not (said.port and candidate.port):
                if entry.time - candidate.seen > HOLD or not said.step > candidate.step > 0:
                    continue
                if None not in (said.user, candidate.user) and said.user != candidate.user:
                    continue
                if candidate.step >= Step.EXCEEDED:
                    continue
            found = candidate
            break
        if found is None:
            found = _Connection(said)
        else:
            self._take_over(found, self._connections.get((entry.host, said.ip)), entry, said)
        found.seen = entry.time
        found.ip = found.ip or said.ip
        found.port = found.port or said.port
        for key in keys:
            self._connections[key] = found
            self._connections.move_to_end(key)
        while len(self._connections) > MAX_CONNECTIONS:
            self._connections.popitem(last=False)
        return found


def read(lines: Iterable[bytes], options: Options) -> Iterator[Line]:
    """Read sshd's log lines; see :class:`sentinel.sources.line.Source` and :mod:`sentinel.sources.syslog`.

    A PAM module's failure that nothing followed comes out, under its own line number, with the first line
    that is 30 seconds younger, or at the end of the input.
    """
    ids = Ids()
    reader = Reader(options)
    tries = _Tries()
    for number, text in numbered(lines):
        try:
            if isinstance(text, FieldError):
                raise text
            entry = reader.entry(text)
        except FieldError as error:
            yield Line(number, error)
            continue
        if entry is None:
            continue
        for waited in tries.due(entry.time):
            yield _line(ids, *waited)
        if entry.program not in PROGRAMS:
            continue
        times, message = repeated(entry.message)
        if times > MAX_REPEATED:
            yield Line(number, FieldError("", f"expected at most {MAX_REPEATED} repetitions, got {times}"))
            continue
        said = understand(message)
        if said is None:
            continue
        for _ in range(times):
            for sure in tries.line(number, entry, said):
                yield _line(ids, *sure)
    for waited in tries.due(None):
        yield _line(ids, *waited)


def _line(ids: Ids, number: int, entry: Entry, said: Said) -> Line:
    try:
        return Line(number, ids.name(_event(entry, said)))
    except FieldError as error:
        return Line(number, error)


def _event(entry: Entry, said: Said) -> Event:
    value: dict[str, Any] = {
        "time": to_text(entry.time),
        # Somebody who is asked for a name may give an empty one.
        "account": said.user or None,
        "ip": said.ip,
        "service": "sshd",
        "outcome": "success" if said.step is Step.ACCEPTED else "failure",
    }
    if said.step is Step.ACCEPTED:
        value["session_id"] = f"{entry.host}:{entry.pid}:{entry.time}"
    else:
        value["reason"] = said.reason
    if said.method == "password":
        value["auth"] = {"method": "password"}
    elif said.method == "publickey":
        # The contract has no word for a bare key; a certificate is the nearest: something held, not known.
        value["auth"] = {"method": "certificate"}
    return convert_event(value)
