"""The packaged address data, drawn once."""

from pathlib import Path

import pytest

from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents


@pytest.fixture(scope="session")
def addresses(unpacked: Path) -> Addresses:
    return Addresses.load(unpacked.parent)


@pytest.fixture(scope="session")
def agents() -> Agents:
    return Agents()
