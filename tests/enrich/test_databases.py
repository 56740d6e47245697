"""Finding, checking, unpacking and replacing databases: what is in force is always whole."""

import datetime
import gzip
import hashlib
import http.server
import lzma
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.enrich import databases, update
from sentinel.enrich.address import parse_address
from sentinel.enrich.databases import (
    ATTRIBUTION,
    locate,
    open_database,
    open_readers,
    status,
    unpack,
    updated_path,
)
from sentinel.errors import FileError
from tests.enrich.conftest import MakeDatabase

CITY = {"198.51.101.0/24": {"country_code": "DE", "city": "Berlin", "latitude": 52.5, "longitude": 13.4}}
ASN = {"198.51.101.0/24": {"asn": "AS64500", "as_name": "Made Up"}}
ANONYMOUS = {"198.51.101.0/24": {"is_anonymous_vpn": True}}


def test_right_after_install_place_and_network_work(packaged_state: Path) -> None:
    places, networks = open_readers(packaged_state)
    assert places.lookup(parse_address("9.9.9.9")) is not None
    assert networks.lookup(parse_address("9.9.9.9")).asn == 19281
    found = {each.kind: each for each in status(packaged_state)}
    assert found["city"].origin == found["asn"].origin == "packaged"
    assert found["anonymous"].origin == "none"
    for kind in ("city", "asn"):
        assert found[kind].attribution == ATTRIBUTION
        assert found[kind].ip_version == 6
        assert found[kind].built is not None
        assert found[kind].built >= datetime.date(2026, 1, 1)
        assert (found[kind].nodes or 0) > 100_000


def test_the_packaged_files_stay_small() -> None:
    folder = Path(databases.__file__).parents[1] / "data" / "geo"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 30 << 20
    assert "IP Geolocation by" in (folder / "ATTRIBUTION.md").read_text()


def test_unpacking_happens_once_and_clears_former_versions(tmp_path: Path) -> None:
    old = tmp_path / "geo" / "packaged-asn-0123456789abcdef.mmdb"
    old.parent.mkdir()
    old.touch()
    first = unpack("asn", tmp_path)
    before = first.stat()
    assert not old.exists()
    assert unpack("asn", tmp_path) == first
    assert (first.stat().st_ino, first.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left"):
        unpack("asn", tmp_path)
    assert list((tmp_path / "geo").iterdir()) == []


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(FileError, match="cannot be written"):
        unpack("asn", tmp_path / "state")


def test_the_configured_file_stands_over_the_updated_one(tmp_path: Path, make_database: MakeDatabase) -> None:
    city = make_database("City", CITY)
    update.update("city", str(city), tmp_path)
    assert locate("city", tmp_path, None) == ("updated", updated_path("city", tmp_path))
    assert locate("city", tmp_path, city) == ("configured", city)
    places, _ = open_readers(tmp_path, city=city)
    assert places.lookup(parse_address("9.9.9.9")) is None
    assert places.lookup(parse_address("198.51.101.1")) is not None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a database"),
        (b"<html>not found</html>", "not a database"),
        (b"\0" * 5000, "not a database"),
    ],
)
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "city.mmdb"
    path.write_bytes(content)
    with pytest.raises(FileError, match=says) as error:
        open_readers(tmp_path, city=path)
    assert error.value.path == str(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="the city database is missing"):
        open_readers(tmp_path, city=tmp_path / "none.mmdb")
    with pytest.raises(FileError, match="not a database"):
        open_database("asn", tmp_path)


def test_a_damaged_database_is_refused(tmp_path: Path, make_database: MakeDatabase) -> None:
    whole = make_database("City", CITY).read_bytes()
    marker = whole.rindex(b"\xab\xcd\xefMaxMind.com")
    damaged = tmp_path / "damaged.mmdb"
    damaged.write_bytes(whole[: marker - 40] + b"\xff" * 40 + whole[marker:])
    with pytest.raises(FileError):
        open_database("city", damaged)


@pytest.mark.parametrize(("kind", "records"), [("city", ASN), ("asn", CITY), ("anonymous", CITY)])
def test_a_database_of_another_kind_is_refused(
    kind: databases.Kind, records: dict[str, dict[str, object]], make_database: MakeDatabase
) -> None:
    with pytest.raises(FileError, match=f"holds no {kind} records"):
        open_database(kind, make_database("Other", records))


def test_an_empty_database_is_refused(make_database: MakeDatabase) -> None:
    with pytest.raises(FileError):
        open_database("city", make_database("City", {}))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_an_update_from_a_file(tmp_path: Path, make_database: MakeDatabase, pack: object) -> None:
    assert callable(pack)
    for kind, records in (("city", CITY), ("asn", ASN), ("anonymous", ANONYMOUS)):
        source = tmp_path / "download"
        source.write_bytes(pack(make_database(f"Made-{kind}", records).read_bytes()))
        found = update.update(kind, str(source), tmp_path)  # type: ignore[arg-type]
        assert (found.origin, found.type) == ("updated", f"Made-{kind}")
    places, networks = open_readers(tmp_path)
    address = parse_address("198.51.101.1")
    assert places.lookup(address) is not None
    assert networks.lookup(address).kind == "vpn"
    assert networks.lookup(address).asn == 64500
    assert sorted(path.name for path in (tmp_path / "geo").iterdir()) == [
        "anonymous.mmdb",
        "asn.mmdb",
        "city.mmdb",
    ]


def test_readers_in_use_outlive_an_update(tmp_path: Path, make_database: MakeDatabase) -> None:
    update.update("city", str(make_database("One", CITY)), tmp_path)
    places, _ = open_readers(tmp_path)
    other = {"198.51.102.0/24": {"country_code": "FR"}}
    update.update("city", str(make_database("Two", other)), tmp_path)
    assert places.lookup(parse_address("198.51.101.1")) is not None
    assert open_readers(tmp_path)[0].lookup(parse_address("198.51.102.1")) is not None


@pytest.mark.parametrize("content", [b"", b"oops", gzip.compress(b"oops"), gzip.compress(b"x" * 9999)[:-9],
                                     lzma.compress(b"oops"), lzma.compress(b"x" * 9999)[:40]])  # fmt: skip
def test_the_former_one_stays_when_an_update_fails(tmp_path: Path, make_database: MakeDatabase, content: bytes) -> None:
    update.update("city", str(make_database("Good", CITY)), tmp_path)
    before = updated_path("city", tmp_path).read_bytes()
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    with pytest.raises(FileError):
        update.update("city", str(bad), tmp_path)
    with pytest.raises(FileError, match="holds no city records"):
        update.update("city", str(make_database("ASN", ASN)), tmp_path)
    assert updated_path("city", tmp_path).read_bytes() == before
    assert [path.name for path in (tmp_path / "geo").iterdir()] == ["city.mmdb"]


def test_the_expected_hash_is_checked(tmp_path: Path, make_database: MakeDatabase) -> None:
    source = make_database("City", CITY)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    with pytest.raises(FileError, match="SHA-256"):
        update.update("city", str(source), tmp_path, sha256="0" * 64)
    assert not updated_path("city", tmp_path).exists()
    assert update.update("city", str(source), tmp_path, sha256=digest.upper()).origin == "updated"


def test_size_is_limited_before_and_after_unpacking(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"\0" * (3 << 20))
    (tmp_path / "bomb").write_bytes(gzip.compress(b"\0" * (64 << 20)))
    for name in ("plain", "bomb"):
        with pytest.raises(FileError, match="larger than 2 MiB"):
            update.update("city", str(tmp_path / name), tmp_path, limit=2 << 20)


class _Files(http.server.BaseHTTPRequestHandler):
    """Serves the class's ``body``; ``/moved`` leads to a local file, ``/to`` to the body, ``/gone``
    nowhere.
    """

    body = b""

    def do_GET(self) -> None:
        if self.path.startswith("/private") and self.headers["Authorization"] != "Basic dXNlcjpwQHNz":
            self.send_error(401)
        elif self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "file:///dev/null")
            self.end_headers()
        elif self.path.startswith("/to"):
            self.send_response(302)
            self.send_header("Location", "/city.mmdb")
            self.end_headers()
        elif self.path.startswith("/gone"):
            self.send_error(404)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an HTTP server on this machine that gives out a city database."""
    monkeypatch.setenv("no_proxy", "*")
    _Files.body = make_database("Served", CITY).read_bytes()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def test_an_update_from_a_url(tmp_path: Path, server: str) -> None:
    assert update.update("city", f"{server}/city.mmdb?key=secret", tmp_path).type == "Served"
    assert update.update("city", f"{server}/to", tmp_path).type == "Served"
    with pytest.raises(FileError, match="answered 401"):
        update.update("city", f"{server}/private", tmp_path)
    named = server.replace("//", "//user:p%40ss@")
    assert update.update("city", f"{named}/private", tmp_path).type == "Served"


@pytest.mark.parametrize(("path", "code"), [("/gone?key=secret", 404), ("/moved?key=secret", 302)])
def test_a_url_that_fails_keeps_the_key_out_of_the_error(tmp_path: Path, server: str, path: str, code: int) -> None:
    with pytest.raises(FileError, match=f"answered {code}") as error:
        update.update("city", server.replace("//", "//user:secret@") + path, tmp_path)
    assert "secret" not in str(error.value)
    assert not updated_path("city", tmp_path).exists()


def test_sources_that_are_neither_files_nor_web_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="only files, http and https"):
        update.update("city", "ftp://example.org/city.mmdb", tmp_path)
    with pytest.raises(FileError, match="cannot be read"):
        update.update("city", str(tmp_path / "none"), tmp_path)
    with pytest.raises(FileError, match="cannot be fetched"):
        update.update("city", "http://127.0.0.1:9/city.mmdb", tmp_path)


def test_lists_are_updated_the_same_way(tmp_path: Path) -> None:
    target, source = tmp_path / "vpn.txt", tmp_path / "download"
    source.write_bytes(gzip.compress(b"192.0.2.0/24\nAS64500\n"))
    assert update.update_list("vpn", str(source), target) == 2
    assert target.read_text() == "192.0.2.0/24\nAS64500\n"
    for content, says, line in (
        (b"192.0.2.0/24\n<html>\n", "expected a CIDR", 2),
        (b"# none\n", "names no", 0),
    ):
        source.write_bytes(content)
        with pytest.raises(FileError, match=f"{says}.*; kept the former list") as error:
            update.update_list("vpn", str(source), target)
        assert error.value.line == line
    assert target.read_text() == "192.0.2.0/24\nAS64500\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download", "vpn.txt"]
