"""Who lives in the demo: people with homes, offices, phones, laptops and second factors.

Addresses are those kept for documentation (RFC 5737, RFC 3849) and AS numbers too (RFC 5398); places and
networks are given with each event, so nothing depends on what a look-up says about them.
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from sentinel.demo.agents import LAPTOPS, PHONES, user_agent

_NAMES: Final = ("ada", "ben", "chloe", "dev", "elif", "femi", "greta", "hugo", "ines", "jan", "kira", "luis")


@dataclass(frozen=True, slots=True)
class City:
    """A city, its centre in degrees, and the locale and timezone of the people in it."""

    country: str
    region: str
    name: str
    lat: float
    lon: float
    locale: str
    timezone: str

    def place(self, accuracy_km: float) -> dict[str, Any]:
        """The city as an event's ``place``."""
        return {
            "country": self.country,
            "region": self.region,
            "city": self.name,
            "lat": self.lat,
            "lon": self.lon,
            "accuracy_km": accuracy_km,
        }


CITIES: Final = (
    City("DE", "Berlin", "Berlin", 52.52, 13.40, "de", "Europe/Berlin"),
    City("FR", "Île-de-France", "Paris", 48.86, 2.35, "fr", "Europe/Paris"),
    City("GB", "England", "Manchester", 53.48, -2.24, "en", "Europe/London"),
    City("NL", "Utrecht", "Utrecht", 52.09, 5.12, "en", "Europe/Amsterdam"),
    City("ES", "Valencia", "Valencia", 39.47, -0.38, "es", "Europe/Madrid"),
    City("PL", "Silesia", "Katowice", 50.26, 19.02, "en", "Europe/Warsaw"),
    City("US", "Oregon", "Portland", 45.52, -122.68, "en", "America/Los_Angeles"),
    City("JP", "Osaka", "Osaka", 34.69, 135.50, "en", "Asia/Tokyo"),
)
TRIP: Final = City("PT", "Lisboa", "Lisbon", 38.72, -9.14, "pt", "Europe/Lisbon")
FAR: Final = City("SG", "Singapore", "Singapore", 1.35, 103.82, "en", "Asia/Singapore")
ELSEWHERE: Final = City("BR", "Ceará", "Fortaleza", -3.73, -38.52, "pt", "America/Fortaleza")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where somebody connects from: an address with its place and network, in the event's form."""

    ip: str
    place: dict[str, Any]
    network: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """A browser with a first-party cookie. ``browser`` is a key of :mod:`sentinel.demo.agents`."""

    id: str
    browser: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. ``shift``: their usual hour, in hours from that at which traffic starts."""

    account: str
    city: City
    home: Spot
    mobile: Spot
    office: Spot | None
    laptop: Device
    phone: Device
    factor: dict[str, Any] | None
    shift: float
    traveller: bool

    @property
    def attributes(self) -> dict[str, Any]:
        """The account attributes of an event."""
        return {
            "email": f"{self.account}@example.org",
            "email_verified": True,
            "locale": self.city.locale,
            "timezone": self.city.timezone,
        }


def dice(seed: int, purpose: str) -> Random:
    """Random numbers, the same for the same seed on every machine, independent between purposes."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - made-up traffic has to repeat, not to be unguessable


def cast(seed: int, people: int) -> list[Person]:
    """The first ``people`` people of the demo; a larger cast begins with the same ones."""
    return [_person(dice(seed, f"person {number}"), number) for number in range(people)]


def event(person: Person, moment: datetime, spot: Spot, device: Device, **fields: Any) -> dict[str, Any]:
    """What ``person``'s service would post, without id: a successful web login unless ``fields`` say more."""
    return {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "type": "login",
        "account": person.account,
        "outcome": "success",
        "ip": spot.ip,
        "user_agent": user_agent(device.browser, moment),
        "device_id": device.id,
        "service": "web",
        "place": spot.place,
        "network": spot.network,
        **person.attributes,
        **fields,
    }


def _person(roll: Random, number: int) -> Person:
    account = _NAMES[number] if number < len(_NAMES) else f"u-{number:03}"
    city = CITIES[int(roll.random() ** 2 * len(CITIES))]
    # Every home has its own /48, as many carriers give it: a failure at one home must not count for another.
    # A few have IPv4, all of them in one /24.
    ipv4 = number % 12 == 5 and number < 12 * 200
    home = Spot(
        f"192.0.2.{10 + number // 12}" if ipv4 else f"2001:db8:{0x1000 + number:x}:1::{roll.randrange(1, 0xFFFF):x}",
        city.place(25),
        _network(roll.randrange(4), "Example Fibre", "residential"),
    )
    mobile = Spot(
        f"2001:db8:{0x4000 + number:x}:{roll.randrange(0xFFFF):x}::1",
        city.place(80),
        _network(4 + roll.randrange(3), "Example Mobile", "mobile"),
    )
    office = Spot(
        f"2001:db8:{0x8000 + CITIES.index(city):x}::10",
        city.place(10),
        _network(8, "Example Works", "business"),
    )
    return Person(
        account=account,
        city=city,
        home=home,
        mobile=mobile,
        office=office if roll.random() < 0.6 else None,
        laptop=Device(f"d-{roll.getrandbits(64):016x}", roll.choice(LAPTOPS)),
        phone=Device(f"d-{roll.getrandbits(64):016x}", roll.choice(PHONES)),
        factor=_factor(roll, number),
        shift=roll.gauss(0, 1),
        traveller=number % 10 == 9,
    )


def _factor(roll: Random, number: int) -> dict[str, Any] | None:
    # By turns, so that a cast of any size has each of them.
    method = ("totp", "webauthn", "push", None, "totp", None)[number % 6]
    return {"method": method, "device_id": f"f-{roll.getrandbits(48):012x}"} if method else None


def _network(number: int, name: str, kind: str) -> dict[str, Any]:
    return {"asn": 64496 + number, "organisation": f"{name} {number}", "kind": kind}
