"""Issue 2, done when 6: ``sentinel assess`` says the same twice, and the same as the daemon over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sentinel.demo.traffic import live, traffic
from tests.running import AWAY, Client, Command, login
from tests.shared_data import shared


def made_up(now: datetime) -> list[dict[str, Any]]:
    """A week of a few people, attacks on them, and logins that ask before they let in."""
    past = list(traffic(3, now - timedelta(days=6), people=16, days=5))
    attacks = [event for _, event in islice(live(3, now - timedelta(minutes=30), people=16), 250)]
    asked = []
    for number, outcome in enumerate(("success", "failure", None, "success")):
        time = now - timedelta(minutes=20 - number)
        account = past[number]["account"]
        place = AWAY if number != 3 else {}
        asked.append(login(f"ask-{number}", stamp(time), account=account, outcome="pending", **place))
        if outcome:
            end = stamp(time + timedelta(seconds=40))
            reason = "mfa_failed" if outcome == "failure" else None
            asked.append(
                login(f"end-{number}", end, account=account, outcome=outcome, reason=reason,
                      concludes=f"ask-{number}", **place)
            )  # fmt: skip
    asked.append(login("nobody", stamp(now), account=None, outcome="failure", reason="unknown_account"))
    return [*past, *attacks, *asked]


def stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


async def test_the_same_events_give_the_same_bytes(client: Client, sentinel: Command, tmp_path: Path) -> None:
    printed = sentinel("import", "--print", "--from", "rba", shared("rba-dataset-2000", "rba_exact_rows_0_18.csv"))
    real = [json.loads(line) for line in printed.stdout.splitlines()]
    for event in real:
        event.pop("label", None)  # refused over HTTP
    assert len(real) == 19
    events = real + made_up(datetime.now(UTC))
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))

    first, second = sentinel("assess", path), sentinel("assess", path)
    assert (first.returncode, first.stderr) == (0, "")
    assert second.stdout == first.stdout
    over_http = []
    for event in events:
        reply = await client.post("/v1/assessments", event)
        assert reply.status == 200, reply.text
        over_http.append(reply.text)
    lines = first.stdout.splitlines()
    assert len(lines) == len(over_http) > 400
    for event, line, answer in zip(events, lines, over_http, strict=True):
        assert line == answer, event
    found = {finding["rule"] for line in lines for finding in json.loads(line)["findings"]}
    assert len(found) > 7, found
