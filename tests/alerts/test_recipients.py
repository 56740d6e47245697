"""Whom a mail goes to, and quiet hours by the person's own clock."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts.recipients import NO_ADDRESS, UNVERIFIED, Reach, quiet_until, recipients
from sentinel.events.clock import DAY, HOUR, to_datetime, to_micros
from sentinel.events.sighting import Attributes

NOW = to_micros(datetime(2026, 11, 28, 12, tzinfo=UTC))
NIGHT = (22 * 60, 7 * 60)
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def who(**values: Any) -> tuple[tuple[str, ...], str]:
    return recipients(Attributes(account="u-1", **values), Reach(mailbox_domains=("mail.example.org",)), now=NOW)


@pytest.mark.parametrize(("verified", "people"), [(None, 1), (True, 1), (False, 0)])
def test_an_address_that_the_service_says_is_not_verified_gets_nothing(verified: bool | None, people: int) -> None:
    found, why = who(email="ada@example.org", email_verified=verified)
    assert (len(found), why) == (people, "" if people else UNVERIFIED)


def test_the_former_address_hears_of_a_new_one_that_nobody_verified() -> None:
    values = {"previous_email": "old@example.org", "previous_until": NOW + DAY}
    assert who(email="eve@example.org", email_verified=False, **values) == (("old@example.org",), "")


def test_without_an_address() -> None:
    assert who() == ((), NO_ADDRESS)
    assert recipients(None, Reach(), now=NOW) == ((), NO_ADDRESS)


@pytest.mark.parametrize(
    ("email", "people"),
    [
        ("ada@mail.example.org", ("ada@mail.example.org", "ada@example.com")),
        ("ada@MAIL.example.org", ("ada@MAIL.example.org", "ada@example.com")),
        ("ada@sub.mail.example.org", ("ada@sub.mail.example.org",)),
        ("ada@example.org", ("ada@example.org",)),
    ],
)
def test_a_second_contact_hears_where_the_account_is_the_mailbox(email: str, people: tuple[str, ...]) -> None:
    assert who(email=email, contact_email="ada@example.com") == (people, "")


def test_each_address_gets_one_mail() -> None:
    values = {"previous_email": "ADA@mail.example.org", "previous_until": NOW + DAY}
    assert who(email="ada@mail.example.org", contact_email="Ada@Mail.example.org", **values)[0] == (
        "ada@mail.example.org",
    )


def moment(text: str, zone: str) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-28T21:59", None),
        ("2026-11-28T22:00", "2026-11-29T07:00"),
        ("2026-11-29T03:00", "2026-11-29T07:00"),
        ("2026-11-29T06:59", "2026-11-29T07:00"),
        ("2026-11-29T07:00", None),
        # Over a change of clocks, the hours are still those of the person's clock.
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
    ],
)
def test_quiet_hours_over_midnight(at: str, until: str | None) -> None:
    zone = "Europe/Berlin"
    assert quiet_until(NIGHT, zone, moment(at, zone)) == (moment(until, zone) if until else None)


def test_quiet_hours_within_a_day() -> None:
    assert quiet_until((13 * 60, 14 * 60), "UTC", NOW) is None
    assert quiet_until((12 * 60, 14 * 60), "UTC", NOW) == NOW + 2 * HOUR


@pytest.mark.parametrize("zone", [None, "", "Nowhere", "../etc/passwd"])
def test_nothing_waits_by_a_clock_that_nobody_knows(zone: str | None) -> None:
    assert quiet_until(NIGHT, zone, moment("2026-11-28T23:00", "UTC")) is None


@given(st.integers(0, 400 * DAY), st.sampled_from(ZONES), st.integers(0, 1439), st.integers(0, 1439))
def test_a_mail_waits_less_than_a_day_and_then_goes(after: int, zone: str, start: int, end: int) -> None:
    now, waited = NOW + after, 0
    while (until := quiet_until((start, end), zone, now)) is not None and start != end:
        assert now < until
        waited, now = waited + until - now, until
        assert waited <= DAY + 2 * HOUR
    local = to_datetime(now).astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    if start < end:
        assert not start <= minute < end
