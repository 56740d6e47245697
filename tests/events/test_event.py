"""What a sender is told about an event that is not as the contract has it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import FieldError
from sentinel.events.clock import MINUTE, SECOND, to_micros
from sentinel.events.event import (
    MAX_EVENT,
    Event,
    Feedback,
    canonical,
    convert_event,
    decode_event,
    decode_feedback,
    decode_line,
)

LOGIN = {"id": "e-1", "time": "2026-01-01T12:00:00Z", "account": "u-1", "outcome": "success"}


def post(*, over_http: bool = False, now: int | None = None, **fields: Any) -> Event:
    value = {name: value for name, value in (LOGIN | fields).items() if value is not ...}
    return decode_event(json.dumps(value).encode(), over_http=over_http, now=now)


def refused(**fields: Any) -> FieldError:
    with pytest.raises(FieldError) as caught:
        post(**fields)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.expected}"
    return caught.value


def test_a_plain_login_is_taken() -> None:
    event = post()
    assert (event.type, event.ended, event.actor, event.password_ok) == ("login", "success", "self", False)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ipaddress": "192.0.2.1"}, "ipaddress"),
        ({"mfa": {"methd": "totp"}}, "mfa.methd"),
        ({"client": {"ja3": "x"}}, "client.ja3"),
        ({"auth": {"mode": "x"}}, "auth.mode"),
        ({"place": {"latitude": 1}}, "place.latitude"),
        ({"network": {"as": 1}}, "network.as"),
    ],
)
def test_an_unknown_key_is_named_and_extra_is_pointed_to(fields: dict[str, Any], field: str) -> None:
    error = refused(**fields)
    assert error.field == field
    assert "unknown field" in error.expected
    assert "extra" in error.expected


def test_a_hostile_key_does_not_fill_the_log() -> None:
    assert len(str(refused(**{"k" * 60_000: 1}))) < 200


@pytest.mark.parametrize(
    ("fields", "field", "one_of"),
    [
        ({"type": "signin"}, "type", "session_seen"),
        ({"outcome": "ok"}, "outcome", "pending"),
        ({"reason": "typo"}, "reason", "rate_limited"),
        ({"actor": "root"}, "actor", "system"),
        ({"auth": {"method": "x"}}, "auth.method", "device_code"),
        ({"mfa": {"method": "x"}}, "mfa.method", "backup_code"),
        ({"mfa": {"outcome": "x"}}, "mfa.outcome", "fraud_reported"),
        ({"network": {"kind": "dsl"}}, "network.kind", "satellite"),
    ],
)
def test_a_choice_says_what_it_takes(fields: dict[str, Any], field: str, one_of: str) -> None:
    error = refused(**fields)
    assert error.field == field
    assert one_of in error.expected


def test_a_refused_value_is_not_repeated() -> None:
    assert "hunter2" not in str(refused(reason="hunter2"))
    assert "hunter2" not in str(refused(mfa={"method": "hunter2"}))
    assert "hunter2" not in str(refused(time="hunter2"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"account": 1}, "account"),
        ({"password_ok": "yes"}, "password_ok"),
        ({"mfa": {"counter": "1"}}, "mfa.counter"),
        ({"mfa": {"counter": -1}}, "mfa.counter"),
        ({"mfa": "totp"}, "mfa"),
        ({"account": ""}, "account"),
        ({"place": {"country": "fr"}}, "place.country"),
        ({"place": {"country": "FRA"}}, "place.country"),
        ({"place": {"country": "FR\n"}}, "place.country"),
        ({"place": {"lat": 91, "lon": 0}}, "place.lat"),
        ({"place": {"lat": 0, "lon": -180.5}}, "place.lon"),
        ({"place": {"accuracy_km": -1}}, "place.accuracy_km"),
        ({"network": {"asn": 2**32}}, "network.asn"),
        ({"rtt_ms": -1}, "rtt_ms"),
        ({"account_tags": ["admin", 1]}, "account_tags[1]"),
        ({"extra": []}, "extra"),
        ({"label": "attack:x\n"}, "label"),
        ({"label": "bad"}, "label"),
    ],
)
def test_a_wrong_value_is_named(fields: dict[str, Any], field: str) -> None:
    assert refused(**fields).field == field


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "account",
        "device_id",
        "session_id",
        "service",
        "actor_account",
        "email",
        "previous_email",
        "locale",
        "timezone",
        "name",
        "concludes",
        "enforced",
        "client.ja4",
        "client.accept_language",
        "auth.idp",
        "auth.origin",
        "mfa.device_id",
        "place.region",
        "place.city",
        "network.organisation",
    ],
)
def test_texts_are_limited_in_bytes(field: str) -> None:
    outer, _, inner = field.partition(".")

    def value(text: str) -> Any:
        return {inner: text} if inner else text

    assert post(**{outer: value("a" * 1024)})
    assert post(**{outer: value("é" * 512)})
    assert refused(**{outer: value("a" * 1025)}).field == field
    error = refused(**{outer: value("é" * 513)})
    assert error.field == field
    assert "1024" in error.expected


def test_bytes_are_counted_however_they_are_written() -> None:
    for ensure_ascii in (True, False):
        data = json.dumps(LOGIN | {"place": {"city": "é" * 513}}, ensure_ascii=ensure_ascii).encode()
        for form in (data, bytearray(data), memoryview(data)):
            with pytest.raises(FieldError, match=r"place\.city"):
                decode_event(form)


def test_tags_are_limited_in_bytes_too() -> None:
    assert refused(account_tags=["a", "é" * 513]).field == "account_tags[1]"


def test_a_user_agent_may_be_twice_as_long() -> None:
    assert post(user_agent="é" * 1024)
    error = refused(user_agent="é" * 1025)
    assert (error.field, "2048" in error.expected) == ("user_agent", True)


def test_an_event_is_at_most_64_kib() -> None:
    fill = MAX_EVENT - len(json.dumps(LOGIN | {"extra": {"a": ""}}))
    assert post(extra={"a": "x" * fill})
    with pytest.raises(FieldError, match="at most 65536 bytes; this one has 65537"):
        post(extra={"a": "x" * (fill + 1)})


def test_nothing_at_all_is_no_event() -> None:
    with pytest.raises(FieldError, match="there is nothing"):
        decode_event(b"")


def test_extra_is_not_nested_without_end() -> None:
    deep: Any = 1
    for _ in range(63):
        deep = [deep]
    canonical(post(extra={"a": deep}))
    assert refused(extra={"a": [[deep]]}).field == "extra"


@pytest.mark.parametrize("type", ["login", "mfa_challenge"])
def test_an_outcome_is_required_where_there_is_one(type: str) -> None:
    error = refused(type=type, outcome=...)
    assert (error.field, "pending" in error.expected) == ("outcome", True)


def test_other_types_succeed_unless_told_otherwise() -> None:
    assert post(type="password_changed", outcome=...).ended == "success"
    assert refused(type="password_changed", outcome="pending").field == "outcome"


def test_an_account_is_required_unless_an_attempt_failed() -> None:
    for outcome in ("success", "pending"):
        assert refused(account=..., outcome=outcome).field == "account"
    for outcome in ("failure", "blocked"):
        assert post(account=..., outcome=outcome).account is None


@pytest.mark.parametrize(
    "ip",
    [
        "192.0.2.300",
        "192.0.2.1:443",
        "[2001:db8::1]",
        "fe80::1%eth0",
        "192.0.2.0/24",
        "localhost",
        " 192.0.2.1",
    ],
)
def test_an_address_is_an_address(ip: str) -> None:
    assert refused(ip=ip).field == "ip"


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_both_kinds_of_address_are_taken(ip: str) -> None:
    assert post(ip=ip).ip == ip


def test_lat_and_lon_come_together() -> None:
    assert refused(place={"lat": 1}).field == "place.lon"
    assert refused(place={"lon": 1}).field == "place.lat"


@pytest.mark.parametrize(
    "time",
    [
        *("2026-01-01T12:00:00", "2026-01-01", "12:00", 1767268800, None),
        *(
            "2026-13-01T12:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ),
    ],
)
def test_a_time_without_zone_or_out_of_reach_is_refused(time: Any) -> None:
    assert refused(time=time).field == "time"


def test_a_missing_time_is_named() -> None:
    error = refused(time=...)
    assert (error.field, "required" in error.expected, "RFC 3339" in error.expected) == ("time", True, True)


def test_an_offset_is_the_same_instant() -> None:
    assert to_micros(post(time="2026-01-01T14:00:00+02:00").time) == to_micros(post().time)


def test_a_login_cannot_conclude_itself() -> None:
    assert refused(concludes="e-1").field == "concludes"


class TestOverHttp:
    def test_an_id_is_required(self) -> None:
        post(id=...)
        assert refused(id=..., over_http=True).field == "id"

    def test_a_label_is_refused(self) -> None:
        assert post(label="attack:spray").label == "attack:spray"
        error = refused(label="legitimate", over_http=True)
        assert (error.field, "files" in error.expected) == ("label", True)

    def test_a_clock_may_be_five_minutes_ahead(self) -> None:
        now = to_micros(post().time)
        post(over_http=True, now=now - 5 * MINUTE)
        error = refused(over_http=True, now=now - 5 * MINUTE - SECOND)
        assert (error.field, "5 minutes" in error.expected) == ("time", True)

    @pytest.mark.parametrize("first", ["type", "event"])
    def test_an_answer_has_a_path_of_its_own(self, first: str) -> None:
        line = {"type": "feedback", "time": LOGIN["time"], "event": "e-1", "verdict": "legitimate"}
        ordered = {first: line[first]} | line
        with pytest.raises(FieldError) as caught:
            decode_event(json.dumps(ordered).encode(), over_http=True)
        assert caught.value.field == "type"
        assert "/v1/feedback" in caught.value.expected


class TestLines:
    def line(self, **fields: Any) -> Feedback:
        value = {"type": "feedback", "time": LOGIN["time"], "event": "e-1", "verdict": "legitimate"} | fields
        answer = decode_line(json.dumps(value).encode())
        assert isinstance(answer, Feedback)
        return answer

    def test_a_file_holds_events_and_answers(self) -> None:
        assert isinstance(decode_line(json.dumps(LOGIN).encode()), Event)
        assert self.line().event == "e-1"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"verdict": "maybe"}, "verdict"),
            ({"event": ""}, "event"),
            ({"event": "é" * 513}, "event"),
            ({"time": "2026-01-01"}, "time"),
            ({"time": "1970-01-01T00:00:00Z"}, "time"),
            ({"account": "u-1"}, "account"),
        ],
    )
    def test_a_wrong_answer_is_named(self, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(FieldError) as caught:
            self.line(**fields)
        assert caught.value.field == field

    @pytest.mark.parametrize("data", [b"", b"[]", b"1", b"null", b"{", b"\xff", b'{"type":', b"nan"])
    def test_what_is_no_object_is_refused(self, data: bytes) -> None:
        with pytest.raises(FieldError, match=r"JSON object"):
            decode_line(data)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


EVENTS = st.fixed_dictionaries(
    {
        "time": st.datetimes().filter(lambda time: 1972 < time.year < 9998).map(lambda time: f"{time.isoformat()}Z"),
        "account": TEXT,
        "outcome": st.sampled_from(["success", "failure", "blocked"]),
    },
    optional={
        "id": TEXT,
        "type": st.sampled_from(["login", "mfa_removed", "session_seen"]),
        "ip": st.ip_addresses().map(str),
        "user_agent": TEXT,
        "password_ok": st.booleans(),
        "rtt_ms": st.floats(0, 1000),
        "account_tags": st.lists(TEXT, max_size=3),
        "client": maybe(ja4=TEXT, accept_language=TEXT),
        "mfa": maybe(method=st.sampled_from(["totp", "push"]), device_id=TEXT, counter=st.integers(0, 2**63 - 1)),
        "place": st.builds(lambda lat, lon: {"lat": lat, "lon": lon}, st.floats(-90, 90), st.floats(-180, 180)),
        "network": maybe(asn=st.integers(0, 2**32 - 1), organisation=TEXT),
        "extra": st.dictionaries(TEXT, JSON, max_size=4),
    },
)


@given(EVENTS)
def test_what_was_taken_reads_the_same_again(value: dict[str, Any]) -> None:
    event = convert_event(value)
    again = decode_event(canonical(event))
    assert again == event
    assert canonical(again) == canonical(event)


@given(EVENTS, st.randoms())
def test_key_order_and_white_space_are_not_content(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    shuffled = json.dumps({key: value[key] for key in keys}, indent=2).encode()
    assert canonical(decode_event(shuffled)) == canonical(convert_event(value))


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from([*Event.__struct_fields__, "x"]) | TEXT, JSON, max_size=6).map(
        lambda value: json.dumps(LOGIN | value).encode()
    ),
    st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=3)).map(
        lambda cut: (
            (whole := json.dumps(LOGIN | {"extra": {"a": [1, "é"]}}).encode())[: cut[0]] + cut[1] + whole[cut[0] :]
        )
    ),
    st.integers(1, 6000).map(lambda depth: b'{"extra":' + b'{"a":' * depth),
    st.sampled_from([b"[", b'{"a":']).flatmap(lambda part: st.integers(1, 6000).map(lambda times: part * times)),
)


@settings(max_examples=400)
@given(HOSTILE)
def test_hostile_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    for decode in (decode_event, decode_line, decode_feedback):
        try:
            taken = decode(data)
        except FieldError:
            continue
        if isinstance(taken, Event):
            canonical(taken)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        1,
        {1: 2},
        {"time": "\ud800"},
        {"extra": {"a": 2**70}},
        {"extra": object()},
        {"extra": {1}},
    ],
)
def test_a_hostile_value_is_refused_and_nothing_else(value: object) -> None:
    with pytest.raises(FieldError):
        convert_event(value)
