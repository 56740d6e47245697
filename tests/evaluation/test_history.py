"""Attackers put onto stored history: what they are, and that they leave no trace."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from sentinel.enrich.sighting import Enricher
from sentinel.evaluation.aside import Aside
from sentinel.evaluation.attackers import Login, Scene
from sentinel.evaluation.besiege import Siege
from sentinel.evaluation.contexts import Contexts
from sentinel.evaluation.history import Plan, score_history
from sentinel.evaluation.informed import TRIES, informed
from sentinel.evaluation.rows import NAMES, Scored, Scores
from sentinel.evaluation.scores import Run, Scoring
from sentinel.events.clock import HOUR
from sentinel.events.event import convert_event
from sentinel.past.profile import Profile, decode_profile, encode_profile
from sentinel.pipeline.answers import verdicts_of
from sentinel.pipeline.backtest import BoundedReplay
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.holdout import Part
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged
from sentinel.pipeline.replay import Replay
from sentinel.privacy.vault import Vault
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from sentinel.store.sqlite.store import SqliteStore
from tests.builders import packaged
from tests.evaluation.rows import legitimate, score_of

KINDS = {"naive", "vpn", "targeted", "stolen_session", "informed"}
NUMBER = 12


@pytest.fixture(scope="module")
def settings() -> TenantSettings:
    return TenantSettings(rules=RuleSet(packaged()))


@pytest.fixture(scope="module")
def drawn(unpacked: Path) -> tuple[Contexts, Any]:
    return Contexts(Addresses.load(unpacked.parent), Agents()), enricher(unpacked.parent)


@pytest.fixture(scope="module")
def arrivals(unpacked: Path, drawn: tuple[Contexts, Any]) -> list[Arrival]:
    wish = Wish(accounts=10, days=30, seed=3)
    events = simulate(wish, Addresses.load(unpacked.parent))
    return [arrive(drawn[1], "default", convert_event(each)) for each in events]


class Besieged:
    """History judged with attackers put onto it, and everything that was seen of them."""

    def __init__(self, settings: TenantSettings, drawn: tuple[Contexts, Any], arrivals: list[Arrival], number: int,
                 seed: int = 1, since: int = 0, part: Part | None = None) -> None:  # fmt: skip
        self.replay = BoundedReplay(lambda tenant: settings, frozenset(), 20_000, 500_000)
        self.scoring = Scoring(self.replay, part=part)
        self.attempts: list[tuple[Arrival, bytes]] = []
        self.scores: list[Scores] = []
        self.sieges = Siege(
            self.replay, self.scoring, *drawn, number=number, seed=seed, records=len(arrivals), since=since
        )
        score = self.scoring.aside

        def noting(aside: Replay, arrival: Arrival) -> Any:
            self.attempts.append((arrival, encode_profile(aside.profile(arrival.sighting.account))))
            self.scores.append(score(aside, arrival))
            return self.scores[-1]

        self.scoring.aside = noting  # type: ignore[method-assign]
        for each in arrivals:
            self.sieges.before(each, legitimate=True)
            self.scoring.arrival(each, "legitimate")
        self.sieges.end()
        self.rows = list(self.scoring.run.rows)

    def past(self) -> dict[str, bytes]:
        accounts = {row.account for row in self.rows}
        return {account: encode_profile(self.replay.profile(account)) for account in accounts}


@pytest.fixture(scope="module")
def besieged(settings: TenantSettings, drawn: tuple[Contexts, Any], arrivals: list[Arrival]) -> Besieged:
    return Besieged(settings, drawn, arrivals, NUMBER)


def theirs(rows: list[Scored]) -> list[Scored]:
    return [row for row in rows if not legitimate(row)]


def test_each_kind_comes_to_as_many_logins_as_were_asked_for(besieged: Besieged) -> None:
    counted: dict[str, int] = {}
    for row in theirs(besieged.rows):
        counted[row.label] = counted.get(row.label, 0) + 1
    assert counted.keys() == KINDS
    assert NUMBER - 2 <= counted["naive"] <= NUMBER
    assert {counted[kind] for kind in KINDS - {"vpn", "targeted", "informed"}} == {counted["naive"]}
    assert all(
        row.earlier > 0 and None not in (score_of(row, "rules"), score_of(row, "reference"))
        for row in theirs(besieged.rows)
    )


def test_attackers_leave_no_trace(
    besieged: Besieged, settings: TenantSettings, drawn: tuple[Contexts, Any], arrivals: list[Arrival]
) -> None:
    quiet = Besieged(settings, drawn, arrivals, 0)
    assert theirs(quiet.rows) == []
    assert [row for row in besieged.rows if legitimate(row)] == quiet.rows
    assert besieged.past() == quiet.past()
    assert besieged.scoring.run.mails == quiet.scoring.run.mails
    assert besieged.replay.pending.keys() == quiet.replay.pending.keys()
    tracks = [{key: track.entries() for key, track in each.replay._series._held.items()} for each in (besieged, quiet)]
    assert tracks[0] == tracks[1]


def test_the_same_seed_gives_the_same_and_another_another(
    besieged: Besieged, settings: TenantSettings, drawn: tuple[Contexts, Any], arrivals: list[Arrival]
) -> None:
    assert Besieged(settings, drawn, arrivals, NUMBER).rows == besieged.rows
    assert theirs(Besieged(settings, drawn, arrivals, NUMBER, seed=2).rows) != theirs(besieged.rows)


def test_only_logins_that_count_are_attacked(
    settings: TenantSettings, drawn: tuple[Contexts, Any], arrivals: list[Arrival]
) -> None:
    middle = arrivals[len(arrivals) // 2].sighting.time
    late = theirs(Besieged(settings, drawn, arrivals, NUMBER, since=middle).rows)
    assert NUMBER - 3 <= sum(row.label == "naive" for row in late) <= NUMBER
    assert all(row.time >= middle for row in late)
    few = theirs(Besieged(settings, drawn, arrivals, NUMBER, part=Part(least=1, most=5)).rows)
    assert few
    assert all(row.earlier <= 5 + 24 for row in few)  # the attack may come a day later
    assert all(row.earlier <= 5 for row in few if row.label == "targeted")


def of(besieged: Besieged, kind: str) -> list[tuple[Arrival, Profile]]:
    """The attempts of a kind, by the rows' times and accounts, with the pasts they were judged against."""
    wanted = {(row.account, row.time) for row in theirs(besieged.rows) if row.label == kind}
    return [
        (arrival, decode_profile(past))
        for arrival, past in besieged.attempts
        if (arrival.sighting.account, arrival.sighting.time) in wanted
    ]


def test_attackers_are_what_they_are_called(besieged: Besieged, arrivals: list[Arrival]) -> None:
    for arrival, past in of(besieged, "vpn"):
        countries = past.values["country"]
        assert arrival.sighting.place.country == max(countries, key=lambda key: countries[key].support)
        assert arrival.sighting.network.kind in ("vpn", "hosting")
    logins = {(each.sighting.account, each.sighting.time) for each in arrivals}
    alike = []
    for arrival, past in of(besieged, "targeted"):
        seen = arrival.sighting
        if seen.outcome == "pending":
            continue  # the informed one comes at the same moment
        assert (seen.account, seen.time) in logins
        assert seen.device_key not in past.values.get("device", {})
        assert f"{seen.place.country}/{seen.place.region}" in past.values["region"]
        alike.append(seen.device_class in past.values["device_class"])
    assert sum(alike) > len(alike) / 2
    for arrival, past in of(besieged, "stolen_session"):
        seen = arrival.sighting
        assert seen.type == "session_seen"
        assert seen.session in past.sessions
        assert 0 < seen.time - past.sessions[seen.session].time <= 12 * HOUR + HOUR
    countries = {arrival.sighting.place.country for arrival, _ in of(besieged, "naive")}
    assert len(countries) > 3


def test_attackers_send_the_fields_that_the_person_sends(besieged: Besieged, arrivals: list[Arrival]) -> None:
    fields = ("device_key", "agent", "ja4", "language", "session", "rtt_ms", "auth_method")
    usual = {tuple(getattr(each.sighting, name) is None for name in fields) for each in arrivals if
             each.sighting.type == "login" and each.sighting.outcome == "success"}  # fmt: skip
    for arrival, _ in besieged.attempts:
        seen = arrival.sighting
        if seen.type == "login":
            assert tuple(getattr(seen, name) is None for name in fields) in usual


def test_the_informed_one_tries_twenty_times_and_learns_from_nothing_but_challenges(besieged: Besieged) -> None:
    tries: dict[str, list[Arrival]] = {}
    for arrival, _ in besieged.attempts:
        if arrival.sighting.outcome == "pending":
            tries.setdefault(arrival.raw.event.split("-")[1], []).append(arrival)
    assert {len(each) for each in tries.values()} == {TRIES}
    for each in tries.values():
        times = [arrival.sighting.time for arrival in each]
        assert times == sorted(times)
        assert len({arrival.sighting.address for arrival in each}) > 10
        assert len({arrival.sighting.agent for arrival in each}) > 1


def test_the_informed_one_is_caught_only_if_every_try_is(besieged: Besieged) -> None:
    tries: dict[str, list[Scores]] = {}
    for (arrival, _), scores in zip(besieged.attempts, besieged.scores, strict=True):
        if arrival.sighting.outcome == "pending":
            tries.setdefault(arrival.raw.event.split("-")[1], []).append(scores)
    informed = [row for row in besieged.rows if row.label == "informed"]
    assert len(informed) == len(tries) > 0
    for name in ("rules", "reference"):
        at = NAMES.index(name)
        luckiest = [min(scores[at] or 0 for scores in each) for each in tries.values()]
        assert sorted(score_of(row, name) or 0 for row in informed) == sorted(luckiest)
        assert luckiest != [max(scores[at] or 0 for scores in each) for each in tries.values()]
    assert min(score_of(row, "reference") or 0 for row in informed) > 0


def test_failed_tries_are_seen_by_later_ones_of_the_same_attack(
    besieged: Besieged, drawn: tuple[Contexts, Any], arrivals: list[Arrival]
) -> None:
    pasts: dict[str, list[bytes]] = {}
    for arrival, past in besieged.attempts:
        if arrival.sighting.outcome == "pending":
            pasts.setdefault(arrival.raw.event.split("-")[1], []).append(past)
    assert any(len(set(each)) > 1 for each in pasts.values())

    class Noting(Aside):
        def judge(self, arrival: Arrival) -> Judged:
            seen = arrival.sighting
            told.append((seen.outcome, seen.reason, self.concluded(seen) is not None))
            return super().judge(arrival)

    def score(aside: Aside, attempt: Arrival) -> Scores:
        risk = aside.judge(attempt).assessment.risk
        risks.append(risk or 0.0)
        return (None, risk, None, None, None, 1.0)

    told: list[tuple[str, str | None, bool]] = []
    risks: list[float] = []
    person = next(each for each in reversed(arrivals) if each.sighting.type == "login" and each.sighting.judged)
    scene = Scene(*drawn, Random(1))
    found = informed(Noting(besieged.replay), scene, Login(person, 1), person.sighting.time, score)
    assert told == [("pending", None, False), ("failure", "mfa_failed", True)] * TRIES
    assert found is not None
    assert found[1] == (None, min(risks), None, None, None, 1.0)


async def stored(vault: Vault, settings: TenantSettings, arrivals: list[Arrival]) -> SqliteStore:
    store = SqliteStore(None, vault)
    pipeline = Pipeline(store, vault, lambda tenant: settings)
    for begin in range(0, len(arrivals), 256):
        await pipeline.process(arrivals[begin : begin + 256])
    return store


async def test_stored_history_is_evaluated_with_attackers_of_every_kind(
    settings: TenantSettings, drawn: tuple[Contexts, Any], unpacked: Path
) -> None:
    with_key = Vault.ephemeral()
    readers = drawn[1]
    made = Enricher(with_key.pseudonym, readers.places, readers.networks)
    events = simulate(Wish(accounts=6, days=20, seed=4), Addresses.load(unpacked.parent))
    arrivals = [arrive(made, "default", convert_event(each)) for each in events]
    store = await stored(with_key, settings, arrivals)
    try:
        verdicts = await verdicts_of(store, "default")

        async def run(**plan: Any) -> Run:
            return await score_history(store, lambda tenant: settings, verdicts, "default", None, Plan(**plan))

        plain = await run()
        attacked = await run(attackers=(drawn[0], made), number=5, records=len(arrivals))
        assert {row.label for row in attacked.rows} == KINDS | {"legitimate"}
        assert [row for row in attacked.rows if legitimate(row)] == list(plain.rows)
        begin = plain.rows[len(plain.rows) // 2].time
        late = await run(since=begin)
        assert list(late.rows) == [row for row in plain.rows if row.time >= begin]
        assert len((await run(records=100)).rows) < len(plain.rows)
    finally:
        await store.close()
        with_key.close()
