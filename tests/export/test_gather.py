"""From what is kept to what is exported: nothing is lost, no pseudonym gets out."""

import msgspec

from sentinel.events.alert import OpenAlert, ToldMail
from sentinel.events.assessment import Assessment
from sentinel.events.clock import DAY, to_text
from sentinel.events.sighting import Attributes, Raw, Sighting
from sentinel.export.data import Document
from sentinel.export.data_event import EventData, NetworkData
from sentinel.export.data_profile import FamiliarData, ProfileData, ToldMailData
from sentinel.export.gather import account_data, alert_data, assessment_data, event_data
from sentinel.export.gather_profile import KINDS, Names, profile_data
from sentinel.past.profile import Challenge, KnownFactor, Profile, Seen, TrustPolicy, values_of
from sentinel.store.protocol import AlertRow
from tests.builders import arrival, at, sighting
from tests.export.samples import HOME, held, life

#: Fields of a sighting that are keyed pseudonyms, or only serve the machine; all others are exported under a name.
KEYED = {"key", "account", "address", "prefix", "device_key", "agent", "ja4", "language", "session", "actor_account"}
INNER = {"tenant", "known_account", "attempt", "judged", "own", "ipv6", "marks", "account_created", "factor"}


def exported(story_life: tuple[object, list[EventData], Names]) -> str:
    story, events, names = story_life
    document = Document(**msgspec.structs.asdict(held(story, names)), events=events)  # type: ignore[arg-type]
    return msgspec.json.encode(document).decode()


def test_every_field_of_an_event_is_exported_or_left_out_on_purpose() -> None:
    assert set(Sighting.__struct_fields__) - set(EventData.__struct_fields__) == (KEYED | INNER) - {"ja4", "language"}
    names = {"event": "id", "mfa_device_id": "factor_device_id", "accept_language": "language"}
    raw = {names.get(name, name) for name in Raw.__struct_fields__}
    assert raw - set(EventData.__struct_fields__) == {"account", "actor_account"}
    assert set(Assessment.__struct_fields__) - {"event", "account", "time", "act", "duplicate"} <= set(
        EventData.__annotations__["assessment"].__args__[0].__struct_fields__
    )


def test_no_pseudonym_and_no_other_account_gets_out() -> None:
    story, events, names = life()
    text = exported((story, events, names))
    keys = {getattr(come.sighting, name) for come, _ in story.seen.values() for name in KEYED - {"actor"}} - {None}
    keys |= {come.sighting.factor.key for come, _ in story.seen.values()} - {None}
    assert len(keys) > 30
    # Nor the beginning of one, of which a profile keeps some.
    assert [key for key in keys if msgspec.json.encode(key[:8]).decode()[1:-1] in text] == []
    assert '"a-1"' not in msgspec.json.encode(events).decode()  # the admin who changed the password


def test_an_event_has_its_raw_values_and_its_assessment() -> None:
    _, events, _ = life()
    thief = events[12]
    assert (thief.id, thief.ip, thief.session_id, thief.expired) == ("e-13", "2001:db8:5::9", "s-thief", False)
    assert thief.language == "de-DE,de;q=0.9"
    assert thief.place.city == "Tokyo"
    assert thief.network == NetworkData(asn=64501, organisation="Example Hosting", kind="hosting")
    assert thief.assessment is not None
    assert thief.assessment.level == "critical"
    assert {"new_country", "new_device"} <= {found.rule for found in thief.assessment.findings}
    assert thief.assessment.counts == {"brute_force_account.failures": 1}
    assert events[11].factor_device_id == "f-1"
    assert events[14].actor == "admin"


def test_expired_and_late_events_say_so() -> None:
    come = arrival(at(0), **HOME)
    gone = event_data(come.sighting, None)
    assert (gone.expired, gone.id, gone.ip, gone.user_agent) == (True, come.sighting.key, None, None)
    assert gone.place.country == "DE"
    late = event_data(come.sighting, come.raw.bare())
    assert (late.expired, late.id) == (True, "e-1")
    bare = arrival(at(0))
    assert not event_data(bare.sighting, bare.raw).expired  # there was nothing to keep


def test_an_assessment_of_a_restricted_account_has_no_risk() -> None:
    said = Assessment(event="e", account="u", time=at(), risk=None, level=None, decision="allow", restricted=True)
    found = assessment_data(said, {})
    assert (found.risk, found.restricted, found.would, found.until) == (None, True, None, None)


def test_attributes_have_the_former_address() -> None:
    given = Attributes(account="u-1", email="b@example.org", previous_email="a@example.org", previous_until=30 * DAY)
    found = account_data("u-1", given)
    assert (found.email, found.former_email, found.former_email_until) == (
        "b@example.org",
        "a@example.org",
        "1970-01-31T00:00:00Z",
    )
    assert account_data("u-2", None).id == "u-2"
    assert {"previous_email", "previous_until", "account"} == set(Attributes.__struct_fields__) - set(
        type(found).__struct_fields__
    )


def test_an_alert_is_listed() -> None:
    row = AlertRow(
        id="a",
        tenant="default",
        account="KEY",
        kind="attack",
        level="high",
        risk=70,
        first=0,
        last=DAY,
        events=3,
        rules=["r"],
        event="K",
    )
    found = alert_data(row)
    assert (found.since, found.last, found.events, found.state) == (to_text(0), to_text(DAY), 3, "open")


def test_a_profile_is_readable() -> None:
    story, _, names = life()
    profile = profile_data(story.profile(), names, TrustPolicy(), at=story.seen["e-15"][0].sighting.time)
    devices = {each.name: each for each in profile.devices}
    assert set(devices) == {"d-laptop", "d-phone", "d-other"}
    assert (devices["d-laptop"].trusted, devices["d-laptop"].trusted_logins, devices["d-laptop"].system) == (
        True,
        11,
        "Linux",
    )
    assert devices["d-other"].compromised
    assert not devices["d-other"].trusted
    assert "AS64500 Example Telecom" in {each.name for each in profile.networks}
    assert {each.name for each in profile.device_kinds} >= {"Firefox, Linux, desktop"}
    assert [spot.logins for spot in profile.usual_places] == [11]
    assert sum(profile.hours) == sum(profile.weekdays) == 44
    assert profile.hours_zone == "Europe/Berlin"
    assert [each.name for each in profile.factors] == ["f-1"]
    thief = next(each for each in profile.sessions if each.name == "s-thief")
    assert (thief.compromised, thief.exposed, thief.device, thief.country) == (True, True, "d-other", "JP")
    assert len(profile.compromised_events) == 1
    assert [each.factor_removed for each in profile.helped] == [False]


def test_what_no_event_tells_any_more_has_a_number() -> None:
    story, _, _ = life()
    profile = profile_data(story.profile(), Names(), TrustPolicy(), at=0)
    assert [each.name for each in profile.devices] == ["#1", "#2", "#3"]
    # One thing has one number.
    assert profile.sessions[0].device == "#1"
    assert profile.networks[0].name == "AS64500"


def test_every_part_of_a_profile_is_exported() -> None:
    same = {"factors", "sessions", "challenges", "trusted_logins", "last_seen", "recoveries", "helped"}
    renamed = {"values", "places", "warmup", "recovered_at", "compromised", "alerts", "usual", "habit"}
    renamed |= {"push_doubt_at", "phone_changed_at", "usage_day", "usage_marks"}
    renamed |= {"restricted_at", "objected_at", "rights", "rights_count", "seen", "told"}
    assert set(Profile.__struct_fields__) == same | renamed
    assert same <= set(ProfileData.__struct_fields__)
    full = Profile(
        warmup=[DAY],
        recovered_at=2 * DAY,
        recoveries=[3 * DAY],
        push_doubt_at=4 * DAY,
        phone_changed_at=5 * DAY,
        usage_day=8,
        factors={"totp": KnownFactor("totp", 6 * DAY, counters=[1, 2], drifts=[-1])},
        challenges=[Challenge(7 * DAY, "S" * 16, None, "push")],
        alerts=[OpenAlert(id="a", kind="attack", level="high", risk=70, first=DAY, last=DAY, folded=2)],
        told=[ToldMail(9 * DAY, "attack", "high")],
        seen={"address": {"": Seen(2, 9), "A" * 8: Seen(5, 10)}, "method": {"totp": Seen(7, 11)}},
    )
    found = profile_data(full, Names(), TrustPolicy(), at=9 * DAY)
    assert found.first_logins == [to_text(DAY)]
    assert found.counted == to_text(8 * DAY)
    assert (found.recovered, found.recoveries) == (to_text(2 * DAY), [to_text(3 * DAY)])
    assert (found.push_doubted, found.phone_changed) == (to_text(4 * DAY), to_text(5 * DAY))
    assert (found.factors[0].name, found.factors[0].codes_seen, found.factors[0].drift) == ("totp", 2, [-1])
    assert (found.challenges[0].method, found.challenges[0].session) == ("push", "#1")
    assert found.open_alerts[0].untold == 2
    assert found.told_mails == [ToldMailData(time=to_text(9 * DAY), kind="attack", level="high")]
    assert found.familiar == [
        FamiliarData(kind="address", name=None, logins=2, last="1970-01-10"),
        FamiliarData(kind="address", name="#2", logins=5, last="1970-01-11"),
        FamiliarData(kind="method", name="totp", logins=7, last="1970-01-12"),
    ]


def test_what_is_familiar_has_the_names_that_events_tell() -> None:
    """Only the first eight characters of a pseudonym are kept there; the events still know the whole one."""
    story, _, names = life()
    familiar = profile_data(story.profile(), names, TrustPolicy(), at=0).familiar
    assert {each.kind for each in familiar} == {"address", "prefix", "agent", "method"}
    assert {each.name for each in familiar if each.kind == "address"} >= {None, HOME["ip"]}
    assert {each.name for each in familiar if each.kind == "agent"} >= {None, HOME["user_agent"]}
    nameless = profile_data(story.profile(), Names(), TrustPolicy(), at=0).familiar
    assert all(each.name is None or each.name.startswith("#") for each in nameless if each.kind != "method")


def test_a_kept_beginning_has_the_number_of_the_whole() -> None:
    names = Names()
    assert (names.of("ABCDEFGHIJKLMNOP"), names.of_shortened("ABCDEFGH"), names.of_shortened("ABCDEFGI")) == (
        "#1",
        "#1",
        "#2",
    )


def test_every_kind_of_value_has_a_list() -> None:
    kinds = {kind for kind, _ in values_of(sighting(at(), **HOME))}
    private = {"ip": "192.0.2.5", "network": {"kind": "private"}, "auth": {"method": "api_token"}}
    kinds |= {kind for kind, _ in values_of(sighting(at(), **private))}
    assert kinds == set(KINDS)
    assert set(KINDS.values()) <= set(ProfileData.__struct_fields__)
