"""The build script: what it writes is what the source says, coarser."""

import csv
import ipaddress
from pathlib import Path
from typing import Any

import maxminddb
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from sentinel.events.place import NETWORK_KINDS

pytest.importorskip("numpy", reason="only who builds the data needs numpy")

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def city(country: str, name: str, lat: float, lon: float) -> dict[str, Any]:
    return {
        "country_code": country,
        "state1": f"{name} region",
        "city": name,
        "latitude": lat,
        "longitude": lon,
    }


BERLIN = city("DE", "Berlin (Mitte)", 52.52, 13.4)
SPANDAU = city("DE", "Spandau", 52.53, 13.3)
PARIS = city("FR", "Paris", 48.86, 2.35)
#: Within the same half degree as nothing else; Berlin and Spandau share one.
FOUR = {
    "198.18.0.0/17": BERLIN, "198.18.128.0/24": SPANDAU, "198.18.129.0/24": BERLIN, "198.19.0.0/16": PARIS,
    "203.0.113.0/26": PARIS, "203.0.113.64/26": SPANDAU, "203.0.113.128/25": SPANDAU, "203.0.112.0/24": PARIS,
}  # fmt: skip
SIX = {
    "2001:db8::/36": PARIS,
    "2001:db8:f000::/48": BERLIN,
    "2001:db8:f001::/48": PARIS,
    "2001:db8:f002::/47": PARIS,
}


@pytest.fixture
def built(tmp_path: Path) -> maxminddb.Reader:
    """The place database built from :data:`FOUR` and :data:`SIX`."""
    import build_geo

    source, out, work = tmp_path / "source", tmp_path / "out", tmp_path / "work"
    for folder in (source, out, work):
        folder.mkdir()
    for version, records in ((4, FOUR), (6, SIX)):
        writer = MMDBWriter(ip_version=version, database_type="city", float_type="f64")
        for network, record in records.items():
            writer.insert_network(IPSet([network]), record)
        writer.to_db_file(str(source / f"dbip-city-ipv{version}.mmdb"))
    names = tmp_path / "names.csv"
    names.write_text("code,name\nDE,Germany\nFR,France\n")
    build_geo.build_places(source, out, work, names)
    return maxminddb.open_database(work / "place.mmdb")


@pytest.mark.parametrize(
    ("text", "country", "name", "place"),
    [
        ("198.18.0.1", "DE", "Berlin", (52.5, 13.5)),
        ("198.18.128.1", "DE", "Berlin", (52.5, 13.5)),
        ("198.19.255.255", "FR", "Paris", (49.0, 2.5)),
        ("203.0.113.1", "DE", "Berlin", (52.5, 13.5)),  # most of its /24 is there
        ("203.0.112.1", "FR", "Paris", (49.0, 2.5)),
        ("2001:db8::1", "FR", "Paris", (49.0, 2.5)),
        ("2001:db8:f000::1", "FR", "Paris", (49.0, 2.5)),  # most of its /44 is there
    ],
)
def test_places_are_cells_named_after_their_largest_city(
    built: maxminddb.Reader, text: str, country: str, name: str, place: tuple[float, float]
) -> None:
    found: Any = built.get(text)
    assert found["country"]["iso_code"] == country
    assert found["city"]["names"]["en"] == name
    assert (found["location"]["latitude"], found["location"]["longitude"]) == place


@pytest.mark.parametrize("text", ["198.18.130.1", "203.0.114.1", "10.0.0.1", "2001:db9::1", "::1"])
def test_what_the_source_does_not_know_stays_unknown(built: maxminddb.Reader, text: str) -> None:
    assert built.get(text) is None


def test_equal_neighbours_are_one(built: maxminddb.Reader) -> None:
    networks = {str(network) for network, _ in built}
    assert len(networks) <= 7
    assert {"198.18.0.0/17", "198.18.128.0/23"} <= networks


def test_ranges_become_exact_prefixes() -> None:
    from geo_build.asns import blocks

    first, last = int(ipaddress.ip_address("192.0.2.3")), int(ipaddress.ip_address("192.0.2.130"))
    covered: list[int] = []
    for bits, value in blocks(first, last, 32):
        size = 1 << 32 - bits
        covered += range(value * size, (value + 1) * size)
    assert sorted(covered) == list(range(first, last + 1))


def test_the_reviewed_table_is_sound() -> None:
    from geo_build.operators import read_reviewed

    path = SCRIPTS / "geo_build" / "operators_reviewed.csv"
    assert set(read_reviewed(path).values()) <= {*NETWORK_KINDS, ""} - {"private"}
    with path.open(encoding="utf-8", newline="") as lines:
        assert all(row["organisation"] for row in csv.DictReader(lines))
