"""Settings by service, tags and account: what ``[[tuning]]`` and ``enforce_share`` make of a tenant's own."""

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sentinel.events.sighting import Sighting
from sentinel.pipeline.item import TenantSettings
from sentinel.rules.compiled import CompiledRule
from sentinel.rules.load import RuleFile
from sentinel.rules.ruleset import RuleSet
from sentinel.rules.tuning import ChangedRules, RuleChange
from sentinel.scoring import Thresholds

#: Pairs of service and tags remembered before starting over; a service has few.
_MAX_PAIRS: Final = 4096
#: Combinations of entries kept compiled, some megabytes each at most, before starting over.
_MAX_VARIANTS: Final = 64
#: The first 48 bits of a pseudonym, as a share of all.
_BYTES: Final = 6
_ALL: Final = float(1 << 8 * _BYTES)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of one tenant: which events it is for, and what it changes."""

    service: str | None = None
    tag: str | None = None
    thresholds: dict[str, Any] = {}  #: fields of :class:`Thresholds`
    share: float | None = None
    rules: dict[str, RuleChange] = {}

    def names(self, service: str | None, tags: Sequence[str]) -> bool:
        """Whether it is for events of this service and account."""
        return (self.service is None or self.service == service) and (self.tag is None or self.tag in tags)


class _Variant(msgspec.Struct, frozen=True):
    enforced: TenantSettings
    observed: TenantSettings


class Tuned:
    """Gives the settings of an event. ``entries`` come in rising precedence: the last that sets a key wins."""

    def __init__(self, base: TenantSettings, entries: Sequence[Entry], changed: ChangedRules) -> None:
        self._base = base
        self._changed = changed
        self._entries = tuple(entries)
        self._pairs: dict[tuple[str | None, tuple[str, ...]], _Variant] = {}
        self._variants: dict[tuple[int, ...], _Variant] = {}
        self._feeding = self._feed()
        # Compiled now, so that no event waits for what will surely be asked for.
        for number in range(-1, len(self._entries)):
            alone = (number,) if number >= 0 else ()
            self._variants[alone] = self._make(alone)

    def __call__(self, sighting: Sighting) -> TenantSettings:
        """The settings for an event."""
        pair = (sighting.service, sighting.tags)
        variant = self._pairs.get(pair)
        if variant is None:
            variant = self._find(*pair)
        share = variant.enforced.enforce_share
        return variant.enforced if share >= 1 or is_in_share(sighting.account, share) else variant.observed

    def rule(self, id: str, service: str | None, tags: tuple[str, ...]) -> RuleFile | None:
        """A rule as it is for events of a service on accounts with these tags."""
        found = self._find(service, tags).enforced.rules
        return next((file for file in found.files if file.compiled.rule.id == id), None)

    def _find(self, service: str | None, tags: tuple[str, ...]) -> _Variant:
        numbers = tuple(number for number, entry in enumerate(self._entries) if entry.names(service, tags))
        variant = self._variants.get(numbers)
        if variant is None:
            if len(self._variants) >= _MAX_VARIANTS:
                self._variants.clear()
            variant = self._variants[numbers] = self._make(numbers)
        if len(self._pairs) >= _MAX_PAIRS:
            self._pairs.clear()
        self._pairs[service, tags] = variant
        return variant

    def _make(self, numbers: tuple[int, ...]) -> _Variant:
        thresholds: dict[str, Any] = {}
        share = self._base.enforce_share
        for number in numbers:
            entry = self._entries[number]
            thresholds |= entry.thresholds
            share = share if entry.share is None else entry.share
        merged = _ascending(msgspec.structs.replace(self._base.thresholds, **thresholds))
        changed = {
            id: self._changed.get(id, [change for n in numbers if (change := self._entries[n].rules.get(id))])
            for id in self._changed.files
        }
        rules = self._base.rules
        if self._feeding or any(changed[id] is not file for id, file in self._changed.files.items()):
            rules = RuleSet(changed.values(), feeding=self._feeding)
        enforced = msgspec.structs.replace(self._base, rules=rules, thresholds=merged, enforce_share=share, tuned=None)
        if merged.mode == "observe":
            # There is nothing to enforce for a share.
            enforced = msgspec.structs.replace(enforced, enforce_share=1.0)
        mild = msgspec.structs.replace(merged, mode="observe")
        return _Variant(enforced, msgspec.structs.replace(enforced, thresholds=mild))

    def _feed(self) -> list[CompiledRule]:
        """Rules whose windows every event feeds, whichever settings it is judged with: else a rule that is off for one
        service would count the others' events only.
        """
        changed = [
            self._changed.get(id, [change]).compiled for entry in self._entries for id, change in entry.rules.items()
        ]
        if not any(rule.windows for rule in changed):
            return []
        return [
            rule
            for rule in (*(file.compiled for file in self._changed.files.values()), *changed)
            if rule.windows and rule.rule.status != "off"
        ]


def is_in_share(account: str | None, share: float) -> bool:
    """Whether decisions on an account (its pseudonym) are enforced when those of ``share`` of all accounts are.

    The same accounts always, and those of a smaller share are among those of a larger. An event without an account is
    outside.

    >>> is_in_share("AAAAAAAAAAAAAAAA", 0.1), is_in_share("//////////////8A", 0.1), is_in_share(None, 0.1)
    (True, False, False)
    """
    if account is None:
        return False
    return int.from_bytes(a2b_base64(account)[:_BYTES]) < share * _ALL


def _ascending(thresholds: Thresholds) -> Thresholds:
    """Each entry ascends over its tenant's own; where two cross each other, the milder decision stands."""
    challenge = max(thresholds.notify, thresholds.challenge)
    return msgspec.structs.replace(thresholds, challenge=challenge, block=max(challenge, thresholds.block))
