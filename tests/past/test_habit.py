"""Hours and weekdays: circular, in the person's zone, forgotten within a year, only of trusted logins."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.sighting import Sighting
from sentinel.facts import Look
from sentinel.past.habit import forget_hour, note_hour, usual_at
from sentinel.past.profile import Profile, TrustPolicy, UsualPlace, decode_profile, encode_profile
from sentinel.past.remember import Verdict, remember, trust_sighting
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, packaged, sighting

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def seen(day: float, hour: float, **fields: Any) -> Sighting:
    moment = MONDAY + timedelta(days=day, hours=hour)
    return sighting(moment.isoformat().replace("+00:00", "Z"), **fields)


def habit(*, days: int = 20, hour: float = 9.5, **fields: Any) -> Profile:
    profile = Profile()
    for day in range(days):
        note_hour(profile, seen(day, hour, **fields))
    return profile


def share(profile: Profile, day: float, hour: float, **fields: Any) -> float:
    usual = usual_at(profile, seen(day, hour, **fields))
    assert usual is not None
    return usual.hour_share


def test_no_login_no_opinion() -> None:
    assert usual_at(Profile(), seen(0, 9)) is None


def test_hours_near_the_usual_one_are_usual_and_far_ones_are_not() -> None:
    profile = habit()
    near = [share(profile, 30, hour) for hour in (7.5, 8.5, 9.5, 10.5, 11.5)]
    assert near[2] == near[1] == near[3] > 0.9
    assert near[0] == near[4] > 0.4
    assert all(share(profile, 30, hour) < 0.03 for hour in (0, 3, 6.5, 12.5, 18, 23))


def test_the_clock_is_a_circle() -> None:
    profile = habit(hour=23.5)
    assert share(profile, 30, 0.5) == share(profile, 30, 22.5) > 0.9


def test_a_zone_is_the_persons_own_and_follows_its_clock() -> None:
    profile = habit(hour=8.5, timezone="Europe/Berlin")  # half past nine
    assert share(profile, 20, 5.5) < 0.03, "half past six in January"
    assert share(profile, 200, 5.5) > 0.3, "half past seven in July, told or not"
    assert share(profile, 200, 5.5, timezone="Europe/Berlin") > 0.3
    assert habit(timezone="Nowhere/Nothing").habit == habit().habit, "what is no zone is left aside"


def test_without_a_zone_the_usual_longitude_tells_the_weekday() -> None:
    profile = Profile(usual=[UsualPlace(35.7, 139.7, 50.0, 0, 9), UsualPlace(48.9, 2.4, 50.0, 0, 1)])
    for week in range(6):
        note_hour(profile, seen(7 * week - 1, 22))  # Monday morning in Tokyo, Sunday night in UTC
    usual = usual_at(profile, seen(70, 1))
    assert usual is not None
    assert usual.weekday_share > 0.7


def test_hours_move_along_when_the_zone_becomes_known() -> None:
    profile = habit(hour=0.5)  # half past nine in Tokyo
    assert share(profile, 21, 0.5, timezone="Asia/Tokyo") > 0.9, "before it is remembered"
    note_hour(profile, seen(21, 0.5, timezone="Asia/Tokyo"))
    assert share(profile, 22, 0.5) > 0.9
    assert share(profile, 22, 9.5) < 0.03


def test_where_hours_are_not_learned_there_are_none() -> None:
    rules = RuleSet(packaged())
    learned, not_learned = Story(rules), Story(rules, trust=TrustPolicy(hours=False))
    for story in (learned, not_learned):
        for day in range(12):
            story.judged((MONDAY + timedelta(days=day, hours=9)).isoformat())
        story.answer("e-3", "legitimate")
        night = story((MONDAY + timedelta(days=12, hours=2)).isoformat())
        assert ("unusual_hour" in {finding.rule for finding in night.findings}) is (story is learned)
        assert "unusual_hour" not in {each.rule for each in night.unjudged}
    assert learned.profile().habit is not None
    assert not_learned.profile().habit is None
    # Switched over, what was learned is neither read nor kept.
    kept = habit()
    look = Look(seen(30, 3), kept, TrustPolicy(hours=False))
    assert look.usual is None
    assert remember(kept, seen(30, 9), Verdict(flagged=False, level="low"), TrustPolicy(hours=False))
    assert kept.habit is None
    again = habit()
    trust_sighting(again, seen(30, 9), already=False, hours=False)
    assert again.habit is None


def test_old_habits_fade_and_are_forgotten_within_a_year() -> None:
    profile = habit(days=4)
    assert usual_at(profile, seen(364, 9.5)) is None
    for day in range(200, 220):
        note_hour(profile, seen(day, 21))
    assert share(profile, 221, 21) > 3 * share(profile, 221, 9.5)


def test_a_thousand_logins_in_one_hour_are_counted_without_end() -> None:
    profile = Profile()
    for _ in range(1000):
        note_hour(profile, seen(0, 9))
    note_hour(profile, seen(0, 15))
    assert share(profile, 1, 9) > 0.9
    assert share(profile, 1, 15) > 0


def test_a_login_taken_back_is_forgotten() -> None:
    profile, night = habit(days=2), seen(10, 3)
    before = profile.habit and profile.habit.hours
    note_hour(profile, night)
    forget_hour(profile, night)
    assert profile.habit is not None
    assert profile.habit.hours == before


def test_what_was_flagged_does_not_become_usual() -> None:
    story = Story(RuleSet(packaged()))
    for day in range(12):
        story(f"2026-01-{day + 5:02}T09:30:00Z", device_id="laptop")
    for day in range(12):
        flagged = story(f"2026-01-{day + 17:02}T03:30:00Z", device_id="theirs")
        assert flagged.decision == "notify"
    assert share(story.profile(), 30, 3.5) < 0.03


@given(
    st.lists(
        st.tuples(st.integers(0, 3000 * 24), st.sampled_from([None, "Asia/Tokyo", "America/St_Johns"])), max_size=60
    )
)
def test_any_order_of_logins_is_borne_and_survives_the_store(logins: list[tuple[int, str | None]]) -> None:
    profile = Profile()
    for number, (hour, zone) in enumerate(logins):
        note_hour(profile, seen(0, hour, timezone=zone))
        if number % 7 == 0:
            profile = decode_profile(encode_profile(profile))
    if profile.habit is not None:
        assert (len(profile.habit.hours), len(profile.habit.weekdays)) == (24, 7)
        usual = usual_at(profile, seen(0, 12))
        assert usual is None or (0 < usual.hour_share < 1 and 0 < usual.weekday_share < 1)
