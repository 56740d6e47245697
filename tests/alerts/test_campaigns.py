"""Which events are one campaign, and which of them operators hear of."""

from typing import Any

import pytest

from sentinel.alerts.campaigns import MAX_KEYS, MAX_OF_A_RULE, MAX_OPEN, Sign, open_or_join
from sentinel.alerts.policy import FoldPolicy, Raised
from sentinel.events.alert import OpenAlert
from sentinel.events.clock import DAY, HOUR, MINUTE

POLICY = FoldPolicy()
START = 1_000 * DAY


class Campaigns:
    def __init__(self) -> None:
        self.open: list[OpenAlert] = []
        self.count = 0

    def __call__(self, at: int, *keys: str, **fields: Any) -> Raised:
        self.count += 1
        given: dict[str, Any] = {"level": "high", "risk": 60.0, "rules": ("spray",)} | fields
        return open_or_join(self.open, Sign(event=f"e-{self.count}", time=START + at, keys=keys, **given), POLICY)


@pytest.fixture
def see() -> Campaigns:
    return Campaigns()


def test_what_shares_a_key_is_one_campaign_told_once(see: Campaigns) -> None:
    raised = [see(number * MINUTE, "agent=x", f"network={number}") for number in range(20)]
    assert len({each.alert.id for each in raised}) == 1
    assert [each.news for each in raised] == [True] + [False] * 19
    assert see.open[0].events == 20


def test_what_shares_none_is_another(see: Campaigns) -> None:
    assert see(0, "network=a").alert.id != see(MINUTE, "network=b").alert.id


def test_a_key_learnt_on_the_way_leads_to_the_same_campaign(see: Campaigns) -> None:
    first = see(0, "network=a")
    see(MINUTE, "network=a", "agent=x", rules=("stuffing",))
    last = see(2 * MINUTE, "network=b", "agent=x", rules=("distributed",))
    assert last.alert.id == first.alert.id
    assert last.alert.rules == ["spray", "stuffing", "distributed"]


def test_it_ends_when_it_is_silent_for_long(see: Campaigns) -> None:
    first = see(0, "network=a")
    assert see(HOUR - 1, "network=a").alert.id == first.alert.id
    assert see(3 * HOUR, "network=a").news


def test_a_slow_one_goes_on_over_hours_of_silence(see: Campaigns) -> None:
    raised = [see(number * 8 * HOUR, "network=a", span=7 * DAY) for number in range(20)]
    assert len({each.alert.id for each in raised}) == 1
    assert see(8 * DAY, "network=a", span=7 * DAY).news


def test_one_that_goes_on_is_told_again_after_a_day(see: Campaigns) -> None:
    raised = [see(number * 30 * MINUTE, "network=a") for number in range(60)]
    assert [number for number, each in enumerate(raised) if each.news] == [0, 48]
    assert raised[48].earlier == 47


def test_a_higher_level_is_told_and_then_takes_all(see: Campaigns) -> None:
    low = see(0, "network=a")
    high = see(MINUTE, "agent=x", "network=a", level="critical", risk=90.0)
    assert high.news
    assert high.alert.id != low.alert.id
    after = see(2 * MINUTE, "network=a")
    assert (after.alert.id, after.news) == (high.alert.id, False)
    assert see(3 * MINUTE, "agent=x").alert.id == high.alert.id


def test_what_came_in_too_late_to_tell_is_told_with_the_next(see: Campaigns) -> None:
    assert not see(0, "network=a", tell=False).news
    assert see(MINUTE, "network=a").news
    assert not see(2 * MINUTE, "network=a").news


def test_late_events_belong_to_it_too(see: Campaigns) -> None:
    first = see(10 * MINUTE, "network=a")
    late = see(0, "network=a")
    assert late.alert.id == first.alert.id
    assert late.alert.first == START


def test_the_conclusion_of_a_pending_login_is_no_second_event(see: Campaigns) -> None:
    first = see(0, "network=a")
    see(MINUTE, "network=b", same_as=first.alert.id)
    assert [(campaign.id, campaign.events) for campaign in see.open] == [(first.alert.id, 1)]


def test_many_sources_at_once_end_in_one_campaign(see: Campaigns) -> None:
    raised = [see(number, f"network={number}") for number in range(100)]
    assert sum(each.news for each in raised) == MAX_OF_A_RULE
    assert not see(MINUTE, "network=99").news  # and its sources are known by it, or join it as well
    assert see(MINUTE, "network=x", rules=("other",)).news  # other rules are not drowned
    assert see(2 * HOUR, "network=y").news  # and it ends


def test_memory_is_bounded(see: Campaigns) -> None:
    for number in range(200):
        see(number * 2 * HOUR, f"network={number}", *(f"agent={number}-{each}" for each in range(40)))
    assert len(see.open) <= MAX_OPEN
    assert max(len(campaign.contexts) for campaign in see.open) <= MAX_KEYS
    assert see.open[-1].contexts[0] == "network=199"
