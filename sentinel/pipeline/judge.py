"""Judging one event: facts, windows, rules, score, alert, and what is remembered. Pure: no clock, no I/O."""

from collections.abc import Sequence
from copy import copy
from typing import Any, Final

import msgspec

from sentinel.alerts.policy import Raised
from sentinel.events.alert import Notice
from sentinel.events.assessment import Assessment, Finding, Unjudged, level_of
from sentinel.events.clock import DAY, to_text, utc_day
from sentinel.events.sighting import Sighting
from sentinel.facts import FactValue, Look
from sentinel.past.commons import Commons, period_of
from sentinel.past.profile import Profile, TrustPolicy
from sentinel.past.remember import Verdict, remember
from sentinel.past.seen import fresh_values, note_common
from sentinel.past.windows import Track
from sentinel.pipeline.act import act_on, doubts_push
from sentinel.pipeline.alerting import alerts_of
from sentinel.pipeline.campaign import campaign_of
from sentinel.pipeline.concluded import Concluded
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.rules.compiled import CompiledWindow
from sentinel.rules.exempt import Exemption
from sentinel.rules.ruleset import Held, RuleSet, Touched, fill
from sentinel.scoring import at_most, combine, decide
from sentinel.store.protocol import TrackKey


class Judged(msgspec.Struct, frozen=True):
    """What came of an event: answer, window values read, whether its values are trusted now, mails."""

    assessment: Assessment
    windows: dict[str, int | None]
    trusted: bool
    raised: tuple[Raised, ...]
    notices: tuple[Notice, ...]


class Tracks:
    """The tracks that one event touches: key of each series, where the values it is kept by are known."""

    def __init__(self, rules: RuleSet, sighting: Sighting, tenant: str) -> None:
        look = Look(sighting, _NOBODY, _NO_POLICY)
        self.facts: dict[str, FactValue | None] = {name: compute(look) for name, compute in rules.early_facts}
        self.plan = rules.plan(sighting.type, sighting.judged, self.facts)
        self.series = self.plan.touched
        self.keys: dict[int, TrackKey] = {}
        self.wanted: dict[TrackKey, int] = {}
        kept_by: list[tuple[str | int, ...] | None] = []
        for by in self.plan.bys:
            fill(self.facts, by, look)
            values = [self.facts[name] for name, _ in by]
            kept_by.append(None if None in values else (tenant, *values))  # type: ignore[arg-type]  # text or numbers
        for touched in self.series:
            if (kept := kept_by[touched.by]) is not None:
                key: TrackKey = (touched.series.id, kept)
                self.keys[touched.number] = key
                self.wanted[key] = touched.series.keep

    def without(self, account: str | None) -> "Tracks":
        """The same without what is kept by an account (its handle)."""
        others = copy(self)
        others.keys = {number: key for number, key in self.keys.items() if account not in key[1]}
        return others


_NOBODY: Final = Profile()
_NO_POLICY: Final = TrustPolicy()
_MODEL: Final = "model."


def judge(
    arrival: Arrival,
    settings: TenantSettings,
    profile: Profile,
    campaigns: Profile,
    tracks: dict[TrackKey, Track],
    touched: Tracks,
    concluded: Concluded | None = None,
    actor: Profile | None = None,
    commons: Commons | None = None,
) -> Judged:
    """Judge one event against the past and enter it there.

    ``profile``, ``campaigns``, ``tracks`` and ``commons`` change in place. ``campaigns`` holds the open ones of the
    tenant, ``commons`` what is common for everybody of it, ``actor`` is the past of the account that acted for the
    person. Of a concluded pending login the findings stand; rules that hold only now are added (CONTRACT §1,
    "Step-up").
    """
    sighting, rules = arrival.sighting, settings.rules
    look = Look(
        sighting, profile, settings.trust, settings.origins, actor=actor, commons=commons, scorer=settings.scorer
    )
    facts = dict(touched.facts)
    for name, compute in touched.plan.facts:
        facts[name] = compute(look)
    enter(look, rules, facts, tracks, touched, concluded)

    def count(series: int, window: CompiledWindow, member: int | None) -> int | None:
        key = touched.keys.get(series)
        if key is None:
            return None
        if member is None:
            return tracks[key].count(sighting.time, window.span)
        return tracks[key].distinct(sighting.time, window.span, member)

    verdicts = rules.evaluate(touched.plan, facts, count, look)
    held, skipped, windows = verdicts.held, verdicts.skipped, verdicts.windows
    exempt = settings.exempt.naming(sighting) if held and settings.exempt is not None else ()
    findings = _findings(held, look, concluded, exempt)
    live = [finding for finding in findings if finding.status == "live"]
    risk = combine([(finding.group, finding.risk) for finding in live])[0]
    level = level_of(risk)
    wish = decide(risk, settings.thresholds)
    flagged = wish != "allow"
    if sighting.outcome in ("failure", "blocked") and look.device_trusted and look.network_trusted:
        # Otherwise anybody could lock a person out by guessing at their password.
        wish = at_most(wish, "challenge")
    decision = at_most(wish, "notify") if settings.thresholds.mode == "observe" else wish
    by_rule = {item.rule.rule.id: item for item in held}
    raised: tuple[Raised, ...] = ()
    notices: tuple[Notice, ...] = ()
    campaign, own = None, None
    if live:
        raised, notices = alerts_of(arrival, settings, profile, look, live, level, decision, concluded)
        campaign, told = campaign_of(arrival, settings, campaigns, look, live, by_rule, decision, concluded)
        own = raised[0].alert.id if raised else None
        if campaign is not None:
            raised, notices = (*raised, campaign), (*notices, *told)
    until = _until(sighting, live, by_rule)
    assessment = Assessment(
        event=arrival.id,
        account=arrival.account,
        time=to_text(sighting.time),
        risk=risk,
        level=level,
        decision=decision,
        scope="source" if until is not None else "attempt",
        until=to_text(until) if until is not None else msgspec.UNSET,
        act=act_on(profile, sighting, live, level, wish),
        findings=findings,
        alert=raised[0].alert.id if raised else None,
        warming_up=sighting.account is not None and look.warming_up,
        unjudged=[Unjudged(rule=item.rule.rule.id, missing=item.missing) for item in skipped],
        ruleset=rules.digest,
        models=settings.scorer.versions if settings.scorer is not None else {},
        would=wish if settings.thresholds.mode == "observe" else msgspec.UNSET,
        campaign=campaign.alert.id if campaign is not None and own is not None else msgspec.UNSET,
    )
    trusted = False
    if sighting.account is not None and sighting.known_account:
        verdict = Verdict(flagged=flagged, level=level, push_doubt=doubts_push(live))
        # Before the login is remembered, when what is new of it is new.
        fresh = None
        if commons is not None and sighting.type == "login" and sighting.outcome == "success":
            fresh = fresh_values(profile, sighting, hours=settings.trust.hours)
        trusted = remember(profile, sighting, verdict, settings.trust)
        if trusted and commons is not None and fresh is not None and not _ahead(arrival):
            note_common(commons, fresh)
    return Judged(assessment, {name: value for name, value in windows.items() if value}, trusted, raised, notices)


def enter(
    look: Look,
    rules: RuleSet,
    facts: dict[str, FactValue | None],
    tracks: dict[TrackKey, Track],
    touched: Tracks,
    concluded: Concluded | None,
) -> None:
    """Enter the event into the tracks of every series whose condition it meets."""
    sighting = look.sighting
    before = Tracks(rules, concluded.sighting, sighting.tenant) if concluded else None
    earlier = Look(concluded.sighting, look.profile, look.policy, look.origins) if concluded else None
    met: dict[int, bool] = {}  # series kept by different values share their condition
    for entry in touched.series:
        key, series, enters = touched.keys.get(entry.number), entry.series, entry.enters
        if key is None or enters is False:
            continue
        if enters is None:
            asked = id(series.where)
            enters = met.get(asked)
            if enters is None:
                enters = met[asked] = _meets(entry, facts, look)
        if enters and before is not None and earlier is not None:
            # A pending login that was counted is this same login.
            was = next((other.enters for other in before.series if other.number == entry.number), False)
            if was is None and series.where is not None:
                was = _meets(entry, dict(before.facts), earlier)
            enters = not was
        if enters:
            fill(facts, entry.members, look)
            # An empty text is an unknown one: no country is not a second country.
            members = tuple([None if (value := facts.get(name)) == "" else value for name in series.members])
            tracks[key].add(sighting.time, members, series.keep)  # type: ignore[arg-type]  # text or numbers


def _meets(touched: Touched, facts: dict[str, FactValue | None], look: Look) -> bool:
    where = touched.series.where
    if where is None:
        return True
    fill(facts, touched.needs, look)
    return where.evaluate(facts) is True


def _findings(
    held: Sequence[Held], look: Look, concluded: Concluded | None, exempt: Sequence[Exemption] = ()
) -> list[Finding]:
    """Findings with their shares, strongest first; those of a concluded login stand as they were."""
    if not held and concluded is None:
        return []
    found = list(concluded.assessment.findings) if concluded else []
    known = {finding.rule for finding in found}
    found += [
        Finding(
            rule=item.rule.rule.id,
            title=item.rule.rule.title,
            status="shadow" if any(entry.covers(item.rule.rule) for entry in exempt) else item.rule.rule.status,
            group=item.rule.rule.evidence_group,
            risk=item.risk,
            evidence=_explained(item, look),
        )
        for item in held
        if item.rule.rule.id not in known
    ]
    found.sort(key=lambda finding: (finding.status != "live", -finding.risk, finding.rule))
    live = [finding for finding in found if finding.status == "live"]
    shares = combine([(finding.group, finding.risk) for finding in live])[1]
    return [
        msgspec.structs.replace(finding, share=share)
        for finding, share in zip(found, shares + [0.0] * (len(found) - len(live)), strict=True)
    ]


def _explained(held: Held, look: Look) -> dict[str, Any]:
    """The facts a rule read; of what a model said, also why."""
    asked = [name.removeprefix(_MODEL) for name in held.rule.reads if name.startswith(_MODEL)]
    if not asked or look.scorer is None:
        return held.evidence
    reasons = [reason for kind in asked for reason in look.scorer.reasons(look, kind)]
    return {**held.evidence, "model.reasons": list(dict.fromkeys(reasons))}


def _ahead(arrival: Arrival) -> bool:
    """Whether an event is of a period that has not begun where it arrived: one wrong clock would let everybody's counts
    go, and keep those that come from being counted. Nobody knows where none says when it arrived, as in a replay."""
    if arrival.received is None:
        return False
    return period_of(utc_day(arrival.sighting.time)) > period_of(utc_day(arrival.received + DAY))


def _until(sighting: Sighting, live: Sequence[Finding], held: dict[str, Held]) -> int | None:
    """On a failed try whose strongest finding is about its source: until when the decision concerns it."""
    if not sighting.attempt or not live or live[0].rule not in held:
        return None
    span = held[live[0].rule].source_span
    return sighting.time + span if span is not None else None
