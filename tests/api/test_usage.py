"""API calls and logins over HTTP, as usage figures count them."""

import json
from collections.abc import Awaitable, Callable

import msgspec

from sentinel.pipeline.item import Arrival, Call
from tests.builders import arrival
from tests.running import Client, InProcess, ago, habits, login

Start = Callable[..., Awaitable[InProcess]]


async def calls(daemon: InProcess, tenant: str = "default") -> dict[str, int]:
    counted = await daemon.daemon.store.calls(tenant, since=0)
    return {key: number for (_, _, key), number in counted.items()}


async def test_every_call_that_brings_something_counts_once(daemon: InProcess) -> None:
    client, other = await daemon.client(), await daemon.client("events")
    await client.take(habits())
    lines = b"\n".join(json.dumps(login(f"n-{number}")).encode() for number in range(3))
    assert (await client.post("/v1/events", lines)).status == 202
    assert (await client.post("/v1/events", b"[]")).status == 202
    assert (await client.post("/v1/events", [{"id": "bad"}, login("good"), login("good-2")])).status == 202
    assert (await client.assess(login("e-1"))) is not None
    assert (await client.post("/v1/feedback", {"event": "e-1", "verdict": "legitimate"})).status == 200
    assert (await client.put("/v1/accounts/u-1", {"name": "Ada"})).status == 200
    assert (await client.get("/v1/accounts/u-1")).status == 200
    await other.take([login("o-1"), login("o-2")])
    await (await daemon.client(tenant="shop")).take([login("s-1")])
    assert await calls(daemon) == {"key-1": 6, "key-2": 1}
    assert await calls(daemon, "shop") == {"key-3": 1}


async def test_logins_are_counted_sealed_and_not_among_the_metrics(daemon: InProcess, client: Client) -> None:
    before = {line.split(" ")[0] for line in (await client.get("/metrics")).text.splitlines() if line[:1] != "#"}
    await client.take([login("e-1", ago(days=3))])
    ((day, tenant),) = await daemon.daemon.store.tallies()
    assert tenant == "default"
    assert await daemon.daemon.store.usage("default", since=day) == []
    after = (await client.get("/metrics")).text
    assert "usage" not in after
    new = {line.split(" ")[0] for line in after.splitlines() if line[:1] != "#"} - before
    assert {name.partition("{")[0] for name in new} <= {
        "sentinel_events_total", "sentinel_events_created", "sentinel_decisions_total", "sentinel_decisions_created",
        "sentinel_http_requests_total", "sentinel_unjudged_total", "sentinel_unjudged_created", "sentinel_mails",
    }  # fmt: skip


async def test_usage_can_be_left_out(start: Start) -> None:
    daemon = await start("[usage]\nenabled = false\n")
    await (await daemon.client()).take([login("e-1")])
    assert await calls(daemon) == {}
    assert await daemon.daemon.store.tallies() == {}


def test_the_call_travels_with_the_event_from_edge_to_daemon() -> None:
    given = msgspec.structs.replace(arrival(), call=Call("web", 7))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(given), type=Arrival) == given
