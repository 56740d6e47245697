"""``sentinel assess``: files, a stream, bad lines, mails, a kept state."""

import json
import os
import select
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.running import AWAY, PATIENCE, Command, login

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def story(account: str = "u-1") -> list[dict[str, Any]]:
    """Four logins at home, then one from far away."""
    usual = [login(f"{account}-{n}", at(n * 1440), account=account) for n in range(4)]
    return [*usual, login(f"{account}-4", at(4 * 1440), account=account, **AWAY)]


def write(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def answers(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_answer_a_line_in_file_order(sentinel: Command, tmp_path: Path) -> None:
    first = write(tmp_path / "a.ndjson", *story())
    second = write(tmp_path / "b.ndjson", login("late", at(-5)), story()[0])
    done = sentinel("assess", first, second)
    assert (done.returncode, done.stderr) == (0, "")
    found = answers(done.stdout)
    assert [each["event"] for each in found] == ["u-1-0", "u-1-1", "u-1-2", "u-1-3", "u-1-4", "late", "u-1-0"]
    assert {f["rule"] for f in found[4]["findings"]} >= {"new_device", "new_country"}
    assert found[6] == found[0] | {"duplicate": True}
    assert not (sentinel.state / "sentinel.db").exists()
    assert not (sentinel.state / "sentinel.key").exists()


def test_feedback_lines_change_the_past_and_have_no_answer(sentinel: Command, tmp_path: Path) -> None:
    said = {"type": "feedback", "time": at(5800), "event": "u-1-4", "verdict": "legitimate"}
    again = login("again", at(5900), **AWAY)
    done = sentinel("assess", write(tmp_path / "a.ndjson", *story(), said, again))
    found = answers(done.stdout)
    assert [each["event"] for each in found][-2:] == ["u-1-4", "again"]
    assert {f["rule"] for f in found[-1]["findings"]} & {"new_device", "new_country"} == set()
    unknown = said | {"event": "nobody-posted-this"}
    done = sentinel("assess", write(tmp_path / "b.ndjson", unknown))
    assert (done.returncode, done.stdout) == (1, "")
    assert "b.ndjson:1: event: no event with this id is known" in done.stderr


def test_bad_lines_are_named_and_skipped(sentinel: Command, tmp_path: Path) -> None:
    good = story()
    path = write(
        tmp_path / "a.ndjson", good[0], "nonsense", good[1] | {"colour": "red"}, "", good[2],
        good[0] | {"device_id": "another"}, good[3],
    )  # fmt: skip
    done = sentinel("assess", path)
    assert done.returncode == 1
    assert [each["event"] for each in answers(done.stdout)] == ["u-1-0", "u-1-2", "u-1-3"]
    said = [line.partition(str(path))[2] for line in done.stderr.splitlines()]
    assert [line[:3] for line in said] == [":2:", ":3:", ":6:"]
    assert "JSON" in said[0]
    assert "colour" in said[1]
    assert "id: this id was used before" in said[2]


def test_strict_stops_at_the_first_bad_line(sentinel: Command, tmp_path: Path) -> None:
    good = story()
    path = write(tmp_path / "a.ndjson", good[0], "nonsense", good[1])
    other = write(tmp_path / "b.ndjson", good[0], good[0] | {"device_id": "another"}, good[1])
    for file in (path, other):
        done = sentinel("assess", "--strict", file, path)
        assert done.returncode == 1
        assert [each["event"] for each in answers(done.stdout)] == ["u-1-0"]
        assert len(done.stderr.splitlines()) == 1


def test_a_stream_is_answered_line_by_line(sentinel: Command) -> None:
    process = sentinel.popen("assess", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    for event in story():
        process.stdin.write(json.dumps(event).encode() + b"\n")
        process.stdin.flush()
        # Before the next line is written.
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        assert json.loads(process.stdout.readline())["event"] == event["id"]
    out, err = process.communicate(b'{"id": "cut off', timeout=PATIENCE)
    assert out == b""
    assert err.startswith(b"-:6: ")
    assert process.returncode == 1


def test_mails_are_one_line_each(sentinel: Command, tmp_path: Path) -> None:
    guesses = [
        login(f"g-{n}", at(5 * 1440 + n / 10), account=f"s-{n}", outcome="failure", reason="bad_password",
              **AWAY)
        for n in range(40)
    ]  # fmt: skip
    removed = login("removed", at(6 * 1440), type="mfa_removed", mfa={"method": "totp"}, device_id="another")
    twice = story()[-1] | {"id": "folded", "time": at(4 * 1440 + 5)}
    path = write(tmp_path / "a.ndjson", *story(), twice, *guesses, removed, story()[-1])
    mails = tmp_path / "mails.jsonl"
    done = sentinel("assess", "--alerts", mails, path)
    assert done.returncode == 0, done.stderr
    told = answers(mails.read_text())
    assert all(list(each) == ["alert", "account", "kind", "time", "events", "risk"] for each in told)
    assert len({each["alert"] for each in told}) == len(told)
    by_event = {each["event"]: each for each in answers(done.stdout)}
    strange = by_event["u-1-4"]
    assert by_event["folded"]["alert"] == strange["alert"]
    assert [each for each in told if each["alert"] == strange["alert"]] == [
        {"alert": strange["alert"], "account": "u-1", "kind": "suspicious_sign_in", "time": at(4 * 1440),
         "events": 1, "risk": strange["risk"]}
    ]  # fmt: skip
    change = [each for each in told if each["kind"] == "credential_change"]
    assert [each["account"] for each in change] == ["u-1"]
    campaigns = [each for each in told if each["kind"] == "campaign"]
    assert campaigns
    assert {each["account"] for each in campaigns} == {None}
    # Nobody who was sprayed hears of it.
    assert {each["account"] for each in told} == {None, "u-1"}
    # A mail file of a former run is replaced.
    assert sentinel("assess", "--alerts", mails, write(tmp_path / "b.ndjson", story()[0])).returncode == 0
    assert mails.read_text() == ""


def test_a_state_is_kept_and_learned_from(sentinel: Command, tmp_path: Path) -> None:
    *usual, strange = story()
    first = write(tmp_path / "a.ndjson", *usual)
    second = write(tmp_path / "b.ndjson", strange)
    alone = answers(sentinel("assess", second).stdout)
    assert "new_device" not in {f["rule"] for f in alone[0]["findings"]}
    # As every path that is typed, it is relative to where one stands.
    assert sentinel("assess", "--state", "sqlite:kept.db", first).returncode == 0
    assert (sentinel.home / "kept.db").exists()
    kept = answers(sentinel("assess", "--state", f"sqlite:{sentinel.home}/kept.db", second).stdout)
    assert "new_device" in {f["rule"] for f in kept[0]["findings"]}
    again = answers(sentinel("assess", "--state", "sqlite:kept.db", second).stdout)
    assert again == [kept[0] | {"duplicate": True}]


@pytest.mark.parametrize("state", ["nonsense", "sqlite:", "mysql://host"])
def test_a_state_that_cannot_be(sentinel: Command, tmp_path: Path, state: str) -> None:
    done = sentinel("assess", "--state", state, write(tmp_path / "a.ndjson", *story()))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--state" in done.stderr


def test_wrong_use(sentinel: Command, tmp_path: Path) -> None:
    log = write(tmp_path / "auth.log", "Jan  5 09:00:00 h sshd[1]: Invalid user x from 192.0.2.1 port 1")
    for arguments, said in (
        (["assess"], "Missing argument"),
        (["assess", "missing.ndjson"], "No such file"),
        (["assess", "--from", "morse", "-"], "native"),
        (["assess", "--from", "sshd", log], "--year"),
    ):
        done = sentinel(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_it_reads_no_clock(sentinel: Command, tmp_path: Path) -> None:
    future = [event | {"time": event["time"].replace("2026", "2099")} for event in story()]
    done = sentinel("assess", write(tmp_path / "a.ndjson", *future))
    assert (done.returncode, len(answers(done.stdout))) == (0, 5)


def test_a_reader_that_goes_away_is_no_crash(sentinel: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *[login(f"e-{n}", at(n)) for n in range(3000)])
    process = sentinel.popen("assess", path)
    assert process.stdout is not None
    os.read(process.stdout.fileno(), 100)
    process.stdout.close()
    assert process.stdin is not None
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stdin.close()
    process.stderr.close()
    assert process.wait(PATIENCE) == 1
