"""Which of the operator's entries name an address: told where the address is still known, it goes no further."""

from collections.abc import Iterable

import msgspec

from sentinel.enrich.address import Address
from sentinel.enrich.lists import NetworkList


class Marked(msgspec.Struct, frozen=True):
    """The networks of one entry, by the entry's ``id``; ``tenant`` ``None``: it is for all."""

    id: str
    tenant: str | None
    networks: NetworkList


class Marks:
    """The marks of all entries."""

    def __init__(self, entries: Iterable[Marked] = ()) -> None:
        self._entries = tuple(entries)

    def of(self, tenant: str, address: Address) -> tuple[str, ...]:
        """Ids of the entries for ``tenant`` that name the address."""
        return tuple(
            entry.id for entry in self._entries if entry.tenant in (None, tenant) and address in entry.networks
        )
