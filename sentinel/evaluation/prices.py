"""What catching nearly all attackers costs people: the table that research on risk-based authentication prints."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Final

import msgspec

from sentinel.evaluation.compared import Compared
from sentinel.evaluation.curves import reached, threshold_at
from sentinel.evaluation.rows import LEGITIMATE

#: Shares of attackers caught, and numbers of logins, of the published tables (Wiefling et al. 2021, 2022).
RATES: Final = (0.98, 0.99, 0.995, 0.999)
SPANS: Final = (12, 39)


class Price(msgspec.Struct, frozen=True):
    """What catching ``rate`` of a kind of attackers costs people.

    ``threshold``: the highest that so many attackers reach; a person's login at or above it is a re-authentication.
    ``per_1000``: of people's logins. ``within``: numbers of logins → median over the accounts with so many of the
    re-authentications among their first ones; ``None`` where no account has so many. ``accounts``: how many have.
    """

    kind: str
    rate: float
    score: str
    threshold: float
    per_1000: float
    within: dict[int, float | None]
    accounts: dict[int, int]


def prices(over: Compared, rates: Sequence[float] = RATES, spans: Sequence[int] = SPANS) -> list[Price]:
    """What catching nearly all costs people, by kind, rate and score."""
    if not over.people:
        return []
    found = []
    asked = AskedAgain(over, spans)
    wanted = [(kind, rate) for kind in over.kinds if kind not in over.sessions for rate in rates]
    medians: dict[tuple[str, float], dict[int, float | None]] = {}
    thresholds: dict[tuple[str, str, float], float] = {}
    for name in over.names:
        for kind, rate in wanted:
            threshold = threshold_at(over.kinds[kind][name], rate)
            assert threshold is not None  # a kind has attackers
            thresholds[name, kind, rate] = threshold
        reachable = {thresholds[name, kind, rate] for kind, rate in wanted}
        medians |= {(name, threshold): within for threshold, within in asked.medians(name, reachable)}
    for kind, rate in wanted:
        for name in over.names:
            threshold = thresholds[name, kind, rate]
            per_1000 = 1000 * reached(over.ours[name], threshold) / len(over.people)
            within = medians[name, threshold]
            found.append(Price(kind, rate, name, threshold, per_1000, within, asked.accounts))
    return found


class AskedAgain:
    """Of each account with at least so many legitimate logins that count: re-authentications among its first ones.

    The first login of all is none: there is nothing to compare it with (the published code leaves it out too). Where
    only the logins since a day count, an account's first is the first since then.
    """

    def __init__(self, over: Compared, spans: Sequence[int]) -> None:
        rows = over.rows
        self._rows, self._spans = rows, spans
        self._first: dict[int, int] = {}
        for number, label in enumerate(rows.labels):
            if rows.kinds[label] == LEGITIMATE:
                earlier = self._first.get(rows.accounts[number])
                if earlier is None or earlier > rows.earlier[number]:
                    self._first[rows.accounts[number]] = rows.earlier[number]
        longest: dict[int, int] = {}
        for number in over.people:
            account = rows.accounts[number]
            longest[account] = max(longest.get(account, 0), self._place(number) + 1)
        self._frequent = {span: [account for account, most in longest.items() if most >= span] for span in spans}
        self._early = array("I", [number for number in over.people if self._place(number) < max(spans, default=0)])

    @property
    def accounts(self) -> dict[int, int]:
        """By span, how many accounts logged in so often."""
        return {span: len(frequent) for span, frequent in self._frequent.items()}

    def counts(self, score: str, thresholds: Iterable[float]) -> Iterator[tuple[float, dict[int, list[int]]]]:
        """Each threshold, and by span the number of each account that logged in so often.

        From the highest down, so that each login is looked at once, however many thresholds there are.
        """
        scores = self._rows.scores[score]
        highest_first = iter(sorted(self._early, key=scores.__getitem__, reverse=True))
        number = next(highest_first, None)
        again: dict[int, dict[int, int]] = {span: {} for span in self._spans}
        for threshold in sorted(set(thresholds), reverse=True):
            while number is not None and scores[number] >= threshold:
                account, place = self._rows.accounts[number], self._place(number)
                for span, counted in again.items():
                    if place < span:
                        counted[account] = counted.get(account, 0) + 1
                number = next(highest_first, None)
            found = {span: [again[span].get(account, 0) for account in self._frequent[span]] for span in self._spans}
            yield threshold, found

    def medians(self, score: str, thresholds: Iterable[float]) -> Iterator[tuple[float, dict[int, float | None]]]:
        """Each threshold, and by span the median of :meth:`counts`; ``None`` where nobody logged in so often."""
        for threshold, counts in self.counts(score, thresholds):
            yield threshold, {span: median(each) if each else None for span, each in counts.items()}

    def _place(self, number: int) -> int:
        """Which of its account's logins that count a row is, from 0 on."""
        return self._rows.earlier[number] - self._first[self._rows.accounts[number]]
