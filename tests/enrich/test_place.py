"""Places in every schema, and those of the packaged data."""

from typing import Any

import maxminddb
import pytest

from sentinel.enrich.address import parse_address
from sentinel.enrich.countries import load_countries
from sentinel.enrich.place import CITY_KM, REGION_KM, PlaceReader, place_of
from sentinel.events.place import Place
from tests.enrich.conftest import MakeDatabase

COUNTRIES = load_countries()

NESTED = {
    "country": {"iso_code": "DE", "names": {"en": "Germany"}},
    "registered_country": {"iso_code": "US"},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "Land Berlin"}}],
    "city": {"names": {"de": "Berlin", "en": "Berlin"}},
    "location": {"latitude": 52.5, "longitude": 13.4, "accuracy_radius": 20},
}
FLAT = {"country_code": "DE", "state1": "Land Berlin", "city": "Berlin", "latitude": 52.5, "longitude": 13.4,
        "postcode": "", "state2": "", "timezone": ""}  # fmt: skip
IPINFO = {"country_code": "DE", "region": "Land Berlin", "city": "Berlin", "lat": "52.5", "lng": "13.4"}


@pytest.mark.parametrize(("record", "radius"), [(NESTED, 20.0), (FLAT, CITY_KM), (IPINFO, CITY_KM)])
def test_every_schema_gives_the_same_place(make_database: MakeDatabase, record: dict[str, Any], radius: float) -> None:
    path = make_database("City", {"198.51.101.0/24": record, "2a00:1::/32": record})
    reader = PlaceReader(maxminddb.open_database(path), COUNTRIES)
    for text in ("198.51.101.9", "2a00:1::9", "::ffff:198.51.101.9"):
        found = reader.lookup(parse_address(text))
        assert found == Place("DE", "Land Berlin", "Berlin", 52.5, 13.4, radius)
    assert reader.lookup(parse_address("9.9.9.9")) is None
    reader.close()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, None),
        ({"continent": {"code": "EU"}}, None),
        ({"country_code": "ZZ"}, None),
        ({"country_code": ""}, None),
        ({"registered_country": {"iso_code": "MC"}}, Place("MC", None, None, 43.5, 7.5, 50.0)),
        ({"country": "mc"}, Place("MC", None, None, 43.5, 7.5, 50.0)),
        (
            {"country_code": "MC", "latitude": 143.5, "longitude": 7.5},
            Place("MC", None, None, 43.5, 7.5, 50.0),
        ),
        ({"country_code": "XX"}, Place("XX")),
        (
            {"country_code": "XX", "region": "R", "lat": 1, "lon": 2},
            Place("XX", "R", None, 1.0, 2.0, REGION_KM),
        ),
        ({"country_code": "MC", "lat": 43.7, "lon": 7.4}, Place("MC", None, None, 43.7, 7.4, 50.0)),
        (
            {"country_code": "MC", "city": {"names": {}}, "location": None},
            Place("MC", None, None, 43.5, 7.5, 50.0),
        ),
    ],
)
def test_partial_and_odd_records(record: dict[str, Any], expected: Place | None) -> None:
    assert place_of(record, COUNTRIES) == expected


def test_a_country_alone_is_its_centre_with_a_radius_of_its_size() -> None:
    reader = PlaceReader(None, COUNTRIES)
    france, vatican = reader.country_place("FR"), reader.country_place("VA")
    assert france is not None
    assert vatican is not None
    assert (france.country, france.region, france.city) == ("FR", None, None)
    assert france.lat == pytest.approx(46.5, abs=2)
    assert france.lon == pytest.approx(2.5, abs=2)
    assert france.accuracy_km is not None
    assert vatican.accuracy_km is not None
    assert france.accuracy_km > 300 > 100 > vatican.accuracy_km >= 50
    assert reader.country_place("XX") is None
    assert reader.country_name("FR") == "France"
    assert reader.country_name("XX") == "XX"


def test_every_country_has_a_centre_a_size_and_a_name() -> None:
    assert len(COUNTRIES) == 250  # ISO 3166-1 and Kosovo
    for code, country in COUNTRIES.items():
        assert len(code) == 2
        assert code.isupper()
        assert -90 <= country.lat <= 90
        assert -180 <= country.lon <= 180
        assert 50 <= country.radius_km <= 5000
        assert country.name


def test_the_radius_assumed_of_a_given_place() -> None:
    reader = PlaceReader(None, COUNTRIES)
    assert reader.radius(Place("FR", None, "Paris", 48.9, 2.4)) == CITY_KM
    assert reader.radius(Place("FR", "Bretagne", None, 48.0, -3.0)) == REGION_KM
    assert reader.radius(Place("FR", None, None, 48.0, -3.0)) == COUNTRIES["FR"].radius_km
    assert reader.radius(Place(None, None, None, 48.0, -3.0)) == 1000.0


@pytest.mark.parametrize("text", ["10.0.0.1", "127.0.0.1", "100.64.0.1", "192.0.2.1", "fe80::1", "2001:db8::1"])
def test_reserved_addresses_have_no_place(packaged: tuple[PlaceReader, Any], text: str) -> None:
    assert packaged[0].lookup(parse_address(text)) is None


def test_a_database_of_ipv4_alone_knows_nothing_of_ipv6(tmp_path: Any) -> None:
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    writer = MMDBWriter(ip_version=4, database_type="City")
    writer.insert_network(IPSet(["198.51.101.0/24"]), FLAT)
    writer.to_db_file(str(tmp_path / "four.mmdb"))
    reader = PlaceReader(maxminddb.open_database(tmp_path / "four.mmdb"), COUNTRIES)
    assert reader.lookup(parse_address("2606:4700::1")) is None
    assert reader.lookup(parse_address("198.51.101.1")) is not None
    reader.close()


@pytest.mark.parametrize(
    ("text", "country"),
    [("9.9.9.9", "US"), ("193.0.6.139", "NL"), ("2a02:8108::1", "DE"), ("130.59.31.80", "CH"),
     ("141.1.1.1", "DE"), ("202.12.27.33", "JP"), ("200.160.2.3", "BR")],
)  # fmt: skip
def test_the_packaged_data_places_well_known_addresses(
    packaged: tuple[PlaceReader, Any], text: str, country: str
) -> None:
    found = packaged[0].lookup(parse_address(text))
    assert found is not None
    assert found.country == country
    assert found.city
    assert found.accuracy_km is not None
    assert found.accuracy_km >= 50
    assert found.lat is not None
    assert (found.lat * 2).is_integer()
