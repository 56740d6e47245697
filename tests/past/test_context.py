"""Where an account is at home: device, network and session together."""

from typing import Any

import pytest

from sentinel.past.context import in_trusted_context
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.past.remember import Verdict, distrust_sighting, remember
from tests.builders import at, sighting

POLICY = TrustPolicy()
SAFE = Verdict(flagged=False, level="low")
HOME: dict[str, Any] = {"device_id": "laptop", "network": {"asn": 64500}}
AGENT = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def past(**fields: Any) -> Profile:
    profile = Profile()
    remember(profile, sighting(at(), id="first", session_id="s", **fields), SAFE, POLICY)
    return profile


def trusted(profile: Profile, **fields: Any) -> bool:
    return in_trusted_context(profile, sighting(at(1), id="then", type="password_changed", **fields), POLICY)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (HOME, True),
        (HOME | {"device_id": "other"}, False),
        (HOME | {"network": {"asn": 64501}}, False),
        ({"session_id": "s"}, True),
        ({"session_id": "s", "device_id": "laptop"}, True),
        ({"session_id": "s", "network": {"asn": 64500}}, True),
        ({"session_id": "s"} | HOME | {"device_id": "other"}, False),
        ({"session_id": "s", "network": {"asn": 64501}}, False),
        ({"session_id": "s", "network": {"kind": "hosting"}}, False),
        ({"session_id": "s", "ip": "192.0.2.1"}, False),
        ({"session_id": "another"}, False),
        ({"device_id": "laptop"}, False),
        ({"network": {"asn": 64500}}, False),
        ({}, False),
    ],
)
def test_what_is_said_must_be_known_and_the_session_vouches_for_the_rest(
    fields: dict[str, Any], expected: bool
) -> None:
    assert trusted(past(**HOME), **fields) is expected


def test_with_no_past_nothing_is() -> None:
    assert not trusted(Profile(), **HOME)
    assert not trusted(Profile())


def test_what_a_service_never_says_is_passed_over() -> None:
    assert trusted(past(device_id="laptop"), device_id="laptop")
    assert not trusted(past(device_id="laptop"), device_id="other")
    assert not trusted(past(device_id="laptop"), device_id="laptop", network={"asn": 64501})
    assert trusted(past(network={"asn": 64500}), network={"asn": 64500})


def test_without_an_id_the_device_is_browser_and_system() -> None:
    usual = AGENT | {"network": {"asn": 64500}}
    assert trusted(past(**usual), **usual)
    assert not trusted(past(**HOME), **usual)


def test_private_addresses_are_one_network_for_those_who_use_them() -> None:
    office = {"device_id": "laptop", "network": {"kind": "private"}}
    assert trusted(past(**office), **office)
    assert not trusted(past(**HOME), **office)


def test_a_session_called_compromised_takes_all_with_it() -> None:
    profile = past(**HOME)
    remember(profile, sighting(at(0.5), id="second", session_id="t", **HOME), SAFE, POLICY)
    distrust_sighting(profile, sighting(at(0.5), id="second", session_id="t", **HOME), was_trusted=True)
    assert trusted(profile, **HOME)
    assert not trusted(profile, session_id="t", **HOME)


def test_a_session_that_is_made_later_vouches_for_nothing() -> None:
    profile = past(**HOME)
    remember(profile, sighting(at(2), id="later", session_id="later", **HOME), SAFE, POLICY)
    assert not trusted(profile, session_id="later")
