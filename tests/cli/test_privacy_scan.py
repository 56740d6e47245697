"""`sentinel privacy scan` as it is typed: what it says, what it does not repeat, and its exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel.cli.main import cli

MAIL = "person-7@example.org"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "some.log").write_text("started\n")
    (tmp_path / "sentinel.toml").write_text(f'state = "{folder}"\n')
    return folder


def run(state: Path, *words: str, input: str = "") -> Result:
    return CliRunner().invoke(
        cli,
        ["--config", str(state.parent / "sentinel.toml"), "privacy", "scan", *words],
        input=input,
        standalone_mode=False,
    )


def test_nothing_found_is_good_and_says_what_was_looked_through(state: Path) -> None:
    done = run(state, "--value", MAIL, "--value", "192.0.2.7")
    assert done.return_value == 0
    assert done.output.startswith("1 files (8 bytes), 0 compressed members, 0 databases")
    assert "looked through for 2 values in" in done.output
    assert done.output.endswith(": nothing found\n")


def test_hits_are_bad_and_told_masked(state: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "mail.log").write_text(f"to {MAIL}\n")
    done = run(state, "--value", "192.0.2.7", "--value", MAIL, "--dir", str(tmp_path / "backup"))
    assert done.return_value == 1
    assert "mail.log: at byte 3: value 2 (pe…) as text" in done.output
    assert done.output.endswith(": 1 hits\n")
    assert "person" not in done.output
    machine = run(state, "--value", MAIL, "--dir", str(tmp_path / "backup"), "--json")
    assert machine.return_value == 1
    report = json.loads(machine.output)
    assert (report["found"], report["files"], report["hits"][0]["offset"]) == (1, 2, 3)
    assert "person" not in machine.output


def test_values_come_from_a_file_or_standard_input(state: Path, tmp_path: Path) -> None:
    (state / "some.log").write_text(MAIL)
    (tmp_path / "values").write_text(f"\n192.0.2.7\n {MAIL} \n{MAIL}\n")
    assert "value 2 (pe…)" in run(state, "--values", str(tmp_path / "values")).output
    assert "for 2 values in" in run(state, "--values", "-", input=f"192.0.2.7\r\n{MAIL}\r\n").output


def test_what_cannot_be_looked_through_is_bad(state: Path, tmp_path: Path) -> None:
    done = run(state, "--value", MAIL, "--dir", str(tmp_path / "missing"))
    assert done.return_value == 1
    assert "missing: not looked through: there is no such file or folder" in done.output
    assert "nothing found, but 1 could not be looked through" in done.output


def test_a_store_outside_the_state_directory_is_looked_through(state: Path, tmp_path: Path) -> None:
    (tmp_path / "other.db-wal").write_text(MAIL)
    (tmp_path / "sentinel.toml").write_text(f'state = "{state}"\nstore = "sqlite:{tmp_path}/other.db"\n')
    done = run(state, "--value", MAIL)
    assert done.return_value == 1
    assert "other.db-wal: at byte 0" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give at least one value"),
        (("--values", "-"), "give at least one value"),
        (("--value", "ab"), "value 1: expected 3 to 4096 characters, got 2"),
        (("--values", "missing"), "--values missing: No such file"),
    ],
)
def test_wrong_use_is_told(state: Path, words: tuple[str, ...], said: str) -> None:
    done = run(state, *words)
    assert said in str(done.exception)
    assert getattr(done.exception, "exit_code", 0) == 2
