"""From the pseudonyms that accounts come with to the handles that only their keys give.

Nothing behind this point can be traced to an account once its key is gone, not even what was counted of many.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from msgspec.structs import replace

from sentinel.pipeline.item import Arrival, Item, NewAttributes
from sentinel.privacy.account_key import AccountKey

_Item = TypeVar("_Item", bound=Item)


def lookups(item: Item) -> Iterator[str]:
    """The accounts that an item names, by the pseudonyms it came with."""
    if isinstance(item, Arrival):
        sighting = item.sighting
        if sighting.account is not None and sighting.known_account:
            yield sighting.account
        if sighting.actor_account is not None:
            yield sighting.actor_account
    elif isinstance(item, NewAttributes):
        yield item.account_key


def with_handles(item: _Item, keys: Mapping[str, AccountKey]) -> _Item:
    """The item with handles; ``keys`` are those of its accounts, by the pseudonyms they came with."""
    if isinstance(item, Arrival):
        sighting = item.sighting
        account, actor = sighting.account, sighting.actor_account
        if account is not None and sighting.known_account:
            account = keys[account].handle
        if actor is not None:
            actor = keys[actor].handle
        return replace(item, sighting=replace(sighting, account=account, actor_account=actor))
    if isinstance(item, NewAttributes):
        return replace(item, account_key=keys[item.account_key].handle)
    return item
