"""Explaining an event: the same pure steps again, with everything they read shown.

A stored event is explained with the past it was judged with: the account's earlier records are entered again into
an empty profile, as they were judged then, and the window values are those kept in the record.
"""

from typing import Any

import msgspec

from sentinel.events.assessment import Assessment
from sentinel.events.sighting import Sighting
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile
from sentinel.past.windows import Track
from sentinel.pipeline.answers import replay_answer
from sentinel.pipeline.campaign import campaigns_key
from sentinel.pipeline.concluded import Concluded, concludes
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Tracks, judge
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting, unpack_windows
from sentinel.pipeline.recalled import remember_record
from sentinel.pipeline.replay import FactSeen, facts_seen
from sentinel.store.protocol import Record, Store, Wanted

#: Parts of a sighting that are keyed pseudonyms: shown as present, not in value.
_KEYED = frozenset(
    {"key", "account", "address", "prefix", "device_key", "agent", "ja4", "language", "session", "actor_account",
     "concludes"}
)  # fmt: skip


class RuleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule made of the event: ``held``, ``silent``, ``not judged: …``, ``does not apply``, ``off``.

    A finding that an allowlist or a mute covers is ``held: allowed by NAME: REASON``, in shadow.
    """

    rule: str
    status: str
    outcome: str
    risk: float | None = None
    share: float = 0.0
    evidence: dict[str, Any] = {}


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An event through every step; no raw and no keyed values."""

    sighting: dict[str, Any]
    facts: list[FactSeen]
    windows: dict[str, int | None]
    rules: list[RuleSeen]
    assessment: Assessment
    notes: list[str]


async def explain_record(
    store: Store,
    record: Record,
    settings: TenantSettings,
    event: str,
    account: str | None,
    commons: Commons | None = None,
) -> Explanation:
    """Explain a stored event as it was judged. ``commons``: what is common for everybody of the tenant, by now."""
    profile = await profile_before(store, record, settings)
    sighting = unpack_sighting(record.sighting)
    settings = settings.of(sighting)
    assessment = unpack_assessment(record.assessment, event, account)
    notes = []
    if assessment.ruleset != settings.rules.digest:
        notes.append("the rules have changed since; findings and window values are those of then")
    actor = None
    if not sighting.own and sighting.actor_account:
        by = (await store.recall(Wanted(profiles={sighting.actor_account}))).profiles
        actor = by[sighting.actor_account]
        notes.append("the account that acted is shown with its past as it is now")
    if settings.scorer is not None:
        notes.append("models are shown as they are now, and hold the event against what is common for everybody now")
    facts = facts_seen(sighting, profile, settings, actor, commons)
    return _explanation(sighting, facts, settings, unpack_windows(record.windows), assessment, notes)


async def explain_arrival(
    store: Store, arrival: Arrival, settings: TenantSettings, commons: Commons | None = None
) -> Explanation:
    """Judge an event against the stored past without keeping anything, and explain it. ``commons``: what is common for
    everybody of the tenant; the caller's own, which this event is entered into."""
    sighting = arrival.sighting
    settings = settings.of(sighting)
    touched = Tracks(settings.rules, sighting, arrival.tenant)
    by = sighting.actor_account if not sighting.own else None
    keys = {key for key in (sighting.account, campaigns_key(arrival.tenant), by) if key}
    asked = {sighting.concludes} if sighting.concludes else set()
    past = await store.recall(Wanted(records=asked, profiles=keys, tracks=touched.wanted))
    # The store's own copies must not learn from what is only explained.
    store.forget(past)
    profiles = {key: msgspec.convert(msgspec.to_builtins(profile), Profile) for key, profile in past.profiles.items()}
    profile = profiles.get(sighting.account or "", Profile())
    tracks = {key: past.tracks.get(key, Track()) for key in touched.wanted}
    campaigns = profiles.get(campaigns_key(arrival.tenant), Profile())
    pending = _concluded(sighting, past.records.get(sighting.concludes or ""))
    actor = profiles.get(by) if by else None
    # Before the past learns of the event.
    facts = facts_seen(sighting, profile, settings, actor, commons)
    judged = judge(arrival, settings, profile, campaigns, tracks, touched, pending, actor, commons)
    notes = ["judged against the past as it is now; not kept"]
    return _explanation(sighting, facts, settings, judged.windows, judged.assessment, notes)


async def profile_before(store: Store, record: Record, settings: TenantSettings) -> Profile:
    """The account's profile as it was when ``record`` was judged."""
    profile = Profile()
    if record.account is None:
        return profile
    seen: dict[str, Record] = {}
    async for earlier in store.history(record.account):
        if earlier.key == record.key:
            break
        if earlier.type == "feedback":
            target = seen.get(earlier.body.decode())
            if target is not None:
                sighting = unpack_sighting(target.sighting)
                target.trusted = replay_answer(profile, sighting, target, earlier, hours=settings.trust.hours)
            continue
        sighting = unpack_sighting(earlier.sighting)
        earlier.trusted = remember_record(profile, earlier, sighting, settings)
        seen[earlier.key] = earlier
    return profile


def _concluded(sighting: Sighting, record: Record | None) -> Concluded | None:
    if record is None or not record.sighting:
        return None
    pending = unpack_sighting(record.sighting)
    assessment = unpack_assessment(record.assessment, "", None)
    return Concluded(pending, assessment) if concludes(sighting, pending) else None


def _explanation(
    sighting: Sighting,
    facts: list[FactSeen],
    settings: TenantSettings,
    windows: dict[str, int | None],
    assessment: Assessment,
    notes: list[str],
) -> Explanation:
    shown: dict[str, Any] = {}
    for name in sighting.__struct_fields__:
        value = getattr(sighting, name)
        if name in ("place", "network", "device", "factor"):
            for part in value.__struct_fields__:
                entry = getattr(value, part)
                if entry not in (None, False):
                    shown[f"{name}.{part}"] = "(keyed)" if part == "key" else entry
        elif value is not None:
            shown[name] = "(keyed)" if name in _KEYED else value
    return Explanation(
        sighting=shown,
        facts=facts,
        windows=windows,
        rules=_rules(sighting, settings, assessment),
        assessment=assessment,
        notes=[*notes, *_share(settings)],
    )


def _share(settings: TenantSettings) -> list[str]:
    if settings.enforce_share >= 1:
        return []
    here = "outside of it: only observed" if settings.thresholds.mode == "observe" else "one of them"
    return [f"decisions are enforced for {settings.enforce_share:.0%} of the accounts; this one is {here}"]


def _rules(sighting: Sighting, settings: TenantSettings, assessment: Assessment) -> list[RuleSeen]:
    found = {finding.rule: finding for finding in assessment.findings}
    missing = {entry.rule: entry.missing for entry in assessment.unjudged}
    out = []
    exempt = settings.exempt.naming(sighting) if settings.exempt is not None else ()
    for file in settings.rules.files:
        compiled = file.compiled
        rule = compiled.rule
        finding = found.get(rule.id)
        if finding is not None:
            # Where the finding counted, the entry is younger than the event.
            passed = [entry.words for entry in exempt if entry.covers(rule)] if finding.status == "shadow" else []
            out.append(
                RuleSeen(
                    rule=rule.id, status=finding.status, outcome=": ".join(["held", *passed]), risk=finding.risk,
                    share=finding.share, evidence=finding.evidence,
                )
            )  # fmt: skip
            continue
        if rule.status == "off":
            outcome = "off"
        elif sighting.type not in rule.applies_to or (compiled.judged_only and not sighting.judged):
            outcome = "does not apply"
        elif rule.id in missing:
            outcome = "not judged: " + ", ".join(missing[rule.id]) + " unknown"
        else:
            outcome = "silent"
        out.append(RuleSeen(rule=rule.id, status=rule.status, outcome=outcome))
    return out
