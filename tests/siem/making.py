"""A store with a life in it, and exports of it into memory."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sentinel.rules.load import load_rules, packaged_rules
from sentinel.siem.cursor import CursorFile
from sentinel.siem.gather import Gather
from sentinel.siem.sending import Format, Sending
from sentinel.siem.sinks import Line, SinkError
from sentinel.siem.told import Rulebook
from tests.pipeline.installation import AWAY, Installation, login

RULES = Rulebook(
    {
        file.compiled.rule.id: (file.compiled.rule.title, file.compiled.rule.tags)
        for file in load_rules([packaged_rules()])
    }
)
STRANGER: dict[str, Any] = {**AWAY, "user_agent": "curl/8.5.0"}


class Memory:
    """A sink that keeps what it took; told to fail, it takes ``takes`` lines more and then fails."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.takes: int | None = None

    def write(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if self.takes is not None:
                if not self.takes:
                    raise SinkError("memory: full")
                self.takes -= 1
            self.lines.append(line)

    def close(self) -> None:
        """Nothing is held."""

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line.text) for line in self.lines]


def export(at: Installation, sink: Memory, *, name: str = "soc", format: Format = "ecs", **how: Any) -> Sending:
    """An export of the store, which goes on where the one of the same name was."""
    place = CursorFile(at.path.parent, name)
    place.path.parent.mkdir(exist_ok=True)
    return Sending(at.store, Gather(at.store, at.vault, name=name, **how), sink, place, RULES, format=format)


async def sent(at: Installation, **how: Any) -> list[Any]:
    """What an export of its own sends from the beginning."""
    sink = Memory()
    await export(at, sink, name=f"all-{len(list((at.path.parent).glob('siem/*')))}", **how).catch_up()
    return sink.documents


def past(account: str = "u-1") -> list[dict[str, Any]]:
    """Four quiet logins."""
    return [login(number, account=account, id=f"past-{account}-{number}") for number in range(4)]


def spray() -> list[dict[str, Any]]:
    """Twenty tries on ten names from one network."""
    bad = {"outcome": "failure", "reason": "bad_password", **AWAY, "device_id": None}
    return [
        login(30, id=f"try-{number}", account=f"u-{number % 10}", after=timedelta(seconds=20 * number), **bad)
        for number in range(20)
    ]


async def a_life(folder: Path) -> Installation:
    """People with a past, one of whom is robbed; a spray; a name that does not exist; a second factor; a change."""
    at = Installation(folder)
    await at.run([event for person in range(3) for event in past(f"u-{person}")])
    away = login(20, id="away", **STRANGER)
    unknown = login(
        21, id="unknown", account="correct-horse", outcome="failure", reason="unknown_account", ip="192.0.2.99"
    )
    factor = login(22, id="factor", mfa={"method": "totp", "outcome": "success"}, account_tags=["admin"])
    change = login(23, id="change", type="password_changed")
    out = login(24, id="out", type="logout")
    await at.run([away, unknown, factor, change, out, *spray()])
    return at
