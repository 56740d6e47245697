"""Structured logs without personal data: one JSON object a line on standard error, ECS field names.

What may be printed is named here; everything else is dropped:

- ``extra={...}`` passes through an allow-list, :data:`FIELDS`. The number of others is printed.
- Of an exception only its type and where it came from are printed, since messages hold values ("invalid
  address ..."). :class:`~sentinel.errors.SentinelError` is written for people without personal data and is
  printed whole.
- Libraries put values into their messages, so only the leading words of theirs are printed.
- As a last net, anything that reads like an e-mail address or an IP address becomes ``[withheld]`` in every
  text; loopback and unspecified addresses stay, they are only ever the daemon's own.
"""

import errno
import json
import logging
import re
import sys
import threading
from datetime import UTC, datetime
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, TextIO

from sentinel.errors import FieldError, SentinelError

#: Keys of ``extra`` that are printed: ECS names where ECS has one, else under ``sentinel.``. None of them may
#: ever carry a raw account, address, agent, device, session or name. ``event.duration`` is nanoseconds (ECS).
FIELDS: Final = frozenset(
    {
        "event.action",
        "event.duration",
        "event.kind",
        "event.outcome",
        "event.reason",
        "file.path",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "process.pid",
        "server.address",
        "server.port",
        "service.name",
        "service.state",
        "service.version",
        "sentinel.alert",
        "sentinel.attempts",
        "sentinel.campaign",
        "sentinel.count",
        "sentinel.decision",
        "sentinel.duplicates",
        "sentinel.fact",
        "sentinel.key",
        "sentinel.kind",
        "sentinel.level",
        "sentinel.mode",
        "sentinel.model",
        "sentinel.purged",
        "sentinel.rejected",
        "sentinel.retry_after",
        "sentinel.rule",
        "sentinel.rules",
        "sentinel.ruleset",
        "sentinel.store",
        "sentinel.tenant",
        "sentinel.waiting",
    }
)
#: Names of ``setup(level)``, as the configuration has them.
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_LONGEST: Final = 500
_DEEPEST: Final = 30
_CAUSES: Final = 5
_MAIL: Final = re.compile(r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:=]+")
_DOTTED: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_COLONS: Final = re.compile(r"(?<![\w:])[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![\w:])")
_WORDS: Final = re.compile(r"(?:(?:[A-Za-z]+|%[sdr])[.,;:]?(?:[ ]|$))*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

#: What a record has by itself: everything else in it came with ``extra``.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup(level: str = "info", stream: TextIO | None = None) -> None:
    """Send the logs of this process from ``level`` (:data:`LEVELS`) up to ``stream`` (default: stderr).

    Lines are JSON, or plain text when ``stream`` is a terminal. Uncaught exceptions are logged the same way
    instead of being printed with their values. Calling it again replaces the former set-up.

    Raises :class:`~sentinel.errors.FieldError` for an unknown level.
    """
    if level not in LEVELS:
        raise FieldError("level", f"expected one of {', '.join(LEVELS)}")
    stream = sys.stderr if stream is None else stream
    handler = _Handler(stream)
    handler.setFormatter(PlainFormatter() if stream.isatty() else JsonFormatter())
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    # A request line holds accounts, tokens and addresses; counts and latencies are on /metrics.
    logging.getLogger("aiohttp.access").disabled = True
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What may be printed of a record, as ECS field names to scalar values, in the order they are printed."""
    moment = datetime.fromtimestamp(record.created, UTC)
    found: dict[str, Any] = {
        "@timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "log.level": record.levelname.lower(),
        "message": _message(record),
        "log.logger": record.name,
    }
    withheld = 0
    for key, value in vars(record).items():
        if key in _OWN:
            continue
        if key in FIELDS and isinstance(value, str | int | float | bool | None):
            found[key] = _scrub(value) if isinstance(value, str) else value
        else:
            withheld += 1
    if withheld:
        found["sentinel.withheld"] = withheld
    if record.exc_info and record.exc_info[1] is not None:
        found |= _error_fields(record.exc_info[1])
    return found


class JsonFormatter(logging.Formatter):
    """One JSON object a record, in one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        # ASCII only: one line whatever the reader takes for a line break, and no encoding to go wrong.
        return json.dumps(fields(record), separators=(",", ":"))


class PlainFormatter(logging.Formatter):
    """One line for people at a terminal: time of day (UTC), level, message, then the other fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        shown = fields(record)
        start = f"{shown.pop('@timestamp')[11:19]} {shown.pop('log.level'):<7} {shown.pop('message')}"
        logger = shown.pop("log.logger")
        rest = "".join(f" {key}={value}" for key, value in shown.items())
        return _CONTROL.sub(" ", f"{start}{rest} ({logger})")


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class names it
        # The base class prints message and arguments to standard error; there is nowhere left to report to.
        pass


def _message(record: logging.LogRecord) -> str:
    if record.name != "sentinel" and not record.name.startswith(("sentinel.", "__main__")):
        match = _WORDS.match(str(record.msg).partition("\n")[0])
        return (match[0].strip() if match else "") or "message of a library withheld"
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(_describe(each) if isinstance(each, BaseException) else each for each in arguments)
    message: object = record.msg
    if isinstance(message, BaseException):
        message, arguments = _describe(message), ()
    try:
        text = str(message) % arguments if arguments else str(message)
    except (TypeError, ValueError, KeyError):
        text = str(message)
    return _scrub(text)


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, SentinelError) else type(error).__name__


def _scrub(text: str) -> str:
    text = _MAIL.sub("[withheld]", text[:_LONGEST])
    return _DOTTED.sub(_withhold, _COLONS.sub(_withhold, text))


def _withhold(match: re.Match[str]) -> str:
    try:
        address = ip_address(match[0])
    except ValueError:
        return match[0]
    return match[0] if address.is_loopback or address.is_unspecified else "[withheld]"


def _error_fields(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {"error.type": type(error).__qualname__}
    if isinstance(error, SentinelError):
        found["error.message"] = _scrub(str(error))
    # Symbolic names, such as ENOSPC or SQLITE_BUSY: they tell the operator what to do and hold no value.
    code = getattr(error, "sqlite_errorname", None) or _errno_name(error)
    if code:
        found["error.code"] = code
    chain: list[str] = []
    link: BaseException | None = error
    while link is not None and len(chain) < _CAUSES:
        chain.append(f"{type(link).__qualname__} at {_where(link.__traceback__)}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    found["error.stack_trace"] = "; caused by ".join(chain)
    return found


def _errno_name(error: BaseException) -> str | None:
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number) if number is not None else None


def _where(trace: TracebackType | None) -> str:
    steps: list[str] = []
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        steps.append(f"{module}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(steps[-_DEEPEST:]) or "?"


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        sys.__excepthook__(kind, error or kind(), trace)
        return
    logging.getLogger("sentinel").critical(
        "uncaught exception", exc_info=(kind, error, trace), extra={"event.action": "uncaught_exception"}
    )
