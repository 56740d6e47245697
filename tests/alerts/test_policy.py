"""Folding: who is told, and when it is no news."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts.policy import MAX_OPEN, Cause, FoldPolicy, Raised, raise_or_fold
from sentinel.events.alert import OpenAlert
from sentinel.events.clock import DAY, HOUR, MINUTE

POLICY = FoldPolicy()
START = 20_000 * DAY


class Alerts:
    def __init__(self, policy: FoldPolicy = POLICY) -> None:
        self.open: list[OpenAlert] = []
        self.policy = policy
        self.count = 0

    def __call__(self, after: int, kind: str = "suspicious_sign_in", level: str = "medium", **fields: Any) -> Raised:
        self.count += 1
        given: dict[str, Any] = {
            "account": "u-1",
            "event": f"e-{self.count}",
            "risk": 45.0,
            "rules": ("new_device",),
        } | fields
        return raise_or_fold(self.open, Cause(time=START + after, kind=kind, level=level, **given), self.policy)


@pytest.fixture
def alerts() -> Alerts:
    return Alerts()


def test_within_the_span_events_fold(alerts: Alerts) -> None:
    first = alerts(0)
    folded = alerts(HOUR - 1, rules=("new_country",), risk=50.0)
    assert (first.news, folded.news) == (True, False)
    assert folded.alert is first.alert
    assert (folded.alert.events, folded.alert.risk, folded.alert.rules) == (
        2,
        50.0,
        ["new_device", "new_country"],
    )
    assert alerts(HOUR).news


def test_folding_goes_by_event_time_not_by_order(alerts: Alerts) -> None:
    alerts(0)
    assert not alerts(-30 * MINUTE).news
    assert alerts(-2 * HOUR).news
    assert alerts(3 * HOUR).news
    assert not alerts(3 * HOUR + 1).news


def test_another_kind_is_another_alert(alerts: Alerts) -> None:
    assert alerts(0).news
    assert alerts(1, kind="password_known").news
    assert not alerts(2).news


def test_a_higher_level_is_news_and_an_equal_or_lower_is_not(alerts: Alerts) -> None:
    told = [alerts(MINUTE * minute, level=level).news for minute, level in enumerate(
        ["medium", "low", "medium", "high", "medium", "high", "critical", "high"]
    )]  # fmt: skip
    assert told == [True, False, False, True, False, False, True, False]


def test_the_next_mail_tells_how_many_were_not_told(alerts: Alerts) -> None:
    alerts(0)
    for minute in range(1, 4):
        alerts(minute * MINUTE)
    assert alerts(4 * MINUTE, level="high").earlier == 3
    alerts(5 * MINUTE)
    assert alerts(2 * HOUR).earlier == 1
    assert alerts(4 * HOUR).earlier == 0


def test_an_attack_that_goes_on_is_one_mail_a_day(alerts: Alerts) -> None:
    told = [alerts(half * 30 * MINUTE, kind="attack").news for half in range(48 * 2)]
    assert [index for index, news in enumerate(told) if news] == [0, 48]


def test_an_attack_that_paused_is_told_again(alerts: Alerts) -> None:
    assert alerts(0, kind="attack").news
    assert alerts(HOUR, kind="attack").news


def test_the_same_unanswered_news_is_told_once(alerts: Alerts) -> None:
    assert alerts(0, contexts=("device:a", "country:JP")).news
    assert not alerts(DAY, contexts=("device:a", "country:JP")).news
    assert not alerts(13 * DAY, contexts=("device:a",)).news
    assert alerts(2 * DAY, contexts=("device:b",)).news
    assert alerts(15 * DAY, contexts=("device:a",)).news


def test_what_came_before_the_news_is_not_the_same_news(alerts: Alerts) -> None:
    alerts(5 * DAY, contexts=("device:a",))
    assert alerts(0, contexts=("device:a",)).news


def test_a_higher_level_of_the_same_news_is_told(alerts: Alerts) -> None:
    alerts(0, contexts=("device:a",))
    assert alerts(DAY, level="high", contexts=("device:a",)).news


def test_nothing_new_is_not_the_same_news(alerts: Alerts) -> None:
    alerts(0)
    assert alerts(DAY).news


def test_each_change_of_credentials_is_told(alerts: Alerts) -> None:
    password, email = ("change:password_changed",), ("change:email_changed",)
    told = [
        alerts(0, kind="credential_change", contexts=password).news,
        alerts(MINUTE, kind="credential_change", contexts=email).news,
        alerts(2 * MINUTE, kind="credential_change", contexts=password).news,
        alerts(DAY, kind="credential_change", contexts=password).news,
    ]
    assert told == [True, True, False, True]


def test_a_concluded_login_is_the_same_alert_and_counts_once(alerts: Alerts) -> None:
    asked = alerts(0)
    ended = alerts(10 * MINUTE, kind="password_known", same_as=asked.alert.id)
    assert ended.alert is asked.alert
    assert (ended.news, ended.alert.events, ended.alert.folded) == (False, 1, 0)


def test_what_is_remembered_is_bounded(alerts: Alerts) -> None:
    for number in range(100):
        alerts(number * 2 * HOUR, contexts=(f"device:{number}",))
    assert len(alerts.open) <= MAX_OPEN
    assert not alerts(99 * 2 * HOUR + 1, contexts=("device:99",)).news


def test_what_is_over_is_forgotten(alerts: Alerts) -> None:
    alerts(0)
    alerts(30 * DAY)
    assert len(alerts.open) == 1


LEVELS = ["low", "medium", "high", "critical"]
CAUSES = st.lists(
    st.tuples(
        st.integers(-2 * DAY, 20 * DAY),
        st.sampled_from(["suspicious_sign_in", "attack", "credential_change", "new_sign_in"]),
        st.sampled_from(LEVELS),
        st.sampled_from([(), ("device:a",), ("device:a", "country:FR"), ("country:FR",)]),
    ),
    max_size=60,
)


@given(CAUSES)
def test_one_id_is_one_mail_and_no_event_is_lost(causes: list[tuple[int, str, str, tuple[str, ...]]]) -> None:
    alerts = Alerts(FoldPolicy(same_news=40 * DAY))
    mailed: list[str] = []
    told = 0
    for after, kind, level, contexts in causes:
        raised = alerts(after, kind=kind, level=level, contexts=contexts)
        if raised.news:
            mailed.append(raised.alert.id)
            told += 1 + raised.earlier
        else:
            assert raised.alert.id in mailed
            assert LEVELS.index(level) <= LEVELS.index(raised.alert.level)
    assert len(set(mailed)) == len(mailed)
    assert len(alerts.open) <= MAX_OPEN
    if len(mailed) <= MAX_OPEN:
        assert told + sum(alert.folded for alert in alerts.open) == len(causes)
