"""Counts by which drift is told: into which bins of their models' references a day's logins fell.

Features are computed only where a rule asks, so a sample is looked at for this alone: chosen by the key of the event's
record, which is a keyed hash of its id, and whatever rules say of it. Kept are counts of a day, of everybody together.
docs/models.md says how they are read.
"""

import logging
from array import array
from binascii import crc32
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from sentinel.errors import StoreError
from sentinel.events.clock import utc_day
from sentinel.facts.look import Look
from sentinel.models.drift import Binned
from sentinel.models.features import vector
from sentinel.models.scorer import FAILING, ModelScorer
from sentinel.models.stored import Model
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.privacy.sealer import Sealer, pack, unpack
from sentinel.store.protocol import Changes, TallyKey

_log: Final = logging.getLogger("sentinel.models")

#: So many logins a day are wanted: chance moves PSI by 0.003 then. As many of a small service as there are.
WANTED: Final = 4096
#: Of how many logins one is looked at, as a power of two, before there was a day to tell by: 1 in 32.
FIRST_SHIFT: Final = 5
#: Not more are looked at on a day, however many more came than on the one before.
MOST: Final = 4 * WANTED


class Counted(msgspec.Struct, array_like=True):
    """A day of a tenant: one in 2 ** ``shift`` logins was looked at; ``counts`` by model as four bytes for each bin of
    its reference, see :class:`sentinel.models.drift.Binned`."""

    shift: int
    looked: int
    counts: dict[str, bytes]


class _Open:
    """The newest day of a tenant."""

    __slots__ = ("counts", "day", "looked", "mask", "shift")

    def __init__(self, day: int, shift: int, looked: int, counts: dict[str, "array[int]"]) -> None:
        self.day, self.shift, self.looked, self.counts = day, shift, looked, counts
        self.mask = (1 << shift) - 1


class Drift:
    """The newest day of each tenant, as it is once everything judged so far is stored."""

    def __init__(self, kept: Mapping[TallyKey, bytes], sealer: Callable[[int], Sealer]) -> None:
        self._sealer = sealer
        self._open: dict[str, _Open] = {}
        self._changed: dict[TallyKey, _Open] = {}
        self._binned: dict[tuple[str, str], tuple[Model, Binned]] = {}
        for (day, tenant), sealed in kept.items():
            known = self._open.get(tenant)
            if known is None or known.day < day:
                try:
                    found = open_counted(sealer, day, tenant, sealed)
                except StoreError as error:
                    # No event is refused for the sake of a figure: the day begins anew.
                    _log.error("drift of tenant %s: %s", tenant, error, extra={"event.action": "models"})
                    continue
                counts = {name: array("I", packed) for name, packed in found.counts.items()}
                self._open[tenant] = _Open(day, found.shift, found.looked, counts)

    def look_at(self, item: Arrival, profile: Profile, commons: Commons, settings: TenantSettings) -> None:
        """Count a login, before it changes its account's past, on the UTC day it arrived.

        Only logins posted over HTTP that succeeded, of the account's own person as far as is known, of an account with
        a past. Flagged ones too: where everybody is flagged since a new VPN came, that is what must show.
        """
        sighting = item.sighting
        if item.received is None or item.silent or sighting.type != "login" or sighting.outcome != "success":
            return
        if profile.trusted_logins <= 0 or not sighting.own or not sighting.judged:
            return
        tenant, day = item.tenant, utc_day(item.received)
        open_ = self._open.get(tenant)
        if open_ is None or day > open_.day:
            open_ = self._open[tenant] = _Open(day, _shift(open_), 0, {})
        # Around midnight events may overtake each other: a day left is not come back to.
        if crc32(sighting.key.encode()) & open_.mask or open_.looked >= MOST:
            return
        if not isinstance(settings.scorer, ModelScorer):
            return
        in_force = settings.scorer.models
        asked = [each for each in (in_force.impostor, in_force.novelty) if isinstance(each, Model)]
        models = [model for model in asked if model.reference is not None]
        if not models:
            return
        try:
            values = vector(Look(sighting, profile, settings.trust, settings.origins, commons=commons))
            if values is None:
                return
            scores = [model.predict(values) for model in models]
        except FAILING:
            return
        for model, score in zip(models, scores, strict=True):
            name = name_of(model.kind, model.version)
            binned = self._bins(tenant, model)
            counts = open_.counts.get(name)
            if counts is None or len(counts) != binned.width:
                counts = open_.counts[name] = array("I", bytes(4 * binned.width))
            binned.enter(counts, values, score)
        open_.looked += 1
        self._changed[open_.day, tenant] = open_

    def note(self, changes: Changes) -> None:
        """Put the days that changed into ``changes``, sealed."""
        for (day, tenant), open_ in self._changed.items():
            counts = {name: numbers.tobytes() for name, numbers in open_.counts.items()}
            packed = pack(Counted(open_.shift, open_.looked, counts))
            changes.drift[day, tenant] = self._sealer(day).seal(packed, _row(day, tenant))
        self._changed.clear()

    def _bins(self, tenant: str, model: Model) -> Binned:
        """The bins of a model, made once while it is in force."""
        assert model.reference is not None  # asked by the caller
        whose = tenant, model.kind
        known = self._binned.get(whose)
        if known is None or known[0] is not model:
            known = self._binned[whose] = model, Binned(model.reference)
        return known[1]


def name_of(kind: str, version: str) -> str:
    """What a model is counted by."""
    return f"{kind} {version}"


def counts_of(counted: Counted, name: str) -> Sequence[int]:
    """The counts of a model; empty when none of its logins were looked at."""
    return array("I", counted.counts.get(name, b""))


def open_counted(sealer: Callable[[int], Sealer], day: int, tenant: str, sealed: bytes) -> Counted:
    """A day as stored. Raises :class:`StoreError` when it was not sealed under this key."""
    return unpack(sealer(day).open(sealed, _row(day, tenant)), Counted)


def _shift(before: _Open | None) -> int:
    """How many of a day's logins are looked at, by how many came on the last day that some did."""
    if before is None:
        return FIRST_SHIFT
    return max(0, ((before.looked << before.shift) // WANTED).bit_length())


def _row(day: int, tenant: str) -> str:
    return f"drift.{day}.{tenant}"
