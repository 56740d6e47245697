"""What attackers draw from: victims, addresses, browsers; and how their events are marked."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from sentinel.simulation.addresses import Addresses, Site
from sentinel.simulation.agents import Agents, day_of
from sentinel.simulation.devices import fresh_id
from sentinel.simulation.lines import DAY
from sentinel.simulation.people import Person
from sentinel.simulation.world import COUNTRIES

#: Victims have been around for so long: an account without a past is another question.
_PAST: Final = 30 * DAY


@dataclass(slots=True)
class Scene:
    """Everything an attack may draw from, and its dice."""

    people: list[Person]
    addresses: Addresses
    agents: Agents
    roll: Random

    def victim(self, at: float, *, factor: str | None = None) -> Person:
        """Somebody with a past and with this second factor; ``None``: with none, where a password is enough."""
        found = [
            person
            for person in self.people
            if not person.is_service and person.factor == factor and person.begins < at - _PAST
        ]
        return self.roll.choice(found or self.people)

    def anywhere(self) -> Site:
        """A network anywhere in the world: half homes (of others taken over), half rented."""
        while True:
            country = self.roll.choice(sorted(COUNTRIES))
            site = self.addresses.draw(country, self.roll.choice(("home", "hosting")), self.roll)
            if site is not None:
                return site

    def rented(self, country: str) -> Site:
        """A VPN's exit or a rented machine in a country; another country's where there is none."""
        use = self.roll.choice(("vpn", "hosting"))
        return (
            self.addresses.draw(country, use, self.roll)
            or self.addresses.draw(country, "hosting", self.roll)
            or (self.anywhere())
        )

    def browser(self, at: float) -> dict[str, Any]:
        """A popular browser that the service has never seen."""
        agent = self.agents.popular("desktop", self.roll)
        return {"user_agent": agent.at(day_of(at), 5), "device_id": fresh_id(self.roll)}


def marked(kind: str, episode: str, step: str, event: dict[str, Any]) -> dict[str, Any]:
    """An attacker's event. ``step``: ``try``, ``in`` (they are in from here), ``goal`` (what they want)."""
    return {"service": "web"} | event | {"label": f"attack:{kind}", "extra": {"episode": episode, "step": step}}
