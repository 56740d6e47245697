"""``sentinel demo``: as it is typed, and all its attacks without waiting for them."""

import io
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sentinel.demo import run as demo
from sentinel.demo import traffic
from tests.running import Command

#: By then every attack has begun, in seconds of the demo.
ALL_SEEN = 45


def check(text: str, folder: Path) -> int:
    """What every demo prints and leaves behind; the number of mails."""
    assert re.search(r"http://127.0.0.1:\d+, mails are kept in ", text)
    assert "curl http://127.0.0.1:" in text
    assert "refused" not in text
    ((count, where),) = re.findall(r"^(\d+) mails are in (.*)$", text, re.MULTILINE)
    mails = Path(where)
    for kind in ("eml", "html", "txt"):
        assert len(list(mails.glob(f"*.{kind}"))) == int(count)
    # Nothing but the mails is left.
    assert [path for path in folder.iterdir() if path.name.startswith("sentinel-")] == [mails]
    return int(count)


def test_it_runs_for_as_long_as_it_is_told(sentinel: Command, tmp_path: Path) -> None:
    sentinel.env["TMPDIR"] = str(tmp_path)
    done = sentinel.fresh("demo", "--seconds", "1", "--port", "0")
    assert (done.returncode, done.stderr) == (0, "")
    check(done.stdout, tmp_path)


async def test_it_shows_every_attack_and_its_mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def at_once(seed: int, start: datetime) -> Iterator[tuple[float, dict[str, Any]]]:
        passed = 0.0
        for wait, event in traffic.live(seed, start):
            passed += wait
            if passed > ALL_SEEN:
                return
            yield 0, event

    monkeypatch.setattr(demo, "live", at_once)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    out = io.StringIO()
    await demo.run(Console(file=out, soft_wrap=True, width=200), seconds=None, port=0)
    text = out.getvalue()
    assert check(text, tmp_path) >= 7
    for rule in ("impossible_travel", "password_spray", "brute_force_account", "push_bombing", "anonymous_network",
                 "second_factor_removed", "backup_code_used", "dormant_account"):  # fmt: skip
        assert rule in text, text
