"""``POST`` and ``GET /v1/assessments``: the answer, step-up, observe mode."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.running import AWAY, Client, InProcess, MailServer, ago, habits, login

Start = Callable[..., Awaitable[InProcess]]

KEYS = ["event", "account", "time", "risk", "level", "decision", "scope", "act", "findings", "alert", "warming_up",
        "unjudged", "ruleset", "models"]  # fmt: skip


async def test_the_answer_has_the_contract_s_form(client: Client) -> None:
    await client.take(habits())
    answer = await client.assess(login("e-1", **AWAY))
    assert list(answer) == KEYS
    assert (answer["event"], answer["account"], answer["scope"]) == ("e-1", "u-1", "attempt")
    assert answer["time"].endswith("Z")
    assert answer["ruleset"].startswith("sha256:")
    assert set(answer["act"]) == {"methods", "end_sessions", "hold_change"}
    rules = {finding["rule"] for finding in answer["findings"]}
    assert {"new_country", "new_device", "new_network"} <= rules
    for finding in answer["findings"]:
        assert set(finding) == {"rule", "title", "status", "group", "risk", "share", "evidence"}
    live = [finding["share"] for finding in answer["findings"] if finding["status"] == "live"]
    assert abs(sum(live) - 1) < 0.02
    assert answer["alert"].startswith("a-")
    assert "203.0.113" not in str(answer["findings"])


async def test_asked_again_it_is_the_same(client: Client) -> None:
    await client.take(habits())
    event = login("e-1", **AWAY)
    first = await client.assess(event)
    assert await client.assess(event) == first | {"duplicate": True}
    assert (await client.get("/v1/assessments/e-1")).body == first


async def test_an_event_posted_is_scored_as_one_assessed(client: Client) -> None:
    for account in ("u-1", "u-2"):
        await client.take(habits(account))
    time = ago()
    assessed = await client.assess(login("e-1", time, account="u-1", **AWAY))
    await client.take([login("e-2", time, account="u-2", **AWAY)])
    posted = (await client.get("/v1/assessments/e-2")).body
    for answer in (assessed, posted):
        for own in ("event", "account", "alert"):
            answer.pop(own)
    assert assessed == posted


async def test_an_unknown_event(client: Client) -> None:
    reply = await client.get("/v1/assessments/nobody-posted-this")
    assert (reply.status, reply.body["status"]) == (404, 404)
    for odd in ("%20", "%2F", "..%2f..", "%F0%9F%90%88", "%00", "%FF", "x" * 1024, "{event}"):
        assert (await client.get(f"/v1/assessments/{odd}")).status == 404


async def test_ids_with_odd_characters_are_found_again(client: Client) -> None:
    for id, path in (("a/b c", "a%2Fb%20c"), ("é&?#%", "%C3%A9%26%3F%23%25"), ("{x}", "%7Bx%7D")):
        await client.take([login(id)])
        reply = await client.get(f"/v1/assessments/{path}")
        assert reply.status == 200, (id, reply.text)
        assert reply.body["event"] == id


async def test_while_it_waits_the_answer_is_202(daemon: InProcess, client: Client) -> None:
    store = daemon.daemon.store
    release, commit = asyncio.Event(), store.commit

    async def held(changes: Any) -> None:
        await release.wait()
        await commit(changes)

    store.commit = held  # type: ignore[method-assign]
    posting = asyncio.ensure_future(client.post("/v1/events", login("e-1")))
    while (reply := await client.get("/v1/assessments/e-1")).status == 404:  # noqa: ASYNC110  # what happens in the daemon tells nobody
        await asyncio.sleep(0)
    assert (reply.status, reply.body) == (202, {"event": "e-1", "status": "waiting"})
    assert not posting.done()
    release.set()
    assert (await posting).status == 202
    assert (await client.get("/v1/assessments/e-1")).status == 200


async def test_an_event_that_is_stored_while_it_is_asked_for(daemon: InProcess, client: Client) -> None:
    await client.take([login("e-1")])
    store, looks = daemon.daemon.store, 0
    find = store.record

    async def late(key: str) -> Any:
        nonlocal looks
        looks += 1
        return None if looks == 1 else await find(key)

    store.record = late  # type: ignore[method-assign]  # what comes between two looks cannot be timed
    assert (await client.get("/v1/assessments/e-1")).status == 200


async def test_step_up_is_one_login(daemon: InProcess, client: Client, mail_server: MailServer) -> None:
    await client.put("/v1/accounts/u-1", {"email": "ada@example.org"})
    await client.take(habits())
    asked = await client.assess(login("e-1", ago(seconds=40), outcome="pending", **AWAY))
    assert asked["decision"] in ("challenge", "block")
    assert asked["act"]["methods"]
    final = await client.assess(login("e-2", ago(seconds=10), concludes="e-1", **AWAY))
    assert final["alert"] == asked["alert"]
    assert {f["rule"] for f in final["findings"]} == {f["rule"] for f in asked["findings"]}
    assert final["risk"] == asked["risk"]
    (alert,) = (await client.get("/v1/accounts/u-1/alerts")).body["alerts"]
    assert (alert["alert"], alert["events"]) == (asked["alert"], 1)
    await mail_server.mailbox.wait(1)
    assert sum((await daemon.daemon.store.mail_counts()).values()) == 1


async def test_observe_mode_says_what_it_would_have_been(start: Start) -> None:
    client = await (await start('[decision]\nmode = "observe"')).client()
    await client.take(habits())
    answer = await client.assess(login("e-1", **AWAY))
    assert answer["decision"] == "notify"
    assert answer["would"] in ("challenge", "block")
    usual = await client.assess(login("e-2"))
    assert (usual["decision"], usual["would"]) == ("allow", "allow")


async def test_thresholds_are_those_of_the_tenant(start: Start) -> None:
    daemon = await start("[tenants.strict.decision]\nnotify = 1\nchallenge = 2\nblock = 3")
    answers = []
    for tenant in ("default", "strict"):
        client = await daemon.client(tenant=tenant)
        await client.take(habits())
        answers.append(await client.assess(login("e-1", device_id="new one")))
    usual, strict = answers
    assert usual["risk"] == strict["risk"]
    assert usual["decision"] in ("allow", "notify")
    assert strict["decision"] == "block"


async def test_tenants_share_nothing(daemon: InProcess, client: Client) -> None:
    other = await daemon.client(tenant="other")
    await client.take(habits())
    await other.take(habits())  # the same ids: no duplicates
    await client.put("/v1/accounts/u-1", {"email": "ada@example.org"})
    await client.assess(login("e-1", **AWAY))
    assert (await other.get("/v1/assessments/e-1")).status == 404
    assert (await other.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})).status == 404
    assert (await other.get("/v1/accounts/u-1")).body["email"] is None
    assert (await other.get("/v1/alerts")).body == {"alerts": []}
    assert (await other.get("/v1/accounts/u-1/alerts")).body == {"alerts": []}
    assert (await other.get("/v1/accounts/u-1/risk")).body["risk"] == 0
    assert (await client.get("/v1/accounts/u-1/risk")).body["risk"] > 0
    # What one tenant's people do trusts nothing for another's.
    answer = await other.assess(login("e-1", **AWAY))
    assert answer["findings"]
    assert "duplicate" not in answer


async def test_guesses_on_one_tenant_s_account_do_not_count_for_another(daemon: InProcess, client: Client) -> None:
    other = await daemon.client(tenant="other")
    guesses = [
        login(f"g-{n}", ago(seconds=60 - n), outcome="failure", reason="bad_password", **AWAY) for n in range(30)
    ]
    await client.take(guesses)
    assert "brute_force_account" in {f["rule"] for f in (await client.get("/v1/assessments/g-29")).body["findings"]}
    last = guesses[-1] | {"id": "g-0"}
    assert (await other.assess(last))["findings"] == []
