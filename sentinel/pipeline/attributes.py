"""Account attributes: the newest stand; a former e-mail address stays a second recipient for a while."""

from typing import Final

import msgspec

from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes

#: How long a former address still hears of changes (CONTRACT §1).
FORMER_ADDRESS_SPAN: Final = 30 * DAY


def merge_attributes(current: Attributes | None, given: Attributes) -> Attributes:
    """``current`` with what ``given`` says; what it does not say stays. Older news than ``current`` only fills gaps."""
    if current is None:
        if given.previous_email and not given.previous_until:
            return msgspec.structs.replace(given, previous_until=given.as_of + FORMER_ADDRESS_SPAN)
        return given
    newer, older = (given, current) if given.as_of >= current.as_of else (current, given)
    previous, until = current.previous_email, current.previous_until
    if given is newer:
        if given.previous_email and given.previous_email != current.previous_email:
            previous, until = given.previous_email, given.as_of + FORMER_ADDRESS_SPAN
        elif given.email and current.email and given.email != current.email:
            previous, until = current.email, given.as_of + FORMER_ADDRESS_SPAN
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
    )
