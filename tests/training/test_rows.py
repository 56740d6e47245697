"""Rows: which logins are taken, what they weigh, whose part they are, and that memory is bounded."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from sentinel.events.clock import DAY, utc_day
from sentinel.events.sighting import Sighting
from sentinel.models.features import NAMES
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.pipeline.holdout import held_out
from sentinel.training.impostors import KINDS, Impostors
from sentinel.training.rows import ANSWERED, CALIBRATION, EACH, EARLY, HOLD_OUT, PARTS, Rows, part_of
from tests.builders import sighting
from tests.running import HOME

COMMONS = Commons(b"")
LOGIN = sighting(**HOME)


class Copies(Impostors):
    """Impostors that are the login itself."""

    def __init__(self) -> None:
        super().__init__(None, 1)
        self.noted = 0

    @property
    def ready(self) -> bool:
        return True

    def note(self, sighting: Sighting) -> None:
        self.noted += 1

    def make(self, kind: str, real: Sighting, profile: Profile) -> Sighting | None:
        return real


def rows(impostors: Impostors | None = None, **options: Any) -> Rows:
    return Rows(impostors or Copies(), TrustPolicy(), **options)


def enter(into: Rows, number: int, accounts: int, *, what: str = "real", **options: Any) -> None:
    """Logins of some accounts in turn, each one's past as long as its logins so far."""
    for each in range(number):
        one = replace(LOGIN, account=f"account-{each % accounts}", time=each * DAY // 10)
        getattr(into, what)(one, Profile(trusted_logins=each // accounts), COMMONS, **options)


def test_each_login_is_a_row_with_impostors_of_three_kinds() -> None:
    made = rows()
    enter(made, 50, 5)
    table = made.table()
    # The first login of an account has no past to be held against.
    assert table.real.sum() == 45
    assert len(table) == 45 * (1 + EACH)
    kinds = Counter(table.kinds[kind] for kind in table.kind)
    assert set(kinds) == {"real", *KINDS}
    assert (made.logins, made.accounts) == (50, 5)
    assert table.values.shape == (len(table), len(NAMES))
    assert set(table.day.tolist()) <= set(range(utc_day(50 * DAY // 10) + 1))
    assert set(table.weights.tolist()) == {1.0}


def test_without_enough_others_there_are_no_impostors() -> None:
    made = rows(Impostors(None, 1))
    enter(made, 50, 5)
    assert made.table().real.all()


def test_first_logins_are_all_taken_and_later_ones_weigh_for_those_that_go() -> None:
    made = rows(most=200, seed=7)
    enter(made, 3000, 10)
    table = made.table()
    logins = table.where(table.real)
    place = NAMES.index("logins")
    early = np.expm1(logins.values[:, place]) < EARLY - 0.5
    assert early.sum() == 10 * (EARLY - 1)
    assert set(logins.weights[early].tolist()) == {1.0}
    assert len(set(logins.weights[~early].tolist())) == 1
    assert len(logins) <= 200
    assert logins.weights[~early].sum() == pytest.approx(3000 - 10 * EARLY, rel=0.25)
    # What goes, goes with its impostors.
    assert len(table) == len(logins) * (1 + EACH)
    assert table.weights[~table.real].sum() == pytest.approx(table.weights[table.real].sum() * EACH)
    assert made.logins == 3000


@pytest.mark.parametrize("accounts", [1, 10, 400, 4000])
def test_memory_is_bounded_whoever_comes(accounts: int) -> None:
    made = rows(most=200, seed=1)
    for _ in range(2):
        enter(made, 4000, accounts)
        enter(made, 1000, accounts, what="compromised")
        enter(made, 1000, accounts, answered=True)
        enter(made, 1000, accounts, what="flagged")
        assert len(made._kinds) <= 200 * (1 + EACH)
        assert len(made._values) == len(made._kinds) * len(NAMES)
        assert len(made._open) <= 200
    if accounts == 4000:
        return
    table = made.table()
    assert len(table) > 100
    assert len(table.weights) == len(table.answered) == len(table.part) == len(table)


def test_what_is_left_is_spread_over_all_the_time() -> None:
    made = rows(most=400, seed=2)
    enter(made, 8000, 4)
    days = made.table().day
    assert np.median(days) == pytest.approx(400, abs=60)


def test_parts_are_those_that_evaluation_asks_about() -> None:
    names = [f"account-{number}" for number in range(2000)]
    assert all((part_of(name) == HOLD_OUT) == held_out(name, PARTS) for name in names)
    assert {part_of(name) for name in names} == set(range(PARTS))
    assert sum(part_of(name) == CALIBRATION for name in names) == pytest.approx(400, rel=0.15)
    made = rows()
    enter(made, 100, 20)
    found = made.table().part
    assert set(found.tolist()) == {part_of(f"account-{number}") for number in range(20)}


def test_answers_are_told_apart() -> None:
    made = rows()
    enter(made, 20, 2, answered=True)
    enter(made, 20, 2)
    enter(made, 20, 2, what="compromised")
    table = made.table()
    said = table.where(table.answered)
    assert said.real.sum() == 18
    attackers = table.kind == table.kinds.index(ANSWERED)
    assert attackers.sum() == 18
    assert table.answered[attackers].all()
    assert (table.real & ~table.answered).sum() == 18
    # An attacker is nobody whose context is given to others.
    assert made._impostors.noted == 40  # type: ignore[attr-defined]


def test_what_was_flagged_counts_once_it_is_trusted() -> None:
    copies = Copies()
    made = rows(copies)
    enter(made, 40, 4, what="flagged")
    assert (made.logins, made.accounts, copies.noted) == (0, 0, 0)
    made.settle(lambda sighting: sighting.account == "account-1")
    table = made.table()
    assert table.real.sum() == 9
    assert len(table) == 9 * (1 + EACH)
    assert set(table.part.tolist()) == {part_of("account-1")}
    assert (made.logins, made.accounts) == (9, 1)
    assert not table.answered.any()


def test_nothing_is_an_empty_table() -> None:
    made = rows()
    made.settle(lambda sighting: True)
    assert len(made.table()) == 0
