"""People churn as the issue says they do; by the law of large numbers, not by luck of one seed."""

from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random

import pytest

from sentinel.enrich.device import describe
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.devices import Slot, slot
from sentinel.simulation.lines import YEAR
from sentinel.simulation.people import population
from sentinel.simulation.trips import trip_at, trips

BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
FIVE_YEARS = (BEGIN, BEGIN + 5 * YEAR)


@pytest.mark.parametrize(("name", "months"), [("phone", 30), ("computer", 48), ("work", 48)])
def test_devices_are_replaced(agents: Agents, name: str, months: float) -> None:
    held = [slot(name, agents, FIVE_YEARS, Random(n)) for n in range(900)]
    replaced = sum(len(each.replaced()) for each in held) / len(held)
    assert replaced == pytest.approx(60 / months, rel=0.08)


def test_two_per_cent_of_cookies_are_lost_a_month(agents: Agents) -> None:
    held = [slot("computer", agents, FIVE_YEARS, Random(n)) for n in range(900)]
    lost = sum(len(each.periods) - 1 - len(each.replaced()) for each in held)
    assert lost / (len(held) * 60) == pytest.approx(0.02, rel=0.08)


def test_a_lost_cookie_leaves_the_browser_and_a_new_device_brings_another(agents: Agents) -> None:
    for each in [slot("phone", agents, FIVE_YEARS, Random(n)) for n in range(200)]:
        for (_, before, id_before), (_, after, id_after) in pairwise(each.periods):
            assert id_before != id_after
            assert (before == after) == (before.number == after.number)


def test_three_in_ten_travel_twice_a_year(addresses: Addresses) -> None:
    site = addresses.sites("DE", "home")[0]
    held = [trips(addresses, site, FIVE_YEARS, Random(n)) for n in range(3000)]
    travellers = [each for each in held if each]
    assert len(travellers) / len(held) == pytest.approx(0.30, abs=0.025)
    assert sum(map(len, travellers)) / len(travellers) / 5 == pytest.approx(2.0, rel=0.06)
    for each in travellers:
        for before, after in pairwise(each):
            assert before.leaves < before.arrives < before.departs < before.back <= after.leaves
        assert all(trip.hotel.country != "DE" for trip in each)
        assert trip_at(each, each[0].leaves) == each[0]


def test_browsers_upgrade_themselves_and_stay_the_same_browser(agents: Agents) -> None:
    changed = 0
    for n in range(100):
        agent = agents.draw(("desktop", "mobile")[n % 2], Random(n))
        early, late = agent.at(date(2026, 1, 10), 0), agent.at(date(2026, 8, 10), 0)
        before, after = describe(early), describe(late)
        assert (before.browser, before.os, before.type) == (after.browser, after.os, after.type)
        changed += early != late
    assert changed > 80


def test_browsers_are_shared_as_in_the_world(agents: Agents) -> None:
    phones = [agents.draw("mobile", Random(n)).os for n in range(2000)]
    assert {"iOS", "Android"} <= set(phones)
    # The package's data comes from sites where iPhones are frequent.
    assert 0.1 < phones.count("Android") / len(phones) < 0.8
    assert all(describe(agents.popular("desktop", Random(n)).text).type == "desktop" for n in range(20))


def test_people_differ_and_some_share_a_home(addresses: Addresses, agents: Agents) -> None:
    people = population(1, 600, (BEGIN, BEGIN + YEAR / 4), addresses, agents)
    families = 600 - len({id(person.home) for person in people})
    assert 0.25 < families / 600 < 0.45
    services = [person for person in people if person.is_service]
    assert len(services) == 6
    vpn = [person for person in people if person.vpn]
    assert 0.02 < len(vpn) / 600 < 0.07
    assert any(person.relay for person in people)
    assert 0.5 < sum(person.factor is not None for person in people) / 600 < 0.7
    offices: dict[int, int] = {}
    for person in people:
        offices[id(person.office)] = offices.get(id(person.office), 0) + (person.office is not None)
    assert 2 <= max(offices.values()) <= 15
    slots: list[Slot] = [held for person in people for held in person.slots]
    assert len({id(held) for held in slots}) < len(slots), "some families share a computer"
