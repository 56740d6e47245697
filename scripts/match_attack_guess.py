"""The thief's guesses, from the simplest to all together, and how often they were right."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from match_attack_figure import Guess
from match_attack_made import KNOWN_DAYS, Known, Truth
from match_attack_seen import EventSeen, Seen

from sentinel.events.clock import DAY
from sentinel.events.sighting import Raw
from sentinel.privacy.answer_token import LINK_DAYS
from sentinel.privacy.sealer import pack, sealed_size
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet

#: Lengths of addresses as texts, and how often: the thief knows the networks, not what they leased.
_ADDRESSES = {**dict.fromkeys(range(10, 16), 0.7 / 6), **dict.fromkeys(range(18, 38), 0.3 / 20)}
_FLOOR = 1e-3
#: Seconds from a slip of the fingers to the login after it.
_SLIPS = 90
_BINS = 48
Group = tuple[int, str]  #: UTC day and owner: what one account did that day


def guesses(seen: Seen, known: Sequence[Known], truth: Truth) -> list[Guess]:
    """All attacks."""
    return _Thief(seen, known, truth).all()


class _Thief:
    def __init__(self, seen: Seen, known: Sequence[Known], truth: Truth) -> None:
        self.seen, self.known, self.truth = seen, known, truth
        self.names = [each.account for each in known]
        self.groups: dict[Group, list[tuple[int, float, EventSeen]]] = defaultdict(list)
        days: dict[int, list[EventSeen]] = defaultdict(list)
        for event in seen.events:
            if event.type == "login":
                days[event.day].append(event)
        self.days = days
        for rows in days.values():
            for at, event in enumerate(rows):
                if event.owner is not None:
                    self.groups[event.day, event.owner].append((at, (at + 0.5) / len(rows), event))
        last = max(days)
        self.recent = {group for group in self.groups if group[0] > last - KNOWN_DAYS}
        self.old = [group for group in self.groups if group not in self.recent and group in truth.events]
        self.chance = 1 / len(known)
        self._hours = self._hour_table()
        self._sizes: dict[int, np.ndarray] = {}

    def all(self) -> list[Guess]:
        """All attacks."""
        labels = self._aligned()
        learned = self._learned(labels)
        rows = [event for event in self.seen.events if event.key in self.truth.keys]
        return [
            self._by("older days: sizes against browsers", lambda group: self._size(group)),
            self._by("older days: hours, from the order in the day", lambda group: self._hour(group)),
            self._by("older days: both, and how many", self._known_only),
            self._labelled("last 14 days: order against known login times", labels),
            self._by("older days: all that, and sizes learned from those", lambda g: self._known_only(g) + learned(g)),
            self._next_day(),
            self._profiles(),
            self._windows(),
            self._alerts(),
            self._mails(),
            self._links(),
            self._written_together(),
            Guess(
                "with the keyring: whose event", len(rows), sum(bool(self.truth.keys[e.key]) for e in rows), self.chance
            ),
        ]

    # Scores: a logarithm of likelihood for each person

    def _known_only(self, group: Group) -> np.ndarray:
        rates = np.array([max(each.rate, 0.05) for each in self.known])
        count = len(self.groups[group])
        return self._size(group) + self._hour(group) + count * np.log(rates) - rates

    def _size(self, group: Group) -> np.ndarray:
        return sum((self._size_of(event.raw) for _, _, event in self.groups[group]), np.zeros(len(self.known)))

    def _size_of(self, size: int) -> np.ndarray:
        if size not in self._sizes:
            chances = [
                sum(
                    share / len(person.agents)
                    for agent in person.agents
                    for length, share in _ADDRESSES.items()
                    if _sealed(len(agent), length) == size
                )
                for person in self.known
            ]
            self._sizes[size] = np.log(np.array(chances) + _FLOOR)
        return self._sizes[size]

    def _hour(self, group: Group) -> np.ndarray:
        bins = [min(_BINS - 1, int(place * _BINS)) for _, place, _ in self.groups[group]]
        return self._hours[:, bins].sum(axis=1)

    def _hour_table(self) -> np.ndarray:
        """By person and place within the day's order: places are hours, by all hours together."""
        every = np.sort(np.concatenate([np.array(each.hours) for each in self.known]))
        table = np.zeros((len(self.known), _BINS))
        near = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
        for number, person in enumerate(self.known):
            places = np.searchsorted(every, np.array(person.hours)) / len(every)
            counts = np.histogram(places, _BINS, (0, 1))[0] + 0.05
            smooth = np.convolve(counts, near, "same")
            table[number] = np.log(smooth / smooth.sum())
        return table

    def _aligned(self) -> dict[Group, int]:
        """The last days: known logins in order against rows in order, each pulling what is beside it along."""
        labels: dict[Group, int] = {}
        for day in {day for day, _ in self.recent}:
            logins = sorted(
                (at, number) for number, each in enumerate(self.known) for at in each.logins if at // 86_400 == day
            )
            if not logins:
                continue
            rows = self.days[day]
            guessed = [at * len(rows) / len(logins) for at in range(len(logins))]
            for reach in (12.0, 6.0, 3.0, 2.0):
                found = self._votes(rows, logins, guessed, reach)
                guessed = self._anchored(rows, logins, found, guessed)
            labels.update({(day, owner): number for owner, number in found.items()})
        return labels

    def _votes(
        self, rows: Sequence[EventSeen], logins: Sequence[tuple[float, int]], places: Sequence[float], reach: float
    ) -> dict[str, int]:
        """Owners to people: the pairs with the most logins near a row of their own, one to one."""
        votes: Counter[tuple[str, int]] = Counter()
        for (_, number), place in zip(logins, places, strict=True):
            near: dict[str, float] = {}
            for at in range(max(0, math.floor(place - reach)), min(len(rows), math.ceil(place + reach) + 1)):
                owner = rows[at].owner
                if owner is not None:
                    near[owner] = max(near.get(owner, 0.0), 1 - abs(at - place) / (reach + 1))
            for owner, weight in near.items():
                votes[owner, number] += weight
        has = Counter(row.owner for row in rows)
        logged = Counter(number for _, number in logins)
        taken: dict[str, int] = {}
        for (owner, number), _ in sorted(
            votes.items(), key=lambda item: -(item[1] - 0.5 * abs(has[item[0][0]] - logged[item[0][1]]))
        ):
            if owner not in taken and number not in taken.values():
                taken[owner] = number
        return taken

    def _anchored(
        self,
        rows: Sequence[EventSeen],
        logins: Sequence[tuple[float, int]],
        found: dict[str, int],
        places: Sequence[float],
    ) -> list[float]:
        """Where each login lies, by those of people already found around it."""
        of = defaultdict(list)
        for at, row in enumerate(rows):
            if row.owner in found:
                of[found[row.owner]].append(at)
        offsets = [
            min((at - place for at in of[number]), key=abs, default=0.0)
            for (_, number), place in zip(logins, places, strict=True)
        ]
        return [place + float(np.median(offsets[max(0, at - 6) : at + 7])) for at, place in enumerate(places)]

    def _learned(self, labels: dict[Group, int]) -> Callable[[Group], np.ndarray]:
        """Sizes of both sealed columns as they were in the days that are known."""
        tables: list[dict[int, np.ndarray]] = []
        for column in ("raw", "record"):
            counts = [Counter[int]() for _ in self.known]
            for group, number in labels.items():
                counts[number].update(getattr(event, column) for _, _, event in self.groups[group])
            sizes = {size for each in counts for size in each}
            tables.append(
                {size: np.log([(each[size] + 0.02) / (each.total() + 1) for each in counts]) for size in sizes}
            )
        nothing = np.zeros(len(self.known))

        def score(group: Group) -> np.ndarray:
            rows = [event for _, _, event in self.groups[group]]
            return sum((tables[0].get(e.raw, nothing) + tables[1].get(e.record, nothing) for e in rows), nothing)

        return score

    # Attacks

    def _by(self, name: str, score: Callable[[Group], np.ndarray]) -> Guess:
        right = 0.0
        for group in self.old:
            scores = score(group)
            best = np.flatnonzero(scores >= scores.max() - 1e-9)
            right += (self.truth.events[group] in [self.names[each] for each in best]) / len(best)
        return Guess(name, len(self.old), right, self.chance)

    def _labelled(self, name: str, labels: dict[Group, int]) -> Guess:
        tried = [group for group in self.recent if group in self.truth.events]
        right = sum(group in labels and self.names[labels[group]] == self.truth.events[group] for group in tried)
        return Guess(name, len(tried), right, self.chance)

    def _next_day(self) -> Guess:
        """Which of tomorrow's owners is the one of today: the one whose rows have the most alike sizes."""
        by_day: dict[int, list[Group]] = defaultdict(list)
        for group in self.old:
            by_day[group[0]].append(group)
        tries, right, chance = 0, 0.0, 0.0
        for day, today in by_day.items():
            after = by_day.get(day + 1, [])
            sizes = {group: Counter((e.raw, e.record // 8) for _, _, e in self.groups[group]) for group in after}
            people = {self.truth.events[group] for group in after}
            for group in today:
                if self.truth.events[group] not in people:
                    continue
                mine = Counter((e.raw, e.record // 8) for _, _, e in self.groups[group])
                scores = {
                    other: 2 * (mine & theirs).total() / (mine.total() + theirs.total())
                    for other, theirs in sizes.items()
                }
                best = [other for other in after if scores[other] == max(scores.values())]
                right += sum(self.truth.events[other] == self.truth.events[group] for other in best) / len(best)
                tries, chance = tries + 1, chance + 1 / len(after)
        return Guess("owners of two days: alike in sizes", tries, right, chance / max(1, tries))

    def _profiles(self) -> Guess:
        rows = [(size, row) for row, size in self.seen.profiles if row in self.truth.own["profile"]]
        people = sorted((each.rate * (1 + 0.2 * len(each.agents)), each.account) for each in self.known)
        classes: dict[int, list[str]] = defaultdict(list)
        for (size, _), (_, account) in zip(sorted(rows), people, strict=False):
            classes[size].append(account)
        own = self.truth.own["profile"]
        right = sum((own[row] in classes[size]) / len(classes[size]) for size, row in rows if classes[size])
        return Guess("profiles: size against how much somebody does", len(rows), right, self.chance)

    def _windows(self) -> Guess:
        keeps = {series.keep for series in RuleSet(load_rules([packaged_rules()])).series}
        logins = np.array([at for each in self.known for at in each.logins])
        names = [each.account for each in self.known for _ in each.logins]
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for owner, expires in self.seen.tracks:
            for keep in keeps:
                # Kept by an account are its failures: the login is right after them.
                last = (expires - keep) / 1e6
                first = last - 3600 if expires % 3_600_000_000 == 0 else last
                near = np.flatnonzero((logins >= first) & (logins <= last + _SLIPS))
                found[owner].update({names[at] for at in near})
        return self._owned("windows of an account: when they expire", found, "windows")

    def _alerts(self) -> Guess:
        days: dict[str, set[int]] = defaultdict(set)
        for owner, day, _ in self.seen.alerts:
            days[owner].add(day)
        found: dict[str, Counter[str]] = {}
        for owner, theirs in days.items():
            alike = {
                each.account: len(theirs & set(each.incidents)) / len(theirs | set(each.incidents))
                for each in self.known
            }
            best = max(alike.values())
            found[owner] = Counter([name for name, share in alike.items() if share == best > 0])
        return self._owned("alerts of an account: days against known incidents", found, "alerts")

    def _mails(self) -> Guess:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for owner, done in self.seen.mails:
            found[owner].update(each.account for each in self.known for at in each.mailed if abs(done / 1e6 - at) < 1)
        return self._owned("mails of an account: when they were sent", found, "mails")

    def _links(self) -> Guess:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for owner, expires in self.seen.links:
            last = expires / 1e6 - LINK_DAYS * 86_400
            first = last - (86_400 if expires % DAY == 0 else 3600)
            found[owner].update(each.account for each in self.known for at in each.mailed if first < at - 2 <= last + 1)
        return self._owned("links of an account: when they end against when mails were sent", found, "answers")

    def _written_together(self) -> Guess:
        events, own = self.truth.events, self.truth.own["profile"]
        tried = [(day, owner, row) for day, owner, row in self.seen.together if (day, owner) in events and row in own]
        right = sum(events[day, owner] == own[row] for day, owner, row in tried)
        return Guess("write-ahead log: events and profiles of one commit", len(tried), right, self.chance)

    def _owned(self, name: str, found: dict[str, Counter[str]], kind: str) -> Guess:
        own = self.truth.own[kind]
        right = 0.0
        tried = [owner for owner in found if owner in own]
        for owner in tried:
            top = max(found[owner].values(), default=0)
            best = [account for account, votes in found[owner].items() if votes == top]
            right += (own[owner] in best) / len(best) if best else self.chance
        return Guess(name, len(tried), right, self.chance)


def _sealed(agent: int, address: int) -> int:
    """The size of sealed raw values of a login; ids of devices and sessions have always the same length here."""
    values = Raw(
        event="", account=None, ip="1" * address, user_agent="a" * agent, device_id="d" * 22, session_id="s" * 22
    )
    return sealed_size(len(pack(values)))
