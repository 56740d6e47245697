"""Tiny databases in every schema that is read, and the packaged ones unpacked once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from sentinel.enrich.databases import open_readers
from sentinel.enrich.network import NetworkReader
from sentinel.enrich.place import PlaceReader

MakeDatabase = Callable[[str, Mapping[str, Mapping[str, Any]]], Path]


@pytest.fixture
def make_database(tmp_path: Path) -> MakeDatabase:
    """Write a database of CIDR -> record; the name's stem is its type."""

    def make(name: str, records: Mapping[str, Mapping[str, Any]]) -> Path:
        writer = MMDBWriter(
            ip_version=6, ipv4_compatible=True, database_type=name, description="made up for a test",
            int_type="u32", float_type="f64",
        )  # fmt: skip
        for network, record in records.items():
            writer.insert_network(IPSet([network]), dict(record))
        path = tmp_path / f"{name}.mmdb"
        writer.to_db_file(str(path))
        return path

    return make


@pytest.fixture(scope="session")
def packaged_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder into which the packaged databases are unpacked."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def packaged(packaged_state: Path) -> tuple[PlaceReader, NetworkReader]:
    """Readers over the packaged databases, as right after install."""
    return open_readers(packaged_state)
