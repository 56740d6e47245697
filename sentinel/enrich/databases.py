"""The database files: where they are, whether they are sound, and what they say of themselves."""

import contextlib
import datetime
import hashlib
import lzma
import os
import secrets
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import maxminddb
import msgspec
from maxminddb import InvalidDatabaseError

from sentinel.enrich.countries import load_countries
from sentinel.enrich.lists import OperatorLists, read_list
from sentinel.enrich.network import NetworkReader, anonymous_kind, asn_of
from sentinel.enrich.operators import load_large, load_operators
from sentinel.enrich.place import PlaceReader, place_of
from sentinel.errors import FileError

Kind = Literal["city", "asn", "anonymous"]

KINDS: Final[tuple[Kind, ...]] = ("city", "asn", "anonymous")

#: Packaged databases; there is none of anonymous addresses (``iporigin`` serves).
PACKAGED: Final[dict[Kind, str]] = {"city": "place.mmdb.xz", "asn": "asn.mmdb.xz"}

#: Shown wherever a place of a packaged or DB-IP database is (CC BY 4.0).
ATTRIBUTION: Final = "IP Geolocation by DB-IP (https://db-ip.com)"

#: Records looked at when a file is checked: enough that a city file is told from an ASN file, and the data
#: section is read in a few places.
_CHECKED: Final = 100


class DatabaseStatus(msgspec.Struct, frozen=True):
    """What an operator wants to know of a database in use.

    ``origin``: ``configured``, ``updated`` (by ``sentinel geo update``), ``packaged`` or ``none``. ``built``
    is the maker's date (UTC), ``nodes`` the size of its search tree, ``bytes`` that of the file.
    """

    kind: Kind
    origin: str
    path: str | None = None
    type: str | None = None
    built: datetime.date | None = None
    ip_version: int | None = None
    nodes: int | None = None
    bytes: int | None = None
    attribution: str | None = None


def open_readers(
    state: Path,
    *,
    city: Path | None = None,
    asn: Path | None = None,
    anonymous: Path | None = None,
    lists: Sequence[tuple[str, Path]] = (),
) -> tuple[PlaceReader, NetworkReader]:
    """Readers over the databases in force (:func:`locate`) and the operator's lists of (kind, path).

    Raises :class:`~sentinel.errors.FileError` when any of them is missing or unsound. To reload, make new
    ones: the old stay usable until closed, also while files are swapped under them.
    """
    loaded = OperatorLists([read_list(kind, path) for kind, path in lists])
    opened: dict[Kind, maxminddb.Reader] = {}
    try:
        for kind, configured in _configured(city, asn, anonymous):
            path = locate(kind, state, configured)[1]
            if path is not None:
                opened[kind] = open_database(kind, path)
    except FileError:
        for reader in opened.values():
            reader.close()
        raise
    places = PlaceReader(opened.get("city"), load_countries())
    return places, NetworkReader(opened.get("asn"), load_operators(), loaded, opened.get("anonymous"), load_large())


def locate(kind: Kind, state: Path, configured: Path | None) -> tuple[str, Path | None]:
    """Origin and path of the database in force: the configured file, else the one ``sentinel geo update``
    brought, else the packaged one (unpacked into ``state/geo`` when it is not there yet).
    """
    if configured is not None:
        return "configured", configured
    updated = updated_path(kind, state)
    if updated.exists():
        return "updated", updated
    if kind in PACKAGED:
        return "packaged", unpack(kind, state)
    return "none", None


def updated_path(kind: Kind, state: Path) -> Path:
    """Where ``sentinel geo update`` puts a database."""
    return state / "geo" / f"{kind}.mmdb"


def open_database(kind: Kind, path: Path) -> maxminddb.Reader:
    """Open and check a database: it is in MaxMind's format, has records, and they are of the right kind.

    Raises :class:`~sentinel.errors.FileError`.
    """
    try:
        reader = maxminddb.open_database(path)
    except FileNotFoundError as error:
        raise FileError(str(path), f"the {kind} database is missing") from error
    except OSError as error:
        raise FileError(str(path), f"the {kind} database cannot be read: {error.strerror}") from error
    except (InvalidDatabaseError, ValueError) as error:
        raise FileError(str(path), f"not a database in MaxMind's format, or damaged: {error}") from error
    try:
        if not any(_fits(kind, record) for record in _sample(reader)):
            raise FileError(str(path), f"holds no {kind} records (its type is {reader.metadata().database_type!r})")
    except (InvalidDatabaseError, ValueError, UnicodeDecodeError) as error:
        reader.close()
        raise FileError(str(path), f"the {kind} database is damaged: {error}") from error
    except FileError:
        reader.close()
        raise
    return reader


def unpack(kind: Kind, state: Path) -> Path:
    """The packaged database, unpacked into ``state/geo`` (0.6 s, once for each version of it).

    The name holds a hash of the packed file, so a new version of sentinel brings its own; former ones are
    deleted.
    """
    packed = files("sentinel").joinpath("data", "geo", PACKAGED[kind]).read_bytes()
    name = f"packaged-{kind}-"
    target = state / "geo" / f"{name}{hashlib.sha256(packed).hexdigest()[:16]}.mmdb"
    if not target.exists():
        try:
            data = lzma.decompress(packed)
        except lzma.LZMAError as error:
            raise FileError(PACKAGED[kind], f"the packaged {kind} database is damaged: {error}") from error
        write_atomically(target, data)
        for old in target.parent.glob(f"{name}*.mmdb"):
            if old != target:
                old.unlink(missing_ok=True)
    return target


def write_atomically(target: Path, data: bytes) -> None:
    """Write beside ``target``, then rename over it: whoever opens it sees the old file or the new one,
    whole.
    """
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise FileError(str(target), f"cannot be written: {error.strerror}") from error


def status(
    state: Path, *, city: Path | None = None, asn: Path | None = None, anonymous: Path | None = None
) -> list[DatabaseStatus]:
    """What each database in force is. Raises :class:`~sentinel.errors.FileError` as :func:`open_readers`
    does.
    """
    found = []
    for kind, configured in _configured(city, asn, anonymous):
        origin, path = locate(kind, state, configured)
        found.append(DatabaseStatus(kind, origin) if path is None else describe(kind, origin, path))
    return found


def describe(kind: Kind, origin: str, path: Path) -> DatabaseStatus:
    """What one database file says of itself, after the checks of :func:`open_database`."""
    with open_database(kind, path) as reader:
        metadata = reader.metadata()
    about = f"{metadata.database_type} {' '.join(metadata.description.values())}".casefold().replace("-", "")
    return DatabaseStatus(
        kind,
        origin,
        path=str(path),
        type=metadata.database_type,
        built=datetime.datetime.fromtimestamp(metadata.build_epoch, datetime.UTC).date(),
        ip_version=metadata.ip_version,
        nodes=metadata.node_count,
        bytes=path.stat().st_size,
        attribution=ATTRIBUTION if "dbip" in about else None,
    )


def _configured(city: Path | None, asn: Path | None, anonymous: Path | None) -> tuple[tuple[Kind, Path | None], ...]:
    return ("city", city), ("asn", asn), ("anonymous", anonymous)


def _sample(reader: maxminddb.Reader) -> Iterator[dict[str, Any]]:
    for (_, record), _ in zip(reader, range(_CHECKED), strict=False):
        if isinstance(record, dict):
            yield record


def _fits(kind: Kind, record: dict[str, Any]) -> bool:
    if kind == "city":
        return place_of(record, {}) is not None
    if kind == "asn":
        return asn_of(record)[0] is not None
    return anonymous_kind(record) is not None
