"""Work in steps that take about as long as they may, whatever the machine: each step's size follows from the last."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

#: How long a step should take, in seconds: intake, which waits for the same thread, hardly notices.
GOAL: Final = 0.01
_FIRST: Final = 32
_MOST: Final = 4096


class Pace:
    """Size of one kind of steps. After each, there is time for others: as long as it took, and ``rest`` seconds."""

    def __init__(self, rest: float = 0.002) -> None:
        self.size = _FIRST
        self._rest = rest

    async def all(self, step: Callable[[int], Awaitable[int]]) -> int:
        """Do steps until one did less than it was asked to; returns how much was done."""
        total = 0
        while True:
            asked, began = self.size, perf_counter()
            done = await step(asked)
            total += done
            if done < asked:
                return total
            await self.breathe(perf_counter() - began)

    async def breathe(self, took: float) -> None:
        """A step took so many seconds: fit the size to it, and let others work."""
        # What waited for others took long as well; then smaller steps are right, too.
        factor = min(2.0, max(0.25, GOAL / took)) if took else 2.0
        self.size = min(_MOST, max(1, round(self.size * factor)))
        await asyncio.sleep(took + self._rest if self._rest else 0)
