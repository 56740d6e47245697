"""From a profile, which holds keyed pseudonyms, to a readable one: names come from the events that told them."""

from typing import Final

from sentinel.events.clock import DAY, to_text
from sentinel.events.place import Place
from sentinel.events.sighting import Raw, Sighting
from sentinel.export.data_profile import (
    ChallengeData,
    FactorData,
    FamiliarData,
    HelpData,
    KnownValue,
    OpenAlertData,
    ProfileData,
    SessionData,
    SpotData,
    ToldMailData,
)
from sentinel.export.gather import moment, place_data
from sentinel.past.profile import Profile, Session, TrustPolicy, Value, is_trusted
from sentinel.past.seen import NOVEL

#: Kinds of value in a profile and the field of :class:`ProfileData` that lists them.
KINDS: Final = {
    "device": "devices",
    "device_class": "device_kinds",
    "network": "networks",
    "block": "address_ranges",
    "network_kind": "network_kinds",
    "country": "countries",
    "region": "regions",
    "grant": "grants",
}
#: Kinds whose keys are pseudonyms; the keys of all others are words.
_KEYED: Final = frozenset({"device", "block"})


class Names:
    """Readable names of keyed values, learned from opened events; what no event tells gets a number in its list.

    A pseudonym itself is never exported: see :class:`sentinel.export.data_event.EventData`.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def learn(self, sighting: Sighting, raw: Raw | None) -> None:
        """Take the names that one event tells; the latest one taught stands."""
        if sighting.network.asn is not None and sighting.network.organisation:
            asn = f"AS{sighting.network.asn}"
            self._known[asn] = f"{asn} {sighting.network.organisation}"
        if raw is None:
            return
        for key, value in (
            (sighting.device_key, raw.device_id),
            (sighting.session, raw.session_id),
            (sighting.factor.key, raw.mfa_device_id),
            (sighting.prefix, raw.ip),
            (sighting.address, raw.ip),
            (sighting.agent, raw.user_agent),
        ):
            if key and value:
                self._known[key] = value

    def of(self, key: str) -> str:
        """The name of a keyed value, else a number that is its own: ``#1``."""
        if (name := self._known.get(key)) is not None:
            return name
        return f"#{self._numbers.setdefault(key, len(self._numbers) + 1)}"

    def of_shortened(self, key: str) -> str:
        """The name of a keyed value of which only the beginning is kept."""
        return self.of(next((known for known in (*self._known, *self._numbers) if known.startswith(key)), key))

    def or_word(self, key: str) -> str:
        """The name of a value whose key is a word already."""
        return self._known.get(key, key)


def profile_data(profile: Profile, names: Names, policy: TrustPolicy, *, at: int) -> ProfileData:
    """The profile as of ``at`` (micros): ``policy`` says what of it counts as trusted."""
    values = {
        field: [
            _value(value, _name(kind, key, names), policy, at) for key, value in profile.values.get(kind, {}).items()
        ]
        for kind, field in KINDS.items()
    }
    habit = profile.habit
    return ProfileData(
        **values,
        usual_places=[
            SpotData(lat=s.lat, lon=s.lon, accuracy_km=s.accuracy_km, last=to_text(s.last), logins=s.logins)
            for s in profile.usual
        ],
        recent_places=[
            SpotData(
                lat=p.lat,
                lon=p.lon,
                accuracy_km=p.accuracy_km,
                last=to_text(p.time),
                country=p.country,
                mobile=p.mobile,
            )
            for p in profile.places
        ],
        hours=list(habit.hours) if habit else [],
        weekdays=list(habit.weekdays) if habit else [],
        hours_zone=(habit.zone or "UTC") if habit else None,
        hours_since=to_text(habit.since) if habit else None,
        factors=_factors(profile, names),
        sessions=[_session(session, key, names) for key, session in profile.sessions.items()],
        challenges=[
            ChallengeData(
                time=to_text(each.time),
                method=each.method,
                factor=names.of(each.factor) if each.factor else None,
                session=names.of(each.session) if each.session else None,
            )
            for each in profile.challenges
        ],
        open_alerts=[
            OpenAlertData(
                id=alert.id,
                kind=alert.kind,
                level=alert.level,
                risk=alert.risk,
                since=to_text(alert.first),
                last=to_text(alert.last),
                events=alert.events,
                untold=alert.folded,
                told=alert.told,
                rules=list(alert.rules),
            )
            for alert in profile.alerts
        ],
        told_mails=[ToldMailData(time=to_text(mail.time), kind=mail.kind, level=mail.level) for mail in profile.told],
        trusted_logins=profile.trusted_logins,
        first_logins=[to_text(time) for time in profile.warmup],
        last_seen=moment(profile.last_seen),
        recovered=moment(profile.recovered_at),
        recoveries=[to_text(time) for time in profile.recoveries],
        helped=[HelpData(time=to_text(time), factor_removed=removed) for time, removed in profile.helped],
        phone_changed=moment(profile.phone_changed_at),
        push_doubted=moment(profile.push_doubt_at),
        counted=moment(profile.usage_day * DAY),
        compromised_events=[to_text(time) for time in profile.compromised.values()],
        familiar=_familiar(profile, names),  # last, so that what is whole has got its number
    )


def _name(kind: str, key: str, names: Names) -> str:
    if kind in _KEYED:
        return names.of(key)
    if kind == "device_class":
        return ", ".join(part for part in key.split("|") if part != "?")
    return names.or_word(key)


def _value(value: Value, name: str, policy: TrustPolicy, at: int) -> KnownValue:
    return KnownValue(
        name=name,
        first=to_text(value.first),
        last=to_text(value.last),
        trusted=is_trusted(value, at, policy),
        trusted_since=moment(value.trusted_at),
        trusted_logins=value.support,
        flagged_days=[to_text(day * DAY)[:10] for day in value.days],
        barred=value.barred,
        compromised=value.compromised,
        system=value.system or None,
    )


def _familiar(profile: Profile, names: Names) -> list[FamiliarData]:
    return [
        FamiliarData(
            kind=kind,
            name=None if key == NOVEL else key if kind == "method" else names.of_shortened(key),
            logins=seen.logins,
            last=to_text(seen.day * DAY)[:10],
        )
        for kind, held in profile.seen.items()
        for key, seen in held.items()
    ]


def _factors(profile: Profile, names: Names) -> list[FactorData]:
    return [
        FactorData(
            # Without an id, a factor is known by its method.
            name=known.method if key == known.method else names.of(key),
            method=known.method,
            last=moment(known.last),
            trusted_since=moment(known.trusted_at),
            removed=moment(known.removed_at),
            doubted=moment(known.doubt_at),
            session=names.of(known.session) if known.session else None,
            codes_seen=len(known.counters),
            drift=list(known.drifts),
        )
        for key, known in profile.factors.items()
    ]


def _session(session: Session, key: str, names: Names) -> SessionData:
    spot = session.place
    return SessionData(
        name=names.of(key),
        began=to_text(session.time),
        device=_name("device_class" if "|" in session.device else "device", session.device, names)
        if session.device
        else None,
        network=names.or_word(session.network) if session.network else None,
        country=session.country,
        used=bool(session.uses),
        trusted=session.trusted,
        compromised=session.compromised,
        second_factor=session.vouched,
        known_network=session.known_network,
        exposed=session.exposed,
        last_place=place_data(Place(lat=spot.lat, lon=spot.lon, accuracy_km=spot.accuracy_km)) if spot else None,
        last_placed=to_text(spot.time) if spot else None,
    )
