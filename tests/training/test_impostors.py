"""Impostors: what they bring that the person does not have, whose it is, and when they come."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from sentinel.enrich.sighting import Enricher
from sentinel.events.clock import DAY, HOUR
from sentinel.events.place import Network, Place
from sentinel.events.sighting import Device, Factor, Sighting
from sentinel.past.profile import Profile
from sentinel.simulation.addresses import Addresses
from sentinel.training import impostors as module
from sentinel.training.elsewhere import Listed, Origin
from sentinel.training.impostors import ENOUGH, KINDS, Impostors
from tests.builders import sighting
from tests.running import HOME

PARIS = Place(country="FR", region="IDF", lat=48.9, lon=2.4)
LYON = Place(country="FR", region="ARA", lat=45.8, lon=4.8)


def of_person(number: int, **changes: Any) -> Sighting:
    """A login of one of many people, who share nothing but what ``changes`` say."""
    given = {
        "account": f"person-{number}",
        "address": f"address-{number}",
        "prefix": f"prefix-{number}",
        "place": PARIS if number % 2 else LYON,
        "network": Network(asn=64496 + number % 3, kind="residential"),
        "device_key": f"device-{number}",
        "device": Device(browser="Firefox" if number % 2 else "Chrome", os="Linux", type="desktop"),
        "agent": f"agent-{number}",
        "language": f"language-{number}",
        "session": f"session-{number}",
        "rtt_ms": 20.0,
        "time": 10 * DAY + number * HOUR,
    }
    return replace(sighting(**HOME), **(given | changes))


class Lists:
    """Origins that nobody of the service has."""

    def _origin(self, name: str, place: Place, kind: Any) -> Origin:
        return Origin(f"list-{name}", f"list-{name}", place, Network(asn=64510, kind=kind), False)

    def anywhere(self, roll: Random) -> Origin | None:
        return self._origin("anywhere", Place(country="JP", region="13", lat=35.7, lon=139.7), "residential")

    def rented(self, country: str, roll: Random) -> Origin | None:
        return self._origin("rented", Place(country=country), "vpn")

    def home(self, country: str, region: str | None, roll: Random) -> Origin | None:
        return self._origin("home", Place(country=country, region=region), "residential")


class Nothing(Lists):
    """Lists that have nothing."""

    def anywhere(self, roll: Random) -> Origin | None:
        return None

    def rented(self, country: str, roll: Random) -> Origin | None:
        return None

    def home(self, country: str, region: str | None, roll: Random) -> Origin | None:
        return None


def crowd(elsewhere: Any = None, people: int = 300, seed: int = 1, **changes: Any) -> Impostors:
    made = Impostors(elsewhere, seed)
    for number in range(people):
        made.note(of_person(number, **changes))
    return made


PROFILE = Profile(last_seen=0)
ME = of_person(1)
WHERE = ("address", "prefix", "place", "network")
WITH = ("device", "agent", "language")


def many(
    made: Impostors, kind: str, real: Sighting = ME, profile: Profile = PROFILE, number: int = 60
) -> list[Sighting]:
    found = [made.make(kind, real, profile) for _ in range(number)]
    return [each for each in found if each is not None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lists", [Lists(), Nothing(), None])
def test_an_impostor_is_the_login_with_what_somebody_else_has(kind: str, lists: Any) -> None:
    made = many(crowd(lists), kind)
    assert bool(made) == (kind != "rented" or type(lists) is Lists)
    for each in made:
        assert each.account == ME.account
        assert each.address != ME.address
        assert (each.session, each.rtt_ms, each.phishing_resistant) == (None, None, False)
        assert each.key == ME.key  # nothing is ever stored under it
        if kind == "stolen":
            assert [getattr(each, name) for name in ("device_key", *WITH)] == [
                ME.device_key,
                *(getattr(ME, name) for name in WITH),
            ]
        else:
            assert each.device_key not in {of_person(number).device_key for number in range(300)}


def test_the_crowd_brings_one_persons_whole_context() -> None:
    people = {of_person(number).address: of_person(number) for number in range(300)}
    for each in many(crowd(Lists()), "crowd"):
        donor = people[each.address]
        assert donor.account != ME.account
        assert [getattr(each, name) for name in (*WHERE, *WITH)] == [getattr(donor, name) for name in (*WHERE, *WITH)]
        if each.time != ME.time:
            assert each.time // HOUR % 24 == donor.time // HOUR % 24


def test_where_the_kinds_come_from() -> None:
    made = crowd(Lists())
    assert {each.place.country for each in many(made, "anywhere")} == {"JP"}
    assert {(each.place.country, each.network.kind) for each in many(made, "rented")} == {("FR", "vpn")}
    near = many(made, "neighbour")
    assert {(each.place.country, each.place.region) for each in near} == {("FR", "IDF")}
    assert any(str(each.address).startswith("list") for each in near)
    assert any(str(each.address).startswith("address") for each in near)
    agents = [each.agent for each in near]
    assert agents.count(ME.agent) > len(agents) / 5
    assert len(set(agents)) > 10
    assert {each.place.country for each in many(made, "stolen")} == {"FR", "JP"}


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_given_what_is_their_own(kind: str) -> None:
    # Nearly all that was seen is the person's own.
    made = Impostors(Nothing(), 3)
    for number in range(600):
        made.note(of_person(number, account=ME.account if number % 11 else f"person-{number}"))
    own = {of_person(number).address for number in range(600) if number % 11}
    agents = {of_person(number).agent for number in range(600) if number % 11} - {ME.agent}
    found = many(made, kind)
    assert bool(found) == (kind != "rented")
    for each in found:
        assert each.address not in own
        assert each.agent not in agents


def test_without_others_there_is_nobody_to_be() -> None:
    made = Impostors(None, 1)
    for number in range(ENOUGH):
        assert not made.ready
        made.note(of_person(number, account=ME.account))
    assert made.ready
    assert all(made.make(kind, ME, PROFILE) is None for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("idle", [0, HOUR // 2, 3 * HOUR, 11 * HOUR, 2 * DAY])
def test_nobody_comes_before_the_past_they_are_held_against(kind: str, idle: int) -> None:
    profile = Profile(last_seen=ME.time - idle)
    made = many(crowd(Lists()), kind, profile=profile, number=400)
    away = [each.time - ME.time for each in made]
    assert min(away) >= -min(idle, 12 * HOUR)
    assert max(away) <= min(idle, 12 * HOUR)
    # How long nobody was there is no tell: as often later as earlier.
    mean = sum(away) / len(away)
    assert abs(mean) <= 1.2 * HOUR if idle >= HOUR else mean == 0
    if kind != "neighbour" and idle >= DAY:
        assert len({each.time // HOUR % 24 for each in made}) == 24


@pytest.mark.parametrize("missing", [("address", "prefix"), ("agent", "device"), ("device_key",), ("language",)])
def test_what_the_service_does_not_send_nobody_has(missing: tuple[str, ...]) -> None:
    empty = {name: Device() if name == "device" else None for name in missing}
    if "address" in missing:
        empty |= {"place": Place(), "network": Network()}
    real = replace(ME, **empty)
    # Others come through another service, which sends it.
    made = crowd(Lists())
    for kind in KINDS:
        for each in many(made, kind, real):
            assert [getattr(each, name) for name in empty] == [getattr(real, name) for name in empty]
    if "address" in missing:
        assert many(made, "stolen", real) == []


def test_others_of_the_same_service_are_preferred() -> None:
    made = crowd(Lists(), service="web")
    for number in range(300, 600):
        made.note(of_person(number, service="imap", agent=None))
    agents = [each.agent for each in many(made, "crowd", replace(ME, service="web"))]
    assert agents.count(None) < 5


def test_second_factors_are_passed_where_they_can_be() -> None:
    made = crowd(Lists())
    code = Factor(method="totp", key="authenticator", outcome="success", counter=7)
    passed = [each.factor for each in many(made, "crowd", replace(ME, factor=code), number=400)]
    assert 0.35 < sum(each.outcome == "success" for each in passed) / len(passed) < 0.65
    assert {each.key for each in passed} == {None, "authenticator"}
    assert {each.counter for each in passed} == {None}
    key = Factor(method="webauthn", key="token", outcome="success")
    resistant = many(made, "crowd", replace(ME, factor=key, phishing_resistant=True))
    assert {(each.factor.method, each.factor.outcome, each.phishing_resistant) for each in resistant} == {
        (None, None, False)
    }
    passkey = many(made, "stolen", replace(ME, auth_method="passkey"))
    assert {each.auth_method for each in passkey} == {"password"}


def test_the_same_dice_make_the_same() -> None:
    assert [many(crowd(Lists(), seed=5), kind) for kind in KINDS] == [
        many(crowd(Lists(), seed=5), kind) for kind in KINDS
    ]
    assert many(crowd(Lists(), seed=5), "crowd") != many(crowd(Lists(), seed=6), "crowd")


def test_memory_is_bounded_however_many_regions_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SORTS", 10)
    made = Impostors(None, 1)
    for number in range(6000):
        made.note(of_person(number, place=Place(country="FR", region=str(number % 500))))
    assert len(made._of_region) == 10
    held = [len(each) for sorts in (made._of_country, made._of_region, made._of_class) for each in sorts.values()]
    assert max(held) <= module._HELD_ALIKE
    assert len(made._others) <= module._HELD


def test_lists_hold_what_they_say(listed: Listed) -> None:
    roll = Random(1)
    for country in ("DE", "FR", "US"):
        for _ in range(30):
            rented, home = listed.rented(country, roll), listed.home(country, None, roll)
            assert rented is not None
            assert home is not None
            assert (rented.place.country, rented.network.kind in ("vpn", "hosting", "proxy", "tor")) == (country, True)
            assert (home.place.country, home.network.kind in ("vpn", "hosting", "proxy", "tor")) == (country, False)
    home = listed.home("DE", None, roll)
    assert home is not None
    near = [listed.home("DE", home.place.region, roll) for _ in range(30)]
    assert {each.place.region for each in near if each is not None} == {home.place.region}
    assert len({each.place.country for each in (listed.anywhere(roll) for _ in range(60)) if each is not None}) > 20
    assert listed.home("XX", None, roll) is None
    assert listed.rented("XX", roll) is None


class Moved(Enricher):
    """An operator's own data, which places everything in Norway and knows nothing of networks."""

    def sight(self, *given: Any, **more: Any) -> Sighting:
        return replace(super().sight(*given, **more), place=Place(country="NO"), network=Network())


def test_data_of_the_operators_own_goes_before_the_packaged(drawn: Addresses, enriched: Enricher) -> None:
    moved = Listed(drawn, Moved(enriched.pseudonym, enriched.places, enriched.networks), "default")
    roll = Random(1)
    assert moved.home("DE", None, roll) is None
    assert moved.rented("NO", roll) is None
    home = moved.home("NO", None, roll)
    assert home is not None
    assert home.place.country == "NO"
    # Nothing breaks where there is nothing: impostors are made of people then.
    made = crowd(moved)
    assert many(made, "anywhere", number=5)
    assert many(made, "rented") == []
