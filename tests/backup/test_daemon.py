"""The daemon ends a restore that was cut off before it opens anything."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sentinel.backup.staging import NOTE_NAME, draft_of


async def test_what_was_cut_off_is_finished_first(state: Path, start: Callable[..., Awaitable[Any]]) -> None:
    (state / "other").write_text("old")
    draft_of(state / "other").write_text("new")
    (state / NOTE_NAME).write_text(json.dumps({"files": [str(state / "other")], "wiped": []}))
    draft_of(state / "sentinel.db").write_text("never decided")
    await start()
    assert (state / "other").read_text() == "new"
    assert not list(state.glob("*restor*"))
