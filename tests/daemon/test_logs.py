"""What is logged, and above all what never is."""

import asyncio
import io
import json
import logging
import sqlite3
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sentinel.daemon import logs
from sentinel.errors import FieldError, StoreError

ADDRESSES = ("192.0.2.77", "2001:db8:1::77", "::ffff:198.51.100.9")
MAIL = "ada@example.org"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
PERSONAL = (*ADDRESSES, MAIL, AGENT, "Firefox", "ada")

log = logging.getLogger("sentinel.test")


class Stream(io.StringIO):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def stream() -> Iterator[Stream]:
    root = logging.getLogger()
    kept = root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook
    stream = Stream()
    logs.setup("info", stream)
    yield stream
    logging.captureWarnings(False)
    logging.getLogger("aiohttp.access").disabled = False
    root.handlers[:], level, sys.excepthook, threading.excepthook, sys.unraisablehook = kept
    root.setLevel(level)


def nothing_personal(text: str) -> bool:
    return not [value for value in PERSONAL if value in text]


def test_a_line_is_one_object_with_ecs_names(stream: Stream) -> None:
    log.warning("mail refused, trying again", extra={"event.action": "mail_retry", "sentinel.attempts": 2})
    (line,) = stream.objects()
    assert line.pop("@timestamp").endswith("Z")
    assert line == {
        "log.level": "warning",
        "message": "mail refused, trying again",
        "log.logger": "sentinel.test",
        "event.action": "mail_retry",
        "sentinel.attempts": 2,
    }


@pytest.mark.parametrize("value", PERSONAL)
def test_extra_under_other_keys_is_withheld_and_counted(stream: Stream, value: str) -> None:
    log.info("signed in", extra={"account": value, "user_agent": {"raw": value}, "event.action": "assessed"})
    assert nothing_personal(stream.getvalue())
    assert stream.objects()[0]["sentinel.withheld"] == 2


def test_an_allowed_key_takes_scalars_only(stream: Stream) -> None:
    log.info("assessed", extra={"event.reason": {"ip": ADDRESSES[0]}, "sentinel.count": [AGENT]})
    assert nothing_personal(stream.getvalue())
    assert stream.objects()[0]["sentinel.withheld"] == 2


@pytest.mark.parametrize("value", [*ADDRESSES, MAIL])
def test_addresses_in_a_message_or_an_allowed_value_are_withheld(stream: Stream, value: str) -> None:
    log.info("refused %s, again", value, extra={"event.reason": f"peer={value}"})
    (line,) = stream.objects()
    assert line["message"] == "refused [withheld], again"
    assert line["event.reason"] == "peer=[withheld]"


@pytest.mark.parametrize(
    "text", ["listening on 127.0.0.1:8787", "on [::1]:8787", "at 12:30:45", "version 1.2.3", "std::vector"]
)
def test_what_only_looks_like_an_address_stays(stream: Stream, text: str) -> None:
    log.info(text)
    assert stream.objects()[0]["message"] == text


def test_of_a_foreign_exception_only_type_and_place_are_printed(stream: Stream) -> None:
    try:
        try:
            raise ValueError(f"bad address {ADDRESSES[0]} of {MAIL} with {AGENT}")
        except ValueError as error:
            raise RuntimeError(MAIL) from error
    except RuntimeError as error:
        log.exception("could not write: %s", error)
    assert nothing_personal(stream.getvalue())
    (line,) = stream.objects()
    assert line["message"] == "could not write: RuntimeError"
    assert line["error.type"] == "RuntimeError"
    assert "error.message" not in line
    first, second = line["error.stack_trace"].split("; caused by ")
    assert first.startswith("RuntimeError at ")
    assert second.startswith("ValueError at ")
    assert __name__.rsplit(".", 1)[-1] in second


def test_our_own_errors_are_printed_whole(stream: Stream) -> None:
    try:
        raise StoreError("the disk is full; make room, then start again")
    except StoreError as error:
        log.error("commit failed: %s", error, exc_info=True)
    (line,) = stream.objects()
    assert line["error.message"] == "the disk is full; make room, then start again"
    assert line["message"] == "commit failed: the disk is full; make room, then start again"


def test_symbolic_error_codes_are_kept(stream: Stream) -> None:
    try:
        sqlite3.connect("/nonexistent/sentinel.db")
    except sqlite3.OperationalError:
        log.exception("store")
    log.error("disk", exc_info=OSError(28, MAIL, "/home/ada"))
    assert [line["error.code"] for line in stream.objects()] == ["SQLITE_CANTOPEN", "ENOSPC"]
    assert nothing_personal(stream.getvalue())


async def test_what_asyncio_says_of_lost_exceptions_holds_no_values(stream: Stream) -> None:
    loop = asyncio.get_running_loop()

    def fail(account: str) -> None:
        raise LookupError(account)

    loop.call_soon(fail, MAIL)
    task = loop.create_future()
    task.set_exception(ValueError(AGENT))
    del task
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert nothing_personal(stream.getvalue())
    assert {line["message"] for line in stream.objects()} == {
        "Exception in callback",
        "Future exception was never retrieved",
    }


def test_libraries_are_cut_to_their_leading_words(stream: Stream) -> None:
    library = logging.getLogger("aiosmtplib")
    library.warning("Refused by %s for %r", ADDRESSES[0], MAIL)
    library.warning(f"Refused: <{MAIL}> from {AGENT}")
    library.warning(f"{MAIL} unknown")
    assert nothing_personal(stream.getvalue())
    assert [line["message"] for line in stream.objects()] == [
        "Refused by %s for %r",
        "Refused:",
        "message of a library withheld",
    ]


def test_a_record_that_cannot_be_formatted_costs_no_line_and_leaks_nothing(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if isinstance(each.formatter, logs.JsonFormatter)]
    log.info("%d events", MAIL)
    assert stream.objects()[0]["message"] == "%d events"
    assert capsys.readouterr().err == ""


def test_uncaught_exceptions_are_logged_without_values(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError(MAIL)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError:
        sys.excepthook(*sys.exc_info())
    assert [line["error.type"] for line in stream.objects()] == ["ValueError", "ValueError"]
    assert nothing_personal(stream.getvalue() + capsys.readouterr().err)


def test_line_breaks_in_a_message_make_no_second_line(stream: Stream) -> None:
    log.info("one\ntwo\u2028three")
    assert len(stream.getvalue().splitlines()) == 1
    assert json.loads(stream.getvalue())["message"] == "one\ntwo\u2028three"


def test_at_a_terminal_the_line_is_text(stream: Stream) -> None:
    terminal = Stream()
    terminal.terminal = True
    logs.setup("info", terminal)
    log.info("rules loaded\x1b[2J", extra={"sentinel.rules": 41, "account": MAIL})
    text = terminal.getvalue()
    assert "info    rules loaded [2J sentinel.rules=41 sentinel.withheld=1 (sentinel.test)\n" in text
    assert "\x1b" not in text
    assert nothing_personal(text)


def test_access_logs_are_off(stream: Stream) -> None:
    logging.getLogger("aiohttp.access").info('192.0.2.77 "GET /v1/accounts/ada"')
    assert stream.getvalue() == ""


def test_the_level_is_a_floor_and_a_wrong_one_is_refused(stream: Stream) -> None:
    log.debug("quiet")
    assert stream.getvalue() == ""
    with pytest.raises(FieldError, match="debug, info, warning, error"):
        logs.setup("loud", stream)


def test_no_allowed_key_names_something_personal() -> None:
    words = {"account", "address", "agent", "device", "email", "ip", "name", "session", "user"}
    found = {key for key in logs.FIELDS if words & set(key.replace("_", ".").split("."))}
    assert found == {"server.address", "service.name"}
