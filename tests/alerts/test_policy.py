"""Folding: who is told, and when it is no news."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts.policy import MAILS_A_DAY, MAX_OPEN, MAX_TOLD, Cause, FoldPolicy, Raised, raise_or_fold
from sentinel.events.alert import OpenAlert, ToldMail
from sentinel.events.clock import DAY, HOUR, MINUTE

POLICY = FoldPolicy()
START = 20_000 * DAY


class Alerts:
    def __init__(self, policy: FoldPolicy = POLICY) -> None:
        self.open: list[OpenAlert] = []
        self.told: list[ToldMail] = []
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
        return raise_or_fold(
            self.open, self.told, Cause(time=START + after, kind=kind, level=level, **given), self.policy
        )


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
        waited = sum(alert.folded for alert in alerts.open)
        raised = alerts(after, kind=kind, level=level, contexts=contexts)
        waits = sum(alert.folded for alert in alerts.open)
        if raised.news:
            mailed.append(raised.alert.id)
            told += 1 + waited - waits
        else:
            assert raised.alert.id in mailed or not raised.alert.told
            assert LEVELS.index(level) <= LEVELS.index(raised.alert.level)
        assert raised.alert.told == (raised.alert.id in mailed)
    assert len(set(mailed)) == len(mailed)
    assert len(alerts.open) <= MAX_OPEN
    if len(alerts.open) < MAX_OPEN:
        assert told + sum(alert.folded for alert in alerts.open) == len(causes)


# --- how many mails there is room for ---


def test_the_third_mail_of_a_day_is_a_summary_and_covers_the_rest_of_it(alerts: Alerts) -> None:
    raised = [alerts(2 * hour * HOUR, contexts=(f"device:{hour}",)) for hour in range(12)]
    assert [one.alert.kind for one in raised[:3]] == ["suspicious_sign_in", "suspicious_sign_in", "summary"]
    assert [one.news for one in raised] == [True] * 3 + [False] * 9
    assert {one.alert.id for one in raised[3:]} == {raised[2].alert.id}
    after = alerts(DAY, contexts=("device:new",))
    assert (after.news, after.earlier) == (True, 9)


def test_what_went_into_a_summary_is_still_news_the_day_after(alerts: Alerts) -> None:
    for hour in range(4):
        alerts(2 * hour * HOUR, contexts=(f"device:{hour}",))
    assert alerts(2 * DAY, contexts=("device:3",)).news
    assert not alerts(2 * DAY + 2 * HOUR, contexts=("device:0",)).news


def test_a_change_of_credentials_is_told_though_the_mails_are_used_up(alerts: Alerts) -> None:
    for hour in range(8):
        alerts(2 * hour * HOUR, level="critical", contexts=(f"device:{hour}",))
    change = alerts(17 * HOUR, kind="credential_change", level="low", contexts=("change:email_changed:a",))
    assert (change.news, change.alert.kind) == (True, "credential_change")
    again = alerts(17 * HOUR + MINUTE, kind="credential_change", level="low", contexts=("change:email_changed:a",))
    assert not again.news
    assert alerts(18 * HOUR, kind="credential_change", level="low", contexts=("change:password_changed",)).news


def test_a_higher_level_than_any_of_the_day_is_told_though_the_mails_are_used_up(alerts: Alerts) -> None:
    for hour in range(4):
        alerts(2 * hour * HOUR, level="medium", contexts=(f"device:{hour}",))
    worse = alerts(9 * HOUR, kind="password_known", level="high")
    assert (worse.news, worse.alert.kind) == (True, "password_known")
    assert not alerts(10 * HOUR, kind="attack", level="high").news


def test_an_answer_that_closes_an_alert_makes_no_room_for_another_of_its_kind_within_the_hour(alerts: Alerts) -> None:
    alerts(0, contexts=("device:a",))
    alerts.open.clear()
    assert not alerts(HOUR - 1, contexts=("device:b",)).news
    told = alerts(HOUR, contexts=("device:c",))
    assert (told.news, told.alert.events) == (True, 2)  # the one before it is told along


def test_history_uses_up_no_mails(alerts: Alerts) -> None:
    for hour in range(8):
        assert not alerts(2 * hour * HOUR, contexts=(f"device:{hour}",), tell=False).news
    assert alerts(20 * HOUR, contexts=("device:new",)).alert.kind == "suspicious_sign_in"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12 * HOUR),
            st.integers(0, 7 * DAY) | st.just(0),
            st.sampled_from(["suspicious_sign_in", "attack", "credential_change", "new_sign_in", "password_known"]),
            st.sampled_from(LEVELS),
            st.lists(st.sampled_from(["device:a", "device:b", "country:FR"]), unique=True, max_size=2),
            st.sampled_from([True, True, True, False]),
            st.booleans(),
        ),
        max_size=80,
    ),
    st.sampled_from([MINUTE, HOUR, 3 * HOUR]),
)
def test_no_account_gets_more_mails_than_the_law_allows(
    causes: list[tuple[int, int, str, str, list[str], bool, bool]], span: int
) -> None:
    """By event time, late events included, whatever is folded for how long and however many alerts answers close."""
    alerts = Alerts(FoldPolicy(span=span))
    mails: list[tuple[int, str, str]] = []
    counted: list[int] = []
    clock = 0
    for pause, late, kind, level, contexts, tell, answered in causes:
        clock += pause
        time = clock - late
        if answered:
            del alerts.open[-1:]
        raised = alerts(time, kind=kind, level=level, contexts=tuple(contexts), tell=tell)
        today = [mail for mail in mails if abs(time - mail[0]) < DAY]
        higher = all(LEVELS.index(level) > LEVELS.index(mail[2]) for mail in today)
        if not raised.news:
            # Always room, so it was folded into what was told before.
            assert not (tell and (higher or kind == "credential_change")) or raised.alert.told
            continue
        assert tell
        told = raised.alert.kind
        if not higher and told != "credential_change":
            assert len(today) < MAILS_A_DAY
            assert (told == "summary") == (len(today) == MAILS_A_DAY - 1)
            same = [mail for mail in today if mail[1] == told and abs(time - mail[0]) < HOUR]
            assert all(LEVELS.index(level) > LEVELS.index(mail[2]) for mail in same)
            counted.append(time)
        mails.append((time, told, level))
        assert len(alerts.told) <= MAX_TOLD
    counted.sort()
    assert all(later - first >= DAY for first, later in zip(counted, counted[MAILS_A_DAY:], strict=False))
