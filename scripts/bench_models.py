"""What the models cost a login: all three asked of logins that are looked at for the first time.

    python scripts/bench_models.py [LOGINS] [REPEATS]

Processor time. Prints JSON. ``us_in_batches``: the mean over 256 logins in a row, the median of the repeats.
``us_alone``: one login with the caches of the processor gone cold in between, the median and the 99th percentile.
``asked_share``: of how many logins the rules ask models about at all, and what that makes of the cost of a mean login.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import msgspec

from sentinel.events.event import Event
from sentinel.facts import Look
from sentinel.models.scorer import ModelScorer, baseline_scorer
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.replay import Replay
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate

_BATCH = 256
#: Larger than the caches of the processors that this is measured on.
_COLD_BYTES = 8 * 1024 * 1024


class Asked(ModelScorer):
    """Counts whether it was asked."""

    asked = 0

    def impostor(self, look: Look) -> float | None:
        """See :class:`ModelScorer`."""
        self.asked += 1
        return super().impostor(look)


def main() -> int:
    logins = int(sys.argv[1]) if len(sys.argv) > 1 else 2_560
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    base = baseline_scorer()
    counted = Asked(base.models)
    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules()])), scorer=counted)
    replay = Replay(settings)
    seen = []
    judged = 0
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        addresses, enriched = Addresses.load(state), enricher(state)
        for number, told in enumerate(simulate(Wish(seed=77, accounts=80, days=150), addresses)):
            arrival = arrive(enriched, "default", msgspec.convert(told, Event))
            sighting = arrival.sighting
            if number > 10_000 and sighting.type == "login" and sighting.judged:
                if judged == 0:
                    counted.asked = 0
                judged += 1
                if len(seen) < logins:
                    seen.append((sighting, replay.profile(sighting.account)))
            replay.judge(arrival)
    commons = replay.commons_of("default")
    scorer = ModelScorer(base.models)

    def looks() -> list[Look]:
        return [Look(sighting, profile, settings.trust, commons=commons) for sighting, profile in seen]

    batches = []
    for _ in range(repeats):
        fresh = looks()
        for at in range(0, len(fresh) - _BATCH + 1, _BATCH):
            began = time.thread_time()
            for look in fresh[at : at + _BATCH]:
                ask(scorer, look)
            batches.append((time.thread_time() - began) / _BATCH * 1e6)
    cold = bytearray(_COLD_BYTES)
    alone = []
    for number, look in enumerate(looks()[:400]):
        cold[:] = bytes([number % 256]) * _COLD_BYTES
        began = time.thread_time()
        ask(scorer, look)
        alone.append((time.thread_time() - began) * 1e6)
    share = counted.asked / judged
    figures = {
        "us_in_batches": round(median(batches), 1),
        "us_alone": round(median(alone), 1),
        "us_alone_p99": round(quantiles(alone, n=100)[98], 1),
        "asked_share": round(share, 3),
        "us_mean_login": round(share * median(batches), 1),
    }
    json.dump(figures, sys.stdout)
    return 0


def ask(scorer: ModelScorer, look: Look) -> None:
    """All three."""
    scorer.impostor(look)
    scorer.novelty(look)
    scorer.likelihood(look)


if __name__ == "__main__":
    sys.exit(main())
