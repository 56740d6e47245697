"""`sentinel backup`, `restore` and `keyring` as they are typed."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from sentinel.daemon.lock import state_lock
from sentinel.events.clock import DAY, now
from tests.backup.installation import Installation
from tests.backup.test_standing import exercise
from tests.running import Command


@pytest.fixture
def inst(tmp_path: Path) -> Installation:
    one = Installation(tmp_path / "one")
    one.write("ada", time=now() - DAY)
    return one


def good(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def config(inst: Installation) -> tuple[str, Path]:
    return "--config", inst.folder / "sentinel.toml"


def test_a_backup_is_made_and_restored(sentinel: Command, inst: Installation) -> None:
    made = json.loads(good(sentinel("backup", "--json", *config(inst))))
    assert (made["kind"], made["pruned"], made["keys_destroyed"]) == ("data", 0, 0)
    assert Path(made["path"]).parent == inst.backups
    before = inst.tables()
    inst.write("ben", time=now())
    restored = json.loads(good(sentinel("restore", made["path"], "--json", *config(inst))))
    assert (restored["kind"], restored["erasures"], restored["audit_restored"]) == ("data", 0, False)
    assert inst.tables() == before
    told = good(sentinel("restore", made["path"], *config(inst)))
    assert "deleted rows that no key opens: 0" in told
    assert "the one that was there goes on" in told
    actions = [each["action"] for each in json.loads(good(sentinel("audit", "show", "--json", *config(inst))))]
    assert actions == ["backup.make", "backup.restore", "backup.restore", "audit.show"][:-1]


def test_a_keyring_goes_elsewhere(sentinel: Command, inst: Installation, tmp_path: Path) -> None:
    done = sentinel("backup", "--keyring", "--to", tmp_path / "elsewhere", *config(inst))
    path = Path(good(done).strip())
    assert path.parent == tmp_path / "elsewhere"
    assert "Copy " in done.stderr
    assert "restored: keyring of " in good(sentinel("restore", path, "--keyring", *config(inst)))
    wrong = sentinel("restore", path, *config(inst))
    assert (wrong.returncode, "restore it with --keyring" in wrong.stderr) == (1, True)


def test_old_ones_are_pruned_in_both_folders(sentinel: Command, inst: Installation, tmp_path: Path) -> None:
    inst.back_up(now=now() - 31 * DAY)
    inst.back_up("keyring", now=now() - 31 * DAY)
    done = sentinel("backup", "--to", tmp_path / "elsewhere", *config(inst))
    good(done)
    assert "expired: 2 backups removed, 1 keys of keyring backups destroyed" in done.stderr
    assert list(inst.backups.iterdir()) == []


def test_beside_a_daemon_a_backup_is_made_but_not_restored(sentinel: Command, inst: Installation) -> None:
    with state_lock(inst.state, inst.config.store_url):
        path = good(sentinel("backup", *config(inst))).strip()
        done = sentinel("restore", path, *config(inst))
    assert (done.returncode, "stop it first" in done.stderr) == (1, True)


def test_errors_are_in_words(sentinel: Command, inst: Installation, tmp_path: Path) -> None:
    done = sentinel("backup")
    assert (done.returncode, "there is no keyring yet" in done.stderr) == (1, True)
    done = sentinel("restore", tmp_path, *config(inst))
    assert (done.returncode, "this is no backup of sentinel" in done.stderr) == (1, True)
    assert sentinel("restore", tmp_path / "none", *config(inst)).returncode == 2
    (tmp_path / "file").write_text("")
    done = sentinel("backup", "--to", tmp_path / "file" / "x", *config(inst))
    assert (done.returncode, "cannot be listed: Not a directory" in done.stderr) == (1, True)
    assert sentinel("keyring", "rotate", "--finish", "--new-key", tmp_path / "file", *config(inst)).returncode == 2


def test_the_keyring_tells_what_it_holds(sentinel: Command, inst: Installation) -> None:
    inst.back_up("keyring", now=now() - DAY)
    inst.back_up(now=now() - 2 * DAY)
    told = json.loads(good(sentinel("keyring", "status", "--json", *config(inst))))
    assert (told["slots"], told["accounts"], told["days"], told["rotated"], told["backup_keys"]) == (1, 1, 1, None, 1)
    assert told["oldest_day"] == told["oldest_raw_day"] is not None
    assert [(each["kind"], each["age_days"], each["opens"]) for each in told["backups"]] == [
        ("data", 2, True),
        ("keyring", 1, True),
    ]
    text = good(sentinel("keyring", "status", *config(inst)))
    assert "last exchanged: never" in text
    (inst.config.backup_keys).unlink()
    assert "cannot be opened any more" in good(sentinel("keyring", "status", *config(inst)))


def test_the_master_key_is_exchanged(sentinel: Command, inst: Installation) -> None:
    before = (inst.state / "sentinel.key").read_bytes()
    told = json.loads(good(sentinel("keyring", "rotate", "--json", *config(inst))))
    assert told == {"slots": 1, "shut_out": 1}
    assert (inst.state / "sentinel.key").read_bytes() != before
    assert json.loads(good(sentinel("keyring", "status", "--json", *config(inst))))["rotated"] is not None
    assert inst.read_everything() == ["ada"]
    assert "keyring.rotate" in good(sentinel("audit", "show", *config(inst)))


def test_a_credential_is_exchanged_in_two_steps(sentinel: Command, inst: Installation, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (inst.state / "sentinel.key").rename(credentials / "sentinel.key")
    sentinel.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    new = tmp_path / "new.key"
    new.write_bytes(b"n" * 32)
    new.chmod(0o600)
    done = sentinel("keyring", "rotate", *config(inst))
    assert (done.returncode, "--new-key FILE" in done.stderr) == (2, True)
    assert "Both keys open the keyring" in good(sentinel("keyring", "rotate", "--new-key", new, *config(inst)))
    assert "--finish" in good(sentinel("keyring", "status", *config(inst)))
    done = sentinel("keyring", "rotate", "--finish", *config(inst))
    assert (done.returncode, "still the old one" in done.stderr) == (1, True)
    new.rename(credentials / "sentinel.key")
    assert "1 shut out" in good(sentinel("keyring", "rotate", "--finish", *config(inst)))
    good(sentinel("keyring", "status", *config(inst)))


def test_a_lost_ledger_is_told_and_mended(sentinel: Command, inst: Installation) -> None:
    good(sentinel("account", "erase", "ada", "--yes", *config(inst)))
    keyring = good(sentinel("backup", "--keyring", *config(inst))).strip()
    assert good(sentinel("privacy", "ledger", *config(inst))) == "1 entries, 0 missing\n"
    for path in inst.state.glob("erasures.db*"):
        path.unlink()
    found = {each["name"]: each for each in json.loads(sentinel("doctor", "--json", *config(inst)).stdout)}
    assert found["ledger"]["state"] == "bad"
    assert "lacks 1 entries" in found["ledger"]["detail"]
    refused = sentinel("restore", keyring, "--keyring", *config(inst))
    assert (refused.returncode, "see `sentinel privacy ledger --help`" in refused.stderr) == (0, False)
    assert good(sentinel("privacy", "ledger", *config(inst))) == "1 entries, 0 missing\n"


def test_a_gap_that_nothing_fills_is_accepted(sentinel: Command, inst: Installation) -> None:
    data = good(sentinel("backup", *config(inst))).strip()
    good(sentinel("account", "erase", "ada", "--yes", *config(inst)))
    for path in inst.state.glob("erasures.db*"):
        path.unlink()
    refused = sentinel("restore", data, *config(inst))
    assert (refused.returncode, "see `sentinel privacy ledger --help`" in refused.stderr) == (1, True)
    told = sentinel("privacy", "ledger", *config(inst))
    assert (told.returncode, told.stdout) == (1, "0 entries, 1 missing\n")
    told = sentinel("privacy", "ledger", "--accept-loss", *config(inst))
    assert (told.returncode, told.stdout) == (0, "0 entries, 0 missing, 1 given up\n")
    good(sentinel("restore", data, *config(inst)))
    (mended,) = json.loads(good(sentinel("audit", "show", "--action", "ledger.mend", "--json", *config(inst))))
    assert mended["purpose"] == "a gap accepted"


def test_the_doctor_tells_of_merged_accounts_that_are_damaged(sentinel: Command, tmp_path: Path) -> None:
    inst = Installation(tmp_path / "two")
    inst.write("ada", "ben", time=now() - DAY, plain=True)
    key = inst.key_of("ada")
    with closing(sqlite3.connect(inst.store, isolation_level=None)) as database:
        database.execute(
            "UPDATE event SET record = substr(record, 1, 20) WHERE owner = ?", (key.row((now() - DAY) // DAY),)
        )
    exercise(inst, ("merge", "ada", {"into": "ben"}))
    done = sentinel("doctor", "--json", *config(inst))
    (told,) = [each for each in json.loads(done.stdout) if each["name"] == "merges"]
    assert (done.returncode, told["state"]) == (1, "bad")
    assert f"number {key.number} into {inst.key_of('ben').number}: 1 rows" in told["detail"]
    assert "ada" not in told["detail"]
