"""Accounts, alerts, campaigns and feedback."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.running import AWAY, Client, InProcess, MailServer, ago, habits, login

ADA = {
    "email": "ada@example.org",
    "email_verified": True,
    "locale": "fr",
    "timezone": "Europe/Paris",
    "name": "Ada Example",
    "account_tags": ["admin"],
    "account_created": "2024-01-01T00:00:00Z",
}


NOT_GIVEN = {"previous_email": None, "contact_email": None, "email_refused": False}


async def test_attributes_are_set_merged_and_told(client: Client) -> None:
    first = await client.put("/v1/accounts/u-1", ADA)
    assert (first.status, first.body) == (200, NOT_GIVEN | {"account": "u-1"} | ADA)
    again = (await client.put("/v1/accounts/u-1", {"locale": "en"})).body
    assert again == first.body | {"locale": "en"}
    assert (await client.get("/v1/accounts/u-1")).body == again
    moved = (await client.put("/v1/accounts/u-1", {"email": "ada@example.com"})).body
    assert (moved["email"], moved["previous_email"]) == ("ada@example.com", "ada@example.org")


async def test_a_second_contact_stays_until_another_is_given(client: Client) -> None:
    given = {"contact_email": "ada@example.com"}
    assert (await client.put("/v1/accounts/u-1", ADA | given)).body["contact_email"] == "ada@example.com"
    assert (await client.put("/v1/accounts/u-1", {"name": "Ada"})).body["contact_email"] == "ada@example.com"
    moved = await client.put("/v1/accounts/u-1", {"contact_email": "ada@example.net"})
    assert moved.body["contact_email"] == "ada@example.net"


@pytest.mark.parametrize("locale", ["de", "de-AT", "pt_BR", "zh-Hant-TW", "es-419", "sl-rozaj-biske", "en-US-u-hc-h23"])
async def test_locales_that_are_taken(client: Client, locale: str) -> None:
    given = {"locale": locale, "timezone": "America/Argentina/Ushuaia", "email": "ada@bücher.example"}
    reply = await client.put("/v1/accounts/u-1", given)
    assert (reply.status, {name: reply.body[name] for name in given}) == (200, given)


async def test_a_login_is_not_lost_for_what_it_says_of_its_account(client: Client) -> None:
    await client.take([login("e-1", email="none", locale="?", timezone="Nowhere")])
    assert (await client.get("/v1/assessments/e-1")).status == 200


async def test_an_account_never_heard_of(client: Client) -> None:
    reply = await client.get("/v1/accounts/nobody")
    assert (reply.status, reply.body["account"], reply.body["email"]) == (200, "nobody", None)
    risk = (await client.get("/v1/accounts/nobody/risk")).body
    assert risk == {"account": "nobody", "risk": 0.0, "level": "low", "reasons": [], "since": None}
    assert (await client.get("/v1/accounts/nobody/alerts")).body == {"alerts": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"email": 7}, "email"),
        ({"email": ""}, "email"),
        ({"email": "Ada <ada@example.org>"}, "email"),
        ({"email": "ada@"}, "email"),
        ({"previous_email": "ada at example.org"}, "previous_email"),
        ({"contact_email": "ada at example.org"}, "contact_email"),
        ({"locale": "german"}, "locale"),
        ({"locale": "de_AT.UTF-8"}, "locale"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "localtime"}, "timezone"),
        ({"name": "x" * 1025}, "name"),
        ({"name": "é" * 600}, "name"),
        ({"account_created": "long ago"}, "account_created"),
        ({"account_created": "0001-01-01T00:00:00+14:00"}, "account_created"),
        ({"account_tags": "admin"}, "account_tags"),
        ({"account_tags": ["x" * 1025]}, "account_tags"),
        (b"{", ""),
        (b"[]", ""),
        (b"", ""),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_bad_attributes_are_refused(client: Client, body: Any, field: str) -> None:
    await client.put("/v1/accounts/u-1", ADA)
    before = (await client.get("/v1/accounts/u-1")).body
    reply = await client.put("/v1/accounts/u-1", body)
    assert (reply.status, reply.body["field"].partition("[")[0]) == (422, field), reply.text
    assert (await client.get("/v1/accounts/u-1")).body == before


async def test_ids_with_odd_characters(client: Client) -> None:
    for id, path in (("a/b", "a%2Fb"), ("{x}", "%7Bx%7D"), ("é", "%C3%A9")):
        assert (await client.put(f"/v1/accounts/{path}", {"name": "Ada"})).body["account"] == id
        assert (await client.get(f"/v1/accounts/{path}")).body["name"] == "Ada"
    assert (await client.get("/v1/accounts/" + "x" * 1025)).body["field"] == "account"


async def test_attributes_in_events_are_kept(client: Client) -> None:
    await client.take([login("e-1", email="ada@example.org", name="Ada", account_tags=["guest"])])
    known = (await client.get("/v1/accounts/u-1")).body
    assert (known["email"], known["name"], known["account_tags"]) == ("ada@example.org", "Ada", ["guest"])


async def test_risk_and_alerts_of_an_account(client: Client) -> None:
    await client.take(habits())
    answer = await client.assess(login("e-1", ago(seconds=30), **AWAY))
    risk = (await client.get("/v1/accounts/u-1/risk")).body
    assert risk["risk"] == answer["risk"]
    assert risk["level"] == answer["level"]
    assert risk["since"] == answer["time"]
    assert set(risk["reasons"]) == {f["rule"] for f in answer["findings"] if f["status"] == "live"}
    (alert,) = (await client.get("/v1/accounts/u-1/alerts")).body["alerts"]
    assert alert["alert"] == answer["alert"]
    assert (alert["account"], alert["kind"], alert["state"], alert["events"]) == (
        "u-1", "suspicious_sign_in", "open", 1,
    )  # fmt: skip
    assert (alert["risk"], alert["level"], alert["since"]) == (answer["risk"], answer["level"], answer["time"])
    assert (await client.get("/v1/alerts")).body == {"alerts": [alert]}
    assert (await client.get("/v1/campaigns")).body == {"campaigns": []}


async def test_legitimate_makes_it_trusted(client: Client) -> None:
    await client.take(habits())
    first = await client.assess(login("e-1", ago(minutes=9), **AWAY))
    assert {f["rule"] for f in first["findings"]} >= {"new_device", "new_country"}
    reply = await client.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})
    assert (reply.status, reply.body) == (200, {"event": "e-1", "verdict": "legitimate"})
    assert (await client.get("/v1/accounts/u-1/risk")).body["risk"] == 0
    assert (await client.get("/v1/accounts/u-1/alerts")).body["alerts"][0]["state"] == "legitimate"
    again = await client.assess(login("e-2", ago(minutes=8), **AWAY))
    assert {f["rule"] for f in again["findings"]} & {"new_device", "new_country", "new_network"} == set()


async def test_compromised_makes_the_account_critical_until_lifted(client: Client) -> None:
    await client.take(habits())
    await client.assess(login("e-1", ago(minutes=9), device_id="another"))
    for _ in range(2):
        assert (await client.post("/v1/feedback", {"event": "e-1", "verdict": "compromised"})).status == 200
    risk = (await client.get("/v1/accounts/u-1/risk")).body
    assert (risk["risk"], risk["level"], risk["reasons"][0]) == (100.0, "critical", "compromised")
    assert risk["since"]
    again = await client.assess(login("e-2", ago(minutes=8), device_id="another"))
    assert "new_device" in {f["rule"] for f in again["findings"]}
    assert (await client.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})).status == 200
    assert "compromised" not in (await client.get("/v1/accounts/u-1/risk")).body["reasons"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"event": "nobody-posted-this", "verdict": "legitimate"}, 404, "event"),
        ({"event": "e-1", "verdict": "perhaps"}, 422, "verdict"),
        ({"event": "e-1"}, 422, "verdict"),
        ({"verdict": "legitimate"}, 422, "event"),
        ({"event": "e-1", "verdict": "legitimate", "who": "me"}, 422, "who"),
        ({"event": "", "verdict": "legitimate"}, 422, "event"),
        (b"nonsense", 422, ""),
        (b"[1]", 422, ""),
    ],
    ids=str,
)
async def test_bad_feedback(client: Client, body: Any, status: int, field: str) -> None:
    await client.take([login("e-1")])
    reply = await client.post("/v1/feedback", body)
    assert (reply.status, reply.body["field"]) == (status, field)


async def test_a_spray_is_one_campaign_and_no_mail_to_the_sprayed(start: Any, mail_server: MailServer) -> None:
    daemon: InProcess = await start('[alerts]\noperators = ["ops@example.org"]')
    client = await daemon.client()
    for number in range(40):
        await client.put(f"/v1/accounts/s-{number}", {"email": f"s-{number}@example.org"})
    begin = datetime.now(UTC) - timedelta(minutes=3)
    await client.take(
        [
            login(f"g-{n}", (begin + timedelta(seconds=3 * n)).isoformat(), account=f"s-{n}", outcome="failure",
                  reason="bad_password", **AWAY)
            for n in range(40)
        ]
    )  # fmt: skip
    campaigns = (await client.get("/v1/campaigns")).body["campaigns"]
    assert campaigns
    assert {each["kind"] for each in campaigns} == {"campaign"}
    assert {each["account"] for each in campaigns} == {None}
    assert "password_spray" in {rule for each in campaigns for rule in each["rules"]}
    await mail_server.mailbox.wait(1)
    assert set(mail_server.mailbox.recipients) == {"ops@example.org"}


async def test_lists_are_newest_first_and_limited(client: Client) -> None:
    # From three networks: from one it would be an attack, too.
    for number, ip in enumerate(("203.0.113.9", "198.51.100.9", "192.0.2.250")):
        account = f"u-{number}"
        await client.take(habits(account, ip="2001:db8::7"))
        await client.assess(login(f"e-{number}", ago(minutes=9 - number), account=account, **AWAY | {"ip": ip}))
    listed = (await client.get("/v1/alerts")).body["alerts"]
    # One network that gets into three accounts is a campaign beside the accounts' own alerts.
    assert [each["account"] for each in listed if each["kind"] != "campaign"] == ["u-2", "u-1", "u-0"]
    assert (await client.get("/v1/alerts?limit=2")).body["alerts"] == listed[:2]
    for path in ("/v1/alerts", "/v1/campaigns", "/v1/accounts/u-1/alerts"):
        for wrong in ("0", "1001", "-1", "many", "", "²", "1e2"):
            reply = await client.get(f"{path}?limit={wrong}")
            assert (reply.status, reply.body["field"]) == (422, "limit"), wrong
