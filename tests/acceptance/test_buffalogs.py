"""Issue 2, done when 3: the BuffaLogs logins through HTTP, with mails at a real SMTP server."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tests.running import InProcess, MailServer
from tests.shared_data import shared

COUNTRIES = {"India": "IN", "Japan": "JP", "United States": "US"}
BATCH = 500


def converted() -> list[dict[str, Any]]:
    """The logins as events, in the order of time, the last of them now."""
    rows = [json.loads(line) for line in shared("buffalogs", "fixture_logins.jsonl").read_text().splitlines()]
    rows.sort(key=lambda row: row["timestamp"])
    shift = datetime.now(UTC) - datetime.fromisoformat(rows[-1]["timestamp"])
    return [
        {
            "id": row["event_id"],
            "time": (datetime.fromisoformat(row["timestamp"]) + shift).isoformat(),
            "account": row["user"],
            "outcome": "success",
            "ip": row["ip"],
            "user_agent": row["user_agent"],
            "place": {
                "country": COUNTRIES[row["country"]], "lat": row["latitude"], "lon": row["longitude"],
            },
        }
        for row in rows
    ]  # fmt: skip


async def test_all_are_accepted_scored_and_told_once(
    start: Callable[..., Awaitable[InProcess]], mail_server: MailServer
) -> None:
    daemon = await start()
    client = await daemon.client()
    events = converted()
    assert len(events) == 2608
    accounts = sorted({event["account"] for event in events})
    for number, account in enumerate(accounts):
        reply = await client.put(f"/v1/accounts/{quote(account, safe='')}", {"email": f"user-{number}@example.org"})
        assert reply.status == 200
    accepted = 0
    for at in range(0, len(events), BATCH):
        reply = await client.post("/v1/events", events[at : at + BATCH])
        assert (reply.status, reply.body["rejected"]) == (202, [])
        accepted += reply.body["accepted"]
    assert accepted == 2608

    answers = {event["id"]: (await client.get(f"/v1/assessments/{event['id']}")).body for event in events}
    assert len(answers) == 2608
    assert all(answer["level"] for answer in answers.values())
    rules = {finding["rule"] for answer in answers.values() for finding in answer["findings"]}
    assert {"new_device", "new_country", "impossible_travel"} <= rules

    store = daemon.daemon.store
    told = sum((await store.mail_counts()).values())
    assert told > 50
    await mail_server.mailbox.wait(told)
    assert (await store.mail_counts())["unaddressed"] == 0
    assert len(mail_server.mailbox.mails) == told
    assert set(mail_server.mailbox.recipients) <= {f"user-{n}@example.org" for n in range(len(accounts))}

    for at in range(0, len(events), BATCH):
        part = events[at : at + BATCH]
        reply = await client.post("/v1/events", part)
        assert reply.body == {"accepted": 0, "duplicates": len(part), "rejected": []}
    assert sum((await store.mail_counts()).values()) == told
    for id, answer in answers.items():
        assert (await client.get(f"/v1/assessments/{id}")).body == answer
    await daemon.stop()
    assert len(mail_server.mailbox.mails) == told
