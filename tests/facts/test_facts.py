"""What rules can read: absent against false, travel, addresses."""

from datetime import datetime
from typing import Any

import msgspec
import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events.place import Network
from sentinel.events.sighting import Sighting
from sentinel.facts import FACTS, FactValue, Look
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.past.remember import Verdict, remember
from sentinel.past.usual import great_circle_km
from tests.builders import at, sighting

POLICY = TrustPolicy()
SAFE = Verdict(flagged=False, level="low")
TYPES = {"bool": bool, "int": int, "double": float, "string": str, "list(string)": tuple}
EMPTY = Sighting(tenant="default", key="k", time=1, type="login", outcome="failure")
PARIS: dict[str, Any] = {"country": "FR", "lat": 48.9, "lon": 2.4}
TOKYO: dict[str, Any] = {"country": "JP", "lat": 35.7, "lon": 139.7}
LONDON: dict[str, Any] = {"country": "GB", "lat": 51.5, "lon": -0.1}


def code(time: str) -> dict[str, Any]:
    """A one-time code typed in time."""
    step = pyotp.TOTP(pyotp.random_base32()).timecode(datetime.fromisoformat(time))
    return {"method": "totp", "device_id": "app", "outcome": "success", "counter": step}


def past(*logins: tuple[str, dict[str, Any]]) -> Profile:
    profile = Profile()
    for number, (time, fields) in enumerate(logins):
        remember(profile, sighting(time, id=f"past-{number}", **fields), SAFE, POLICY)
    return profile


def seen(seen: Sighting, profile: Profile | None = None) -> dict[str, FactValue | None]:
    look = Look(seen, profile or Profile(), POLICY)
    return {name: fact.compute(look) for name, fact in FACTS.items()}


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_every_fact_has_a_meaning_and_bears_an_empty_event(fact: Any) -> None:
    assert fact.meaning.endswith((".", ")"))
    assert len(fact.meaning) > 10
    value = fact.compute(Look(EMPTY, Profile(), POLICY))
    if fact.type == "bool":
        assert value is False or fact.name in ("event.own", "account.warming_up")
    elif fact.type in ("double", "int"):
        assert value is None or value == 0
    else:
        assert value in (None, "", (), EMPTY.type, EMPTY.outcome, "self")


@pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)
def test_every_fact_has_the_type_it_declares(fact: Any) -> None:
    full = sighting(
        at(200),
        ip="192.0.2.1",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        device_id="laptop",
        client={"ja4": "x", "accept_language": "fr"},
        session_id="s",
        service="web",
        auth={"method": "passkey", "idp": "x", "origin": "https://example.org"},
        mfa=code(at(200)),
        place=TOKYO | {"region": "Tokyo"},
        network={"asn": 64500, "organisation": "Example Net", "kind": "residential"},
        rtt_ms=30,
        account_tags=["admin"],
        account_created=at(),
    )
    logins = [
        (at(), {"place": PARIS, "mfa": code(at())}),
        (at(50), {"place": TOKYO | {"region": "Tokyo"}, "mfa": code(at(50))}),
        (at(199), {"type": "recovery_used"}),
        (at(199), {"type": "password_changed", "actor": "admin"}),
    ]
    story = past(*logins)
    if fact.name.startswith("session."):
        # Only an event that is no login belongs to a session of an earlier one.
        full = sighting(at(200), type="session_seen", outcome=None, session_id="s", place=TOKYO)
        story = past((at(), {"session_id": "s", "place": PARIS}))
    value = fact.compute(Look(full, story, POLICY))
    if fact.name.startswith("model."):
        assert value is None  # until there are models
        return
    assert type(value) is TYPES[fact.type]


def test_keyed_facts_are_declared_so() -> None:
    """A text that no reader could make sense of is a pseudonym, and must never be shown."""
    full = sighting(
        ip="192.0.2.1",
        user_agent="x",
        device_id="laptop",
        client={"ja4": "x"},
        mfa={"method": "totp", "device_id": "phone"},
    )
    secrets = {
        full.account,
        full.address,
        full.prefix,
        full.device_key,
        full.agent,
        full.ja4,
        full.factor.key,
    }
    for name, value in seen(full).items():
        assert FACTS[name].keyed is (value in secrets), name


class TestUnknown:
    def test_unknown_is_not_new_and_not_trusted(self) -> None:
        facts = seen(sighting(at(1)), past((at(), {"device_id": "laptop", "network": {"asn": 64500}, "place": PARIS})))
        for name in ("device", "network"):
            assert (facts[f"{name}.known"], facts[f"{name}.new"], facts[f"{name}.trusted"]) == (
                False,
                False,
                False,
            )
        assert (facts["place.known"], facts["place.country_new"], facts["place.country_trusted"]) == (
            False,
            False,
            False,
        )

    def test_measures_are_absent_and_flags_are_false(self) -> None:
        facts = seen(sighting())
        absent = {name for name, value in facts.items() if value is None}
        assert {
            "travel.speed_kmh",
            "travel.distance_km",
            "travel.hours",
            "event.rtt_ms",
            "network.asn",
        } <= absent
        assert {"account.days_since_seen", "account.age_days"} <= absent
        assert not any(FACTS[name].type == "bool" for name in absent)

    def test_without_an_id_the_look_of_the_device_counts(self) -> None:
        firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
        profile = past((at(), {"user_agent": firefox.format(128)}))
        upgraded = seen(sighting(at(1), user_agent=firefox.format(131)), profile)
        assert (upgraded["device.new"], upgraded["device.trusted"]) == (False, True)
        windows = firefox.format(128).replace("X11; Linux x86_64", "Windows NT 10.0")
        assert seen(sighting(at(1), user_agent=windows), profile)["device.new"] is True
        new_id = seen(sighting(at(1), user_agent=firefox.format(128), device_id="other"), profile)
        assert new_id["device.new"] is True

    def test_a_new_id_on_the_usual_browser_and_network_is_familiar(self) -> None:
        usual: dict[str, Any] = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
        profile = past((at(), usual | {"device_id": "laptop", "network": {"asn": 64500}}))
        here = seen(sighting(at(1), **usual, device_id="other", network={"asn": 64500}), profile)
        assert (here["device.new"], here["device.familiar"]) == (True, True)
        away = seen(sighting(at(1), **usual, device_id="other", network={"asn": 64501}), profile)
        assert (away["device.new"], away["device.familiar"]) == (True, False)


class TestTravel:
    def travel(self, profile: Profile, time: str, **fields: Any) -> tuple[Any, Any, Any]:
        facts = seen(sighting(time, **fields), profile)
        assert facts["travel.known"] is (facts["travel.distance_km"] is not None)
        return facts["travel.distance_km"], facts["travel.hours"], facts["travel.speed_kmh"]

    def test_from_the_last_trusted_login_with_a_place(self) -> None:
        profile = past((at(), {"place": PARIS}))
        distance, hours, speed = self.travel(profile, at(0, hours=2), place=TOKYO)
        assert (distance, hours) == (pytest.approx(9711, abs=15), 2.0)
        assert speed == pytest.approx(distance / 2, abs=1)

    def test_accuracy_is_subtracted_and_never_below_nothing(self) -> None:
        profile = past((at(), {"place": PARIS | {"accuracy_km": 100}}))
        distance, _, _ = self.travel(profile, at(1), place=LONDON | {"accuracy_km": 50})
        assert distance == pytest.approx(341 - 150, abs=6)
        assert self.travel(profile, at(1), place=LONDON | {"accuracy_km": 500})[0] == 0
        assert self.travel(profile, at(1), place=LONDON | {"accuracy_km": 500})[2] == 0

    def test_no_time_at_all_is_the_clearest_case(self) -> None:
        profile = past((at(), {"place": PARIS}))
        distance, hours, speed = self.travel(profile, at(), place=TOKYO)
        assert speed > 1_000_000
        assert distance > 9000
        assert hours < 0.001
        assert self.travel(profile, at(), place=PARIS)[2] == 0

    @pytest.mark.parametrize("kind", ["vpn", "proxy", "tor", "relay", "hosting", "satellite"])
    def test_a_network_that_hides_the_place_is_neither_judged_nor_a_reference(self, kind: str) -> None:
        hidden = {"place": TOKYO, "network": {"kind": kind}}
        assert self.travel(past((at(), {"place": PARIS})), at(1), **hidden) == (None, None, None)
        assert self.travel(past((at(), hidden)), at(1), place=PARIS) == (None, None, None)
        assert self.travel(past((at(), {"place": PARIS}), (at(1), hidden)), at(2), place=PARIS)[0] == 0

    @pytest.mark.parametrize("kind", ["residential", "mobile", "business", "private"])
    def test_others_are_judged(self, kind: str) -> None:
        away = {"place": TOKYO, "network": {"kind": kind}}
        assert self.travel(past((at(), {"place": PARIS})), at(1), **away)[0] > 9000

    def test_unknown_places_are_skipped(self) -> None:
        profile = past((at(), {"place": PARIS}), (at(1), {}), (at(2), {"place": {"country": "XX"}}))
        assert self.travel(profile, at(3), place=PARIS)[:2] == (0, 72.0)
        assert self.travel(profile, at(3)) == (None, None, None)
        assert self.travel(profile, at(3), place={"country": "XX"}) == (None, None, None)

    @pytest.mark.parametrize("ip", ["10.0.0.1", "192.0.2.1", "127.0.0.1", "2001:db8::1", "169.254.1.1"])
    def test_an_address_without_a_place_is_judged_when_the_sender_gives_one(self, ip: str) -> None:
        profile = past((at(), {"ip": ip, "place": PARIS}))
        assert self.travel(profile, at(1), ip=ip, place=TOKYO)[0] > 9000
        assert self.travel(profile, at(1), ip=ip) == (None, None, None)
        assert self.travel(past((at(), {"ip": ip})), at(1), place=TOKYO) == (None, None, None)

    def test_events_out_of_order_are_measured_from_the_login_before_them(self) -> None:
        profile = past((at(0), {"place": PARIS}), (at(4), {"place": TOKYO}), (at(2), {"place": LONDON}))
        assert self.travel(profile, at(1), place=PARIS)[:2] == (0, 24.0)
        assert self.travel(profile, at(3), place=LONDON)[:2] == (0, 24.0)
        assert self.travel(profile, at(5), place=TOKYO)[:2] == (0, 24.0)
        assert self.travel(profile, at(-1), place=TOKYO) == (None, None, None)

    @given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
    def test_distances_are_those_of_the_earth(self, lat1: float, lon1: float, lat2: float, lon2: float) -> None:
        there, back = great_circle_km(lat1, lon1, lat2, lon2), great_circle_km(lat2, lon2, lat1, lon1)
        assert there == pytest.approx(back, abs=1e-6)
        assert 0 <= there <= 20_016
        assert great_circle_km(lat1, lon1, lat1, lon1) == pytest.approx(0, abs=1e-3)

    def test_the_date_line_is_no_border(self) -> None:
        assert great_circle_km(0, 179.9, 0, -179.9) == pytest.approx(22, abs=1)


class TestAccount:
    def test_days_since_the_last_sign_of_life(self) -> None:
        profile = past((at(), {}))
        assert seen(sighting(at(91.25)), profile)["account.days_since_seen"] == 91.0
        assert seen(sighting(at(-1)), profile)["account.days_since_seen"] is None

    def test_a_name_that_was_tried_does_not_exist(self) -> None:
        assert seen(sighting())["account.exists"] is True
        tried = sighting(outcome="failure", reason="unknown_account")
        assert seen(tried)["account.exists"] is False
        assert seen(sighting(outcome="failure", account=None))["account.exists"] is False


class TestSecondFactor:
    @pytest.mark.parametrize(
        ("mfa", "passed"),
        [
            ({"method": "totp", "outcome": "success"}, True),
            ({"method": "totp", "outcome": "failure"}, False),
            ({"method": "totp", "outcome": "bypassed"}, False),
            ({"method": "none", "outcome": "success"}, False),
            ({"outcome": "success"}, False),
            (None, False),
        ],
    )
    def test_passed(self, mfa: dict[str, Any] | None, passed: bool) -> None:
        assert seen(sighting(mfa=mfa))["mfa.passed"] is passed

    def test_the_very_device_is_known(self) -> None:
        totp = {"method": "totp", "device_id": "phone", "outcome": "success"}
        profile = past((at(), {"mfa": totp}))
        assert seen(sighting(at(1), mfa=totp), profile)["mfa.factor_trusted"] is True
        assert seen(sighting(at(-1), mfa=totp), profile)["mfa.factor_trusted"] is False
        assert seen(sighting(at(1), mfa=totp | {"device_id": "other"}), profile)["mfa.factor_trusted"] is False


class TestSources:
    """Facts that windows over sources are kept by, or weighed with."""

    @pytest.mark.parametrize(
        ("fields", "ipv6", "rented"),
        [
            ({"ip": "2001:db8::1", "network": {"asn": 64500, "kind": "hosting"}}, True, True),
            ({"ip": "2001:db8::1", "network": {"asn": 64500, "kind": "residential"}}, True, False),
            ({"ip": "2001:db8::1", "network": {"kind": "hosting"}}, True, False),
            ({"ip": "192.0.2.1", "network": {"asn": 64500, "kind": "hosting"}}, False, False),
            ({"ip": "::ffff:192.0.2.1", "network": {"asn": 64500, "kind": "hosting"}}, False, False),
            ({}, False, False),
        ],
    )
    def test_space_that_may_be_one_customers(self, fields: dict[str, Any], ipv6: bool, rented: bool) -> None:
        facts = seen(sighting(**fields))
        assert (facts["network.ipv6"], facts["network.rented"]) == (ipv6, rented)

    def test_a_small_network_counts_as_rented(self) -> None:
        small = Network(64500, small=True)
        one = msgspec.structs.replace(sighting(ip="2001:db8::1"), network=small)
        other = msgspec.structs.replace(sighting(ip="192.0.2.1"), network=small)
        assert (seen(one)["network.rented"], seen(other)["network.rented"]) == (True, False)

    @pytest.mark.parametrize(
        ("fields", "familiar"),
        [
            ({"device_id": "laptop", "network": {"asn": 64500}}, True),
            ({"device_id": "other", "network": {"asn": 64500}}, False),
            ({"device_id": "laptop", "network": {"asn": 64501}}, False),
            ({"network": {"asn": 64500}}, True),
            ({"device_id": "laptop"}, False),
        ],
    )
    def test_a_failed_try_from_where_the_account_always_is(self, fields: dict[str, Any], familiar: bool) -> None:
        home = past((at(), {"device_id": "laptop", "network": {"asn": 64500}}))
        failed = sighting(at(1), outcome="failure", reason="bad_password", **fields)
        assert seen(failed, home)["account.familiar"] is familiar

    def test_what_is_there_to_keep_windows_by(self) -> None:
        names = ("device.agent_known", "device.identified", "client.ja4_known")
        assert [seen(sighting())[name] for name in names] == [False] * 3
        full = sighting(user_agent="x", device_id="laptop", client={"ja4": "x"})
        assert [seen(full)[name] for name in names] == [True] * 3

    def test_private_addresses_become_familiar_by_their_block(self) -> None:
        """Without an autonomous system nothing is new or trusted, yet people are at home there."""
        home = past((at(), {"ip": "10.1.2.3"}))
        same, other = (seen(sighting(at(1), ip=ip), home) for ip in ("10.1.2.9", "10.9.9.9"))
        names = ("network.familiar", "network.trusted", "network.new")
        assert [same[name] for name in names] == [True, False, False]
        assert [other[name] for name in names] == [False, False, False]
