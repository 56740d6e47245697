"""What one person does: day after day, logins and sessions from wherever they are, slips and changes among them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final, TypeAlias

from sentinel.simulation.addresses import Addresses
from sentinel.simulation.changes import Change, changes
from sentinel.simulation.devices import Slot
from sentinel.simulation.factors import Factor
from sentinel.simulation.lines import DAY
from sentinel.simulation.people import Person
from sentinel.simulation.whereabouts import Whereabouts

#: An event without id and time, and when it is (seconds since 1970).
Moment: TypeAlias = tuple[float, dict[str, Any]]

#: Logins with a slip of the fingers before them, by device; then one, two or three of them.
_TYPO: Final = {"phone": 0.06, "computer": 0.035, "work": 0.035}
_TYPO_RUN: Final = (0.75, 0.18, 0.07)
#: Logins that end half way for no bad reason.
_INTERRUPTED: Final = 0.01
#: Mean further sightings of a session.
_SEEN_AGAIN: Final = 0.8
#: Events say what is new about them to the person for this long after it was first used: what a notice is owed for.
_NEWS: Final = 14 * DAY
#: Nobody logs in twice within so many seconds: the first session is still there.
_APART: Final = 900.0
#: Seconds that a day begins earlier in the east than in UTC.
_EARLIEST: Final = 14 * 3600.0
#: Sessions lately made that a thief may find.
_KEPT_SESSIONS: Final = 8


class Life:
    """One person's events in the order of time; see :meth:`events`."""

    def __init__(self, person: Person, seed: int, span: tuple[float, float], addresses: Addresses) -> None:
        self._person = person
        self._span = span
        self._roll = Random(f"{seed}/life/{person.number}")  # noqa: S311  # repeatable, nothing secret
        self._where = Whereabouts(person, addresses, self._roll)
        self._factor = Factor(person.account, person.factor, self._roll)
        self._due = changes(person, span, self._roll)
        self._first: dict[str, float] = {}
        self._soon: list[tuple[float, int, dict[str, Any]]] = []
        self._number = count()
        self._told = False

    def events(self) -> Iterator[Moment]:
        """All of them, from the first day of the span to the last."""
        begin, end = self._span
        day = datetime.fromtimestamp(begin, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        day -= timedelta(days=1)
        # The earliest local day begins so long before UTC's: nothing of later days lies before it.
        while (start := day.timestamp() - _EARLIEST) < end:
            yield from self._until(start, end)
            self._day(day)
            day += timedelta(days=1)
        yield from self._until(end, end)

    def _until(self, moment: float, end: float) -> Iterator[Moment]:
        while self._soon and self._soon[0][0] < moment:
            at, _, event = heappop(self._soon)
            if self._span[0] <= at < end:
                yield at, event

    def _day(self, day: datetime) -> None:
        person, roll = self._person, self._roll
        local = day.replace(tzinfo=person.zone)
        weekend = day.weekday() >= 5
        hours = sorted(self._hour(weekend) for _ in range(_poisson(person.rate * (0.7 if weekend else 1.12), roll)))
        last = 0.0
        for hour in hours:
            at = local.timestamp() + hour * 3600
            if at - last < _APART or not self._is_about(at):
                continue
            slot = self._slot(at, hour, weekend)
            if slot is not None:
                last = at
                self._login(at, slot)

    def _hour(self, weekend: bool) -> float:
        person, roll = self._person, self._roll
        if person.is_service:
            return roll.random() * 24
        when = roll.random()
        if when < 0.25:
            hour = person.morning + roll.gauss(1.5 if weekend else 0.3, 0.7)
        elif when < 0.60:
            hour = roll.uniform(9, 18)
        elif when < 0.95:
            hour = roll.gauss(20, 1.8)
        else:
            hour = roll.uniform(0, 24)
        return min(max(hour, 0.0), 23.99)

    def _is_about(self, at: float) -> bool:
        person = self._person
        paused = person.pause is not None and person.pause[0] <= at < person.pause[1]
        return at >= person.begins and not paused

    def _slot(self, at: float, hour: float, weekend: bool) -> Slot | None:
        held = {slot.name: slot for slot in self._person.slots}
        if self._person.is_service:
            return held["work"]
        if not self._where.is_reachable(at):
            return None
        away = self._where.is_away(at)
        if "work" in held and not away and not weekend and 8 <= hour < 18 and self._roll.random() < 0.6:
            return held["work"]
        own = [held[name] for name in ("phone", "computer") if name in held]
        if len(own) == 2:
            return own[0] if self._roll.random() < (0.75 if away else 0.55) else own[1]
        return own[0] if own else None

    def _login(self, at: float, slot: Slot) -> None:
        person, roll = self._person, self._roll
        ip, country = self._where.address(at, slot.name)
        unit, device_id = slot.at(at)
        session = f"s-{roll.getrandbits(80):020x}"
        base = self._base(at, slot, ip) | {"session_id": session}
        if person.is_service:
            base |= {"user_agent": "python-requests/2.32.3", "account_tags": ["service"]}
            del base["device_id"]
            self._add(at, base | {"type": "login", "outcome": "success", "auth": {"method": "certificate"}})
            return
        news = self._news(at, (f"device:{slot.name}:{unit.number}", f"country:{country}"))
        if news:
            base["extra"] = {"new": news}
        if not self._told:
            base |= person.attributes
            self._told = True
        due = [change for change in self._due if change.after <= at]
        at = self._slips(at, base, forgotten=any(change.type == "forgotten" for change in due), phone=slot.name)
        login = base | {"type": "login", "outcome": "success", "auth": {"method": "password"}}
        mfa, helped = None, None
        if any(change.type == "mfa_moved" for change in due):
            mfa, helped = self._factor.without_phone()
        if helped is not None:
            self._add(at - 1200, {"account": person.account, "actor": "admin", "actor_account": "adm-00001"} | helped)
        if mfa is None:
            for when, event in self._factor.asked(at, device_id, base):
                self._add(when, event)
                at = when + 4.0
            mfa = self._factor.summary(at, device_id)
        if mfa is not None:
            login["mfa"] = mfa
        if not due and roll.random() < _INTERRUPTED:
            self._add(at, login | {"outcome": "failure", "reason": "interrupted"})
            return
        self._add(at, login)
        person.sessions = [*person.sessions[-_KEPT_SESSIONS + 1 :], (at, session, slot)]
        for change in due:
            self._due.remove(change)
            if change.type != "forgotten":
                self._change(change, at, base)
        self._session(at, slot, session)

    def _slips(self, at: float, base: dict[str, Any], *, forgotten: bool, phone: str) -> float:
        """Wrong passwords before the right one; a forgotten one is reset. Returns when the login is."""
        roll = self._roll
        run = roll.randint(3, 6) if forgotten else 0
        if not run and roll.random() < _TYPO[phone]:
            run = roll.choices((1, 2, 3), _TYPO_RUN)[0]
        for _ in range(run):
            self._add(at, base | {"type": "login", "outcome": "failure", "reason": "bad_password"})
            at += roll.uniform(4, 25)
        if forgotten:
            bare = _without_attributes(base)
            self._add(at + 20, bare | {"type": "password_reset_requested"})
            self._add(at + 140, bare | {"type": "password_changed"})
            at += 150
        return at

    def _change(self, change: Change, at: float, base: dict[str, Any]) -> None:
        at += self._roll.uniform(30, 300)
        base = _without_attributes(base)
        if change.type in ("mfa_enrolled", "mfa_moved"):
            for event in self._factor.renew(moved=change.type == "mfa_moved"):
                self._add(at, base | event)
                at += 20
            return
        more = {}
        if change.type == "email_changed":
            more = {"email": f"{self._person.account}.{int(at)}@example.org", "email_verified": True}
        self._add(at, base | {"type": change.type} | more)

    def _session(self, at: float, slot: Slot, session: str) -> None:
        """The service sees the session again, from wherever the device is by then."""
        roll = self._roll
        while roll.random() < _SEEN_AGAIN / (1 + _SEEN_AGAIN):
            at += min(roll.expovariate(1 / (3 * 3600.0)) + 120, 20 * 3600)
            if not self._where.is_reachable(at) or (slot.name == "work" and self._where.is_away(at)):
                return
            ip, country = self._where.address(at, slot.name)
            event = self._base(at, slot, ip) | {"session_id": session, "type": "session_seen"}
            unit, _ = slot.at(at)
            if news := self._news(at, (f"device:{slot.name}:{unit.number}", f"country:{country}")):
                event["extra"] = {"new": news}
            self._add(at, event)

    def _base(self, at: float, slot: Slot, ip: str) -> dict[str, Any]:
        return {
            "account": self._person.account,
            "ip": ip,
            "user_agent": slot.user_agent(at),
            "device_id": slot.at(at)[1],
            "service": "web",
            "timezone": str(self._person.zone),
        }

    def _news(self, at: float, keys: tuple[str, ...]) -> list[str]:
        return [key for key in keys if at - self._first.setdefault(key, at) < _NEWS]

    def _add(self, at: float, event: dict[str, Any]) -> None:
        heappush(self._soon, (at, next(self._number), event))


def _without_attributes(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("email", "email_verified", "name", "locale")}


def _poisson(mean: float, roll: Random) -> int:
    number, left = 0, roll.expovariate(1.0)
    while left < mean:
        number, left = number + 1, left + roll.expovariate(1.0)
    return number
