"""Limits of an event that types alone do not say: bytes of UTF-8, depth, years (CONTRACT §1)."""

from datetime import UTC, datetime
from typing import Any, Final

from sentinel.errors import FieldError

#: Limits of CONTRACT §1, in bytes of UTF-8.
MAX_STRING: Final = 1024
MAX_USER_AGENT: Final = 2048

#: How deep ``extra`` may nest: what was read can be written again (recursion is bounded).
MAX_DEPTH: Final = 64

#: Years of event times: what is computed from one (a window's end) must be a date too, and 0 means never.
FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 9998

#: Limit in bytes of each text that stands in the event itself.
_LIMITS: Final = {
    name: MAX_USER_AGENT if name == "user_agent" else MAX_STRING
    for name in (
        *("id", "account", "ip", "user_agent", "device_id", "session_id", "service", "actor_account"),
        *("email", "previous_email", "locale", "timezone", "name", "concludes", "enforced"),
    )
}
_NESTED: Final = ("client", "auth", "mfa", "place", "network")


def check_time(time: datetime) -> None:
    """Raise :class:`FieldError` when the years of ``time`` are out of bounds."""
    if FIRST_YEAR < time.year < LAST_YEAR:
        return
    try:
        year = time.astimezone(UTC).year
    except OverflowError:  # an offset pushed the first or last day of the calendar out of it
        year = 0
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise FieldError("time", f"expected a time from {FIRST_YEAR} to {LAST_YEAR}")


def check_sizes(event: Any) -> None:
    """Raise :class:`FieldError` for a text of an event that is too long."""
    for name, limit in _LIMITS.items():
        check_size(name, getattr(event, name), limit)
    for name in _NESTED:
        value = getattr(event, name)
        for inner in value.__struct_fields__ if value is not None else ():
            check_size(f"{name}.{inner}", getattr(value, inner))
    for position, tag in enumerate(event.account_tags):
        check_size(f"account_tags[{position}]", tag)


def check_size(field: str, value: object, limit: int = MAX_STRING) -> None:
    """Raise :class:`FieldError` when ``value`` is a text of more than ``limit`` bytes."""
    # msgspec counts characters; the contract counts bytes, which differ for other than ASCII text.
    if isinstance(value, str) and not value.isascii() and len(value.encode()) > limit:
        raise FieldError(field, f"expected at most {limit} bytes of UTF-8")


def check_depth(field: str, value: Any) -> None:
    """Raise :class:`FieldError` when ``value`` nests deeper than :data:`MAX_DEPTH`."""
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, (dict, list))
        ]
    if depth > MAX_DEPTH:
        raise FieldError(field, f"nested more than {MAX_DEPTH} deep")
