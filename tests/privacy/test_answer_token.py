"""Tokens of links in mails: the same for the same mail, of nobody else's making, and no two alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.clock import DAY, HOUR
from sentinel.privacy.answer_token import ROLES, digest_of, expiry_of, is_ours, kept_until, make_token

KEY, OTHER = b"k" * 32, b"o" * 32
names = st.text(min_size=1, max_size=30)


@given(names, names, st.sampled_from(ROLES))
def test_a_token_is_the_same_each_time_and_fits_into_a_path(tenant: str, alert: str, role: str) -> None:
    token = make_token(KEY, tenant, alert, role)  # type: ignore[arg-type]  # one of them
    assert token == make_token(KEY, tenant, alert, role)  # type: ignore[arg-type]  # likewise
    assert token.isascii()
    assert len(token) <= 64
    assert token.replace("-", "").replace("_", "").isalnum()
    assert is_ours(KEY, token)
    assert not is_ours(OTHER, token)


def test_each_mail_and_each_address_has_its_own() -> None:
    made = {make_token(KEY, tenant, alert, role) for tenant in "ab" for alert in ("a-1", "a-2") for role in ROLES}
    assert len(made) == 8
    assert len({digest_of(token) for token in made}) == 8


@pytest.mark.parametrize("at", range(43))
def test_a_token_with_one_letter_changed_is_not_ours(at: int) -> None:
    token = make_token(KEY, "default", "a-1", "current")
    # The last letter has two bits that say nothing: whoever changes those alone has a token that the store has not.
    changed = token[:at] + ("A" if token[at] not in "ABCD" else "z") + token[at + 1 :]
    assert not is_ours(KEY, changed)


@pytest.mark.parametrize("token", ["", "x", "x" * 42, "x" * 43, "x" * 44, "é" * 43, "../" * 14 + "x", "\u0660" * 43])
def test_what_is_no_token_is_not_ours(token: str) -> None:
    assert not is_ours(KEY, token)


def test_a_link_works_for_seven_days_and_at_a_former_address_after_a_change_for_thirty() -> None:
    for kind, role, days in (
        ("suspicious_sign_in", "current", 7),
        ("suspicious_sign_in", "former", 7),
        ("credential_change", "current", 7),
        ("credential_change", "former", 30),
    ):
        assert expiry_of(10 * DAY + 1, kind, role) == (10 + days) * DAY + 1  # type: ignore[arg-type]  # one of them
        # What stands in the clear says the day and no more.
        for time, day in ((10 * DAY, 10), (10 * DAY + 1, 11), (10 * DAY + 23 * HOUR, 11)):
            assert kept_until(time, kind, role) == (day + days) * DAY  # type: ignore[arg-type]  # one of them
