"""Attackers on request: when each begins. What they do stands in ``intruders`` and ``campaigns``."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

from sentinel.simulation import campaigns, intruders
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.life import Moment
from sentinel.simulation.lines import DAY
from sentinel.simulation.people import Person
from sentinel.simulation.scene import Scene

_Script = Callable[[Scene, float, str], list[Moment]]

#: Attackers who know the password or hold a session, one victim each.
INTRUDERS: Final[dict[str, _Script]] = {
    "naive": intruders.naive,
    "vpn": intruders.vpn,
    "targeted": intruders.targeted,
    "stolen_session": intruders.stolen_session,
}
#: Attackers who must find out first.
CAMPAIGNS: Final[dict[str, _Script]] = {
    "spray": campaigns.spray,
    "stuffing": campaigns.stuffing,
    "slow_spray": campaigns.slow_spray,
    "distributed_guessing": campaigns.distributed_guessing,
    "enumeration": campaigns.enumeration,
    "push_bombing": campaigns.push_bombing,
}
KINDS: Final = (*INTRUDERS, *CAMPAIGNS)


class Plan(NamedTuple):
    """An attack to come. ``begin`` is called when its time has come: thieves need the sessions there are then."""

    at: float
    name: str
    begin: Callable[[], list[Moment]]


def plans(
    seed: int,
    kinds: Sequence[str],
    numbers: tuple[int, int],
    people: list[Person],
    span: tuple[float, float],
    addresses: Addresses,
    agents: Agents,
) -> list[Plan]:
    """The attacks of ``kinds`` over ``span``, in the order of time: so many intruders and campaigns of each kind.

    Raises ``ValueError`` for a kind that is none.
    """
    found: list[Plan] = []
    for kind in dict.fromkeys(kinds):
        script = INTRUDERS.get(kind) or CAMPAIGNS.get(kind)
        if script is None:
            raise ValueError(f"no such attackers: {kind}; there are {', '.join(KINDS)}")
        roll = Random(f"{seed}/attacks/{kind}")  # noqa: S311  # repeatable, nothing secret
        scene = Scene(people, addresses, agents, roll)
        # The last days are left out: what takes a week or two shall end within the span.
        last = span[1] - min(16 * DAY, (span[1] - span[0]) / 2)
        for number in range(numbers[0] if kind in INTRUDERS else numbers[1]):
            at = roll.uniform(span[0], last)
            found.append(Plan(at, f"{kind}-{number}", _bound(script, scene, at, f"{kind}-{number}")))
    return sorted(found, key=lambda plan: (plan.at, plan.name))


def _bound(script: _Script, scene: Scene, at: float, name: str) -> Callable[[], list[Moment]]:
    return lambda: script(scene, at, name)
