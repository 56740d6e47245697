"""sshd's log: one try is one event, whatever sshd wrote about it and whatever a name holds."""

import json
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import FieldError
from sentinel.events.event import Event
from sentinel.sources import SOURCES, Line, Options, cut
from sentinel.sources.sshd import MAX_CONNECTIONS, _Tries
from sentinel.sources.sshd_messages import Said, Step
from sentinel.sources.syslog import Entry
from tests.shared_data import shared

HINT = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost="
PEER = "192.0.2.7 port 5022"
MAXIMUM = "error: maximum authentication attempts exceeded"


def read(*said: str | tuple[str, str] | tuple[str, str, int]) -> list[Line]:
    """Messages as lines; a tuple is (process, message) or (process, message, second of the day)."""
    lines = []
    for item in said:
        process, message, second = (*((item,) if isinstance(item, str) else item), None, None)[:3]
        if message is None:
            process, message = "sshd[7]", process
        clock = f"{(second or 0) // 3600:02}:{(second or 0) // 60 % 60:02}:{(second or 0) % 60:02}"
        lines.append(f"Feb 12 {clock} host {process}: {message}\n".encode())
    return list(SOURCES["sshd"](lines, Options(year=2026)))


def events(*said: str | tuple[str, str] | tuple[str, str, int]) -> list[Event]:
    found = [line.item for line in read(*said)]
    assert all(isinstance(item, Event) for item in found), found
    return [item for item in found if isinstance(item, Event)]


def brief(
    *said: str | tuple[str, str] | tuple[str, str, int],
) -> list[tuple[str | None, str | None, str | None]]:
    return [(event.account, event.ip, event.reason or event.outcome) for event in events(*said)]


@pytest.mark.parametrize(
    ("message", "account", "reason"),
    [
        (f"Failed password for alice from {PEER} ssh2", "alice", "bad_password"),
        (f"Failed password for invalid user bob from {PEER} ssh2", "bob", "unknown_account"),
        (f"Failed keyboard-interactive/pam for alice from {PEER} ssh2", "alice", "bad_password"),
        (f"Invalid user bob from {PEER}", "bob", "unknown_account"),
        ("Invalid user bob from 192.0.2.7", "bob", "unknown_account"),
        (f"Invalid user  from {PEER}", None, "unknown_account"),
        (f"Connection closed by authenticating user alice {PEER} [preauth]", "alice", "other"),
        (f"Connection reset by authenticating user alice {PEER} [preauth]", "alice", "other"),
        (f"Connection closed by invalid user bob {PEER} [preauth]", "bob", "unknown_account"),
        (f"Disconnected from invalid user two words {PEER} [preauth]", "two words", "unknown_account"),
        (f"Connection closed by invalid user  {PEER} [preauth]", None, "unknown_account"),
        (
            f"Disconnecting authenticating user alice {PEER}: Too many authentication failures [preauth]",
            "alice",
            "rate_limited",
        ),
        (
            f"error: maximum authentication attempts exceeded for alice from {PEER} ssh2 [preauth]",
            "alice",
            "rate_limited",
        ),
        (
            f"{MAXIMUM} for invalid user bob from {PEER} ssh2 [preauth]",
            "bob",
            "unknown_account",
        ),
        ("User alice from 192.0.2.7 not allowed because not listed in AllowUsers", "alice", "policy"),
        ("ROOT LOGIN REFUSED FROM 192.0.2.7 port 5022", "root", "policy"),
        ("error: PAM: Authentication failure for alice from 192.0.2.7", "alice", "bad_password"),
        ("error: PAM: User account has expired for alice from 192.0.2.7", "alice", "expired"),
        (
            "error: PAM: User not known to the underlying authentication module for illegal user bob from 192.0.2.7",
            "bob",
            "unknown_account",
        ),
        (f"{HINT}192.0.2.7  user=alice", "alice", "bad_password"),
        (f"{HINT}192.0.2.7 ", None, "unknown_account"),
    ],
)
def test_a_message_alone_is_a_try(message: str, account: str | None, reason: str) -> None:
    [event] = events(message)
    assert (event.account, event.reason, event.outcome) == (account, reason, "failure")
    assert (event.ip, event.service, event.session_id) == ("192.0.2.7", "sshd", None)


@pytest.mark.parametrize(
    ("method", "told"),
    [("password", "password"), ("publickey", "certificate"), ("keyboard-interactive/pam", None)],
)
def test_a_success(method: str, told: str | None) -> None:
    [event] = events(f"Accepted {method} for alice from {PEER} ssh2: ED25519 SHA256:abc")
    assert (event.account, event.ip, event.outcome, event.reason) == ("alice", "192.0.2.7", "success", None)
    assert (event.auth and event.auth.method) == told
    assert event.session_id == "host:7:1770854400000000"


@pytest.mark.parametrize("program", ["sshd", "sshd-session", "sshd-auth"])
def test_sshd_has_three_names(program: str) -> None:
    assert len(events((f"{program}[7]", f"Invalid user bob from {PEER}"))) == 1


@pytest.mark.parametrize(
    "said",
    [
        ("sshd[7]", "Server listening on 0.0.0.0 port 22."),
        ("sshd[7]", f"Connection from {PEER} on 198.51.100.1 port 22"),
        ("sshd[7]", f"Connection closed by {PEER} [preauth]"),
        ("sshd[7]", f"Received disconnect from {PEER}:11: Bye Bye [preauth]"),
        ("sshd[7]", f"Disconnected from user alice {PEER}"),
        ("sshd[7]", "pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)"),
        ("sshd[7]", f"{HINT.replace('authentication failure', '2 more authentication failures')}192.0.2.7"),
        ("sshd[7]", f"Failed publickey for alice from {PEER} ssh2: RSA SHA256:abc"),
        ("sshd[7]", f"Failed none for alice from {PEER} ssh2"),
        ("sshd[7]", f"Postponed publickey for alice from {PEER} ssh2 [preauth]"),
        ("sshd[7]", f"Partial publickey for alice from {PEER} ssh2"),
        ("CRON[9]", "pam_unix(cron:session): session opened for user root"),
        ("sudo", "alice : user NOT in sudoers"),
        ("evil[7]", f"Accepted password for root from {PEER} ssh2"),
    ],
)
def test_chatter_is_nothing(said: tuple[str, str]) -> None:
    assert read(said) == []


def test_a_password_guessed_three_times_is_three_tries() -> None:
    fail = f"Failed password for alice from {PEER} ssh2"
    assert (
        brief(
            f"{HINT}192.0.2.7  user=alice",
            fail,
            f"message repeated 2 times: [ {fail}]",
            f"error: maximum authentication attempts exceeded for alice from {PEER} ssh2 [preauth]",
            f"Disconnecting authenticating user alice {PEER}: Too many authentication failures [preauth]",
            f"{HINT.replace('authentication failure', '2 more authentication failures')}192.0.2.7",
        )
        == [("alice", "192.0.2.7", "bad_password")] * 3
    )


def test_an_unknown_account_is_one_try_a_password() -> None:
    fail = f"Failed password for invalid user bob from {PEER} ssh2"
    assert (
        brief(
            f"Invalid user bob from {PEER}",
            "pam_unix(sshd:auth): check pass; user unknown",
            f"{HINT}192.0.2.7 ",
            fail,
            fail,
            f"Connection closed by invalid user bob {PEER} [preauth]",
        )
        == [("bob", "192.0.2.7", "unknown_account")] * 2
    )


def test_keyboard_interactive_through_a_process_of_its_own() -> None:
    one = [
        ("sshd[8]", f"{HINT}192.0.2.7  user=alice"),
        ("sshd[7]", "error: PAM: Authentication failure for alice from 192.0.2.7"),
        ("sshd[7]", f"Failed keyboard-interactive/pam for alice from {PEER} ssh2"),
    ]
    assert len(events(*one)) == 1
    # at the first failures of a known account sshd does not write the last line
    again = ("sshd[9]", f"{HINT}192.0.2.7  user=alice")
    assert (
        len(events(*one[:2], again, one[1], ("sshd[7]", f"Connection closed by authenticating user alice {PEER}"))) == 2
    )


def test_one_module_of_pam_failing_before_another_succeeds_is_a_success() -> None:
    [event] = events(f"{HINT}192.0.2.7  user=alice", f"Accepted password for alice from {PEER} ssh2")
    assert event.outcome == "success"


def test_a_module_failure_that_nothing_followed_comes_out_half_a_minute_later() -> None:
    lines = read(
        ("sshd[7]", f"{HINT}192.0.2.7  user=alice", 0),
        ("CRON[1]", "tick", 29),
        ("sshd[9]", "Invalid user bob from 198.51.100.9 port 1", 29),
        ("CRON[1]", "tick", 30),
        ("sshd[10]", "Invalid user eve from 198.51.100.9 port 2", 31),
    )
    assert [(line.number, line.item.account) for line in lines if isinstance(line.item, Event)] == [
        (3, "bob"),
        (1, "alice"),
        (5, "eve"),
    ]


def test_a_closed_connection_after_a_module_failure_is_one_try() -> None:
    assert brief(
        f"{HINT}192.0.2.7  user=alice", f"Connection closed by authenticating user alice {PEER} [preauth]"
    ) == [("alice", "192.0.2.7", "bad_password")]


def test_a_failure_and_then_the_right_password_are_two_events() -> None:
    assert [
        reason
        for _, _, reason in brief(
            f"Failed password for alice from {PEER} ssh2",
            f"Accepted password for alice from {PEER} ssh2",
            f"Disconnected from user alice {PEER}",
        )
    ] == ["bad_password", "success"]


def test_an_account_kept_out_by_the_configuration() -> None:
    fail = f"Failed password for invalid user alice from {PEER} ssh2"
    assert (
        brief(
            "User alice from 192.0.2.7 not allowed because not listed in AllowUsers",
            f"{HINT}192.0.2.7  user=alice",
            fail,
            fail,
            f"Connection closed by invalid user alice {PEER} [preauth]",
        )
        == [("alice", "192.0.2.7", "policy")] * 2
    )
    assert brief("User alice not allowed because account is locked", fail) == [("alice", "192.0.2.7", "locked")]


def test_connections_side_by_side_are_kept_apart() -> None:
    other = "192.0.2.7 port 6033"
    assert (
        len(
            events(
                ("sshd[7]", f"Invalid user bob from {PEER}"),
                ("sshd[8]", f"Invalid user bob from {other}"),
                ("sshd[7]", f"Failed password for invalid user bob from {PEER} ssh2"),
                ("sshd[8]", f"Failed password for invalid user bob from {other} ssh2"),
                ("sshd[8]", f"Connection closed by invalid user bob {other} [preauth]"),
                ("sshd[7]", f"Connection closed by invalid user bob {PEER} [preauth]"),
            )
        )
        == 2
    )


def test_a_process_id_used_again_is_another_connection() -> None:
    closed = "Connection closed by authenticating user alice 192.0.2.7 port {} [preauth]"
    assert len(events(("sshd[7]", closed.format(1)), ("sshd[7]", closed.format(2)))) == 2
    late = [
        ("sshd[7]", f"Invalid user bob from {PEER}", 0),
        ("sshd[7]", f"Failed password for invalid user bob from {PEER} ssh2", 3000),
    ]
    assert len(events(*late)) == 2


def test_lines_that_repeat_are_each_a_try() -> None:
    lines = [f"Invalid user bob from {PEER}"] * 4
    found = events(*lines)
    assert len({event.id for event in found}) == 4


def test_more_repetitions_than_anybody_compresses_are_refused() -> None:
    fail = f"Failed password for alice from {PEER} ssh2"
    [line] = read(f"message repeated 999999999 times: [ {fail}]")
    assert isinstance(line.item, FieldError)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Invalid user {} from 198.51.100.7 port 22", "root from 203.0.113.4"),
        ("Invalid user {} from 198.51.100.7 port 22", "root from 203.0.113.4 port 1"),
        (
            "Failed password for invalid user {} from 198.51.100.7 port 22 ssh2",
            "root from 203.0.113.4 port 1 ssh2",
        ),
        ("Failed password for invalid user {} from 198.51.100.7 port 22 ssh2", "invalid user x"),
        (
            "Connection closed by invalid user {} 198.51.100.7 port 22 [preauth]",
            "root 203.0.113.4 port 1 [preauth]",
        ),
        (
            "Disconnecting invalid user {} 198.51.100.7 port 22: Too many authentication failures [preauth]",
            "root 203.0.113.4 port 1: Too many authentication failures [preauth]",
        ),
        (
            "error: PAM: Authentication failure for illegal user {} from 198.51.100.7",
            "x for y from 203.0.113.4",
        ),
        (
            MAXIMUM + " for invalid user {} from 198.51.100.7 port 22 ssh2",
            "x from 203.0.113.4 port 1 ssh2",
        ),
        ("Invalid user {} from 198.51.100.7 port 22", "message repeated 500 times: [ Invalid user x]"),
    ],
)
def test_a_name_can_not_pass_for_an_address(message: str, name: str) -> None:
    [event] = events(message.format(name))
    assert (event.account, event.ip) == (name, "198.51.100.7")


def test_a_changed_name_can_not_pass_for_an_address() -> None:
    evil = "x 203.0.113.4 port 1: Too many authentication failures"
    assert (
        read(
            "Disconnecting authenticating user alice 198.51.100.7 port 22: "
            "Change of username or service not allowed: "
            f"(alice,ssh-connection) -> ({evil},ssh-connection) [preauth]"
        )
        == []
    )


def test_the_comment_of_a_key_can_not_pass_for_an_address() -> None:
    [event] = events(
        "Accepted publickey for alice from 198.51.100.7 port 22 ssh2: ED25519-CERT SHA256:abc ID "
        "x from 203.0.113.4 port 1 ssh2: y (serial 0) CA ED25519 SHA256:def"
    )
    assert (event.account, event.ip) == ("alice", "198.51.100.7")


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_characters="\\\r\n", min_codepoint=32), max_size=80))
def test_any_name_comes_out_as_it_was_typed(name: str) -> None:
    [event] = events(f"Failed password for invalid user {name} from 2001:db8::7 port 22 ssh2")
    assert (event.account or "", event.ip) == (name, "2001:db8::7")


@pytest.mark.parametrize(
    ("logged", "name"),
    [
        ("jos\\303\\251", "josé"),
        ("EXAMPLE\\\\alice", "EXAMPLE\\alice"),
        ("a\\377", "a\\377"),
        ("a\\b", "a\\b"),
    ],
)
def test_names_are_read_as_typed(logged: str, name: str) -> None:
    assert brief(f"Invalid user {logged} from {PEER}") == [(name, "192.0.2.7", "unknown_account")]


@pytest.mark.parametrize(
    ("peer", "ip"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("host.example.org", None),
        ("UNKNOWN", None),
    ],
)
def test_what_is_no_address_is_left_out(peer: str, ip: str | None) -> None:
    assert brief(f"Failed password for alice from {peer} port 5 ssh2") == [("alice", ip, "bad_password")]


def test_a_name_beyond_the_limit_is_an_error_of_its_line() -> None:
    [bad, good] = read(f"Invalid user {'x' * 2000} from {PEER}", f"Invalid user bob from {PEER}")
    assert isinstance(bad.item, FieldError)
    assert bad.item.field == "account"
    assert isinstance(good.item, Event)


def test_memory_is_bounded_while_failures_wait() -> None:
    tries = _Tries()
    came = 0
    for number in range(MAX_CONNECTIONS + 500):
        entry = Entry(0, "host", "sshd", str(number), "")
        came += len(list(tries.due(0)))
        came += len(list(tries.line(number, entry, Said(Step.PAM_HINT, "alice", f"2001:db8::{number:x}"))))
    assert len(tries._connections) <= MAX_CONNECTIONS
    assert len(tries._holding) <= MAX_CONNECTIONS + 1
    assert came + len(list(tries.due(None))) == MAX_CONNECTIONS + 500


def _expected() -> list[dict[str, object]]:
    rows = [json.loads(line) for line in shared("service-logs", "expected.jsonl").read_text().splitlines() if line]
    return [row for row in rows if str(row["log"]).startswith("ssh")]


def test_the_logs_of_other_maintainers_are_read_as_they_read_them() -> None:
    rows = _expected()
    assert len(rows) == 7
    for row in rows:
        path = shared("service-logs", str(row["log"]))
        with path.open("rb") as file:
            found = [line.item for line in SOURCES["sshd"](cut(file), Options(year=2026))]
        written = [line for line in path.read_bytes().splitlines() if line.strip()]
        assert len(found) == len(written), row["log"]
        known = {
            (item.account, item.ip, item.time, item.outcome == "success") for item in found if isinstance(item, Event)
        }
        for overflow in row["overflows"]:  # type: ignore[attr-defined]
            for event in overflow["events"]:
                # some of their stamps lack the year: "-09-06T09:57:21Z"
                stamp = event["timestamp"]
                time = datetime.fromisoformat(f"2026{stamp}" if stamp.startswith("-") else stamp)
                user = event.get("target_user") or event.get("user")
                assert (user, event["source_ip"], time, event["log_type"] == "auth_success") in known
