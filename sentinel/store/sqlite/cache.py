"""A bounded cache that forgets what was used longest ago."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """At most ``limit`` in total weight; ``weigh`` says what an entry weighs now (default: one each)."""

    def __init__(self, limit: int, weigh: Callable[[V], int] | None = None) -> None:
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._limit = limit
        self._weigh = weigh
        self._total = 0

    def get(self, key: K) -> V | None:
        """The value, which is then the newest; ``None`` when it is not cached."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V) -> None:
        """Keep a value (or weigh it anew), and let the oldest go."""
        self.drop(key)
        weight = self._weigh(value) if self._weigh else 1
        self._entries[key] = (value, weight)
        self._total += weight
        self._trim()

    def refresh(self, key: K, value: V) -> None:
        """Like :meth:`put` for a value that is most likely here already and was changed in place."""
        entry = self._entries.get(key)
        if entry is None or entry[0] is not value:
            self.put(key, value)
        elif self._weigh is not None and (weight := self._weigh(value)) != entry[1]:
            self._entries[key] = (value, weight)
            self._total += weight - entry[1]
            self._trim()

    def drop(self, key: K) -> None:
        """Forget a value."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._total -= entry[1]

    def drop_where(self, chosen: Callable[[K], bool]) -> None:
        """Forget all values whose key is chosen."""
        for key in [key for key in self._entries if chosen(key)]:
            self.drop(key)

    def _trim(self) -> None:
        while self._total > self._limit and len(self._entries) > 1:
            _, (_, gone) = self._entries.popitem(last=False)
            self._total -= gone

    def __len__(self) -> int:
        return len(self._entries)
