"""Phones and computers, how long they live, and how often their cookie is lost. Rates are the issue's, by law of
large numbers: they are measured in tests and not turned to meet figures."""

from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from sentinel.simulation.agents import Agent, Agents, day_of
from sentinel.simulation.lines import YEAR

MONTH: Final = YEAR / 12
#: Mean months until a device is replaced.
PHONE_MONTHS: Final = 30.0
COMPUTER_MONTHS: Final = 48.0
#: Share of cookies lost a month.
COOKIE_LOSS: Final = 0.02
#: Share of new devices of the system the last one had.
_LOYAL: Final = 0.85


class Unit(NamedTuple):
    """One device: its place in the row of its owner's, and its browser. ``lag``: days it upgrades late."""

    number: int
    agent: Agent
    lag: int


@dataclass(slots=True)
class Slot:
    """A person's phone, computer or computer at work, over the years: one device after another.

    ``periods``: (since, device, device id), anew when the device is replaced or its cookie lost.
    """

    name: str
    periods: list[tuple[float, Unit, str]]
    _starts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [since for since, _, _ in self.periods]

    def at(self, moment: float) -> tuple[Unit, str]:
        """Device and device id at a time."""
        _, unit, device_id = self.periods[max(0, bisect_right(self._starts, moment) - 1)]
        return unit, device_id

    def user_agent(self, moment: float) -> str:
        """What the browser sends at a time."""
        unit, _ = self.at(moment)
        return unit.agent.at(day_of(moment), unit.lag)

    def replaced(self) -> list[float]:
        """When a device followed another."""
        pairs = zip(self.periods, self.periods[1:], strict=False)
        return [since for (_, before, _), (since, after, _) in pairs if after.number != before.number]


def slot(name: str, agents: Agents, span: tuple[float, float], roll: Random) -> Slot:
    """A row of devices over ``span``; ``name`` is ``phone``, ``computer`` or ``work``."""
    begin, end = span
    kind = "mobile" if name == "phone" else "desktop"
    life = (PHONE_MONTHS if name == "phone" else COMPUTER_MONTHS) * MONTH
    number, agent, moment = 0, agents.draw(kind, roll), begin
    periods = []
    while moment < end:
        unit = Unit(number, agent, min(45, int(roll.expovariate(1 / 9))))
        replaced = moment + roll.expovariate(1 / life)
        while moment < min(replaced, end):
            periods.append((moment, unit, f"d-{roll.getrandbits(80):020x}"))
            moment += roll.expovariate(COOKIE_LOSS / MONTH)
        moment = replaced
        number += 1
        agent = agents.draw(kind, roll, agent if roll.random() < _LOYAL else None)
    return Slot(name, periods)


def fresh_id(roll: Random) -> str:
    """The id that a browser never seen before is given."""
    return f"d-{roll.getrandbits(80):020x}"
