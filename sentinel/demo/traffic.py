"""The demo's traffic: a history to learn from, then live logins with attacks among them.

Both are pure functions of a seed and a time: the same call gives the same events. Given the same seed, the
people of :func:`live` are those whose past :func:`traffic` tells.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import count
from random import Random
from typing import Any, Final

from sentinel.demo import attacks
from sentinel.demo.people import TRIP, Device, Person, Spot, cast, dice, event

#: Ordinary events a second of :func:`live`.
PACE: Final = 5.0
#: Whom the attacks are on: places in the cast, chosen for the second factor each has (people.py) and because
#: they do not travel. The last one's past ends long ago.
TRAVELLED, FORCED, BOMBED, TOR, REMOVED, CODED, DORMANT = 0, 3, 2, 7, 6, 4, 11
_VICTIMS: Final = frozenset({TRAVELLED, FORCED, BOMBED, TOR, REMOVED, CODED, DORMANT})
#: Fewest people: the victims, and some who are left alone.
FEWEST: Final = 16
#: How long the dormant account has slept when the history ends: longer than any rule's idea of a long time.
_ASLEEP: Final = timedelta(days=200)
_SPRAYED: Final = 30
#: A second factor is asked for again after this time; a TOTP code must never be seen twice.
_REMEMBERED: Final = timedelta(hours=12)

Event = dict[str, Any]


def traffic(seed: int, start: datetime, people: int = 40, days: int = 20) -> Iterator[Event]:
    """The history of ``people`` accounts over ``days`` days from ``start`` (aware), in the order of time.

    Events are JSON-able, in the form that services post, with ids that no other start or seed gives. One
    account sleeps: its few logins lie about 200 days before the end. Usual hours lie round that of ``start``.

    Raises :class:`ValueError` for fewer than :data:`FEWEST` people.
    """
    start = start.astimezone(UTC)
    past: list[Event] = []
    for number, person in enumerate(_people(seed, people)):
        roll = dice(seed, f"history {number}")
        begin = start + timedelta(days=days) - _ASLEEP if number == DORMANT else start
        for day in range(days if number != DORMANT else 12):
            past.extend(_day(person, begin, day, days, roll))
    end = _text(start + timedelta(days=days))
    past = sorted((each for each in past if each["time"] < end), key=lambda each: (each["time"], each["account"]))
    for number, each in enumerate(past):
        yield {"id": f"past-{seed}-{int(start.timestamp())}-{number}", **each}


def live(seed: int, start: datetime, people: int = 40) -> Iterator[tuple[float, Event]]:
    """Endless traffic from ``start`` (aware) on: seconds to wait before posting, and the event.

    Ordinary logins come at :data:`PACE` a second; each attack of :mod:`sentinel.demo.attacks` comes once in
    the first 40 seconds, on people who do nothing else meanwhile. ``time`` is ``start`` plus the waits.

    Raises :class:`ValueError` for fewer than :data:`FEWEST` people.
    """
    start = start.astimezone(UTC)
    everybody = _people(seed, people)
    ordinary = _ordinary([each for n, each in enumerate(everybody) if n not in _VICTIMS], start, dice(seed, "live"))
    last = start
    for number, each in enumerate(merge(ordinary, *campaign(seed, start, everybody), key=lambda e: e["time"])):
        moment = datetime.fromisoformat(each["time"])
        yield (
            (moment - last).total_seconds(),
            {"id": f"live-{seed}-{int(start.timestamp())}-{number}", **each},
        )
        last = moment


def campaign(seed: int, start: datetime, everybody: list[Person]) -> list[Iterator[Event]]:
    """The attacks of the first 40 seconds after ``start``, one iterator each."""

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=seconds)

    def roll(name: str) -> Random:
        return dice(seed, f"attack {name}")

    # Names that nobody has make up the number when there are few people, as they would in a stolen list.
    names = [each.account for each in everybody[12:]] + [f"guess-{number}" for number in range(_SPRAYED)]
    return [
        attacks.impossible_travel(at(3), everybody[TRAVELLED], roll("travel")),
        attacks.password_spray(at(8), names[:_SPRAYED], roll("spray")),
        attacks.brute_force(at(14), everybody[FORCED], roll("force")),
        attacks.push_bombing(at(20), everybody[BOMBED], roll("push")),
        attacks.tor_login(at(25), everybody[TOR], roll("tor")),
        attacks.second_factor_removed(at(29), everybody[REMOVED], roll("removed")),
        attacks.backup_code(at(33), everybody[CODED], roll("code")),
        attacks.dormant_account(at(37), everybody[DORMANT], roll("dormant")),
    ]


def _people(seed: int, people: int) -> list[Person]:
    if people < FEWEST:
        raise ValueError(f"the demo needs at least {FEWEST} people, got {people}")
    return cast(seed, people)


def _day(person: Person, begin: datetime, day: int, days: int, roll: Random) -> Iterator[Event]:
    # A trip of three days in the middle; nobody logs in on the days of the flights.
    away = days // 2
    if person.traveller and day in (away - 1, away + 3):
        return
    trip = Spot(
        "2001:db8:c001::20",
        TRIP.place(25),
        {"asn": 65536, "organisation": "Example Hotels", "kind": "business"},
    )
    asked: datetime | None = None
    weekend = (begin + timedelta(days=day)).weekday() >= 5
    hours = sorted(
        person.shift + roll.gauss(0, 2.5) for _ in range(roll.randint(1, 2) if weekend else roll.randint(3, 5))
    )
    for hour in hours:
        moment = begin + timedelta(days=day, hours=hour)
        spot, device = _whereabouts(person, weekend, roll)
        if person.traveller and away <= day < away + 3:
            spot = trip
        ask = asked is None or moment - asked > _REMEMBERED
        asked = moment if ask else asked
        yield from _login(person, moment, spot, device, roll, ask=ask)


def _whereabouts(person: Person, weekend: bool, roll: Random) -> tuple[Spot, Device]:
    if roll.random() < 0.4:
        return (person.mobile if roll.random() < 0.5 else person.home), person.phone
    if person.office is not None and not weekend and roll.random() < 0.7:
        return person.office, person.laptop
    return person.home, person.laptop


def _login(
    person: Person,
    moment: datetime,
    spot: Spot,
    device: Device,
    roll: Random,
    *,
    ask: bool,
    typo: float = 0.04,
) -> Iterator[Event]:
    if roll.random() < typo:
        yield event(person, moment, spot, device, outcome="failure", reason="bad_password")
        moment += timedelta(seconds=roll.uniform(4, 12))
    fields: Event = {"session_id": f"s-{roll.getrandbits(64):016x}", "auth": {"method": "password"}}
    if ask and person.factor is not None:
        fields["mfa"] = {**person.factor, "outcome": "success"}
        if person.factor["method"] == "totp":
            fields["mfa"]["counter"] = int(moment.timestamp()) // 30
    yield event(person, moment, spot, device, **fields)
    if roll.random() < 0.2:
        later = moment + timedelta(minutes=roll.uniform(3, 40))
        yield event(person, later, spot, device, type="session_seen", session_id=fields["session_id"])


def _ordinary(crowd: list[Person], start: datetime, roll: Random) -> Iterator[Event]:
    # Where each of them sits is drawn once: nobody changes place within a demo.
    seats = {each.account: _whereabouts(each, False, roll) for each in crowd}
    asked: set[str] = set()
    waiting: list[Event] = []
    moment = start
    for _ in count():
        moment += timedelta(seconds=roll.expovariate(PACE))
        person = roll.choice(crowd)
        spot, device = seats[person.account]
        now = _text(moment)
        new = _login(person, moment, spot, device, roll, ask=person.account not in asked, typo=0.015)
        asked.add(person.account)
        # What follows a login comes later than other people's logins: kept until its time.
        waiting = sorted([*waiting, *new], key=lambda each: each["time"])
        while waiting and waiting[0]["time"] <= now:
            yield waiting.pop(0)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
