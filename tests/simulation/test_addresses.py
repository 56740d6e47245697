"""People are placed where the packaged data places their addresses."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import mean

import pytest

from sentinel.enrich.address import parse_address
from sentinel.enrich.databases import open_readers
from sentinel.facts.look import great_circle_km
from sentinel.simulation.addresses import Addresses, Site
from sentinel.simulation.lines import DAY, YEAR, Carriers, home_line
from sentinel.simulation.world import COUNTRIES, HOMES, zone_of

BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
KINDS = {"home": (None, "residential"), "mobile": ("mobile",), "business": ("business",), "hosting": ("hosting",)}


@pytest.mark.parametrize("country", sorted(HOMES))
def test_there_is_room_for_people_in_every_home_country(addresses: Addresses, country: str) -> None:
    assert len(addresses.sites(country, "home")) >= 300
    assert len(addresses.providers(country, "home")) >= 4
    assert len(addresses.sites(country, "hosting")) >= 20
    assert all(addresses.sites(other, "home") for other in HOMES[country].neighbours)


def test_there_is_somewhere_to_go_and_somewhere_to_attack_from(addresses: Addresses) -> None:
    assert [country for country in COUNTRIES if not addresses.sites(country, "home")] == []
    assert [country for country in COUNTRIES if not addresses.draw(country, "hosting", Random(1))] == []


def test_the_daemon_sees_the_country_and_kind_that_was_wanted(addresses: Addresses, unpacked: Path) -> None:
    places, networks = open_readers(unpacked.parent)
    roll = Random(3)
    for country in HOMES:
        for use, kinds in KINDS.items():
            for _ in range(20):
                site = addresses.draw(country, use, roll)
                if site is None:
                    continue
                address = parse_address(site.host(roll))
                place, network = places.lookup(address), networks.lookup(address)
                assert place is not None
                assert (place.country, place.region) == (country, site.region)
                assert network.kind in kinds
                assert network.asn == site.asn


def test_a_line_keeps_its_provider_and_its_place_but_not_its_address(addresses: Addresses) -> None:
    roll = Random(5)
    moved, stayed = [], []
    for number in range(60):
        site = addresses.draw("DE", "home", roll)
        assert site is not None
        line = home_line(addresses, site, (BEGIN, BEGIN + YEAR), Random(number))
        moved.append(len({lease.v4 for lease in line.leases}))
        stayed.append(line.address(BEGIN + 5, Random(1)) == line.address(BEGIN + 6, Random(1)))
    assert all(stayed)
    assert 3 < mean(moved) < 60


def test_a_phone_has_three_carriers_networks_near_home(addresses: Addresses, unpacked: Path) -> None:
    places, networks = open_readers(unpacked.parent)
    home = next(site for site in addresses.sites("IT", "home") if site.region == "Lombardy")
    carriers = Carriers.draw(addresses, home, Random(2))
    seen = [parse_address(carriers.address(addresses, roll)) for roll in map(Random, range(400))]
    assert {networks.lookup(address).asn for address in seen} == set(carriers.asns)
    assert len(carriers.asns) == 3
    found = [place for place in map(places.lookup, seen) if place is not None]
    assert {place.country for place in found} == {"IT"}
    assert len(found) == len(seen)
    far = [place for place in found if _apart(home, place.lat, place.lon) > 500]
    assert 0 < len(far) < len(seen) / 5


def test_households_of_ipv6_keep_their_64(addresses: Addresses) -> None:
    site = addresses.sites("DE", "home", version=6)[0].subnet(Random(1))
    assert len({parse_address(site.host(Random(n))).packed[:8] for n in range(50)}) == 1


def test_clocks_follow_the_longitude() -> None:
    assert zone_of("US", -74.0) == "America/New_York"
    assert zone_of("US", -118.0) == "America/Los_Angeles"
    assert zone_of("AU", 116.0) == "Australia/Perth"


def _apart(site: Site, lat: float | None, lon: float | None) -> float:
    assert lat is not None
    assert lon is not None
    return great_circle_km(site.lat, site.lon, lat, lon)


def test_leases_lie_within_the_span(addresses: Addresses) -> None:
    site = addresses.sites("FR", "home")[0]
    line = home_line(addresses, site, (BEGIN, BEGIN + 10 * DAY), Random(1))
    assert line.leases[0].since == BEGIN
    assert all(lease.since < BEGIN + 10 * DAY for lease in line.leases)
