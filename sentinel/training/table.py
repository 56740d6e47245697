"""Rows as arrays, and where their weight lies."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[Any]]


class Table:
    """Rows as arrays of equal length; ``kind`` is a position in ``kinds``, of which the first one is the person's own
    logins; ``day`` a UTC day, ``part`` the account's part (see :mod:`sentinel.training.rows`), ``answered`` whether
    somebody who knows said what the login was."""

    def __init__(
        self,
        *,
        kinds: tuple[str, ...],
        values: Numbers,
        weights: Numbers,
        kind: Numbers,
        part: Numbers,
        day: Numbers,
        answered: Numbers,
    ) -> None:
        self.kinds, self.values, self.weights, self.kind, self.part, self.day = kinds, values, weights, kind, part, day
        self.answered = answered

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def real(self) -> Numbers:
        """Which rows are logins of the person's own."""
        found: Numbers = self.kind == 0
        return found

    def where(self, chosen: Numbers) -> "Table":
        """Some of the rows."""
        return Table(
            kinds=self.kinds,
            values=self.values[chosen],
            weights=self.weights[chosen],
            kind=self.kind[chosen],
            part=self.part[chosen],
            day=self.day[chosen],
            answered=self.answered[chosen],
        )


def quantiles(values: Numbers, weights: Numbers, at: float | Sequence[float] | Numbers) -> Numbers:
    """The values up to which shares ``at`` of the weight lie. They are values that are there, so that rounding cannot
    put them out of order; none may be NaN."""
    return np.asarray(np.quantile(values, at, weights=weights, method="inverted_cdf"))
