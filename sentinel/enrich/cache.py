"""A bounded memory of lookups by address."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Generic, TypeVar

from sentinel.enrich.address import Address

#: Addresses remembered by each reader. People come back from the same address; 65,536 entries are about 25 MB.
SIZE: Final = 65_536

T = TypeVar("T")


class AddressCache(Generic[T]):
    """Remembers the newest answers of ``find``. It belongs to one reader: a new reader starts with an empty
    one.
    """

    def __init__(self, find: Callable[[Address], T], size: int = SIZE) -> None:
        self._find = lru_cache(size)(find)

    def get(self, address: Address) -> T:
        """The answer for ``address``."""
        return self._find(address)
