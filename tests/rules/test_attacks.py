"""Attacks and ordinary crowds through all packaged rules: what is found, who is told, and who is left alone."""

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from sentinel.events.assessment import DECISION_ORDER
from sentinel.pipeline.campaign import campaigns_key
from sentinel.pipeline.judge import Judged
from sentinel.rules.ruleset import RuleSet
from tests.builders import TENANT, Story, at, found, packaged

#: Rules about sources and guessing: those that crowds must not trip.
SOURCES = {
    "account_enumeration", "brute_force_account", "brute_force_address", "credential_stuffing", "distributed_guessing",
    "listed_address", "password_spray", "shared_device", "shared_success", "slow_spray", "success_after_attack",
}  # fmt: skip
WRONG: dict[str, Any] = {"outcome": "failure", "reason": "bad_password"}
ODD_AGENT = "okhttp/2.7.5"
POPULAR = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/128.0.0.0 Safari/537.36"


class Place:
    """A story with accounts that are at home somewhere."""

    def __init__(self, accounts: int = 0, *, agent: str | None = POPULAR, days: int = 4) -> None:
        self.story = Story(RuleSet(packaged()))
        self.agent = agent
        for number in range(accounts):
            for day in range(days):
                self.login(-days + day, number)

    def home(self, number: int) -> dict[str, Any]:
        return {
            "account": f"u-{number}",
            "ip": f"192.0.2.{number % 250 + 1}",
            "network": {"asn": 64500 + number % 4, "kind": "residential"},
            "place": {"country": "FR", "lat": 48.9, "lon": 2.4, "accuracy_km": 50},
            "device_id": f"device-{number}",
            "user_agent": self.agent,
        }

    def login(self, days: float, number: int, *, seconds: float = 0, **fields: Any) -> Judged:
        """A login of account ``number``, at home where ``fields`` say nothing else."""
        return self.story.judged(at(days, seconds=seconds), **(self.home(number) | fields))

    def attack(self, days: float, number: int, *, seconds: float = 0, **fields: Any) -> Judged:
        """A try on account ``number`` from elsewhere; it fails unless told otherwise."""
        given: dict[str, Any] = {
            "account": f"u-{number}",
            "ip": "203.0.113.9",
            "network": {"asn": 64509},
            "place": {"country": "FR", "lat": 45.8, "lon": 4.8, "accuracy_km": 50},
        }
        return self.story.judged(at(days, seconds=seconds), **(given | WRONG | fields))

    def open_campaigns(self) -> int:
        return len(self.story.replay.profile(campaigns_key(TENANT)).alerts)


IN: dict[str, Any] = {"outcome": "success", "reason": None}


def bot(number: int) -> dict[str, Any]:
    """Where a botnet's machine is: hardly two share a network."""
    roll = Random(number)
    return {
        "ip": f"2001:db8:{number:x}::1",
        "network": {"asn": 65536 + number % 16, "kind": "residential"},
        "place": {"country": roll.choice(["FR", "DE", "BR", "VN"])},
        "user_agent": ODD_AGENT,
    }


def rules_of(judged: Iterable[Judged]) -> set[str]:
    return {rule for each in judged for rule in found(each.assessment)}


def campaigns(judged: Iterable[Judged]) -> set[str]:
    return {raised.alert.id for each in judged for raised in each.raised if raised.alert.kind == "campaign"}


def mailed(judged: Iterable[Judged]) -> list[str]:
    return [notice.kind for each in judged for notice in each.notices]


def stopped(judged: Judged) -> bool:
    return DECISION_ORDER[judged.assessment.decision] >= DECISION_ORDER["challenge"]


class TestAttacks:
    def test_a_spray_and_the_account_that_lets_it_in(self) -> None:
        town = Place(30)
        spray = [town.attack(1, number, seconds=number * 20 + shot * 700) for shot in range(2) for number in range(30)]
        assert "password_spray" in rules_of(spray)
        assert len(campaigns(spray)) == 1
        assert mailed(spray) == ["campaign"]
        hit = town.attack(1, 7, seconds=1500, **IN)
        assert "success_after_attack" in found(hit.assessment)
        assert stopped(hit)
        victims = [town.login(1, number, seconds=1600 + number) for number in range(30) if number != 7]
        assert not rules_of(victims) & SOURCES
        assert {each.assessment.decision for each in victims} == {"allow"}
        assert mailed(victims) == []

    @pytest.mark.parametrize("size", [400])
    def test_stuffing_from_one_network(self, size: int) -> None:
        town = Place(size, days=3)
        tries = []
        for number in range(size):
            hit = IN if number % 50 == 49 else {}
            tries.append(town.attack(1, number, seconds=number * 2, ip=f"203.0.113.{number % 200}", **hit))
        assert "credential_stuffing" in rules_of(tries)
        hits = [tries[number] for number in range(49, size, 50)]
        assert all(stopped(each) for each in hits)  # the first comes after forty-nine tries
        assert len(campaigns(tries)) == 1
        assert mailed(tries).count("campaign") == 1
        assert len(mailed(tries)) <= 1 + len(hits)  # nobody else hears of it

    def test_stuffing_from_a_botnet_with_one_agent(self) -> None:
        town = Place(200, days=3)
        tries = []
        for number in range(200):
            hit = IN if number % 50 == 49 else {}
            tries.append(town.attack(1, number, seconds=number * 3, **(bot(number) | hit)))
        assert {"credential_stuffing", "distributed_guessing"} <= rules_of(tries)
        assert all(stopped(tries[number]) for number in range(49, 200, 50))
        assert len(campaigns(tries)) == 1
        assert mailed(tries).count("campaign") == 1
        # Meanwhile everybody else is left alone, those on the road with their own device included.
        others = [town.login(1, number, seconds=700 + number, network={"asn": 64509}) for number in range(20)]
        assert not rules_of(others) & SOURCES

    def test_one_account_guessed_from_everywhere(self) -> None:
        town = Place(1)
        tries = [
            town.attack(1, 0, seconds=number * 60, **(bot(number) | {"user_agent": f"a/{number}"}))
            for number in range(20)
        ]
        assert "distributed_guessing" in rules_of(tries)
        assert len(campaigns(tries)) == 1
        assert not stopped(town.login(1, 0, seconds=1300))

    def test_thousands_of_sprayed_accounts_are_one_campaign(self) -> None:
        town = Place()
        tries = [
            town.story.judged(at(0, seconds=number), account=f"v-{number}", ip=f"203.0.113.{number % 250}", **WRONG)
            for number in range(3_000)
        ]
        assert len(campaigns(tries)) == 1
        assert mailed(tries) == ["campaign"]
        assert town.story.replay.profile(campaigns_key(TENANT)).alerts[0].events > 2_900

    @pytest.mark.parametrize("shared", ["network", "agent", "ja4"])
    def test_a_slow_spray_over_a_week(self, shared: str) -> None:
        town = Place(28)
        tries = []
        for number in range(28):
            where = {
                "network": {"ip": f"203.0.113.{number}", "user_agent": f"a/{number}"},
                "agent": bot(number),
                "ja4": bot(number) | {"user_agent": f"a/{number}", "client": {"ja4": "t13d1715h2_5b57614c22b0"}},
            }[shared]
            for number_again in (number, (number + 14) % 28):
                tries.append(town.attack(number / 4, number_again, seconds=number_again, **where))
            town.login(number / 4, number, seconds=9000)
        seen = [number for number, each in enumerate(tries) if "slow_spray" in found(each.assessment)]
        assert seen
        assert seen[0] <= 24  # the twentieth account, not much later
        assert len(campaigns(tries)) == 1
        assert mailed(tries).count("campaign") == 1

    def test_successes_on_accounts_that_do_not_know_the_agent(self) -> None:
        town = Place(6)
        logins = [town.attack(1, number, seconds=number * 9000, **(bot(number) | IN)) for number in range(5)]
        assert ["shared_success" in found(each.assessment) for each in logins] == [False, False, True, True, True]
        assert len(campaigns(logins)) == 1

    def test_two_attackers_are_two_campaigns(self) -> None:
        town = Place()
        tries = [
            town.story.judged(
                at(0, seconds=number), account=f"v-{number}", ip=["203.0.113.5", "198.51.100.5"][number % 2], **WRONG
            )
            for number in range(100)
        ]
        assert len(campaigns(tries)) == 2

    def test_a_thousand_sources_that_share_nothing_do_not_send_a_thousand_mails(self) -> None:
        town = Place()
        tries = [
            town.story.judged(
                at(0, seconds=number + shot / 100), account=f"v-{number}", ip=f"2001:db8:{number:x}::1", **WRONG
            )
            for number in range(200)
            for shot in range(20)
        ]
        assert "brute_force_address" in rules_of(tries)
        assert mailed(tries).count("campaign") <= 16


def crowd(town: Place, people: int, days: int, roll: Random, **shared: Any) -> list[Judged]:
    """``people`` log in once a working day between 7 and 19; three in a hundred tries are typos, then retried."""
    out = []
    for day in range(days):
        times = sorted((roll.betavariate(2, 4) * 12 * 3600, number) for number in range(people))
        for second, number in times:
            fields = {name: value(roll) if callable(value) else value for name, value in shared.items()}
            while roll.random() < 0.03:
                out.append(town.login(day, number, seconds=second, **(fields | WRONG)))
                second += roll.uniform(4, 40)
            out.append(town.login(day, number, seconds=second, **fields))
    return out


def popular(roll: Random) -> str:
    return roll.choices([POPULAR, "Safari/17.6 (Macintosh; Intel Mac OS X 10_15_7)", "Firefox/129.0"], [70, 20, 10])[0]


class TestCrowds:
    """Crowds have no past at first: the day on which sentinel is switched on must be silent, too."""

    @pytest.mark.parametrize("days", [1, 2])
    def test_an_office_of_two_thousand_behind_one_address(self, days: int) -> None:
        people = 2000 // days
        events = crowd(Place(), people, days, Random(1), ip="203.0.113.9", network={"asn": 64500, "kind": "business"})
        assert sum(each.assessment.decision != "allow" for each in events) == 0
        assert not rules_of(events) & SOURCES
        assert sum(each.assessment.findings != [] and not each.trusted for each in events) == 0

    def test_the_same_office_where_the_service_knows_no_devices(self) -> None:
        events = crowd(Place(agent=None), 1000, 2, Random(2), ip="203.0.113.9", network={"asn": 64500}, device_id=None)
        assert not rules_of(events) & SOURCES

    def test_a_service_that_only_sees_its_own_proxy(self) -> None:
        events = crowd(Place(), 1000, 1, Random(3), ip="10.0.0.1", network=None, place=None)
        assert not rules_of(events) & SOURCES

    def test_a_mobile_carriers_shared_addresses(self) -> None:
        events = crowd(
            Place(),
            1500,
            2,
            Random(4),
            ip=lambda roll: f"203.0.113.{roll.randrange(256)}",
            network={"asn": 64496, "kind": "mobile"},
            user_agent=popular,
        )
        assert not rules_of(events) & SOURCES
        assert {each.assessment.decision for each in events} == {"allow"}

    def test_a_browser_that_everybody_has(self) -> None:
        """Every person at a network of their own, some of them new to it: only the browser is shared."""
        town = Place()
        roll = Random(5)
        events = crowd(
            town,
            700,
            4,
            roll,
            ip=lambda roll: f"2001:db8:{roll.randrange(1 << 16):x}::1",
            network=lambda roll: {"asn": roll.choice([64500, 64500, 64500, 64501, 65536, 65540])},
        )
        assert not rules_of(events) & SOURCES

    def test_the_office_on_a_sunday(self) -> None:
        """A handful of people work, and mistype, after a week in which scores of others did."""
        town = Place()
        office = {"ip": "203.0.113.9", "network": {"asn": 64500, "kind": "business"}}
        events = crowd(town, 400, 5, Random(6), **office)
        for number in range(4):
            events.append(town.login(6, number, seconds=number * 9000, **(office | WRONG)))
        assert not rules_of(events) & SOURCES

    def test_a_family_behind_one_address(self) -> None:
        town = Place()
        roll = Random(7)
        events = []
        for hour in range(24 * 30):
            number = roll.randrange(5)
            device = roll.choice([f"phone-{number}", f"laptop-{number}", "tablet"])
            fields = {"ip": "203.0.113.9", "network": {"asn": 64500}, "device_id": device}
            for shot in range(roll.choices([0, 1, 2, 5], [80, 14, 5, 1])[0]):
                events.append(town.login(0, number, seconds=hour * 3600 + shot * 15, **(fields | WRONG)))
            if roll.random() < 0.3:
                events.append(town.login(0, number, seconds=hour * 3600 + 90, **fields))
        assert not rules_of(events) & SOURCES
        assert town.open_campaigns() == 0

    def test_a_conference_whose_people_bring_their_own_devices(self) -> None:
        town = Place(40)
        events = [
            town.login(1, number, seconds=number * 60, ip="203.0.113.9", network={"asn": 64507}) for number in range(40)
        ]
        assert not rules_of(events) & SOURCES

    def test_an_outage_in_which_nobody_gets_in_because_of_the_house(self) -> None:
        town = Place(60)
        events = [
            town.login(1, number, seconds=number * 5, ip="203.0.113.9", outcome="failure", reason=reason)
            for number in range(60)
            for reason in ("interrupted", "expired", "disabled", "policy")
        ]
        assert not rules_of(events) & SOURCES


class TestOneWhoLogsInBetweenTries:
    """The attacker's own account makes no crowd of honest people, however often it logs in."""

    def test_spray(self) -> None:
        place = Place()
        judged = []
        for number in range(30):
            judged.append(place.attack(0, number, seconds=20 * number))
            for again in (5, 10):
                place.attack(0, 99, seconds=20 * number + again, **IN)
        assert {"password_spray", "brute_force_address", "credential_stuffing"} <= rules_of(judged)
