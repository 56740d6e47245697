"""Two accounts become one: what is remembered of both, as if one account had lived both lives. Pure, no clock.

Where the two disagree, the careful answer stands: what was called compromised or removed on one of them stays so, and
whatever is restricted on one is restricted. All else does not depend on which of the two goes into which.
"""

from collections.abc import Callable
from heapq import merge as merged_by
from itertools import groupby
from typing import Final, TypeVar

import msgspec

from sentinel.events.clock import MINUTE
from sentinel.past.factors import MAX_COUNTERS, STRENGTH
from sentinel.past.habit import merge_habits
from sentinel.past.profile import (
    MAX_CHALLENGES,
    MAX_COMPROMISED,
    MAX_FACTORS,
    MAX_PLACES,
    MAX_RECOVERIES,
    MAX_RIGHTS,
    MAX_SESSIONS,
    MAX_VALUES,
    MAX_WARMUP,
    KnownFactor,
    Profile,
    Right,
    Session,
    TrustPolicy,
    Value,
    decode_profile,
    encode_profile,
)
from sentinel.past.remember import least_session, least_value
from sentinel.past.seen import merge_seen
from sentinel.past.usual import merge_usual

#: Open alerts remembered of one account, as :data:`sentinel.alerts.policy.MAX_OPEN` has it.
MAX_ALERTS: Final = 16
#: Mails remembered of one account, as :data:`sentinel.alerts.policy.MAX_TOLD` has it.
MAX_TOLD: Final = 32

_T = TypeVar("_T")
_encode: Final = msgspec.msgpack.Encoder().encode


def merge_profiles(into: Profile, other: Profile) -> Profile:
    """What is remembered of ``into`` once ``other`` is the same account. Neither of the two is changed."""
    # Copies: what is remembered is changed in place later.
    into, other = decode_profile(encode_profile(into)), decode_profile(encode_profile(other))
    return Profile(
        values={
            kind: _values(into.values.get(kind, {}), other.values.get(kind, {}))
            for kind in dict.fromkeys((*into.values, *other.values))
        },
        places=_newest(_by_time(into.places, other.places, lambda place: place.time), MAX_PLACES),
        warmup=sorted(into.warmup + other.warmup)[:MAX_WARMUP],
        trusted_logins=into.trusted_logins + other.trusted_logins,
        last_seen=max(into.last_seen, other.last_seen),
        recovered_at=max(into.recovered_at, other.recovered_at),
        compromised=_compromised(into.compromised, other.compromised),
        sessions=_sessions(into.sessions, other.sessions),
        factors=_factors(into.factors, other.factors),
        challenges=_newest(
            _by_time(into.challenges, other.challenges, lambda challenge: challenge.time), MAX_CHALLENGES
        ),
        alerts=_newest(_by_time(into.alerts, other.alerts, lambda alert: alert.first), MAX_ALERTS),
        usual=merge_usual(into.usual, other.usual),
        habit=merge_habits(into, other),
        push_doubt_at=max(into.push_doubt_at, other.push_doubt_at),
        phone_changed_at=max(into.phone_changed_at, other.phone_changed_at),
        recoveries=sorted(into.recoveries + other.recoveries)[-MAX_RECOVERIES:],
        helped=sorted(into.helped + other.helped)[-MAX_RECOVERIES:],
        usage_day=max(into.usage_day, other.usage_day),
        usage_marks=_marks(into, other),
        restricted_at=_first(into.restricted_at, other.restricted_at),
        objected_at=_first(into.objected_at, other.objected_at),
        rights=merge_rights(into.rights, other.rights),
        seen=merge_seen(into.seen, other.seen),
        rights_count=max(into.rights_count, other.rights_count),
        told=_newest(_by_time(into.told, other.told, lambda mail: mail.time), MAX_TOLD),
    )


def merge_rights(one: list[Right], other: list[Right]) -> list[Right]:
    """What was asked for and what came of it, by time; the newest :data:`MAX_RIGHTS`."""
    return _newest(_by_time(one, other, lambda right: right.time), MAX_RIGHTS)


def _first(one: int, other: int) -> int:
    """The earlier of two times of which 0 means never."""
    return min(filter(None, (one, other)), default=0)


def _newest(items: list[_T], number: int) -> list[_T]:
    return items[-number:]


def _by_time(one: list[_T], other: list[_T], time: Callable[[_T], int]) -> list[_T]:
    """Both in one list, each in the order it has. Of what came at one moment the content decides which of the two goes
    first, so that it is the same whichever goes into which."""
    moments = [
        (at, [_encode(item) for item in together], together)
        for items in (one, other)
        for at, group in groupby(items, key=time)
        for together in [list(group)]
    ]
    moments.sort(key=lambda moment: moment[:2])
    return [item for _, _, together in moments for item in together]


def _marks(into: Profile, other: Profile) -> int:
    """As what the account was counted on the later of the two days."""
    day = max(into.usage_day, other.usage_day)
    return (into.usage_marks if into.usage_day == day else 0) | (other.usage_marks if other.usage_day == day else 0)


# Values


def _values(one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    found = {**one, **other}
    for key in one.keys() & other.keys():
        found[key] = _value(one[key], other[key])
    while len(found) > MAX_VALUES:
        del found[least_value(found)]
    return found


def _value(one: Value, other: Value) -> Value:
    compromised = one.compromised or other.compromised
    later = max((one, other), key=lambda value: (bool(value.system), value.last, value.system))
    days = max(len(one.days), len(other.days), TrustPolicy().settle_logins)
    return Value(
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        # What somebody said no to has nothing to stand on, so that only being called legitimate brings it back.
        trusted_at=0 if compromised else _first(one.trusted_at, other.trusted_at),
        support=0 if compromised else one.support + other.support,
        days=sorted({*one.days, *other.days})[:days],
        barred=one.barred or other.barred,
        compromised=compromised,
        system=later.system,
    )


def _compromised(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """As :func:`sentinel.pipeline.answers.apply_answer` bounds it: the first one and the last ones."""
    found = {key: min(known[key] for known in (one, other) if key in known) for key in {**one, **other}}
    if len(found) <= MAX_COMPROMISED:
        return found
    first, *rest = sorted(found, key=lambda key: (found[key], key))
    kept = {first, *rest[-(MAX_COMPROMISED - 1) :]}
    return {key: time for key, time in found.items() if key in kept}


# Sessions


def _sessions(one: dict[str, Session], other: dict[str, Session]) -> dict[str, Session]:
    """Those used last stand last, as far as can be told of two accounts: each keeps its own order."""
    found: dict[str, Session] = {}
    for _, key in merged_by(_last_seen(one), _last_seen(other)):
        found.pop(key, None)
        first, second = one.get(key), other.get(key)
        found[key] = _session(first, second) if first and second else first or other[key]
    while len(found) > MAX_SESSIONS:
        del found[least_session(found)]
    return found


def _last_seen(sessions: dict[str, Session]) -> list[tuple[int, str]]:
    return [(session.time + session.seen * MINUTE, key) for key, session in sessions.items()]


def _session(one: Session, other: Session) -> Session:
    """The same name on both accounts: the later login made it, and nothing is vouched for that one of them denies."""
    later = max((one, other), key=lambda session: (session.time, _encode(session)))
    compromised = one.compromised or other.compromised
    return msgspec.structs.replace(
        later,
        trusted=one.trusted and other.trusted and not compromised,
        compromised=compromised,
        vouched=one.vouched and other.vouched,
        exposed=one.exposed or other.exposed,
        known_network=one.known_network and other.known_network,
        uses=max(one.uses, other.uses),
    )


# Second factors


def _factors(one: dict[str, KnownFactor], other: dict[str, KnownFactor]) -> dict[str, KnownFactor]:
    found = {**one, **other}
    for key in one.keys() & other.keys():
        found[key] = _factor(one[key], other[key])
    while len(found) > MAX_FACTORS:
        del found[min(found, key=lambda key: (found[key].trusted_at > 0, found[key].last, key))]
    return found


def _factor(one: KnownFactor, other: KnownFactor) -> KnownFactor:
    """The same factor on both accounts. Not trusted on one may mean that it was called compromised there: it is
    trusted again by the next trusted login, and until then proves nothing."""
    first = min((one, other), key=lambda factor: (factor.trusted_at, factor.session or ""))
    later = max((one, other), key=lambda factor: (factor.last, _encode(factor)))
    return KnownFactor(
        method=min(one.method, other.method, key=lambda method: (STRENGTH.get(method, 0), method)),
        trusted_at=first.trusted_at,
        last=max(one.last, other.last),
        session=first.session,
        removed_at=_first(one.removed_at, other.removed_at),
        # Counters of one device grow, so that the highest are the latest.
        counters=sorted({*one.counters, *other.counters})[-MAX_COUNTERS:],
        # Of the device that was used last: the middle of two clocks' drifts would be the drift of neither.
        drifts=later.drifts,
        doubt_at=max(one.doubt_at, other.doubt_at),
    )
