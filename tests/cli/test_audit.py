"""`sentinel audit` as it is typed."""

import asyncio
import json
import sqlite3
import subprocess
from pathlib import Path

from sentinel.audit.log import AuditLog
from sentinel.cli.actor import operator
from sentinel.events.clock import DAY, now
from sentinel.privacy.keyring import KEYRING_NAME, Keyring
from sentinel.privacy.keys import load_master_key
from sentinel.privacy.vault import Vault
from tests.audit.making import entry
from tests.running import Command


def good(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(state: Path, account: str | None = None, *, days_ago: int = 0) -> None:
    """An entry, about an account of tenant default if one is named."""
    vault = Vault(Keyring(state / KEYRING_NAME, load_master_key(state)))
    row = None
    if account is not None:
        (key,) = vault.admit([vault.pseudonym("account", "default", account)]).values()
        asyncio.run(vault.flush())
        row = key.row("audit")
    log = AuditLog(state / "audit.db", vault.root.derive("audit"))
    log.append([entry(1, time=now() - days_ago * DAY, tenant="default", account=row)])
    log.close()
    vault.close()


def test_entries_are_shown_and_looking_is_one(sentinel: Command) -> None:
    written(sentinel.state, "u-1")
    written(sentinel.state, days_ago=2)
    shown = json.loads(good(sentinel("audit", "show", "--account", "u-1", "--purpose", "ticket 7", "--json")))
    assert [each["entry"] for each in shown] == [1]
    assert shown[0]["account"] not in (None, "u-1")
    shown = json.loads(good(sentinel("audit", "show", "--action", "audit.show", "--since", "1h", "--json")))
    assert [(each["entry"], each["purpose"], each["role"]) for each in shown] == [(3, "ticket 7", "operator")]
    assert shown[0]["actor"] == operator()
    for since, seen in (("47h", False), ("3d", True)):
        shown = json.loads(good(sentinel("audit", "show", "--action", "account.risk", "--since", since, "--json")))
        assert [each["entry"] for each in shown] == [1, 2][: 1 + seen]
    lines = good(sentinel("audit", "show")).splitlines()
    assert len(lines) == 6
    assert "  audit.show  default  " in lines[2]
    assert "u-1" not in (sentinel.state / "audit.db").read_bytes().decode("latin-1")
    assert good(sentinel("audit", "show", "--actor", "nobody")) == ""
    assert json.loads(good(sentinel("audit", "show", "--limit", "1", "--json")))[0]["entry"] == 8


def test_verify_says_what_is_wrong_and_where(sentinel: Command) -> None:
    done = sentinel("audit", "verify")
    assert done.returncode == 1
    assert "there is no audit log" in done.stderr
    for _ in range(3):
        written(sentinel.state)
    assert good(sentinel("audit", "verify")) == "3 entries, from 1 to 3: nothing was changed\n"
    with sqlite3.connect(sentinel.state / "audit.db") as database:
        database.execute("DELETE FROM entry WHERE seq = 3")
    database.close()
    done = sentinel("audit", "verify")
    assert done.returncode == 1
    assert done.stdout == "broken: tail cut: entry 3 is gone: the newest were cut off; up to entry 2 it holds\n"
    assert json.loads(sentinel("audit", "verify", "--json").stdout)["fault"]["entry"] == 3
    done = sentinel("audit", "verify", "--repair")
    assert done.returncode == 1
    assert "the head was set anew" in done.stdout
    assert good(sentinel("audit", "verify")) == "3 entries, from 1 to 3: nothing was changed\n"


def test_wrong_use(sentinel: Command) -> None:
    for words in (["--since", "soon"], ["--action", "dance"]):
        assert sentinel("audit", "show", *words).returncode == 2
    done = sentinel("audit", "show", "--purpose", "two\nlines")
    assert done.returncode == 1
    assert "purpose: expected one line" in done.stderr


def test_what_commands_show_and_change_stands_in_the_log(sentinel: Command, tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    lines = [
        {"id": f"e-{n}", "time": f"2026-01-0{n}T12:00:00Z", "account": "u-1", "outcome": "success", "device_id": str(n)}
        for n in range(1, 8)
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    good(sentinel("import", str(events)))
    good(sentinel("keys", "create", "web", "--scope", "events"))
    good(sentinel("keys", "revoke", "web"))
    good(sentinel("explain", "e-7", "--purpose", "ticket 7"))
    listed = json.loads(good(sentinel("alerts", "list", "--all", "--account", "u-1", "--json")))
    good(sentinel("alerts", "show", listed[0]["alert"]))
    good(sentinel("alerts", "close", listed[0]["alert"], "--verdict", "legitimate"))
    good(sentinel("campaigns", "list"))
    entries = json.loads(good(sentinel("audit", "show", "--json")))
    assert [(entry["action"], entry["account"] is not None) for entry in entries] == [
        ("event.import", False), ("keys.create", False), ("keys.revoke", False), ("event.explain", True),
        ("alerts.list", True), ("alerts.show", True), ("alerts.close", True), ("campaigns.list", False),
    ]  # fmt: skip
    assert entries[3]["purpose"] == "ticket 7"
    assert {entry["role"] for entry in entries} == {"operator"}
    assert good(sentinel("audit", "verify")).startswith("9 entries")
