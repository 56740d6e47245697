from typing import Any

from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes
from sentinel.pipeline.attributes import FORMER_ADDRESS_SPAN, merge_attributes


def told(day: int, **fields: Any) -> Attributes:
    return Attributes(account="u-1", as_of=day * DAY, **fields)


def test_what_is_not_said_stays() -> None:
    merged = merge_attributes(told(1, email="a@example.org", name="A", tags=("admin",)), told(2, locale="fr"))
    assert (merged.email, merged.name, merged.tags, merged.locale) == ("a@example.org", "A", ("admin",), "fr")


def test_old_news_only_fills_gaps() -> None:
    merged = merge_attributes(told(2, email="new@example.org"), told(1, email="old@example.org", name="A"))
    assert (merged.email, merged.name, merged.as_of) == ("new@example.org", "A", 2 * DAY)
    assert merged.previous_email is None


def test_a_former_address_is_told_for_30_days() -> None:
    merged = merge_attributes(told(1, email="a@example.org"), told(2, email="b@example.org"))
    assert (merged.email, merged.previous_email, merged.previous_until) == (
        "b@example.org",
        "a@example.org",
        32 * DAY,
    )


def test_saying_it_again_does_not_make_it_longer() -> None:
    changed = merge_attributes(told(1, email="a@example.org"), told(2, email="b@example.org"))
    again = merge_attributes(changed, told(20, email="b@example.org", previous_email="a@example.org"))
    assert again.previous_until == 32 * DAY


def test_the_sender_may_name_the_former_address() -> None:
    first = merge_attributes(None, told(2, email="b@example.org", previous_email="a@example.org"))
    assert (first.previous_email, first.previous_until) == ("a@example.org", 32 * DAY)


def test_a_verified_address_says_nothing_about_the_next_one() -> None:
    verified = told(1, email="a@example.org", email_verified=True)
    assert merge_attributes(verified, told(2, name="A")).email_verified is True
    assert merge_attributes(verified, told(2, email="b@example.org")).email_verified is None
    late = merge_attributes(told(2, email="b@example.org"), verified)
    assert (late.email, late.email_verified) == ("b@example.org", None)


def test_changing_the_address_twice_does_not_push_the_persons_own_one_out() -> None:
    own = Attributes(account="u-1", email="own@example.org", as_of=DAY)
    first = merge_attributes(own, Attributes(account="u-1", email="thief-1@example.org", as_of=2 * DAY))
    second = merge_attributes(first, Attributes(account="u-1", email="thief-2@example.org", as_of=3 * DAY))
    assert (second.email, second.previous_email) == ("thief-2@example.org", "own@example.org")
    assert second.previous_until == 2 * DAY + FORMER_ADDRESS_SPAN


def test_an_address_that_was_never_verified_is_nobodys_former_one() -> None:
    """Anybody may have typed it; whoever reads there must not hear of the account for another 30 days."""
    typed = told(1, email="typo@example.org", email_verified=False)
    assert merge_attributes(typed, told(2, email="b@example.org")).previous_email is None
    named = merge_attributes(typed, told(2, email="b@example.org", previous_email="a@example.org"))
    assert named.previous_email == "a@example.org"
    nothing_said = merge_attributes(told(1, email="a@example.org"), told(2, email="b@example.org"))
    assert nothing_said.previous_email == "a@example.org"
