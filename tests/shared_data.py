"""Data to test with that is never committed; it lies beside the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(*parts: str) -> Path:
    """A file of ``../shared/data``; without it the test is skipped, under ``CI=true`` it fails."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        name = "/".join(("../shared/data", *parts))
        reason = f"{name} is not there: it may not be committed, so it lies beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
