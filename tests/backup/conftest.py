"""An installation with three accounts."""

from pathlib import Path

import pytest

from tests.backup.installation import Installation


@pytest.fixture
def inst(tmp_path: Path) -> Installation:
    one = Installation(tmp_path / "one")
    one.write("ada", "ben", "cleo")
    return one
