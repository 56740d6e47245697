"""The cost of judging alone, in a process of its own: facts, windows, rules, score and what is remembered.

Without HTTP, enrichment and store. Processor time, since that is what judging spends; the first half of the
events builds the past and is not counted. Prints microseconds an event as JSON.
"""

import gc
import json
import sys
from datetime import UTC, datetime
from time import thread_time_ns

from bench_events import mix  # first: it makes this tree importable

from sentinel.daemon.build import bare_lookups, build_enricher
from sentinel.events.event import convert_event
from sentinel.models.scorer import baseline_scorer
from sentinel.past.commons import Commons
from sentinel.pipeline.campaign import campaigns_key
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.judge import Tracks, judge
from sentinel.pipeline.replay import Replay
from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet


def main() -> None:
    events, accounts = int(sys.argv[1]), int(sys.argv[2])
    gc.set_threshold(50_000, 20, 100)  # as in the daemon
    rules = RuleSet(load_rules([packaged_rules()]))
    enricher = build_enricher(Pseudonymizer(Secret(b"b" * 32)), bare_lookups())
    replay = Replay(TenantSettings(rules=rules, scorer=baseline_scorer()))
    mixed = mix("judge", events, accounts, datetime.now(UTC), 24 * 60)
    arrivals = [arrive(enricher, "default", convert_event(event)) for event in mixed]
    half = len(arrivals) // 2
    commons = Commons(b"b" * 32)
    spent = findings = 0
    for number, arrival in enumerate(arrivals):
        sighting = arrival.sighting
        begun = thread_time_ns()
        touched = Tracks(rules, sighting, arrival.tenant)
        fetching = thread_time_ns()
        tracks = replay.recall(touched)
        profile, campaigns = replay.profile(sighting.account), replay.profile(campaigns_key(arrival.tenant))
        fetched = thread_time_ns()
        judged = judge(arrival, replay.settings, profile, campaigns, tracks, touched, commons=commons)
        if number >= half:
            spent += thread_time_ns() - fetched + fetching - begun
        findings += len(judged.assessment.findings)
    json.dump(
        {
            "events": len(arrivals) - half,
            "rules": len(rules.files),
            "us_per_event": round(spent / 1000 / (len(arrivals) - half), 1),
            "findings": findings,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
