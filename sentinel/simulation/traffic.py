"""All the traffic of a service: everybody's days, and attacks among them where asked for."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from heapq import heappop, heappush, merge
from itertools import count
from typing import Any

import msgspec

from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.attacks import plans
from sentinel.simulation.life import Life, Moment
from sentinel.simulation.lines import DAY
from sentinel.simulation.people import population


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate.

    ``attackers``: kinds of :data:`sentinel.simulation.attacks.KINDS`; none unless asked for. ``quiet_days`` at the
    beginning have none, so that the accounts' pasts can grow. ``intruders`` and ``campaigns``: so many of each kind.
    """

    accounts: int = 300
    days: int = 240
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    seed: int = 1
    attackers: Sequence[str] = ()
    quiet_days: int = 60
    intruders: int = 40
    campaigns: int = 3


def simulate(wish: Wish, addresses: Addresses, agents: Agents | None = None) -> Iterator[dict[str, Any]]:
    """Events as services post them, with ids and labels, in the order of time; the same for the same wish.

    ``extra.new`` says what is new about an event to the person (a device, a country); of an attacker's it says which
    episode and step it is. Raises ``ValueError`` for attackers of a kind that is none.
    """
    for number, (at, event) in enumerate(_moments(wish, addresses, agents or Agents())):
        yield {"id": f"sim-{wish.seed}-{number}", "time": _text(at), "label": "legitimate"} | event


def _moments(wish: Wish, addresses: Addresses, agents: Agents) -> Iterator[Moment]:
    begin = wish.start.timestamp()
    span = (begin, begin + wish.days * DAY)
    people = population(wish.seed, wish.accounts, span, addresses, agents)
    lives = [Life(person, wish.seed, span, addresses).events() for person in people]
    attacked = (span[0] + min(wish.quiet_days, wish.days / 2) * DAY, span[1])
    numbers = (wish.intruders, wish.campaigns)
    due = plans(wish.seed, wish.attackers, numbers, people, attacked, addresses, agents)[::-1]
    hostile: list[tuple[float, int, dict[str, Any]]] = []
    order = count()
    for at, event in merge(*lives, key=lambda moment: moment[0]):
        # Every life has been told up to here, so a thief finds the sessions there are.
        while due and due[-1].at <= at:
            for moment, theirs in due.pop().begin():
                heappush(hostile, (moment, next(order), theirs))
        while hostile and hostile[0][0] <= at:
            moment, _, theirs = heappop(hostile)
            if moment < span[1]:
                yield moment, theirs
        yield at, event


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
