"""`sentinel account evidence` and `sentinel incident export` as they are typed."""

import io
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyrage
import pytest

from tests.cli.test_account import a_life, bad, entries, said, take
from tests.running import AWAY, Command, ago, habits, login


@pytest.fixture
def config(sentinel: Command, tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(
        f'state = "{sentinel.state}"\nrules.directory = "none"\nrules.allow_directory = "none"\n'
        '[privacy]\ncontroller = "Example GmbH"\n'
    )
    return path


def test_evidence_is_signed_and_for_the_recipient_only(sentinel: Command, config: Path, tmp_path: Path) -> None:
    take(sentinel, config, *a_life())
    identity = pyrage.x25519.Identity.generate()
    out = tmp_path / "u-1.age"
    words = ["--config", config, "account", "evidence", "u-1", "--claim", "case 12 C 34/26", "--out"]
    made = said(sentinel(*words, out, "--to", str(identity.to_public()), "--json"))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert b"ada@example.org" not in out.read_bytes()
    with ZipFile(io.BytesIO(pyrage.decrypt(out.read_bytes(), [identity]))) as archive:
        statement = json.loads(archive.read("statement.json"))
        with ZipFile(io.BytesIO(archive.read("package.zip"))) as package:
            data = json.loads(package.read("data.json"))
    assert (statement["purpose"], statement["controller"], statement["key_sha256"]) == (
        "case 12 C 34/26", "Example GmbH", made["fingerprint"],
    )  # fmt: skip
    assert statement["keep_until"] == made["keep_until"]
    assert len(data["events"]) == 5
    (entry,) = entries(sentinel, config, "--account", "u-1")
    assert (entry["action"], entry["purpose"]) == ("evidence.export", "case 12 C 34/26")
    secret = tmp_path / "pass"
    secret.write_text("correct horse battery\n")
    for mode in (0o644, 0o640, 0o602):
        secret.chmod(mode)
        open_to_all = sentinel(*words, tmp_path / "2.age", "--passphrase-file", secret)
        bad(open_to_all, 1, f"others can get at this secret (mode {mode:04o}); chmod 600 it")
    assert not (tmp_path / "2.age").exists()
    secret.chmod(0o600)
    again = said(sentinel(*words, tmp_path / "2.age", "--passphrase-file", secret, "--keep", "30d", "--json"))
    assert again["fingerprint"] == made["fingerprint"]
    assert again["keep_until"] < made["keep_until"]
    assert pyrage.passphrase.decrypt((tmp_path / "2.age").read_bytes(), "correct horse battery")[:2] == b"PK"
    secret.write_bytes(b"\xff")
    bad(sentinel(*words, tmp_path / "3.age", "--passphrase-file", secret), 1, "not valid UTF-8")
    secret.write_text("short\n")
    bad(sentinel(*words, tmp_path / "3.age", "--passphrase-file", secret), 1, "at least 12 characters")
    bad(sentinel(*words, tmp_path / "3.age", "--to", str(identity.to_public()), "--keep", "2020-01-01"), 1, "past")
    assert not (tmp_path / "3.age").exists()


def in_session(account: str) -> list[dict[str, Any]]:
    """A thief's login, what was done in its session, and the owner's own day beside it."""
    stolen: dict[str, Any] = {"account": account, **AWAY, "session_id": f"stolen-{account}"}
    return [
        *habits(account),
        login(f"tried-{account}", ago(minutes=40), **(stolen | {"outcome": "failure", "reason": "bad_password"})),
        login(f"in-{account}", ago(minutes=30), **stolen),
        login(f"changed-{account}", ago(minutes=20), type="email_changed", **stolen),
        login(f"own-{account}", ago(minutes=10), account=account),
    ]


def test_the_report_of_a_breach_counts_accounts_that_somebody_was_in(
    sentinel: Command, config: Path, tmp_path: Path
) -> None:
    accounts = ("u-1", "u-2", "u-3", "u-4")
    take(sentinel, config, *[event for account in accounts for event in in_session(account)])
    report = ["--config", config, "incident", "export"]
    bad(sentinel(*report), 1, "nothing to report")

    def close(event: str, verdict: str) -> None:
        done = sentinel("--config", config, "alerts", "close", "--event", event, "--verdict", verdict)
        assert done.returncode == 0, done.stderr

    close("in-u-1", "compromised")
    close("changed-u-2", "compromised")
    close("tried-u-3", "compromised")  # nobody got in
    close("in-u-4", "compromised")
    close("in-u-4", "legitimate")  # it was them after all
    told = said(sentinel(*report, "--json"))
    first, second = told["accounts"]
    assert [first["account"], second["account"]] == ["u-1", "u-2"]
    assert (first["records"], second["records"]) == (2, 1)
    assert set(first["categories"]) == {"account", "contact", "credentials", "sessions", "sign_ins"}
    assert first["first"] < first["last"] == told["ended"][: len(first["last"])] or first["last"] < told["ended"]
    known = datetime.fromisoformat(told["known_since"])
    assert datetime.fromisoformat(told["deadline"]) - known == timedelta(hours=72)
    assert timedelta() < datetime.now(UTC) - known < timedelta(minutes=5)
    assert told["controller"] == "Example GmbH"
    folder = tmp_path / "breach"
    assert sentinel(*report, "--out", folder).returncode == 0
    text = (folder / "incident.md").read_text()
    assert "People concerned: 2" in text
    assert "u-1" not in text
    assert len(json.loads((folder / "incident.json").read_text())["accounts"]) == 2
    assert stat.S_IMODE((folder / "incident.json").stat().st_mode) == 0o600
    bad(sentinel(*report, "--out", folder), 2, "is there already")
    bad(sentinel(*report, "--since", "soon"), 2, "soon")
    config.write_text(config.read_text() + "[tenants.shop]\n")
    bad(sentinel(*report, "--tenant", "shop"), 1, "nothing to report")
    actions = [entry["action"] for entry in entries(sentinel, config, "--account", "u-1")]
    assert actions.count("incident.export") == 3
    assert "incident.export" not in [entry["action"] for entry in entries(sentinel, config, "--account", "u-3")]
