"""People whose lives look odd to a machine: what they are told, counted over months. Bounds are owed notices."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from sentinel.events.clock import to_micros
from sentinel.facts.releases import newest_possible
from sentinel.rules.ruleset import RuleSet
from tests.builders import START, Story, found, packaged

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS {0}_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/{0}.1 Mobile/15E148 Safari/604.1"
)


def place(country: str, lat: float, lon: float, region: str | None = None) -> dict[str, Any]:
    return {"country": country, "lat": lat, "lon": lon, "accuracy_km": 50} | ({"region": region} if region else {})


def net(asn: int, kind: str = "residential") -> dict[str, Any]:
    return {"asn": asn, "kind": kind}


BERLIN = place("DE", 52.5, 13.4, "Berlin")
MUNICH = place("DE", 48.1, 11.6, "Bavaria")
COLOGNE = place("DE", 50.9, 7.0, "North Rhine-Westphalia")
HOME = {"place": BERLIN, "network": net(64496)}
OFFICE = {"place": BERLIN, "network": net(64502, "business")}
LAPTOP = {"device_id": "laptop", "user_agent": WINDOWS.format(140)}
PHONE = {"device_id": "phone", "user_agent": ANDROID.format(140)}


@dataclass
class Life:
    """One person's account from the first login on; logins come about daily at human hours."""

    seed: int = 1
    story: Story = field(default_factory=lambda: Story(RuleSet(packaged())))
    mails: list[tuple[str, set[str]]] = field(default_factory=list)
    challenges: list[tuple[str, set[str]]] = field(default_factory=list)
    planned: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    logins: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def login(self, day: float, **fields: Any) -> None:
        moment = START + timedelta(days=day, hours=self.random.uniform(-1, 11), minutes=self.random.uniform(0, 59))
        self.at(moment, **fields)

    def at(self, moment: datetime, **fields: Any) -> None:
        self.planned.append((moment, {"timezone": "Europe/Berlin"} | fields))

    def live(self) -> None:
        """All that is planned happens, in order of time."""
        for moment, fields in sorted(self.planned, key=lambda login: login[0]):
            judged = self.story.judged(moment.isoformat().replace("+00:00", "Z"), **fields)
            self.logins += 1
            answer = judged.assessment
            if judged.notices:
                self.mails.append((answer.time, found(answer)))
            if answer.decision in ("challenge", "block"):
                self.challenges.append((answer.time, found(answer)))
        self.planned.clear()

    def settle_in(self, days: int = 20) -> None:
        """The first weeks at home and in the office, on laptop and phone; what is told of them is not counted."""
        for day in range(days):
            self.login(day, **LAPTOP, **HOME)
            self.login(day, **PHONE, **HOME)
            if day > 2:
                self.login(day, **PHONE, place=BERLIN, network=net(64499, "mobile"))
                self.login(day, **LAPTOP, **OFFICE)
        self.live()
        self.mails.clear()
        self.challenges.clear()


@pytest.fixture(params=[1, 2, 3])
def life(request: pytest.FixtureRequest) -> Life:
    return Life(request.param)


def test_a_travelling_salesman(life: Life) -> None:
    """Every week another town; hotels and trains; five countries in turn. Owed: one notice a country."""
    life.settle_in()
    towns = [
        MUNICH, COLOGNE, place("FR", 48.9, 2.4), place("DE", 53.6, 10.0, "Hamburg"), place("NL", 52.4, 4.9),
        place("PL", 52.2, 21.0), place("AT", 48.2, 16.4), place("CH", 47.4, 8.5),
    ]  # fmt: skip
    for week in range(50):
        town = towns[week % len(towns)]
        first = 21 + 7 * week
        for day in range(7):
            if 1 <= day <= 3:
                life.login(first + day, **LAPTOP, place=town, network=net(65536 + (week * 3) % 11))
                life.login(first + day, **PHONE, place=town, network=net(64499, "mobile"))
            else:
                life.login(first + day, **LAPTOP, **HOME)
                life.login(first + day, **PHONE, place=BERLIN, network=net(64499, "mobile"))
    life.live()
    assert life.logins > 700
    assert len(life.mails) == 5, life.mails
    assert all("new_country" in rules for _, rules in life.mails)
    assert not life.challenges, life.challenges


def test_a_mobile_commuter(life: Life) -> None:
    """Three carriers, whose gateways stand in three towns, behind carrier-grade NAT. Owed: nothing."""
    life.settle_in()
    carriers = [(64499, BERLIN), (64500, MUNICH), (64501, COLOGNE)]
    for day in range(21, 200):
        for ride in range(3):
            asn, gateway = life.random.choice(carriers)
            moment = START + timedelta(days=day, hours=3 * ride, minutes=life.random.uniform(0, 50))
            life.at(moment, **PHONE, ip=f"100.64.{day % 256}.{ride}", place=gateway, network=net(asn, "mobile"))
            life.at(moment + timedelta(minutes=20), **PHONE, ip="100.64.9.9")
        life.login(day, **LAPTOP, **HOME)
    life.live()
    assert life.logins > 1000
    assert life.mails == []
    assert not life.challenges, life.challenges


def exits() -> Iterator[dict[str, Any]]:
    countries = [("NL", 52.4, 4.9), ("SE", 59.3, 18.1), ("US", 40.7, -74.0), ("CH", 47.4, 8.5)]
    for number, (country, lat, lon) in enumerate(countries):
        yield {"place": place(country, lat, lon), "network": net(65540 + number, "vpn")}


def test_a_vpn_regular(life: Life) -> None:
    """Comes through a VPN from some day on, with exits in four countries. Owed: that it began, an exit each at most."""
    life.settle_in()
    ways = list(exits())
    for day in range(21, 200):
        life.login(day, **LAPTOP, **life.random.choice(ways))
        if day % 3 == 0:
            life.login(day, **LAPTOP, **HOME)
    life.live()
    mails = life.mails
    assert 1 <= len(mails) <= 4, mails
    assert all(time < "2026-02-06" for time, _ in mails), "after two weeks nobody hears of it again"
    assert not life.challenges, life.challenges


@pytest.mark.parametrize("agent", [WINDOWS, FIREFOX, IPHONE], ids=["Chrome", "Firefox", "iPhone"])
def test_two_years_of_upgrades_without_a_device_id(agent: str) -> None:
    """The browser is a new version each month and the system each year. Owed: nothing."""
    life = Life()
    family = {WINDOWS: "Chrome", FIREFOX: "Firefox", IPHONE: "Mobile Safari"}[agent]
    versions = set()
    for day in range(0, 730, 2):
        moment = START + timedelta(days=day)
        newest = newest_possible(family, to_micros(moment))
        assert newest is not None
        version = newest - (0 if agent == IPHONE else 4)
        versions.add(version)
        life.login(day, **HOME, user_agent=agent.format(version))
    life.live()
    assert len(versions) >= 3
    assert life.mails == []
    assert not life.challenges


def test_a_cookie_cleared_every_month(life: Life) -> None:
    """The same laptop at home, at work and on a carrier, with another id each month. Owed: nothing."""
    life.settle_in()
    places = [HOME, OFFICE]
    for day in range(21, 400):
        laptop = {"device_id": f"laptop-{day // 30}", "user_agent": WINDOWS.format(140 + day // 60)}
        life.login(day, **laptop, **places[day % 2])
    life.live()
    assert life.mails == []
    assert not life.challenges, life.challenges


def test_holidays_twice_a_year(life: Life) -> None:
    """Ten days each, in another country each time, on phone and laptop. Owed: one notice a country."""
    life.settle_in()
    countries = [("ES", 40.4, -3.7), ("IT", 41.9, 12.5), ("GR", 38.0, 23.7), ("PT", 38.7, -9.1), ("US", 40.7, -74.0)]
    for trip, where in enumerate([*countries, countries[0]]):
        start = 21 + 180 * trip
        for day in range(start, start + 170):
            if day % 2:
                life.login(day, **PHONE, place=BERLIN, network=net(64499, "mobile"))
            if day % 3 == 0:
                life.login(day, **LAPTOP, **HOME)
        for day in range(start + 170, start + 180):
            life.login(day, **PHONE, place=place(*where), network=net(65540 + trip))
            life.login(day, **PHONE, place=BERLIN, network=net(64499, "mobile"))  # roaming comes out at home
    life.live()
    mails = life.mails
    assert len(mails) == len(countries), mails
    assert all("new_country" in rules for _, rules in mails)
    assert not life.challenges, life.challenges


def test_a_new_phone_with_the_old_second_factor(life: Life) -> None:
    """Used everywhere from its first day on. Owed: one notice."""
    app = {"mfa": {"method": "totp", "device_id": "app", "outcome": "success"}}
    for day in range(20):
        life.login(day, **LAPTOP, **OFFICE, **app)
    life.settle_in()
    phone = {"device_id": "new-phone", "user_agent": IPHONE.format(18)}
    for day in range(21, 80):
        life.login(day, **phone, **HOME, **app)
        life.login(day, **phone, place=BERLIN, network=net(64499, "mobile"), **app)
        if day % 4 == 0:
            life.login(day, **phone, place=MUNICH, network=net(65536 + day % 5, "business"), **app)
    life.live()
    assert len(life.mails) == 1, life.mails
    assert not life.challenges, life.challenges


def test_a_new_phone_begun_in_a_hotel_abroad_is_accepted_in_the_end(life: Life) -> None:
    """Challenged at first, which bars it from settling for good; the second factor at home is the way out."""
    app = {"mfa": {"method": "totp", "device_id": "app", "outcome": "success"}}
    for day in range(20):
        life.login(day, **LAPTOP, **OFFICE, **app)
    life.settle_in()
    phone = {"device_id": "new-phone", "user_agent": IPHONE.format(18)}
    life.login(21, **phone, place=place("ES", 40.4, -3.7), network=net(65540))
    for day in range(22, 80):
        life.login(day, **phone, **HOME, **app)
    life.live()
    assert len(life.challenges) == 1, life.challenges
    assert len(life.mails) <= 3, life.mails
    assert max(time for time, _ in life.mails) < "2026-02-08", "two weeks later it is known"


def test_a_new_laptop_without_a_second_factor(life: Life) -> None:
    """Begun at home, then taken to trains and hotels. Owed: one notice."""
    life.settle_in()
    laptop = {"device_id": "new-laptop", "user_agent": FIREFOX.format(141)}
    life.login(20.5, **laptop, **HOME)
    for day in range(22, 80):
        life.login(day, **laptop, **OFFICE)
        if day % 4 == 0:
            life.login(day, **laptop, place=MUNICH, network=net(65536 + day % 5, "business"))
    life.live()
    assert len(life.mails) == 1, life.mails
    assert not life.challenges, life.challenges


@pytest.mark.parametrize(
    "attack",
    [
        {"place": place("VN", 21.0, 105.8), "network": net(65549)},
        {"place": BERLIN, "network": net(65548, "vpn")},
        {"place": BERLIN, "network": net(65547, "hosting")},
        {"place": BERLIN, "network": net(65546)},
    ],
    ids=["naive", "VPN in the country", "hosting in the country", "the same town and browser"],
)
def test_the_same_calm_stops_who_knows_the_password(life: Life, attack: dict[str, Any]) -> None:
    """Another device of the person's own kind of browser, at the person's own hour."""
    life.settle_in()
    noon = START + timedelta(days=21, hours=3)
    life.at(noon, device_id="theirs", user_agent=LAPTOP["user_agent"], **attack)
    life.live()
    assert life.challenges, life.mails
