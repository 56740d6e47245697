"""Judge first, remember second: what an event leaves in the profile once it has been judged."""

import msgspec

from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY, utc_day
from sentinel.events.event import CREDENTIAL_CHANGES
from sentinel.events.sighting import Sighting
from sentinel.past.challenges import note_challenge, summed_up, take_challenges
from sentinel.past.context import in_trusted_context
from sentinel.past.factors import (
    answer_removal,
    factor_key,
    known_factor,
    note_code,
    note_enrolment,
    note_removal,
    proved_before,
)
from sentinel.past.habit import forget_hour, note_hour
from sentinel.past.profile import (
    MAX_PLACES,
    MAX_SESSIONS,
    MAX_VALUES,
    MAX_WARMUP,
    Profile,
    Session,
    TrustedPlace,
    TrustPolicy,
    Value,
    device_kind,
    grant_of,
    is_trusted,
    network_key,
    values_of,
)
from sentinel.past.recovery import hours_since, note_way_back
from sentinel.past.seen import forget_seen, note_seen
from sentinel.past.session import note_use, place_session
from sentinel.past.usual import forget_place, has_place, note_place

#: Types that show the account in use; others (a reset asked for) may be anybody's doing, unless they are of a
#: session that was judged safe.
_SIGNS_OF_LIFE = frozenset({"login", "session_seen"})

#: Changes after which a person's mailed answer proves little for 30 days (CONTRACT §1).
_RECOVERIES = frozenset({"recovery_used", "email_changed"})


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What judging said, as far as the past is concerned."""

    flagged: bool
    level: str
    push_doubt: bool = False  #: pushes were refused, or came in a flood: one approved now would prove nothing


def remember(profile: Profile, sighting: Sighting, verdict: Verdict, policy: TrustPolicy) -> bool:
    """Enter a judged event into ``profile`` (changed in place). Returns whether it joined the trusted past.

    Nothing of an event that was not the person's own, did not succeed, or was flagged becomes trusted, except
    that a phishing-resistant factor known for ``factor_days`` confirms a flagged login.
    """
    if verdict.push_doubt:
        profile.push_doubt_at = max(profile.push_doubt_at, sighting.time)
    if sighting.type == "mfa_challenge":
        note_code(profile, sighting, own_use=True, safe=sighting.own and not verdict.flagged)
        note_challenge(profile, sighting)
    elif sighting.type == "login" and sighting.factor.method is not None:
        summing_up = summed_up(profile, sighting)
        note_code(profile, sighting, own_use=not summing_up, safe=sighting.own and not verdict.flagged)
        if summing_up:
            take_challenges(profile, sighting)
    if sighting.outcome != "success":
        return False
    values = values_of(sighting)
    tainted = _tainted(profile, sighting, values)
    safe = sighting.own and not verdict.flagged and not tainted
    if sighting.type in CREDENTIAL_CHANGES:
        high = LEVEL_ORDER[verdict.level] >= LEVEL_ORDER["high"]
        at_home = in_trusted_context(profile, sighting, policy)
        note_way_back(profile, sighting, at_home=at_home)
        _note_change(profile, sighting, safe and at_home, high, policy)
    if not sighting.own:
        return False
    trusted = False
    if sighting.type == "login":
        trusted = safe or (not tainted and confirmed_by_factor(profile, sighting, policy))
        _note_login(profile, sighting, values, verdict, trusted, tainted, policy)
    elif sighting.session and sighting.session in profile.sessions:
        note_use(profile, sighting.session, sighting, safe)
    if (safe or trusted) and (sighting.type in _SIGNS_OF_LIFE or _in_trusted_session(profile, sighting)):
        profile.last_seen = max(profile.last_seen, sighting.time)
    if safe and sighting.type != "login" and (grant := grant_of(sighting)) is not None:
        _trust(_value(profile, "grant", grant, sighting.time), sighting.time)
    return trusted


def confirmed_by_factor(profile: Profile, sighting: Sighting, policy: TrustPolicy) -> bool:
    """A phishing-resistant factor, trusted for at least ``factor_days``, vouches for the login.

    Without an id of the factor nothing is confirmed: a newly enrolled key would look like the old one.
    """
    if not _proves(sighting, resistant=True) or sighting.factor.key is None:
        return False
    factor = profile.factors.get(sighting.factor.key)
    if factor is None or not factor.trusted_at:
        return False
    return factor.trusted_at + policy.factor_days * DAY <= sighting.time


def passed_known_factor(profile: Profile, sighting: Sighting, policy: TrustPolicy) -> bool:
    """A second factor was proved that an earlier trusted login used or enrolled; a backup code is none."""
    if not _proves(sighting) or sighting.factor.method == "backup_code":
        return False
    return proved_before(profile.factors.get(factor_key(sighting) or ""), sighting.time, policy)


def trust_sighting(
    profile: Profile, sighting: Sighting, *, already: bool, lift: bool = False, hours: bool = True
) -> None:
    """Make the values of a successful login trusted from its own time on.

    ``already``: it was trusted before, so support must not count twice. ``lift``: the service said so, which
    also lifts an earlier "compromised". ``hours``: :attr:`TrustPolicy.hours`.
    """
    for kind, key in values_of(sighting):
        value = _value(profile, kind, key, sighting.time)
        if lift:
            value.compromised = value.barred = False
        _trust(value, sighting.time, support=not already)
    session = profile.sessions.get(sighting.session) if sighting.session else None
    if lift and session is not None:
        session.compromised = False
    if not already:
        _note_trusted(profile, sighting, hours=hours)


def distrust_sighting(profile: Profile, sighting: Sighting, *, was_trusted: bool) -> None:
    """Somebody who knows said that this was not the person: sighting, session, values and factor are out.

    A value that another trusted login supports stays; all others are out until the service or an admin lifts
    that.
    """
    for kind, key in values_of(sighting):
        value = _value(profile, kind, key, sighting.time)
        if was_trusted and value.support:
            value.support -= 1
        if not value.support:
            value.trusted_at = 0
            value.compromised = True
    for factor in profile.factors.values():
        in_session = sighting.session is not None and factor.session == sighting.session
        if in_session or factor.trusted_at == sighting.time:
            factor.trusted_at = 0
    profile.places = [place for place in profile.places if place.event != sighting.key]
    if was_trusted:
        forget_hour(profile, sighting)
        forget_place(profile, sighting)
        forget_seen(profile, sighting)
        profile.trusted_logins = max(0, profile.trusted_logins - 1)
        if sighting.time in profile.warmup:
            profile.warmup.remove(sighting.time)
    if sighting.session:
        _make_room(profile, sighting.session)
        session = profile.sessions.setdefault(sighting.session, Session(sighting.time, sighting.key))
        session.compromised, session.trusted = True, False
    if sighting.type == "mfa_removed":
        answer_removal(profile, sighting, "compromised")


def is_tainted(profile: Profile, sighting: Sighting) -> bool:
    """Its session, or a value of it, was called compromised."""
    return _tainted(profile, sighting, values_of(sighting))


def _tainted(profile: Profile, sighting: Sighting, values: list[tuple[str, str]]) -> bool:
    session = profile.sessions.get(sighting.session) if sighting.session else None
    if session is not None and session.compromised:
        return True
    for kind, key in values:
        value = profile.values.get(kind, {}).get(key)
        if value is not None and value.compromised:
            return True
    return False


def _note_login(
    profile: Profile,
    sighting: Sighting,
    values: list[tuple[str, str]],
    verdict: Verdict,
    trusted: bool,
    tainted: bool,
    policy: TrustPolicy,
) -> None:
    time = sighting.time
    network = network_key(sighting)
    known_network = sighting.session is not None and profile.trusts("network", network, time, policy)
    for kind, key in values:
        value = _value(profile, kind, key, time)
        if time < value.first:
            value.first = time
        # A flagged login must not freshen what the person left long ago.
        if time > value.last and (trusted or not value.trusted_at):
            value.last = time
        if trusted:
            _trust(value, time)
            if kind == "device" and sighting.device.os:
                value.system = sighting.device.os
            continue
        if is_trusted(value, time, policy):
            continue
        if LEVEL_ORDER[verdict.level] >= LEVEL_ORDER["high"]:
            value.barred = True
        if not tainted:
            # What comes from a compromised session or device would settle what it brings along.
            value.days = sorted({*value.days, utc_day(sighting.time)})[: policy.settle_logins]
    if sighting.session:
        _make_room(profile, sighting.session)
        earlier = profile.sessions.get(sighting.session)
        profile.sessions.pop(sighting.session, None)
        session = profile.sessions[sighting.session] = Session(
            sighting.time,
            sighting.key,
            sighting.device_key or sighting.device_class,
            network,
            sighting.place.country,
            trusted,
            earlier is not None and earlier.compromised,
            vouched=passed_known_factor(profile, sighting, policy),
            device_kind=device_kind(sighting),
            exposed=sighting.network.kind == "hosting" and not known_network,
            known_network=known_network,
        )
        place_session(session, sighting)
    if trusted:
        _note_trusted(profile, sighting, hours=policy.hours)


def _in_trusted_session(profile: Profile, sighting: Sighting) -> bool:
    session = profile.sessions.get(sighting.session) if sighting.session else None
    return session is not None and session.trusted


def _trust(value: Value, time: int, *, support: bool = True) -> None:
    if value.compromised:
        return
    if not value.trusted_at or time < value.trusted_at:
        value.trusted_at = time
    value.support += support


def _note_trusted(profile: Profile, sighting: Sighting, *, hours: bool) -> None:
    """What a trusted login leaves besides its values: warm-up, place, factor, session."""
    time, place = sighting.time, sighting.place
    profile.trusted_logins += 1
    note_seen(profile, sighting)
    profile.last_seen = max(profile.last_seen, time)
    if hours:
        note_hour(profile, sighting)
    else:
        profile.habit = None  # learned before it was not wanted
    if len(profile.warmup) < MAX_WARMUP or time < profile.warmup[-1]:
        profile.warmup = sorted([*profile.warmup, time])[:MAX_WARMUP]
    if place.lat is not None and place.lon is not None and has_place(sighting):
        mobile = sighting.network.kind == "mobile"
        profile.places.append(
            TrustedPlace(time, place.lat, place.lon, place.accuracy_km or 0.0, place.country, sighting.key, mobile)
        )
        note_place(profile, sighting)
        if len(profile.places) > 1 and profile.places[-2].time > time:
            profile.places.sort(key=lambda item: item.time)
        del profile.places[:-MAX_PLACES]
    key = factor_key(sighting)
    if key is not None and _proves(sighting):
        factor = known_factor(profile, sighting, key)
        factor.removed_at = 0  # It proved itself in a login that is trusted: it was not removed for good.
        if not factor.trusted_at or time < factor.trusted_at:
            factor.trusted_at, factor.session = time, sighting.session
        factor.last = max(factor.last, time)
    if (session := profile.sessions.get(sighting.session) if sighting.session else None) is not None:
        session.trusted = True


def _note_change(profile: Profile, sighting: Sighting, trusted: bool, high: bool, policy: TrustPolicy) -> None:
    if sighting.type in _RECOVERIES or (not trusted and _ends_reset(profile, sighting)):
        profile.recovered_at = max(profile.recovered_at, sighting.time)
    if sighting.type == "phone_changed":
        profile.phone_changed_at = max(profile.phone_changed_at, sighting.time)
    if sighting.type == "mfa_enrolled":
        note_enrolment(profile, sighting, trusted=trusted, high=high)
    elif sighting.type == "mfa_removed":
        note_removal(profile, sighting, trusted=trusted)
    if not sighting.own or sighting.type == "password_reset_requested":
        return  # Anybody can ask for a reset: nothing was changed yet.
    for kind, name in values_of(sighting) + _values_of_session(profile, sighting):
        value = profile.values.get(kind, {}).get(name)
        if value is not None and not value.trusted_at and not is_trusted(value, sighting.time, policy):
            value.barred = True


def _ends_reset(profile: Profile, sighting: Sighting) -> bool:
    """A password that is set after a reset was asked for from somewhere new: the mailbox was enough for it."""
    own = sighting.own and sighting.type == "password_changed"
    return own and hours_since(profile.recoveries, sighting.time) is not None


def _values_of_session(profile: Profile, sighting: Sighting) -> list[tuple[str, str]]:
    session = profile.sessions.get(sighting.session) if sighting.session else None
    if session is None:
        return []
    found = (("device", session.device), ("device_class", session.device), ("network", session.network))
    return [(kind, key) for kind, key in (*found, ("country", session.country)) if key is not None]


def _proves(sighting: Sighting, *, resistant: bool = False) -> bool:
    """The named factor was proved; with ``resistant`` by one that cannot be phished (webauthn, passkey)."""
    method, outcome = sighting.factor.method, sighting.factor.outcome
    if sighting.auth_method == "passkey" and method in (None, "none", "webauthn") and outcome in (None, "success"):
        return True
    return outcome == "success" and (method == "webauthn" or not resistant)


def _make_room(profile: Profile, session: str) -> None:
    sessions = profile.sessions
    if session not in sessions and len(sessions) >= MAX_SESSIONS:
        del sessions[least_session(sessions)]


def least_session(sessions: dict[str, Session]) -> str:
    """The session that goes first when there are too many."""
    # Those used last stand last; compromised ones stay until there is nothing else. Half of the room is for
    # logins that were not trusted: more of them must not wash out the sessions that a thief is told from.
    other = [key for key, known in sessions.items() if not known.compromised]
    strange = [key for key in other if not sessions[key].trusted]
    return next(iter(strange if len(strange) >= MAX_SESSIONS // 2 else other or sessions))


def _value(profile: Profile, kind: str, key: str, time: int) -> Value:
    values = profile.values.setdefault(kind, {})
    value = values.get(key)
    if value is None:
        if len(values) >= MAX_VALUES:
            del values[least_value(values)]
        value = values[key] = Value(time, time)
    return value


def least_value(values: dict[str, Value]) -> str:
    """What goes first: neither a flood of new values nor one of answers must wash out the trusted ones, nor those
    somebody said no to.
    """
    refused = [key for key, value in values.items() if value.compromised]
    trusted = [key for key, value in values.items() if value.trusted_at and not value.compromised]
    fresh = values.keys() - {*refused, *trusted}
    # Of those that are kept longer, half of the room is for each.
    first = fresh or (refused if len(refused) > MAX_VALUES // 2 else trusted or refused)
    return min(first, key=lambda key: (values[key].last, key))
