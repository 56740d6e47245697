"""How often an attack was right, and how sure that is."""

import math

import msgspec


class Guess(msgspec.Struct):
    """One attack: tries, how many were right (as expected where several were equally good), and chance alone."""

    name: str
    tries: int
    right: float
    chance: float

    @property
    def share(self) -> float:
        """Of the tries, how many were right."""
        return self.right / self.tries if self.tries else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (E. B. Wilson, JASA 22, 1927)."""
        if not self.tries:
            return 0.0, 1.0
        z, n, p = 1.96, self.tries, self.share
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)
