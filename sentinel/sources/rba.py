"""The public risk-based-authentication data set as CSV (Wiefling et al., doi 10.1145/3546069, CC BY 4.0).

Its authors filled gaps with addresses of 10.0.0.0/8 and system numbers from 500,000 up; both stay in the
event as they are.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from sentinel.errors import FieldError, SourceError
from sentinel.events.event import Event, convert_event
from sentinel.sources.line import Ids, Line, Options, numbered

#: Columns that are read; the set's others (index, browser, system and device type) are derived and not
#: needed.
COLUMNS: Final = (
    "Login Timestamp",
    "User ID",
    "Round-Trip Time [ms]",
    "IP Address",
    "Country",
    "Region",
    "City",
    "ASN",
    "User Agent String",
    "Login Successful",
    "Is Attack IP",
    "Is Account Takeover",
)

#: Lines one record may span. Quoted fields hold line breaks, but a quote that is never closed would take
#: the rest of the file; after that many lines only its own line is given up.
MAX_SPAN: Final = 16

_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})


def read(lines: Iterable[bytes], options: Options) -> Iterator[Line]:
    """Read the CSV; see :class:`sentinel.sources.line.Source`. No option applies: its times are UTC.

    Raises :class:`SourceError` when the header lacks a column.
    """
    ids = Ids()
    where: list[int] | None = None
    for number, record in _records(lines):
        if isinstance(record, FieldError):
            yield Line(number, record)
        elif where is None:
            where = _columns(record)
        elif len(record) <= max(where):
            yield Line(number, FieldError("", f"expected a field for each column; this record has {len(record)}"))
        else:
            item: Event | FieldError
            try:
                item = ids.name(_event(*(record[at].strip() for at in where)))
            except FieldError as error:
                item = error
            yield Line(number, item)


def _records(lines: Iterable[bytes]) -> Iterator[tuple[int, list[str] | FieldError]]:
    """CSV records with the number of their first line, each as soon as its last line is there."""
    source = numbered(lines)
    again: deque[tuple[int, bytes | FieldError]] = deque()
    taken: list[tuple[int, bytes | FieldError]] = []

    def feed() -> Iterator[str]:
        while len(taken) < MAX_SPAN:
            following = again.popleft() if again else next(source, None)
            if following is None:
                return
            taken.append(following)
            if isinstance(following[1], FieldError):
                return
            yield following[1].decode("utf-8-sig", "backslashreplace") + "\n"

    while True:
        taken.clear()
        record: list[str] | FieldError
        try:
            # strict: a quote still open at the end of what is fed is an error instead of a record
            record = next(csv.reader(feed(), strict=True))
        except StopIteration:
            if not taken:
                return
            record = FieldError("", "")
        except csv.Error as error:
            record = FieldError("", f"not CSV: {error}")
        number, first = taken[0]
        if isinstance(first, FieldError):
            record = first
        if isinstance(record, FieldError):
            again.extendleft(reversed(taken[1:]))
        yield number, record


def _columns(header: list[str]) -> list[int]:
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise SourceError(
            f"the header lacks the column {', '.join(missing)}; expected the columns {', '.join(COLUMNS)}"
        )
    return [names.index(name) for name in COLUMNS]


def _event(
    stamp: str,
    account: str,
    rtt: str,
    ip: str,
    country: str,
    region: str,
    city: str,
    asn: str,
    agent: str,
    successful: str,
    attack: str,
    takeover: str,
) -> Event:
    success = _flag("Login Successful", successful)
    value: dict[str, Any] = {
        "time": _time(stamp),
        "account": _given(account),
        "outcome": "success" if success else "failure",
        "ip": _given(ip),
        "user_agent": _given(agent),
    }
    if not success:
        value["reason"] = "bad_password"
    if any(place := {"country": _given(country), "region": _given(region), "city": _given(city)}.values()):
        value["place"] = dict(zip(("country", "region", "city"), place, strict=True))
    if (number := _number("ASN", asn)) is not None:
        value["network"] = {"asn": int(number)}
    if (measured := _number("Round-Trip Time [ms]", rtt)) is not None:
        value["rtt_ms"] = measured
    if _flag("Is Account Takeover", takeover):
        value["label"] = "attack:takeover"
    else:
        value["label"] = "attack" if _flag("Is Attack IP", attack) else "legitimate"
    return convert_event(value)


def _given(text: str) -> str | None:
    return None if text in ("", "-") else text


def _number(column: str, text: str) -> float | None:
    if _given(text) is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or (column == "ASN" and number != int(number)):
        raise FieldError(column, "expected a number, or nothing")
    return number


def _flag(column: str, text: str) -> bool:
    word = text.lower()
    if word not in _TRUE and word not in _FALSE:
        raise FieldError(column, "expected True or False")
    return word in _TRUE


def _time(text: str) -> str:
    try:
        # a date alone is a time to fromisoformat, but not to this data set
        moment = datetime.fromisoformat(text if len(text) > 10 else "")
    except ValueError:
        raise FieldError("Login Timestamp", "expected a UTC time as 2020-02-03 12:43:30.772") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
