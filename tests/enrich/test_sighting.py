"""From event to sighting: pseudonyms, what is judged, and what the sender gives against what is looked up."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec
import pytest

from sentinel.enrich.countries import load_countries
from sentinel.enrich.marks import Marks
from sentinel.enrich.place import PlaceReader
from sentinel.enrich.sighting import Enricher, attributes_of, raw_of
from sentinel.events.place import Network, Place
from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from tests.builders import event, make_enricher, sighting

PARIS = Place("FR", "Île-de-France", "Paris", 48.86, 2.35, 20.0)
#: What the readers below take for a public address.
PUBLIC = "203.0.113.9"
_COUNTRIES = PlaceReader(None, load_countries())


class Places:
    """The public address is in Paris."""

    def lookup(self, ip: IPv4Address | IPv6Address) -> Place | None:
        return PARIS if str(ip) == PUBLIC else None

    def country_place(self, country: str) -> Place | None:
        return _COUNTRIES.country_place(country)


class Networks:
    marks = Marks()

    """The public address is a listed exit of a VPN."""

    def lookup(self, ip: IPv4Address | IPv6Address) -> Network:
        if str(ip) != PUBLIC:
            return Network(kind="private")
        return Network(64500, "Example Net", "vpn", listed=True)

    def kind_of_asn(self, asn: int) -> str | None:
        return "mobile" if asn == 64501 else None

    def is_small(self, asn: int) -> bool:
        return asn == 64502


KNOWING = Enricher(Pseudonymizer(Secret.ephemeral()), Places(), Networks())


def place(**fields: Any) -> Place:
    return KNOWING.sight("default", event(**fields)).place


def network(**fields: Any) -> Network:
    return KNOWING.sight("default", event(**fields)).network


class TestPseudonyms:
    def test_nothing_raw_is_left(self) -> None:
        raw: dict[str, Any] = {
            "ip": "192.0.2.77",
            "user_agent": "Example/1.0 (made up)",
            "device_id": "device-secret",
            "session_id": "session-secret",
            "account": "account-secret",
            "actor": "admin",
            "actor_account": "actor-secret",
            "email": "secret@example.org",
            "name": "Secret Name",
            "client": {"ja4": "ja4-secret", "accept_language": "language-secret"},
            "mfa": {"method": "totp", "device_id": "factor-secret"},
            "concludes": "concluded-secret",
            "extra": {"more": "extra-secret"},
            "id": "id-secret",
        }
        packed = msgspec.json.encode(sighting(**raw)).decode()
        assert "ecret" not in packed
        assert "192.0.2" not in packed
        assert "made up" not in packed

    def test_equal_values_are_equal_within_a_tenant_and_an_installation_only(self) -> None:
        one, other = make_enricher(), make_enricher()
        given = event(ip="192.0.2.1", device_id="laptop")
        here, again = one.sight("default", given), one.sight("default", given)
        assert here == again
        for elsewhere in (one.sight("other", given), other.sight("default", given)):
            assert {here.account, here.address, here.device_key, here.key}.isdisjoint(
                {elsewhere.account, elsewhere.address, elsewhere.device_key, elsewhere.key}
            )

    def test_a_name_that_was_only_tried_is_no_account(self) -> None:
        tried = sighting(outcome="failure", reason="unknown_account", account="hunter2")
        assert tried.account != sighting(account="hunter2").account
        assert not tried.known_account
        assert raw_of(event(outcome="failure", reason="unknown_account", account="hunter2")).account is None
        assert attributes_of(event(outcome="failure", reason="unknown_account", email="a@example.org")) is None

    @pytest.mark.parametrize(
        ("one", "other", "address", "prefix"),
        [
            ("192.0.2.1", "192.0.2.2", False, True),
            ("192.0.2.1", "198.51.100.1", False, False),
            ("192.0.2.1", "::ffff:192.0.2.1", True, True),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, True),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", False, True),
            ("2001:db8:1:2::1", "2001:db8:2:2::1", False, False),
        ],
    )
    def test_an_address_is_a_v4_address_or_a_v6_64(self, one: str, other: str, address: bool, prefix: bool) -> None:
        first, second = sighting(ip=one), sighting(ip=other)
        assert (first.address == second.address, first.prefix == second.prefix) == (address, prefix)

    def test_ids_alone_are_kept_of_what_is_too_old(self) -> None:
        old = raw_of(event(ip="192.0.2.1", device_id="laptop", user_agent="x", session_id="s")).bare()
        assert msgspec.structs.asdict(old) == {
            **dict.fromkeys(old.__struct_fields__),
            "event": "e-1",
            "account": "u-1",
        }


class TestWhatIsJudged:
    @pytest.mark.parametrize(
        ("fields", "judged"),
        [
            ({}, True),
            ({"outcome": "pending"}, True),
            ({"outcome": "failure", "reason": "mfa_failed", "password_ok": True}, True),
            ({"outcome": "blocked", "password_ok": True}, True),
            ({"outcome": "failure", "reason": "bad_password"}, False),
            ({"outcome": "blocked"}, False),
            ({"type": "session_seen"}, True),
            ({"type": "password_changed"}, True),
            ({"type": "mfa_removed"}, True),
            ({"type": "mfa_removed", "actor": "admin"}, False),
            ({"type": "logout"}, False),
            ({"type": "mfa_challenge"}, False),
            ({"outcome": "failure", "reason": "unknown_account", "password_ok": True}, False),
        ],
    )
    def test_like_a_login(self, fields: dict[str, Any], judged: bool) -> None:
        assert sighting(**fields).judged is judged

    @pytest.mark.parametrize(
        ("fields", "attempt"),
        [({"outcome": "failure", "reason": reason}, True) for reason in
         ("bad_password", "unknown_account", "mfa_failed", "locked", "rate_limited", "other")]
        + [({"outcome": "failure", "reason": reason}, False) for reason in
           ("interrupted", "expired", "disabled", "policy")]
        + [({"outcome": "blocked", "reason": "policy"}, True), ({"outcome": "blocked"}, True)]
        + [({"outcome": "failure"}, True), ({}, False), ({"outcome": "pending"}, False)],
    )  # fmt: skip
    def test_an_attempt(self, fields: dict[str, Any], attempt: bool) -> None:
        assert sighting(**fields).attempt is attempt

    @pytest.mark.parametrize(
        ("fields", "resistant"),
        [
            ({"auth": {"method": "passkey"}}, True),
            ({"auth": {"phishing_resistant": True}}, True),
            ({"mfa": {"method": "webauthn", "outcome": "success"}}, True),
            ({"mfa": {"method": "webauthn", "outcome": "failure"}}, False),
            ({"mfa": {"method": "totp", "outcome": "success"}}, False),
            ({}, False),
        ],
    )
    def test_phishing_resistant(self, fields: dict[str, Any], resistant: bool) -> None:
        assert sighting(**fields).phishing_resistant is resistant


class TestPlace:
    def test_looked_up_when_nothing_is_given(self) -> None:
        assert place(ip=PUBLIC) == PARIS

    def test_what_is_given_stands(self) -> None:
        given = {
            "country": "JP",
            "region": "Tokyo",
            "city": "Tokyo",
            "lat": 35.7,
            "lon": 139.7,
            "accuracy_km": 5,
        }
        assert place(ip=PUBLIC, place=given) == Place("JP", "Tokyo", "Tokyo", 35.7, 139.7, 5)

    @pytest.mark.parametrize("ip", ["10.0.0.1", "192.0.2.1", "2001:db8::1", "127.0.0.1", None])
    def test_also_for_addresses_that_have_no_place(self, ip: str | None) -> None:
        assert place(ip=ip) == Place()
        assert place(ip=ip, place={"country": "JP", "lat": 35.7, "lon": 139.7}).country == "JP"

    def test_missing_parts_are_looked_up(self) -> None:
        assert place(ip=PUBLIC, place={"country": "FR"}) == PARIS
        assert place(ip=PUBLIC, place={"city": "Paris"}) == PARIS
        assert place(ip=PUBLIC, place={"lat": 48.9, "lon": 2.4}).country == "FR"

    def test_but_not_those_of_another_place(self) -> None:
        tokyo = place(ip=PUBLIC, place={"country": "JP"})
        assert (tokyo.country, tokyo.city) == ("JP", None)
        assert tokyo.lat == pytest.approx(36, abs=4)
        nice = place(ip=PUBLIC, place={"city": "Nice"})
        assert (nice.country, nice.city, nice.region) == ("FR", "Nice", None)
        assert (bretagne := place(ip=PUBLIC, place={"region": "Bretagne"})).city is None
        assert (bretagne.lat, bretagne.lon) == (nice.lat, nice.lon)
        assert nice.accuracy_km is not None
        assert nice.accuracy_km > 100, "only the country's centre is known"

    def test_a_country_alone_is_its_centre_with_a_radius_of_its_size(self) -> None:
        large, small = place(place={"country": "US"}), place(place={"country": "LU"})
        assert large.accuracy_km is not None
        assert small.accuracy_km is not None
        assert large.accuracy_km > 1000 > 100 > small.accuracy_km

    def test_a_country_nobody_knows_has_no_centre(self) -> None:
        assert place(place={"country": "XX"}) == Place("XX")


class TestNetwork:
    def test_looked_up_and_given(self) -> None:
        assert network(ip=PUBLIC) == Network(64500, "Example Net", "vpn", listed=True)
        assert network(network={"asn": 64501, "organisation": "Given", "kind": "business"}) == Network(
            64501, "Given", "business"
        )

    def test_a_kind_alone_is_given_over_what_was_found(self) -> None:
        assert network(ip=PUBLIC, network={"kind": "residential"}) == Network(
            64500, "Example Net", "residential", listed=True
        )

    def test_of_another_network_only_lists_and_hiding_places_hold(self) -> None:
        assert network(ip=PUBLIC, network={"asn": 64501}) == Network(64501, None, "vpn", listed=True)
        assert network(ip="10.0.0.1", network={"asn": 64501}) == Network(64501, None, "mobile")

    @pytest.mark.parametrize("ip", ["10.0.0.1", "127.0.0.1", "192.0.2.1"])
    def test_a_private_address_has_no_network(self, ip: str) -> None:
        assert network(ip=ip) == Network(kind="private")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://login.example.org:8443/x", "login.example.org"),
        ("Login.Example.ORG", "login.example.org"),
        ("https://[broken", None),
    ],
)
def test_an_origin_is_a_host(origin: str, host: str | None) -> None:
    assert sighting(auth={"origin": origin}).origin == host
