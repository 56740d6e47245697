"""What an event's findings tell whom: alerts raised or folded, and the mails due. Pure, like judging."""

from collections.abc import Sequence
from typing import Final

from sentinel.alerts.policy import Cause, Raised, raise_or_fold
from sentinel.events.alert import Notice
from sentinel.events.assessment import LEVEL_ORDER, Finding, level_of
from sentinel.events.sighting import Sighting
from sentinel.facts import Look
from sentinel.past.profile import Profile
from sentinel.pipeline.concluded import Concluded
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.rules.rule import Rule
from sentinel.rules.ruleset import RuleSet
from sentinel.scoring import combine, decide

#: Notices that are owed whatever the risk (CONTRACT §2).
OWED: Final = frozenset({"credential_change"})


def alerts_of(
    arrival: Arrival,
    settings: TenantSettings,
    profile: Profile,
    source: Profile,
    look: Look,
    live: Sequence[Finding],
    level: str,
    decision: str,
    concluded: Concluded | None,
) -> tuple[tuple[Raised, ...], tuple[Notice, ...]]:
    """The alerts that the live findings of an event raise or are folded into, and the mails due for them.

    ``profile`` and ``source`` keep the open ones and change in place. The account hears of its own findings,
    operators of a source's (CONTRACT §3).
    """
    if not live:
        return (), ()
    sighting = arrival.sighting
    stands = {finding.rule for finding in concluded.assessment.findings} if concluded else set()
    rules = {finding.rule: _rule(finding, settings.rules) for finding in live}
    raised: list[Raised] = []
    notices: list[Notice] = []
    for audience in ("account", "operator"):
        told = [finding for finding in live if rules[finding.rule].audience == audience]
        if concluded and audience == "operator":
            # Operators heard of what stands from the pending login, under an alert of its own.
            told = [finding for finding in told if finding.rule not in stands]
        if not told:
            continue
        own_risk = combine([(finding.group, finding.risk) for finding in told])[0]
        kinds = [rules[finding.rule].alert for finding in told]
        if decide(own_risk, settings.thresholds) == "allow":
            kinds = [kind for kind in kinds if kind in OWED]
            if not kinds:
                continue
        if audience == "account":
            if sighting.account is None or not sighting.known_account:
                continue
            kind = kinds[0] or "suspicious_sign_in"
            if kind == "new_sign_in" and LEVEL_ORDER[level] >= LEVEL_ORDER["high"]:
                kind = "suspicious_sign_in"
            account, open_alerts, contexts = (
                arrival.account,
                profile.alerts,
                _contexts(look, sighting, kind),
            )
        else:
            kind, account, open_alerts, contexts = "campaign", None, source.alerts, (told[0].rule,)
        cause = Cause(
            account=account,
            event=arrival.id,
            time=sighting.time,
            kind=kind,
            level=level_of(own_risk),
            risk=own_risk,
            rules=tuple(finding.rule for finding in told),
            contexts=contexts,
            same_as=concluded.assessment.alert if concluded else None,
            tell=_is_told(arrival, settings),
        )
        result = raise_or_fold(open_alerts, cause, settings.fold)
        raised.append(result)
        if result.news:
            notices.append(_notice(arrival, result, told, rules, own_risk, decision))
    return tuple(raised), tuple(notices)


def _rule(finding: Finding, rules: RuleSet) -> Rule:
    """The rule of a finding. One that stands from a pending login may be gone since: nobody hears of it."""
    compiled = rules.rule(finding.rule)
    if compiled is not None:
        return compiled.rule
    return Rule(id=finding.rule, title=finding.title, applies_to=["login"], when="false", risk=0, audience="none")


def _is_told(arrival: Arrival, settings: TenantSettings) -> bool:
    """Neither history being imported, nor posted so late that a mail would only confuse."""
    late = arrival.received is not None and arrival.received - arrival.sighting.time > settings.mail_max_age
    return not late and not arrival.silent


def _contexts(look: Look, sighting: Sighting, kind: str) -> tuple[str, ...]:
    """What is new about the event, for telling the same news once: device and country, else the network.

    Of a change of credentials it is what was changed.
    """
    if kind == "credential_change":
        return (f"change:{sighting.type}",)
    new = []
    if not look.device_trusted:
        new.append(f"device:{sighting.device_key or sighting.device_class or '?'}")
    if sighting.place.country and not look.trusts("country", sighting.place.country):
        new.append(f"country:{sighting.place.country}")
    if not new and look.network and not look.network_trusted:
        new.append(f"network:{look.network}")
    return tuple(new)


def _notice(
    arrival: Arrival,
    raised: Raised,
    told: Sequence[Finding],
    rules: dict[str, Rule],
    risk: float,
    decision: str,
) -> Notice:
    sighting = arrival.sighting
    messages = [rules[finding.rule].message or finding.rule for finding in told]
    return Notice(
        id=raised.alert.id,
        kind=raised.alert.kind,
        tenant=arrival.tenant,
        event=sighting.key,
        account=sighting.account if raised.alert.kind != "campaign" else None,
        time=sighting.time,
        risk=risk,
        level=raised.alert.level,
        decision=decision,
        type=sighting.type,
        outcome=sighting.outcome,
        service=sighting.service,
        place=sighting.place,
        organisation=sighting.network.organisation,
        device=sighting.device,
        factor_method=sighting.factor.method,
        reasons=tuple(finding.rule for finding in told),
        titles=tuple(finding.title for finding in told),
        messages=tuple(messages),
        events=raised.alert.events,
        earlier=raised.earlier,
    )
