"""What an event's findings tell whom: alerts raised or folded, and the mails due. Pure, like judging."""

from collections.abc import Sequence
from typing import Final

from sentinel.alerts.policy import EACH_TOLD, Cause, Raised, raise_or_fold
from sentinel.events.alert import CRITICAL_ACCOUNT, Notice, alert_id
from sentinel.events.assessment import LEVEL_ORDER, Finding, level_of
from sentinel.events.clock import utc_day
from sentinel.events.place import ANONYMOUS_KINDS, Place
from sentinel.events.sighting import Sighting
from sentinel.facts import Look
from sentinel.past.factors import factor_key
from sentinel.past.profile import Profile
from sentinel.past.usual import PLACELESS_KINDS
from sentinel.pipeline.concluded import Concluded
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.rules.rule import Rule
from sentinel.rules.ruleset import RuleSet
from sentinel.scoring import combine, decide

#: Notices that are owed whatever the risk (CONTRACT §2).
OWED: Final = EACH_TOLD
#: Changes of which the profile does not know what they were changed to.
_EACH_ITS_OWN: Final = frozenset({"email_changed", "phone_changed"})


def alerts_of(
    arrival: Arrival,
    settings: TenantSettings,
    profile: Profile,
    look: Look,
    live: Sequence[Finding],
    level: str,
    decision: str,
    concluded: Concluded | None,
) -> tuple[tuple[Raised, ...], tuple[Notice, ...]]:
    """The alerts of the account that the live findings of an event raise or are folded into, and the mails due.

    ``profile`` keeps the open ones and changes in place. The account hears of its own findings; of a source's
    operators hear (:mod:`sentinel.pipeline.campaign`, CONTRACT §3).
    """
    sighting = arrival.sighting
    if not live or sighting.account is None or not sighting.known_account:
        return (), ()
    rules = rules_of(live, settings.rules)
    told = [finding for finding in live if rules[finding.rule].audience == "account"]
    if not told:
        return (), ()
    own_risk = combine([(finding.group, finding.risk) for finding in told])[0]
    kinds = [rules[finding.rule].alert for finding in told]
    if decide(own_risk, settings.thresholds) == "allow":
        kinds = [kind for kind in kinds if kind in OWED]
        if not kinds:
            return (), ()
    kind = _kind(kinds, level)
    cause = Cause(
        account=arrival.account,
        event=arrival.id,
        time=sighting.time,
        kind=kind,
        level=level_of(own_risk),
        risk=own_risk,
        rules=tuple(finding.rule for finding in told),
        contexts=_contexts(look, sighting, kind),
        same_as=concluded.assessment.alert if concluded else None,
        tell=is_told(arrival, settings),
    )
    result = raise_or_fold(profile.alerts, profile.told, cause, settings.fold)
    if not result.news:
        return (result,), ()
    notice = notice_of(arrival, result, told, rules, own_risk, decision)
    if settings.critical_accounts and cause.level == "critical":
        return (result,), (notice, _for_operators(notice, arrival.account))
    return (result,), (notice,)


def _for_operators(notice: Notice, account: str | None) -> Notice:
    """What operators hear of an account at critical, at most once a UTC day: one id is one mail. The alert to look at
    stands in ``messages``; the mail says nothing else of the account."""
    id = alert_id(account, CRITICAL_ACCOUNT, str(utc_day(notice.time)))
    return Notice(
        id=id,
        kind=CRITICAL_ACCOUNT,
        tenant=notice.tenant,
        event=notice.event,
        account=notice.account,
        time=notice.time,
        risk=notice.risk,
        level=notice.level,
        decision=notice.decision,
        reasons=notice.reasons,
        titles=notice.titles,
        messages=(notice.id,),
    )


def rules_of(findings: Sequence[Finding], rules: RuleSet) -> dict[str, Rule]:
    """The rule of each finding. One that stands from a pending login may be gone since: nobody hears of it."""
    return {finding.rule: _rule(finding, rules) for finding in findings}


def _kind(kinds: Sequence[str | None], level: str) -> str:
    """What the person's mail is about, given what the findings ask for, strongest first.

    An owed notice is never told as something else: it would fold into an alert that says nothing of it.
    """
    owed = next((kind for kind in kinds if kind in OWED), None)
    if owed is not None:
        return owed
    kind = next((kind for kind in kinds if kind), "suspicious_sign_in")
    if kind == "new_sign_in" and LEVEL_ORDER[level] >= LEVEL_ORDER["high"]:
        return "suspicious_sign_in"
    return kind


def _rule(finding: Finding, rules: RuleSet) -> Rule:
    compiled = rules.rule(finding.rule)
    if compiled is not None:
        return compiled.rule
    return Rule(id=finding.rule, title=finding.title, applies_to=["login"], when="false", risk=0, audience="none")


def is_told(arrival: Arrival, settings: TenantSettings) -> bool:
    """Neither history being imported, nor posted so late that a mail would only confuse."""
    late = arrival.received is not None and arrival.received - arrival.sighting.time > settings.mail_max_age
    return not late and not arrival.silent


def _contexts(look: Look, sighting: Sighting, kind: str) -> tuple[str, ...]:
    """What is new about the event, for telling the same news once: device and country, else the network.

    Of a change of credentials it is what was changed, and by whom and from where: somebody else's change is other
    news. Each address and number is a change of its own.
    """
    if kind == "credential_change":
        what = sighting.key if sighting.type in _EACH_ITS_OWN else factor_key(sighting) or ""
        by = "" if sighting.own else sighting.actor_account or sighting.actor
        source = sighting.device_key or sighting.device_class or sighting.session or "?"
        return (f"change:{sighting.type}:{what}:{by}:{source}",)
    new = []
    if not look.device_trusted:
        new.append(f"device:{sighting.device_key or sighting.device_class or '?'}")
    # An exit says nothing of where the person is: another exit of the same VPN is no other news.
    placed = sighting.place.country and sighting.network.kind not in PLACELESS_KINDS
    if placed and not look.trusts("country", sighting.place.country):
        new.append(f"country:{sighting.place.country}")
    if not new and look.network and not look.network_trusted:
        new.append(f"network:{look.network}")
    return tuple(new)


def notice_of(
    arrival: Arrival,
    raised: Raised,
    told: Sequence[Finding],
    rules: dict[str, Rule],
    risk: float,
    decision: str,
) -> Notice:
    """The mail that tells of an alert."""
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
        # Where an exit stands says nothing of where somebody is; a mail that names it would frighten or mislead.
        place=sighting.place if sighting.network.kind not in ANONYMOUS_KINDS else Place(),
        organisation=sighting.network.organisation,
        device=sighting.device,
        factor_method=sighting.factor.method,
        reasons=tuple(finding.rule for finding in told),
        titles=tuple(finding.title for finding in told),
        messages=tuple(messages),
        events=raised.alert.events,
        earlier=raised.earlier,
        actor=sighting.actor,
    )
