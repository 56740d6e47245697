"""The attacker who has read the public rules and tries twenty times.

The password is known, and so is what can be found out of the person: region, provider, browsers, hours. Each day
brings five tries, begun at an hour at which the person comes: on the first from homes of the same provider in the same
region, then of other providers there, then through carriers of mobile networks, then from any home in the country.
Within a day the browser changes (theirs twice, another on their system, the next that they have, a popular one) and the
hour drifts. The person is taken not to log in meanwhile.

Every try asks to be let in (``pending``). Whoever is challenged fails, and that is told as well (``mfa_failed``): both
are seen by the next try, in profile and windows, on this attack's own copies. The attacker is in as soon as one try
stays below the threshold. So the lowest score of the twenty tells at every threshold at once whether the attack is
stopped: up to the try that gets in, all before it were challenged, as they are here. The attacker sees no scores, only
whether a challenge came, and goes on in the same way whenever one does.
"""

from collections.abc import Callable, Iterator
from typing import Final

from sentinel.evaluation.aside import Aside
from sentinel.evaluation.attackers import Login, Scene
from sentinel.evaluation.contexts import Victim, client, victim_of
from sentinel.evaluation.rows import NAMES, Scores
from sentinel.events.clock import DAY, MINUTE, to_datetime
from sentinel.pipeline.item import Arrival
from sentinel.simulation.addresses import Site

KIND: Final = "informed"
#: Use and whether the provider is the person's own, day by day.
_DAYS: Final = (("home", True), ("home", False), ("mobile", False), ("home", None))
_TRIES_A_DAY: Final = 5
TRIES: Final = len(_DAYS) * _TRIES_A_DAY
#: Minutes from one try of a day to the next, at least and at most.
_PAUSE: Final = (15, 75)


def informed(
    aside: Aside, scene: Scene, login: Login, at: int, score: Callable[[Aside, Arrival], Scores]
) -> tuple[Arrival, Scores] | None:
    """The first try, for what it says of the account, and the lowest of each score over all tries; ``None`` where the
    data has no address in the country. A score that is missing for one try is missing."""
    victim = victim_of(aside.profile(login.sighting.account), login.sighting)
    first: Arrival | None = None
    lowest: Scores = ()
    for moment, site, agent in _tries(scene, victim, at):
        machine = client(site, agent, scene.roll)
        attempt = scene.attempt(login, moment, machine, alike=True, outcome="pending")
        scores = score(aside, attempt)
        lowest = tuple(map(_lower, lowest, scores)) if lowest else scores
        first = first or attempt
        failed = scene.attempt(
            login, moment + MINUTE, machine, alike=True, outcome="failure", reason="mfa_failed", password_ok=True,
            session_id=attempt.raw.session_id, concludes=attempt.raw.event,
        )  # fmt: skip
        aside.judge(failed)
    assert len(lowest) in (0, len(NAMES))
    return (first, lowest) if first is not None else None


def _tries(scene: Scene, victim: Victim, at: int) -> Iterator[tuple[int, Site, str]]:
    """When, from where and with which browser."""
    roll, contexts = scene.roll, scene.contexts
    own = victim.classes[0] if victim.classes else None
    second = victim.classes[1] if len(victim.classes) > 1 else own
    for number, (use, same) in enumerate(_DAYS):
        moment = at + number * DAY
        for place in range(_TRIES_A_DAY):
            wanted = roll.random() < 0.5 if same is None else same
            site = contexts.near(victim, use, roll, same_network=wanted) or contexts.near(victim, "home", roll)
            if site is None:
                return
            today = to_datetime(moment).date()
            if place == 4:
                agent = contexts.popular(today, roll)
            else:
                agent = contexts.like(second if place == 3 else own, today, roll, other_browser=place == 2)
            yield moment, site, agent
            moment += roll.randrange(*_PAUSE) * MINUTE


def _lower(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else min(one, other)
