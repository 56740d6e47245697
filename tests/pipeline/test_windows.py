"""Windows of every make against a naive recount: over batches, restarts and late events."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.rules.load import load_rules
from sentinel.rules.ruleset import RuleSet
from tests.builders import _CASES
from tests.pipeline.installation import START, Installation, text

SHOWN = """
title = "Shows its windows"
applies_to = ["login"]
when = '''windows.agent >= 0 && windows.addresses >= 0 && windows.pair >= 0 && windows.newcomers >= 0
          && windows.countries >= 0 && windows.week >= 0 && windows.day >= 0'''
risk = 1
audience = "none"
[windows.agent]
count = "events"
where = "event.attempt"
by = ["device.agent"]
over = "10m"
[windows.addresses]
distinct = "network.address"
where = "event.attempt"
by = ["device.agent"]
over = "30m"
[windows.countries]
distinct = "place.country"
where = "event.attempt"
by = ["device.agent"]
over = "1h"
[windows.pair]
count = "events"
by = ["account", "network.prefix"]
over = "1h"
[windows.newcomers]
distinct = "account"
where = "event.attempt && account.trusted_logins == 0"
by = ["network.prefix"]
over = "30m"
[windows.week]
distinct = "account"
where = "event.attempt"
by = ["network.prefix"]
over = "7d"
[windows.day]
count = "events"
where = '''event.outcome == "success"'''
by = ["network.prefix"]
over = "24h"
"""

Event = dict[str, Any]


@cache
def shown() -> RuleSet:
    with TemporaryDirectory() as folder:
        path = Path(folder, "shown.toml")
        path.write_text(SHOWN + _CASES)
        return RuleSet(load_rules([path]))


def failed(event: Event) -> bool:
    return bool(event["outcome"] == "failure")


def prefix(event: Event) -> str:
    return str(event["ip"]).rpartition(".")[0]


def recount(events: list[Event], at: int) -> dict[str, int]:
    """The windows of event ``at``, counted anew over every event that came before it, and itself."""
    this = events[at]

    def among(minutes: int, alike: Callable[[Event], Any], counts: Callable[[Event], bool]) -> list[Event]:
        return [
            event
            for event in events[: at + 1]
            if 0 <= this["second"] - event["second"] <= minutes * 60 and alike(event) == alike(this) and counts(event)
        ]

    def agent(event: Event) -> Any:
        return event["user_agent"]

    return {
        "windows.agent": len(among(10, agent, failed)),
        "windows.addresses": len({event["ip"] for event in among(30, agent, failed)}),
        "windows.countries": len({event["country"] for event in among(60, agent, failed)} - {None}),
        "windows.pair": len(among(60, lambda event: (event["account"], prefix(event)), lambda event: True)),
        "windows.newcomers": len(
            {e["account"] for e in among(30, prefix, lambda event: failed(event) and event["fresh"])}
        ),
        "windows.week": len({event["account"] for event in among(7 * 24 * 60, prefix, failed)}),
        "windows.day": len(among(24 * 60, prefix, lambda event: not failed(event))),
    }


Arrivals = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 30, 599, 600, 601, 1800, 3600, 86_400]),  # seconds after the one before
        st.sampled_from([0, 0, 0, 1, 600, 1799]),  # seconds late, by less than the span that a series is kept for
        st.sampled_from(["u-1", "u-2", "u-3", "u-4"]),
        st.sampled_from(["192.0.2.1", "192.0.2.2", "198.51.100.1"]),
        st.sampled_from(["agent/1", "agent/2"]),
        st.sampled_from(["FR", "DE", None]),
        st.sampled_from(["success", "failure", "failure", "failure"]),
        st.sampled_from(["same batch", "same batch", "next batch", "restart"]),
    ),
    min_size=1,
    max_size=50,
)


@given(Arrivals)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_windows_are_exact_over_batches_and_restarts(arrivals: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        inst = Installation(Path(folder), rules=shown())
        second, events, batch, outcomes = 0, [], [], []
        trusted: set[str] = set()
        for number, (step, late, account, ip, agent, country, outcome, then) in enumerate(arrivals):
            second += step
            event = {"second": second - late, "account": account, "ip": ip, "user_agent": agent, "outcome": outcome}
            events.append(event | {"country": country, "fresh": account not in trusted})
            if outcome == "success":
                trusted.add(account)
            sent = {name: event[name] for name in ("account", "ip", "user_agent", "outcome")}
            sent |= {"id": f"e-{number}", "time": text(START + timedelta(seconds=second - late))}
            batch.append(sent | ({"place": {"country": country}} if country else {}))
            if then != "same batch" or number == len(arrivals) - 1:
                outcomes += await inst.run(batch)
                batch = []
                if then == "restart":
                    await inst.reopen()
        await inst.store.close()
    for number, done in enumerate(outcomes):
        assert done.assessment is not None
        (finding,) = done.assessment.findings
        assert finding.evidence == recount(events, number)
