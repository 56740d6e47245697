"""Details of an entry, sealed under the key of the account that it is about: they go with the account."""

import msgspec

from sentinel.audit.entry import Logged
from sentinel.errors import StoreError
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.sealer import Sealer, pack, unpack

#: Kind of the row id that an account has in the log.
ROW = "audit"

Details = dict[str, str | list[str]]


def seal_details(key: AccountKey, time: int, details: Details) -> bytes:
    """``details`` of an entry of ``time`` (micros) about the account of ``key``."""
    return _sealer(key).seal(pack(details), _bound_to(key.row(ROW), time))


def open_details(key: AccountKey, entry: Logged) -> Details | None:
    """The details again; ``None`` where the entry has none, or where they are not this account's or were changed."""
    if entry.sealed is None or entry.account != key.row(ROW):
        return None
    try:
        return unpack(_sealer(key).open(entry.sealed, _bound_to(key.row(ROW), entry.time)), Details)
    except (StoreError, msgspec.MsgspecError):
        return None


def _sealer(key: AccountKey) -> Sealer:
    return Sealer(key.derive("audit"))


def _bound_to(row: str, time: int) -> str:
    return f"audit/{row}/{time}"
