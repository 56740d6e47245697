"""What an answer ("it was legitimate", "it was not") does to an account's past (CONTRACT §1)."""

from sentinel.events.sighting import Sighting
from sentinel.past.factors import answer_removal
from sentinel.past.profile import MAX_COMPROMISED, Profile
from sentinel.past.recovery import forget_way_back
from sentinel.past.remember import distrust_sighting, trust_sighting
from sentinel.store.protocol import Record, Store


def apply_answer(profile: Profile, sighting: Sighting, record: Record, verdict: str, *, hours: bool = True) -> bool:
    """Apply a verdict of the service to ``profile`` (in place); returns whether the event is trusted now.

    Only what logged in successfully can become trusted; anything can be compromised. ``hours`` says whether hours are
    learned (:attr:`sentinel.past.profile.TrustPolicy.hours`).
    """
    if record.alert is not None:
        # Answered, so the next one is news again.
        profile.alerts = [alert for alert in profile.alerts if alert.id != record.alert]
    if verdict == "compromised":
        distrust_sighting(profile, sighting, was_trusted=record.trusted)
        _note_compromised(profile, sighting)
        return False
    profile.compromised.pop(sighting.key, None)
    forget_way_back(profile, sighting)
    if sighting.type == "mfa_removed":
        answer_removal(profile, sighting, "legitimate")
    if sighting.type == "login" and sighting.outcome == "success" and sighting.own:
        trust_sighting(profile, sighting, already=record.trusted, lift=True, hours=hours)
        return True
    return record.trusted


async def verdicts_of(store: Store, tenant: str, since: int = 0) -> dict[str, str]:
    """Key of each record that was answered from ``since`` (micros) on → the last answer. Raises
    :class:`sentinel.errors.StoreError`."""
    answers = store.history(type="feedback", since=since)
    return {each.body.decode(): each.assessment.decode() async for each in answers if each.tenant == tenant}


def _note_compromised(profile: Profile, sighting: Sighting) -> None:
    """The first one says since when, the last ones what to lift: an attack's ten thousand tries need no more."""
    profile.compromised[sighting.key] = sighting.time
    if len(profile.compromised) > MAX_COMPROMISED:
        _, second, *_ = sorted(profile.compromised, key=lambda key: (profile.compromised[key], key))
        del profile.compromised[second]
