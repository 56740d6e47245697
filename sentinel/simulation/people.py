"""Who the simulated people are: where they live and work, with whom, what they carry, when they are about."""

from dataclasses import dataclass, field
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from sentinel.simulation.addresses import Addresses, Site
from sentinel.simulation.agents import Agents
from sentinel.simulation.devices import Slot, slot
from sentinel.simulation.lines import DAY, YEAR, Carriers, Line, home_line, near, office_line
from sentinel.simulation.trips import Trip, trips
from sentinel.simulation.world import HOMES, zone_of

#: Shares of the accounts.
_WITH_PHONE, _WITH_COMPUTER, _WITH_OFFICE = 0.92, 0.80, 0.40
_LIVES_WITH_ANOTHER: Final = 0.35
_SHARES_COMPUTER: Final = 0.2
_ALWAYS_VPN: Final = 0.04
_PRIVATE_RELAY: Final = 0.15  #: of those with an iPhone
_SERVICE: Final = 0.01
_JOINS_LATER: Final = 0.10
_LONG_PAUSE: Final = 0.05
#: Second factors and their shares; the rest has none.
_FACTORS: Final = (("totp", 0.26), ("push", 0.14), ("sms", 0.10), ("webauthn", 0.10), (None, 0.40))
#: Logins a day: most come daily, some now and then.
_RATES: Final = ((1.2, 2.8, 0.65), (0.4, 1.0, 0.25), (0.08, 0.3, 0.10))
_COLLEAGUES: Final = 15


@dataclass(slots=True)
class Person:
    """An account and whoever is behind it. Times are seconds since 1970, rates per day."""

    number: int
    account: str
    country: str
    zone: ZoneInfo
    home: Line
    carriers: Carriers
    office: Line | None
    vpn: list[Site]
    relay: list[Site]
    slots: list[Slot]
    rate: float
    morning: float  #: hour of the day at which this person is first about
    factor: str | None
    trips: list[Trip]
    begins: float
    pause: tuple[float, float] | None
    is_service: bool = False
    sessions: list[tuple[float, str, Slot]] = field(default_factory=list)  #: lately made; for those who steal them

    @property
    def attributes(self) -> dict[str, object]:
        """What the service tells of the account with its first event."""
        return {
            "email": f"{self.account}@example.org",
            "email_verified": True,
            "locale": HOMES[self.country].locale,
            "name": f"Person {self.number}",
        }


def population(
    seed: int, accounts: int, span: tuple[float, float], addresses: Addresses, agents: Agents
) -> list[Person]:
    """The people of a seed over ``span`` (seconds since 1970)."""
    roll = Random(f"{seed}/people")  # noqa: S311  # repeatable, nothing secret
    found: list[Person] = []
    offices: dict[str, tuple[Line, int]] = {}
    for number in range(accounts):
        own = Random(f"{seed}/person/{number}")  # noqa: S311  # repeatable, nothing secret
        if number < round(accounts * _SERVICE):
            found.append(_service(number, span, addresses, agents, own))
            continue
        other = found[-1] if found and not found[-1].is_service and roll.random() < _LIVES_WITH_ANOTHER else None
        found.append(_person(number, span, addresses, agents, own, other, offices))
    return found


def _person(
    number: int,
    span: tuple[float, float],
    addresses: Addresses,
    agents: Agents,
    roll: Random,
    lives_with: Person | None,
    offices: dict[str, tuple[Line, int]],
) -> Person:
    begin, end = span
    if lives_with is not None:
        country, home = lives_with.country, lives_with.home
    else:
        country = roll.choices(list(HOMES), [home.weight for home in HOMES.values()])[0]
        site = addresses.draw(country, "home", roll)
        assert site is not None  # every home country has providers in the data; a test says so
        home = home_line(addresses, site, span, roll)
    slots = [slot("phone", agents, span, roll)] if roll.random() < _WITH_PHONE else []
    if not slots or roll.random() < _WITH_COMPUTER:
        theirs = next((each for each in lives_with.slots if each.name == "computer"), None) if lives_with else None
        shares = theirs is not None and roll.random() < _SHARES_COMPUTER
        slots.append(theirs if theirs and shares else slot("computer", agents, span, roll))
    office = None
    if roll.random() < _WITH_OFFICE:
        office = _office(addresses, home.site, offices, roll)
        slots.append(slot("work", agents, span, roll))
    iphone = any(each.name == "phone" and each.periods[0][1].agent.os == "iOS" for each in slots)
    low, high, _ = roll.choices(_RATES, [share for _, _, share in _RATES])[0]
    begins = begin + roll.random() * (end - begin) if roll.random() < _JOINS_LATER else begin
    pause = None
    if roll.random() < _LONG_PAUSE * (end - begin) / YEAR:
        left = begins + roll.random() * (end - begins)
        pause = (left, left + roll.uniform(60, 250) * DAY)
    return Person(
        number=number,
        account=f"u-{number:05d}",
        country=country,
        zone=ZoneInfo(zone_of(country, home.site.lon)),
        home=home,
        carriers=Carriers.draw(addresses, home.site, roll),
        office=office,
        vpn=_exits(addresses, country, roll) if roll.random() < _ALWAYS_VPN else [],
        relay=_relays(addresses, home.site) if iphone and roll.random() < _PRIVATE_RELAY else [],
        slots=slots,
        rate=roll.uniform(low, high),
        morning=roll.gauss(7.5, 1.2),
        factor=roll.choices([name for name, _ in _FACTORS], [share for _, share in _FACTORS])[0],
        trips=trips(addresses, home.site, span, roll),
        begins=begins,
        pause=pause,
    )


def _service(number: int, span: tuple[float, float], addresses: Addresses, agents: Agents, roll: Random) -> Person:
    country = roll.choices(list(HOMES), [home.weight for home in HOMES.values()])[0]
    site = addresses.draw(country, "hosting", roll)
    assert site is not None  # as above
    line = office_line(addresses, site, roll)
    line.leases[0] = line.leases[0]._replace(v4=site.host(roll))
    return Person(
        number=number,
        account=f"svc-{number:05d}",
        country=country,
        zone=ZoneInfo("UTC"),
        home=line,
        carriers=Carriers(site, [site.asn]),
        office=None,
        vpn=[],
        relay=[],
        slots=[slot("work", agents, span, roll)],
        rate=4.0,
        morning=0.0,
        factor=None,
        trips=[],
        begins=span[0],
        pause=None,
        is_service=True,
    )


def _office(addresses: Addresses, site: Site, offices: dict[str, tuple[Line, int]], roll: Random) -> Line:
    key = f"{site.country}/{site.region}"
    line, people = offices.get(key, (None, 0))
    if line is None or people >= _COLLEAGUES:
        line, people = office_line(addresses, site, roll), 0
    offices[key] = (line, people + 1)
    return line


def _exits(addresses: Addresses, country: str, roll: Random) -> list[Site]:
    """What a VPN provider offers near by: mostly in the country, some next door."""
    found: list[Site] = []
    for code, share in ((country, 6), *((code, 1) for code in HOMES[country].neighbours[:2])):
        held = addresses.sites(code, "vpn") or addresses.sites(code, "hosting")
        found += roll.sample(held, min(share, len(held)))
    return found


def _relays(addresses: Addresses, site: Site) -> list[Site]:
    held = addresses.sites(site.country, "relay")
    return near(held, site, 500.0) or held
