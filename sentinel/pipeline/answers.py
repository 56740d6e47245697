"""What an answer ("it was legitimate", "it was not") does to an account's past (CONTRACT §1)."""

from typing import Final

from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY
from sentinel.events.sighting import Attributes, Sighting
from sentinel.past.factors import answer_removal
from sentinel.past.profile import MAX_COMPROMISED, Profile
from sentinel.past.recovery import forget_way_back
from sentinel.past.remember import distrust_sighting, is_tainted, trust_sighting
from sentinel.pipeline.item import Answer
from sentinel.pipeline.pack import unpack_assessment
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.store.protocol import Record, Store

#: The role of the person themselves, by the link in a mail. Others may lift what they said, they may not.
PERSON: Final = "person"
#: For this long after a recovery or a change of address, who reads the mail may not be who owns the account
#: (CONTRACT §1).
_RECOVERY_DOUBT: Final = 30 * DAY


def apply_answer(
    profile: Profile,
    sighting: Sighting,
    record: Record,
    verdict: str,
    *,
    by: str = "service",
    confirms: bool = True,
    hours: bool = True,
) -> bool:
    """Apply a verdict to ``profile`` (in place); returns whether the event is trusted now.

    Only what logged in successfully can become trusted; anything can be compromised. A person's "it was me" lifts
    nothing, clears no way back in (:mod:`sentinel.past.recovery`) nor what a helpdesk removed: whoever took the mailbox
    and had the helpdesk help would say the same. Without ``confirms`` (:func:`may_confirm`) it changes nothing.
    ``hours`` says whether hours are learned (:attr:`sentinel.past.profile.TrustPolicy.hours`).
    """
    if not confirms:
        # The alert stays open in the profile as well: the account's risk is what it was.
        return record.trusted
    if record.alert is not None:
        # Answered, so the next one is news again.
        profile.alerts = [alert for alert in profile.alerts if alert.id != record.alert]
    if verdict == "compromised":
        distrust_sighting(profile, sighting, was_trusted=record.trusted)
        if by != PERSON or got_in(sighting):
            _note_compromised(profile, sighting)
        return False
    profile.compromised.pop(sighting.key, None)
    if by != PERSON:
        forget_way_back(profile, sighting)
    if sighting.type == "mfa_removed" and (by != PERSON or sighting.own):
        answer_removal(profile, sighting, "legitimate")
    if sighting.type == "login" and sighting.outcome == "success" and sighting.own:
        trust_sighting(profile, sighting, already=record.trusted, lift=by != PERSON, hours=hours)
        return True
    return record.trusted


def replay_answer(profile: Profile, sighting: Sighting, record: Record, answer: Record, *, hours: bool = True) -> bool:
    """Apply an answer that is stored, as it was applied when it came."""
    by = role_of(answer)
    confirms = by != PERSON or answer.trusted or verdict_of(answer) == "compromised"
    return apply_answer(profile, sighting, record, verdict_of(answer), by=by, confirms=confirms, hours=hours)


def may_confirm(profile: Profile, sighting: Sighting, record: Record, attributes: Attributes | None, at: int) -> bool:
    """Whether a person's mailed "it was me", given ``at`` (micros), confirms the event (CONTRACT §1).

    Not at high or above, nor within 30 days after a recovery or a change of address: a thief who reads the mails would
    say the same. Nor what comes from a session or with a value that somebody called compromised, nor what stands in one
    alert with something at high or above: that would be closed as well.
    """
    level = unpack_assessment(record.assessment, "", None).level
    if level is None or LEVEL_ORDER[level] >= LEVEL_ORDER["high"]:
        return False
    if any(alert.id == record.alert and LEVEL_ORDER[alert.level] >= LEVEL_ORDER["high"] for alert in profile.alerts):
        return False
    if profile.recovered_at and at - profile.recovered_at < _RECOVERY_DOUBT:
        return False
    if attributes is not None and attributes.previous_email and attributes.previous_until > at:
        return False  # the service told of another address without an event
    return not is_tainted(profile, sighting)


def got_in(sighting: Sighting) -> bool:
    """Whether somebody who was not the person would be in the account, or half way: a try that failed for its password
    compromises nobody."""
    failed = sighting.type == "login" and sighting.outcome in ("failure", "blocked")
    return not failed or sighting.password_ok or sighting.reason == "mfa_failed"


def answer_key(pseudonym: Pseudonymizer, answer: Answer) -> str:
    """Key of an answer's own record: the same answer given twice is one. A person gives each of the two once."""
    if answer.by == PERSON:
        return person_key(pseudonym, answer.tenant, answer.key, answer.verdict)
    return pseudonym("answer", answer.tenant, f"{answer.key}.{answer.time}.{answer.verdict}")


def person_key(pseudonym: Pseudonymizer, tenant: str, event: str, verdict: str) -> str:
    """Key of the record of a person's answer about the event with record key ``event``."""
    return pseudonym("answer", tenant, f"{event}.{PERSON}.{verdict}")


def role_of(answer: Record) -> str:
    """Who gave a stored answer: ``person``, ``service`` or ``operator``."""
    return answer.windows.decode() or "service"


def verdict_of(answer: Record) -> str:
    """What a stored answer says."""
    return answer.assessment.decode()


async def verdicts_of(store: Store, tenant: str, since: int = 0) -> dict[str, str]:
    """Key of each record that was answered from ``since`` (micros) on → the last answer. Raises
    :class:`sentinel.errors.StoreError`."""
    answers = store.history(type="feedback", since=since)
    return {each.body.decode(): verdict_of(each) async for each in answers if each.tenant == tenant}


def _note_compromised(profile: Profile, sighting: Sighting) -> None:
    """The first one says since when, the last ones what to lift: an attack's ten thousand tries need no more."""
    profile.compromised[sighting.key] = sighting.time
    if len(profile.compromised) > MAX_COMPROMISED:
        _, second, *_ = sorted(profile.compromised, key=lambda key: (profile.compromised[key], key))
        del profile.compromised[second]
