"""Pseudonyms: equal for equal values of one installation, tenant and kind, and for nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer

OF = Pseudonymizer(Secret(b"k" * 32))


def test_the_same_value_has_the_same_pseudonym_after_a_restart() -> None:
    again = Pseudonymizer(Secret(b"k" * 32))
    assert OF("account", "default", "u-1") == again("account", "default", "u-1")
    assert OF("account", "default", "u-1") == OF("account", "default", b"u-1")


def test_a_pseudonym_never_changes_between_releases() -> None:
    # A store of millions of rows would be orphaned: this value may not be updated.
    assert OF("account", "default", "u-1") == "UyGsBuq/f9fz8NWy"


def test_installations_tenants_and_kinds_are_kept_apart() -> None:
    other = Pseudonymizer(Secret(b"x" * 32))
    made = {
        OF("account", "default", "u-1"),
        OF("account", "default", "u-2"),
        OF("account", "default", ""),
        OF("account", "shop", "u-1"),
        OF("account", "", "u-1"),
        OF("tried", "default", "u-1"),
        OF("event", "default", "u-1"),
        other("account", "default", "u-1"),
    }
    assert len(made) == 8


def test_tenant_and_value_do_not_run_into_each_other() -> None:
    assert OF("account", "shop", "1") != OF("account", "shop1", "")
    assert OF("account", "a", "bc") != OF("account", "ab", "c")


@given(st.text(), st.text())
def test_its_form_and_that_different_values_differ(one: str, two: str) -> None:
    made = OF("account", "default", one)
    assert re.fullmatch(r"[A-Za-z0-9+/]{16}", made)
    assert (made == OF("account", "default", two)) is (one == two)


def test_lone_surrogates_are_taken() -> None:
    assert OF("account", "default", "\ud800") != OF("account", "default", "\ud801")


def test_a_kind_too_long_to_be_told_apart_is_refused() -> None:
    with pytest.raises(ValueError, match="person"):
        OF("a-kind-of-more-than-16", "default", "u-1")
