"""Account attributes: the newest stand; a former e-mail address stays a second recipient for a while."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sentinel.alerts.address import AddressError, check_address
from sentinel.errors import FieldError
from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes
from sentinel.events.zone import find_zone

#: How long a former address still hears of changes (CONTRACT §1).
FORMER_ADDRESS_SPAN: Final = 30 * DAY

# A language tag (RFC 5646 section 2.1) without what is only grandfathered: language, script, region, variants,
# extensions, private use. Many write an underscore for the hyphen.
_LOCALE: Final = re.compile(
    "[a-z]{2,3}(-[a-z]{3}){0,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    "(-[a-wy-z0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?"
)


def check_attributes(given: Attributes) -> None:
    """Raise :class:`FieldError` when an address, a language or a time zone is none, so that mails would not go out, or
    go out in another language and with another hour than the person's.

    For what is set on purpose. Events are taken with whatever attributes they bring: a login is not lost for them.
    """
    for name in ("email", "previous_email", "contact_email"):
        if (address := getattr(given, name)) is not None:
            try:
                check_address(address)
            except AddressError as error:
                raise FieldError(name, str(error)) from None
    if given.locale is not None and not _LOCALE.fullmatch(given.locale.replace("_", "-").lower()):
        raise FieldError("locale", "expected a language tag (BCP 47), as de or de-AT")
    if given.timezone is not None and find_zone(given.timezone) is None:
        raise FieldError("timezone", "expected a time zone of the IANA database, as Europe/Vienna")


def merge_attributes(current: Attributes | None, given: Attributes) -> Attributes:
    """``current`` with what ``given`` says; the rest stays. Older news than ``current`` only fills gaps."""
    if current is None:
        if given.previous_email and not given.previous_until:
            return msgspec.structs.replace(given, previous_until=given.as_of + FORMER_ADDRESS_SPAN)
        return given
    newer, older = (given, current) if given.as_of >= current.as_of else (current, given)
    previous, until = current.previous_email, current.previous_until
    if given is newer:
        changed = given.email and current.email and given.email != current.email
        # An address that was never verified was never theirs: anybody may have typed it.
        own = current.email if current.email_verified is not False else None
        former = given.previous_email or (own if changed else None)
        # Who changes the address twice must not push the person's own one out: the first one stays.
        standing = previous is not None and until > given.as_of and previous != (given.email or current.email)
        if former and former != previous and not standing:
            previous, until = former, given.as_of + FORMER_ADDRESS_SPAN
    email = newer.email or older.email
    verified = newer.email_verified
    if verified is None and email == older.email:
        verified = older.email_verified
    return Attributes(
        account=newer.account,
        email=email,
        previous_email=previous,
        previous_until=until,
        email_verified=verified,
        locale=newer.locale or older.locale,
        timezone=newer.timezone or older.timezone,
        name=newer.name or older.name,
        tags=newer.tags or older.tags,
        created=newer.created if newer.created is not None else older.created,
        as_of=newer.as_of,
        contact_email=newer.contact_email or older.contact_email,
    )


def forget_attributes(attributes: Attributes, names: Sequence[str]) -> Attributes:
    """``attributes`` with those of ``names`` not known any more. Of an address that was somebody else's
    (``previous_email``) nothing is told any longer."""
    unknown: dict[str, Any] = {name: () if name == "tags" else None for name in names}
    if "previous_email" in unknown:
        unknown["previous_until"] = 0
    return msgspec.structs.replace(attributes, **unknown) if unknown else attributes


def without_former(attributes: Attributes, now: int) -> Attributes:
    """The attributes themselves, or without a former address that need not hear of changes any more."""
    if attributes.previous_email is None or attributes.previous_until >= now:
        return attributes
    return msgspec.structs.replace(attributes, previous_email=None, previous_until=0)


def is_restated(current: Attributes, merged: Attributes) -> bool:
    """Whether ``merged`` says no more than ``current``, so that it need not be stored: ``as_of`` is kept to a day."""
    if not 0 <= merged.as_of - current.as_of < DAY:
        return False
    return msgspec.structs.replace(merged, as_of=current.as_of) == current


class LastTold:
    """Remembers, per account, a digest of the attributes that were told last and are stored: most events bring the
    same ones again. What it lets pass by is what :func:`is_restated` would not store, so answers do not depend on it.
    """

    def __init__(self, limit: int = 50_000) -> None:
        self._told: dict[str, tuple[int, int]] = {}
        self._limit = limit

    def is_news(self, account: str, given: Attributes) -> bool:
        """Whether ``given`` may change what is stored: it differs, is older, or a day newer."""
        told = self._told.get(account)
        return told is None or told[0] != _digest(given) or not 0 <= given.as_of - told[1] < DAY

    def take(self, account: str, given: Attributes, stored: Attributes) -> None:
        """Remember that ``given`` was told and that ``stored`` came of it."""
        if given.as_of < stored.as_of:
            # Late: it only filled gaps. Told again in time it counts.
            self._told.pop(account, None)
        else:
            self._told[account] = (_digest(given), stored.as_of)

    def trim(self) -> None:
        """Keep within bounds; between batches only, since a batch recalls what was news when it began."""
        if len(self._told) > self._limit:
            self._told.clear()

    def forget(self) -> None:
        """A batch was not committed: nothing is known to be stored."""
        self._told.clear()


def _digest(given: Attributes) -> int:
    # Python's own hash: keyed anew in each process, so it says nothing about what was hashed.
    return hash(
        (
            *(given.email, given.previous_email, given.email_verified, given.locale, given.timezone),
            *(given.name, given.tags, given.created, given.previous_until, given.contact_email),
        )
    )
