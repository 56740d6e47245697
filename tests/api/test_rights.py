"""Erasure, restriction and objection over HTTP, and what the audit log has of it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from tests.running import AWAY, Client, Command, InProcess, MailServer, ago, habits, login

Start = Callable[..., Awaitable[InProcess]]
ADA = {"email": "ada@example.org", "name": "Ada Example"}


def actions(daemon: InProcess) -> list[str]:
    return [entry.action for entry in daemon.daemon._audit.log.show(limit=1000)]


async def test_an_erased_account_was_never_there(daemon: InProcess, client: Client) -> None:
    await client.take(habits())
    await client.put("/v1/accounts/u-1", ADA)
    event = login("e-1", **AWAY)
    first = await client.assess(event)
    assert first["alert"] is not None
    gone = await client.delete("/v1/accounts/u-1")
    assert gone.status == 200
    assert re.fullmatch("r-[0-9a-f]{32}", gone.body["receipt"])
    assert gone.body["account"] == "u-1"
    nobody = await client.delete("/v1/accounts/never-heard-of")
    assert {*nobody.body} == {*gone.body}
    assert (await client.get("/v1/accounts/u-1")).body["email"] is None
    assert (await client.get("/v1/accounts/u-1/alerts")).body == {"alerts": []}
    assert (await client.get("/v1/alerts")).body == {"alerts": []}
    assert (await client.get("/v1/assessments/e-1")).status == 404
    assert (await client.get("/v1/accounts/u-1/risk")).body["risk"] == 0.0
    # Whoever comes back is somebody new.
    again = await client.assess(event)
    assert "duplicate" not in again
    assert again["warming_up"]
    entries = daemon.daemon._audit.log.show(action="account.erase")
    assert [(entry.actor, entry.role, entry.account is not None) for entry in entries] == [
        ("key-1", "service", True),
        ("key-1", "service", False),
    ]


async def test_a_restricted_account_is_kept_and_nothing_else(daemon: InProcess, client: Client) -> None:
    await client.take(habits())
    await client.put("/v1/accounts/u-1", ADA)
    event = login("e-1", **AWAY)
    before = await client.assess(event)
    reply = await client.put("/v1/accounts/u-1/restriction", {"reason": "accuracy is contested"})
    assert (reply.status, reply.body["restricted"], reply.body["objection"]) == (200, True, None)
    since = reply.body["since"]
    assert (await client.put("/v1/accounts/u-1/restriction", None)).body["since"] == since
    strange = AWAY | {"device_id": "another", "ip": "203.0.113.77"}
    unjudged = await client.assess(login("e-2", email="thief@example.net", **strange))
    assert (unjudged["risk"], unjudged["level"], unjudged["decision"]) == (None, None, "allow")
    assert unjudged["restricted"]
    assert unjudged["unjudged"] == [{"rule": "*", "reason": "restricted"}]
    assert unjudged["alert"] is None
    # Nothing of before is shown either, not even to who posts it again.
    assert (await client.assess(event))["risk"] is None
    assert (await client.get("/v1/assessments/e-1")).body["restricted"]
    assert (await client.get("/v1/accounts/u-1")).body["email"] is None
    assert (await client.get("/v1/accounts/u-1/risk")).body["reasons"] == ["restricted"]
    assert (await client.get("/v1/alerts")).body == {"alerts": []}
    assert (await client.post("/v1/feedback", {"event": "e-1", "verdict": "compromised"})).status == 200
    lifted = await client.delete("/v1/accounts/u-1/restriction")
    assert (lifted.status, lifted.body["restricted"], lifted.body["since"]) == (200, False, None)
    assert lifted.body["changed"] is True
    assert (await client.delete("/v1/accounts/u-1/restriction")).body == lifted.body | {"changed": False}
    assert (await client.get("/v1/assessments/e-1")).body == before
    # What came meanwhile stays unjudged, and was learned nothing from.
    assert (await client.get("/v1/assessments/e-2")).body["risk"] is None
    assert (await client.get("/v1/accounts/u-1/risk")).body["risk"] == before["risk"]
    assert "new_device" in [one["rule"] for one in (await client.assess(login("e-3", **strange)))["findings"]]
    assert (await client.get("/v1/accounts/u-1")).body["email"] == "ada@example.org"
    assert len((await client.get("/v1/alerts")).body["alerts"]) >= 1
    assert {"account.restrict", "account.lift", "account.show", "account.risk", "assessment.show", "alerts.list"} <= {
        *actions(daemon)
    }


async def test_a_restricted_account_gets_no_mail_until_it_is_lifted(
    daemon: InProcess, client: Client, mail_server: MailServer
) -> None:
    await client.put("/v1/accounts/u-1", ADA)
    await client.take(habits())
    await client.put("/v1/accounts/u-1/restriction", {})
    await client.assess(login("e-1", **AWAY))
    assert (await daemon.daemon.store.mail_counts())["pending"] == 0
    assert mail_server.mailbox.mails == []


async def test_failures_of_a_restricted_account_count_for_their_network(client: Client) -> None:
    await client.put("/v1/accounts/u-1/restriction", {})
    await client.take([login(f"f-{n}", outcome="failure", reason="bad_password", **AWAY) for n in range(19)])
    other = login("g", account="u-2", outcome="failure", reason="bad_password", **AWAY)
    assert "brute_force_address" in [one["rule"] for one in (await client.assess(other))["findings"]]


async def test_an_objection_restricts_until_it_is_decided(client: Client) -> None:
    await client.take(habits())
    opened = await client.put("/v1/accounts/u-1/objection", {"reason": "I do not want this"})
    assert (opened.body["restricted"], opened.body["objection"]) == (True, "open")
    assert (await client.delete("/v1/accounts/u-1/restriction")).status == 409
    assert (await client.assess(login("e-1")))["restricted"]
    rejected = await client.put("/v1/accounts/u-1/objection", {"decision": "rejected", "reason": "compelling grounds"})
    assert (rejected.body["restricted"], rejected.body["objection"]) == (False, "rejected")
    assert (await client.put("/v1/accounts/u-1/objection", {"decision": "upheld"})).status == 409
    await client.put("/v1/accounts/u-1/objection", {})
    upheld = await client.put("/v1/accounts/u-1/objection", {"decision": "upheld"})
    assert (upheld.body["restricted"], upheld.body["objection"]) == (True, "upheld")


async def test_somebody_in_the_account_cannot_blind_the_watch(client: Client) -> None:
    """With an open takeover an objection needs a session of the person's own."""
    await client.take(habits())
    await client.take([login("e-0", ago(minutes=90), session_id="mine")])
    await client.assess(login("e-1", session_id="theirs", **AWAY))
    await client.post("/v1/feedback", {"event": "e-1", "verdict": "compromised"})
    for body in ({}, {"session_id": "theirs"}, {"session_id": "unknown"}):
        refused = await client.put("/v1/accounts/u-1/objection", body)
        assert (refused.status, refused.body["field"]) == (409, "session_id")
    assert (await client.put("/v1/accounts/u-1/objection", {"session_id": "mine"})).status == 200


async def test_the_former_address_hears_before_an_account_in_other_hands_is_erased(
    client: Client, mail_server: MailServer
) -> None:
    await client.put("/v1/accounts/u-1", ADA)
    await client.take(habits())
    await client.assess(login("e-1", **AWAY))
    await client.post("/v1/feedback", {"event": "e-1", "verdict": "compromised"})
    await client.put("/v1/accounts/u-1", {"email": "thief@example.com"})
    gone = await client.delete("/v1/accounts/u-1")
    assert gone.body["former_address_told"]
    mailbox = mail_server.mailbox

    def told() -> set[str]:
        return {to for recipients, mail in mailbox.mails for to in recipients if "was erased" in mail["Subject"]}

    while told() != {"ada@example.org", "thief@example.com"}:
        await mailbox.wait(len(mailbox.mails) + 1)


async def test_everything_that_is_held_comes_in_one_archive(daemon: InProcess, client: Client) -> None:
    await client.take(habits())
    await client.put("/v1/accounts/u-1", ADA)
    alert = (await client.assess(login("e-1", **AWAY)))["alert"]
    status, media, content = await client.download("/v1/accounts/u-1/export?language=de")
    assert (status, media) == (200, "application/zip")
    with ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {"index.html", "data.json", "events.csv", "manifest.json"} <= set(archive.namelist())
        held = json.loads(archive.read("data.json"))
        assert '<html lang="de"' in archive.read("index.html").decode()
    assert held["account"]["email"] == "ada@example.org"
    assert [event["id"] for event in held["events"]] == [f"past-u-1-{n}" for n in range(4)] + ["e-1"]
    assert held["events"][-1]["ip"] == AWAY["ip"]
    assert [one["id"] for one in held["alerts"]] == [alert]
    assert "account.export" in [look["action"] for look in held["looks"]]
    # A restriction keeps nobody from their own data; who was never heard of gets the same form.
    await client.put("/v1/accounts/u-1/restriction", {})
    assert (await client.download("/v1/accounts/u-1/export"))[0] == 200
    status, media, content = await client.download("/v1/accounts/nobody/export")
    assert (status, media) == (200, "application/zip")
    with ZipFile(BytesIO(content)) as archive:
        assert json.loads(archive.read("data.json"))["events"] == []
    refused = await client.get("/v1/accounts/u-1/export?language=tlh")
    assert (refused.status, refused.body["field"]) == (422, "language")


async def test_the_archive_is_that_of_the_command(daemon: InProcess, client: Client, sentinel: Command) -> None:
    await client.take([*habits(), login("f-1", outcome="failure", reason="bad_password")])
    _, _, content = await client.download("/v1/accounts/u-1/export")
    out = daemon.path.parent / "u-1.zip"
    words = ("--config", daemon.path, "account", "export", "u-1", "--out", out)
    done = await asyncio.to_thread(sentinel, *words)
    assert done.returncode == 0, done.stderr
    held = []
    for file in (BytesIO(content), out):
        with ZipFile(file) as archive:
            held.append(json.loads(archive.read("data.json")))
    assert held[0]["windows"] == held[1]["windows"]
    assert all(each["series"] and each["over"] for each in held[0]["windows"])
    assert held[0]["windows"]
    different = {name for name in held[0] if held[0][name] != held[1][name]}
    assert different <= {"made", "looks"}


WORKFORCE = '[privacy]\npurpose = "workforce"\n'


@pytest.mark.parametrize("path", ["", "/alerts", "/export"])
async def test_of_people_who_work_here_a_key_looks_nobody_up(start: Start, path: str) -> None:
    daemon = await start(WORKFORCE)
    client = await daemon.client()
    await client.take(habits())
    for account in ("u-1", "nobody"):
        refused = await client.get(f"/v1/accounts/{account}{path}")
        assert (refused.status, refused.headers["Content-Type"]) == (403, "application/problem+json")
        assert "--approved-by" in refused.body["detail"]
    assert {"account.show", "account.alerts", "account.export"}.isdisjoint(actions(daemon))


async def test_of_people_who_work_here_the_service_hears_what_it_acts_on(start: Start) -> None:
    daemon = await start(WORKFORCE + '[tenants.shop]\n[tenants.shop.privacy]\npurpose = "customers"\n')
    client = await daemon.client()
    assert (await client.put("/v1/accounts/u-1", ADA)).body["name"] == "Ada Example"
    # What stands is not told to who sets something else.
    assert (await client.put("/v1/accounts/u-1", {"locale": "de"})).body["name"] is None
    found = await client.assess(login("e-1"))
    assert (await client.get("/v1/assessments/e-1")).body == found
    assert (await client.get("/v1/accounts/u-1/risk")).status == 200
    assert (await client.get("/v1/alerts")).status == 200
    other = await daemon.client(tenant="shop")
    assert (await other.get("/v1/accounts/u-1")).status == 200


async def test_two_accounts_of_one_person_become_one(daemon: InProcess, client: Client) -> None:
    await client.take(habits("old", device_id="phone"))
    await client.take(habits("new"))
    merged = await client.post("/v1/accounts/old/merge", {"into": "new"})
    assert (merged.status, merged.body["into"], merged.body["restricted"]) == (200, "new", False)
    assert (await client.post("/v1/accounts/old/merge", {"into": "new"})).status == 200
    # What the one trusted the other trusts, under both names.
    for number, account in enumerate(("old", "new")):
        assert (await client.assess(login(f"e-{number}", account=account, device_id="phone")))["findings"] == []
    assert (await client.post("/v1/accounts/new/merge", {"into": "old"})).status == 409
    for body, field in (({"into": "new"}, "into"), ({}, "into"), ({"into": 7}, "into")):
        refused = await client.post("/v1/accounts/new/merge", body)
        assert (refused.status, refused.body["field"]) == (422, field)
    assert [entry.action for entry in daemon.daemon._audit.log.show(action="account.merge")] != []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("restriction", {"colour": 1}, "colour"),
        ("restriction", {"reason": "x" * 501}, "reason"),
        ("restriction", {"reason": "two\nlines"}, "reason"),
        ("objection", {"decision": "perhaps"}, "decision"),
        ("objection", {"session_id": ""}, "session_id"),
        ("objection", b"{", ""),
    ],
)
async def test_bad_requests_name_the_field(client: Client, path: str, body: Any, field: str) -> None:
    reply = await client.put(f"/v1/accounts/u-1/{path}", body)
    assert (reply.status, reply.body.get("field", "")) == (422, field)


async def test_bad_requests_say_what_was_expected(client: Client) -> None:
    reason = await client.put("/v1/accounts/u-1/restriction", {"reason": 7})
    assert reason.body["detail"] == "expected `str`, got `int`"
    decision = await client.put("/v1/accounts/u-1/objection", {"decision": "perhaps"})
    assert decision.body["detail"] == "expected one of rejected, upheld"


async def test_rights_need_the_scope(daemon: InProcess) -> None:
    other = await daemon.client("events")
    assert (await other.delete("/v1/accounts/u-1")).status == 403
    assert (await other.put("/v1/accounts/u-1/restriction", {})).status == 403
