"""The shadow model: what there should be of an account, in plain values."""

from dataclasses import dataclass, field
from typing import Any

from tests.privacy.rights.world import Deed


@dataclass
class Life:
    """What there is of an account, from its first event to its erasure."""

    number: int
    events: list[dict[str, Any]] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)  #: ids of events that came while it was restricted
    answers: int = 0
    attributes: dict[str, str] = field(default_factory=dict)
    restricted: bool = False
    objected: bool = False
    rights: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether processing is restricted."""
        return self.restricted or self.objected

    def do(self, deed: Deed) -> None:
        """What a deed changes."""
        if deed.what == "post":
            self.events += deed.details["events"]
            self.quiet += [each["id"] for each in deed.details["events"] if self.held]
            for each in deed.details["events"] if not self.held else ():
                self.attributes |= {name: each[name] for name in ("email", "name") if name in each}
        elif deed.what == "answer":
            self.answers += 1
        elif deed.what == "rectify":
            self.attributes |= deed.details
        elif deed.what == "exercise":
            self._exercise(deed.details["what"], deed.details.get("decision"))

    def _exercise(self, what: str, decision: str | None) -> None:
        match what:
            case "restrict":
                self.restricted = True
            case "lift":
                self.restricted = False
            case "object":
                self.objected = True
            case "decide":
                self.objected = decision == "upheld"
        said = {"restrict": "restricted", "lift": "lifted", "object": "objected"}
        self.rights.append(said.get(what) or str(decision))
