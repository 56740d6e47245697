"""What an event tells operators: the campaign it opens or joins. Pure, like judging."""

from collections.abc import Mapping, Sequence

from sentinel.alerts.campaigns import Sign, open_or_join
from sentinel.alerts.policy import Raised
from sentinel.events.alert import Notice
from sentinel.events.assessment import Finding, level_of
from sentinel.facts import FACTS, Look
from sentinel.past.profile import Profile
from sentinel.pipeline.alerting import is_told, notice_of, rules_of
from sentinel.pipeline.concluded import Concluded
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.rules.ruleset import Held
from sentinel.scoring import combine, decide


def campaigns_key(tenant: str) -> str:
    """Where a tenant's open campaigns are kept, among the profiles: no pseudonym has a colon in it."""
    return f"campaigns:{tenant}"


def campaign_of(
    arrival: Arrival,
    settings: TenantSettings,
    campaigns: Profile,
    look: Look,
    live: Sequence[Finding],
    held: Mapping[str, Held],
    decision: str,
    concluded: Concluded | None,
) -> tuple[Raised | None, tuple[Notice, ...]]:
    """The campaign that the live findings for operators open or join, and the mails due for it.

    ``campaigns`` keeps the tenant's open ones and changes in place.
    """
    if not any(item.rule.rule.audience == "operator" for item in held.values()):
        return None, ()
    # Operators heard of what stands from a pending login when that was judged: only what held now is asked.
    stands = {finding.rule for finding in concluded.assessment.findings} if concluded else set()
    live = [finding for finding in live if finding.rule in held and finding.rule not in stands]
    rules = rules_of(live, settings.rules)
    told = [finding for finding in live if rules[finding.rule].audience == "operator"]
    if not told:
        return None, ()
    risk = combine([(finding.group, finding.risk) for finding in told])[0]
    if decide(risk, settings.thresholds) == "allow":
        return None, ()
    before = concluded.assessment if concluded else None
    sign = Sign(
        event=arrival.id,
        time=arrival.sighting.time,
        level=level_of(risk),
        risk=risk,
        rules=tuple(finding.rule for finding in told),
        keys=_keys([held[finding.rule] for finding in told], look),
        span=max(held[finding.rule].span for finding in told),
        same_as=(before.campaign or before.alert) if before else None,
        tell=is_told(arrival, settings),
    )
    raised = open_or_join(campaigns.alerts, sign, settings.fold)
    notices = (notice_of(arrival, raised, told, rules, risk, decision),) if raised.news else ()
    return raised, notices


def _keys(held: Sequence[Held], look: Look) -> tuple[str, ...]:
    """The values that the deciding windows are kept by. An address stands for its network, so that what
    trips the rules for both is one story; a rule without windows is known by the network, else by itself."""
    keys = []
    for item in held:
        for by in item.kept_by or (("network.prefix",),):
            names = ["network.prefix" if name == "network.address" else name for name in by]
            values = [FACTS[name].compute(look) for name in names]
            if None not in values:
                keys.append(" ".join(f"{name}={value}" for name, value in zip(names, values, strict=True)))
    return tuple(dict.fromkeys(keys)) or tuple(f"rule={item.rule.rule.id}" for item in held)
