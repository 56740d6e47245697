"""Whom a mail goes to, and whether now is the hour for it."""

from datetime import timedelta
from typing import Final

import msgspec

from sentinel.events.alert import Notice
from sentinel.events.clock import MINUTE, to_datetime, to_micros
from sentinel.events.sighting import Attributes
from sentinel.events.zone import find_zone

#: What may wake somebody: the worst, and every change of credentials, which a thief makes while its owner sleeps.
_URGENT_LEVEL: Final = "critical"
_URGENT_KINDS: Final = frozenset({"credential_change"})
NO_ADDRESS: Final = "no address is known"
UNVERIFIED: Final = "the service has not verified the address"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant's people are reached.

    ``quiet`` are the minutes of the day, by the person's clock, from which and until which mails wait.
    ``mailbox_domains``: addresses there are themselves the accounts that are watched, so that whoever took one reads
    its mails; those go to the second contact as well.
    """

    quiet: tuple[int, int] | None = None
    mailbox_domains: tuple[str, ...] = ()


def is_urgent(notice: Notice) -> bool:
    """Whether a mail waits neither for the morning nor for an address that was refused."""
    return notice.level == _URGENT_LEVEL or notice.kind in _URGENT_KINDS


def recipients(attributes: Attributes | None, reach: Reach, *, now: int) -> tuple[tuple[str, ...], str]:
    """The addresses to write to, each once; where there is none, why.

    An address that the service says is not verified gets nothing: anybody may have typed it. One of which it says
    nothing does.
    """
    if attributes is None:
        return (), NO_ADDRESS
    found = []
    if attributes.email and attributes.email_verified is not False:
        found.append(attributes.email)
    if attributes.previous_email and attributes.previous_until > now:
        found.append(attributes.previous_email)
    if attributes.contact_email and is_mailbox(attributes.email, reach.mailbox_domains):
        found.append(attributes.contact_email)
    once: dict[str, str] = {}
    for address in found:
        once.setdefault(address.casefold(), address)
    return tuple(once.values()), "" if once else UNVERIFIED if attributes.email else NO_ADDRESS


def is_mailbox(address: str | None, domains: tuple[str, ...]) -> bool:
    """Whether an address is in one of ``domains`` (not below it: another domain's mail may be somebody else's)."""
    return bool(address) and str(address).rpartition("@")[2].casefold() in domains


def quiet_until(quiet: tuple[int, int] | None, timezone: str | None, now: int) -> int | None:
    """When the quiet hours that ``now`` (micros) is in end, by the clock of ``timezone``; nothing outside of them, or
    when no zone is known: a mail held back by the wrong clock would be late for no reason."""
    if quiet is None or (zone := find_zone(timezone)) is None:
        return None
    start, end = quiet
    local = to_datetime(now).astimezone(zone)
    minute = local.hour * 60 + local.minute
    inside = start <= minute < end if start <= end else minute >= start or minute < end
    if not inside:
        return None
    morning = local.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0, fold=0)
    if minute >= end:
        morning += timedelta(days=1)
    # Where clocks go back within the quiet hours, the end may lie a moment behind.
    return max(to_micros(morning), now + MINUTE)
