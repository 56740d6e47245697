"""Looks for 10,000 marked events everywhere a running daemon leaves something, and reports what was found.

`python scripts/canary.py`. Starts `sentinel run` of this tree with debug logs on a state directory of its own, posts
events whose addresses (IPv4 and IPv6), agents, devices, sessions, accounts, names and e-mails are marked, has mails
sent and backups made, and looks through state, write-ahead log, logs, metrics, backups of data and keys, and a copy of
the store, while it runs and after it stopped, as `sentinel privacy scan` does. Exit 1 on any hit.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from bench import ROOT, SENTINEL, Discard, create_key, daemon, free_port

from sentinel.privacy.scan.files import scan
from sentinel.privacy.scan.report import Report
from sentinel.privacy.scan.search import Needles

sys.path.insert(0, str(ROOT))
from tests.privacy.scan import canary  # of this tree

#: Events of one request.
BATCH = 500
#: The days that the events are spread over, up to now.
DAYS = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--events", type=int, default=10_000)
    options = parser.parse_args()
    discard = Discard()
    mail = Controller(discard, hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        with tempfile.TemporaryDirectory(prefix="sentinel-canary-") as name:
            clean = run(Path(name), options.events, mail.port)
    finally:
        mail.stop()
    print(f"{discard.mails:,} mails sent")
    return 0 if clean else 1


def run(folder: Path, number: int, mail_port: int) -> bool:
    """Post, then look twice; whether nothing was found."""
    port = free_port()
    config = folder / "sentinel.toml"
    config.write_text(
        f'state = "{folder / "state"}"\nlisten = "127.0.0.1:{port}"\n[log]\nlevel = "debug"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {mail_port}\ntls = "none"\nfrom = "Canary <canary@example.org>"\n'
    )
    log = folder / "daemon.log"
    with daemon(config, port, log):
        key = create_key(config, "events", "assess", "metrics", "accounts")
        began = time.monotonic()
        post(port, key, number)
        answer = json.loads(ask(port, key, "/v1/events", json.dumps(list(strangers(number))).encode()))
        assert not answer["rejected"], answer
        print(f"{number:,} events posted in {time.monotonic() - began:.0f} s")
        (folder / "metrics.txt").write_bytes(ask(port, key, "/metrics"))
        copy(folder / "state" / "sentinel.db", folder / "copy.db")
        for keys in ([], ["--keyring"]):
            command = [*SENTINEL, "--config", str(config), "backup", *keys, "--to", str(folder / f"backup{len(keys)}")]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=120)
        wal = (folder / "state" / "sentinel.db-wal").stat().st_size
        running = look("running", folder, number)
    print(f"log: {log.stat().st_size:,} bytes, write-ahead log when looked through: {wal:,} bytes")
    return look("stopped", folder, number).clean and running.clean


def post(port: int, key: str, number: int) -> None:
    """All events, as if they came over the last months; the newest are new enough to be mailed."""
    start = datetime.now(UTC) - timedelta(days=DAYS)
    batch: list[dict[str, Any]] = []
    for at, event in enumerate(canary.events(number), 1):
        time = start + timedelta(days=DAYS * at / number)
        batch.append(event | {"time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z")})
        if len(batch) == BATCH or at == number:
            answer = json.loads(ask(port, key, "/v1/events", json.dumps(batch).encode()))
            assert answer["accepted"] == len(batch), answer
            batch = []


def strangers(number: int) -> Iterator[dict[str, Any]]:
    """Somebody guesses at the passwords of twenty people, and gets in: alerts, a campaign, mails."""
    now = datetime.now(UTC) - timedelta(minutes=30)
    accounts = sorted({event["account"] for event in canary.events(number)})[-20:]
    for which, account in enumerate(accounts):
        for trial in range(15):
            time = now + timedelta(seconds=60 * which + trial)
            yield canary.login(0, **canary.AWAY) | {
                "id": f"stranger-event-{which}-{trial}", "account": account,
                "ip": f"2001:db8:ffff:{which:x}::{trial:x}",
                "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "user_agent": f"Stranger/1.0 (canary {which:04}) Marked/2.0",
                "device_id": f"stranger-device-{which:04}", "session_id": f"stranger-session-{which:04}-{trial}",
                "outcome": "success" if trial == 14 else "failure",
            } | ({} if trial == 14 else {"reason": "bad_password"})  # fmt: skip


def ask(port: int, key: str, path: str, body: bytes | None = None) -> bytes:
    """What the daemon answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def copy(store: Path, to: Path) -> None:
    """A consistent copy of the store beside the running daemon."""
    with closing(sqlite3.connect(store)) as database, closing(sqlite3.connect(to)) as target:
        database.backup(target)


def look(when: str, folder: Path, number: int) -> Report:
    """Look through everything; the databases of places, the same everywhere, are left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and "geo" not in path.relative_to(folder).parts]
    began = time.monotonic()
    values = {event[name]: 0 for event in strangers(number) for name in canary.MARKED if name in event}
    report = scan(files, Needles(list(dict.fromkeys(canary.values(number)) | values)))
    print(f"{when}: {report.summary()}: {report.found:,} hits, {time.monotonic() - began:.0f} s")
    for told in (*report.hits[:20], *report.problems):
        print(f"  {told}")
    return report


if __name__ == "__main__":
    sys.exit(main())
