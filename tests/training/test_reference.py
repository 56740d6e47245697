"""The reference of a model: bins of people's logins in training, held against quiet days and days when much changed."""

from copy import deepcopy
from datetime import date
from math import inf, nan, nextafter
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
import pytest

from sentinel.events.clock import utc_day
from sentinel.events.event import Event
from sentinel.facts.look import Look
from sentinel.models.drift import Binned
from sentinel.models.drifted import DayCount, Report, report
from sentinel.models.features import NAMES, vector
from sentinel.models.recipe import packaged_recipe
from sentinel.models.stored import Model, ModelFile, decode, encode, usable
from sentinel.past.commons import Commons
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.replay import Replay
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from sentinel.training.elsewhere import Listed
from sentinel.training.fit import fit_impostor, fit_novelty, split
from sentinel.training.impostors import Impostors
from sentinel.training.reference import cuts, shares, worth
from sentinel.training.rows import Rows

# Bins


def column(*values: float) -> Any:
    return np.array(values)


def test_deciles_with_a_bin_for_what_is_unknown() -> None:
    values = column(*range(1, 101), *[nan] * 100)
    weights = np.ones(200)
    edges = cuts(values, weights)
    assert edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert shares(values, weights, edges).shares == pytest.approx((0.5, *[0.05] * 10))


def test_weights_count() -> None:
    values = column(*range(1, 11))
    weights = column(91, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    edges = cuts(values, weights)
    assert edges == (nextafter(1, -inf), 1)
    assert shares(values, weights, edges).shares == pytest.approx((0, 0, 0.91, 0.09))
    assert worth(np.full(50, 3.0)) == pytest.approx(50)
    assert worth(weights) == pytest.approx(100**2 / (91**2 + 9))


def test_a_value_that_most_have_is_told_from_less_and_more() -> None:
    """A share that was always 1 can only fall, and what was never there can only come."""
    always = column(*[1.0] * 30)
    found = shares(always, np.ones(30), cuts(always, np.ones(30)))
    assert found.edges == (nextafter(1, -inf), 1)
    assert shares(column(0.5, 1, 1.5), np.ones(3), found.edges).shares == pytest.approx((0, 1 / 3, 1 / 3, 1 / 3))


def test_never_more_than_ten_bins_beside_the_unknown() -> None:
    chance = np.random.default_rng(1)
    for levels in (1, 2, 3, 5, 9, 20, 1000):
        values = chance.integers(0, levels, 500).astype(float)
        assert len(cuts(values, chance.random(500))) <= 9
    assert cuts(column(nan, nan), np.ones(2)) == ()
    assert shares(column(nan, nan), np.ones(2), ()).shares == (1, 0)


# A service of some three hundred logins a day

WISH = Wish(accounts=215, days=96, seed=31)
LEARNED, QUIET = 60, 90
_TENANT = "default"


#: Day and vector of a login.
Seen = tuple[int, tuple[float, ...]]


class World:
    """Simulated traffic, gone through once; what changed later is gone through for each change."""

    def __init__(self, state: Path) -> None:
        addresses, self.enriched = Addresses.load(state), enricher(state)
        self.settings = TenantSettings(rules=RuleSet(()))
        self.replay = Replay(self.settings)
        rows = Rows(Impostors(Listed(addresses, self.enriched, _TENANT), 1), self.settings.trust, most=7000)
        self.quiet: list[Seen] = []
        self.late = []
        for told in simulate(WISH, addresses):
            if (day := (date.fromisoformat(told["time"][:10]) - WISH.start.date()).days) >= QUIET:
                self.late.append(told)
            elif day >= LEARNED:
                self.one(told, self.replay, self.quiet)
            else:
                self.one(told, self.replay, rows)
        parts = split(rows.table(), packaged_recipe("impostor").holdout_share)
        version = "2026-03-02"
        self.files = [
            fit_impostor(parts, packaged_recipe("impostor"), tenant=_TENANT, version=version),
            fit_novelty(parts, packaged_recipe("novelty"), tenant=_TENANT, version=version),
        ]
        self.models = [usable(file) for file in self.files]

    def one(self, told: dict[str, Any], replay: Replay, to: Rows | list[Seen]) -> None:
        """Put a login where it belongs, and judge the event."""
        arrival = arrive(self.enriched, _TENANT, msgspec.convert(told, Event))
        sighting = arrival.sighting
        if sighting.type == "login" and sighting.judged and sighting.outcome == "success" and sighting.own:
            profile, commons = replay.profile(sighting.account), replay.commons.get(_TENANT) or Commons(b"")
            if isinstance(to, Rows):
                to.real(sighting, profile, commons)
            elif values := vector(Look(sighting, profile, self.settings.trust, commons=commons)):
                to.append((utc_day(sighting.time), values))
        replay.judge(arrival)
        replay.answerable.clear()

    def change(self, **changes: Any) -> list[Seen]:
        """The days after the quiet ones, on which every other login is other than it would be."""
        replay, seen = deepcopy(self.replay), list[Seen]()
        for told in self.late:
            changed = told["type"] == "login" and crc32(told["id"].encode()) % 2
            self.one(told | changes if changed else told, replay, seen)
        return seen


@pytest.fixture(scope="module")
def world(unpacked: Path) -> World:
    return World(unpacked.parent)


def reports(model: Model, seen: list[Seen]) -> list[Report]:
    """Up to each of the days."""
    assert model.reference is not None
    binned, days = Binned(model.reference), dict[int, list[int]]()
    for day, values in seen:
        binned.enter(days.setdefault(day, [0] * binned.width), values, model.predict(values))
    counted = [DayCount(day=day, shift=0, counts=counts) for day, counts in days.items()]
    return [report(model.reference, NAMES, counted, day) for day in days]


def test_thirty_quiet_days_at_three_hundred_logins_are_no_drift(world: World) -> None:
    for model in world.models:
        found = reports(model, world.quiet)
        assert len(found) == QUIET - LEARNED
        assert 250 < sum(each.logins for each in found[-1].days.values()) / len(found) < 350
        assert [each.shifted for each in found] == [()] * len(found)
        assert sum(each.enough for each in found) == len(found) - 4


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "a browser": (
        {
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
            " Safari/537.36 Vivaldi/7.5",
        },
        "device_class_share",
    ),
    "a VPN": (
        {
            "ip": "203.0.113.9",
            "network": {"asn": 64500, "kind": "vpn"},
            "place": {"country": "NL", "lat": 52.4, "lon": 4.9},
        },
        "network_share",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_half_of_the_logins_through_something_new_are_told_within_three_days(world: World, what: str) -> None:
    changes, feature = CHANGES[what]
    late = world.change(**changes)
    for model in world.models:
        found = reports(model, world.quiet + late)
        before, after = found[: QUIET - LEARNED], found[QUIET - LEARNED :]
        assert not any(each.shifted for each in before)
        assert all(each.shifted for each in after[2:]), model.kind
        assert feature in {name for name, _ in after[3].shifted}


def test_a_file_keeps_its_reference(world: World) -> None:
    for file in world.files:
        back = decode(encode(file))
        assert isinstance(back, ModelFile)
        assert back.reference == file.reference
        assert not isinstance(file.reference, msgspec.UnsetType)
        assert len(file.reference.features) == len(NAMES)
        # The newest quarter of what was learned, and of that what no tree saw.
        assert 0.1 < file.reference.scored / file.reference.logins < 0.5
