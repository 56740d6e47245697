"""Health, readiness, figures, the document, and what happens when the store fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families

from sentinel.api.app import ROUTES
from sentinel.errors import StoreError
from sentinel.store.protocol import Changes
from tests.running import AWAY, Client, InProcess, habits, login

Start = Callable[..., Awaitable[InProcess]]


async def test_alive_and_ready(daemon: InProcess) -> None:
    stranger = daemon.stranger()
    assert (await stranger.get("/healthz")).body == {"status": "ok"}
    ready = await stranger.get("/readyz")
    body = {"status": "ready", "durable": True, "waiting": 0, "oldest_raw_days": None}
    assert (ready.status, ready.body) == (200, body)


async def test_a_store_that_is_gone_is_told(daemon: InProcess, client: Client) -> None:
    store = daemon.daemon.config.state / "sentinel.db"
    store.rename(store.with_name("moved.db"))
    reply = await daemon.stranger().get("/readyz")
    assert reply.status == 503
    assert "moved or deleted" in reply.body["reasons"]["store"]
    assert (await daemon.stranger().get("/healthz")).status == 200
    text = (await client.get("/metrics")).text
    assert "sentinel_ready 0.0" in text


async def test_when_the_store_fails_nothing_is_accepted(daemon: InProcess, client: Client) -> None:
    store, commit = daemon.daemon.store, daemon.daemon.store.commit

    async def full(changes: Changes) -> None:
        raise StoreError("the disk is full")

    await client.take(habits())
    store.commit = full  # type: ignore[method-assign]
    for path, body in (
        ("/v1/events", [login("e-1"), login("e-2")]),
        ("/v1/assessments", login("e-1")),
        ("/v1/feedback", {"event": "past-u-1-0", "verdict": "compromised"}),
    ):
        reply = await client.post(path, body)
        assert reply.status == 503, reply.text
        assert int(reply.headers["Retry-After"]) > 0
        assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert (await client.put("/v1/accounts/u-1", {"name": "Ada"})).status == 503
    store.commit = commit  # type: ignore[method-assign]
    assert (await client.get("/v1/assessments/e-1")).status == 404
    assert (await client.get("/v1/accounts/u-1")).body["name"] is None
    # What failed left no trace in the past either.
    again = await client.post("/v1/events", [login("e-1"), login("e-2")])
    assert again.body == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert (await client.assess(login("e-3")))["findings"] == []


async def test_when_too_many_wait_it_says_when_to_come_back(start: Start) -> None:
    daemon = await start("[http]\nqueue_events = 4\nmax_batch = 4")
    client = await daemon.client()
    store, commit, release = daemon.daemon.store, daemon.daemon.store.commit, asyncio.Event()

    async def held(changes: Changes) -> None:
        await release.wait()
        await commit(changes)

    store.commit = held  # type: ignore[method-assign]
    waiting = asyncio.ensure_future(client.post("/v1/events", [login(f"e-{n}") for n in range(3)]))
    while daemon.daemon.intake.waiting < 3:  # noqa: ASYNC110  # what happens in the daemon tells nobody
        await asyncio.sleep(0)
    reply = await client.post("/v1/events", [login("f-1"), login("f-2")])
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    release.set()
    assert (await waiting).body["accepted"] == 3
    assert (await client.get("/v1/assessments/f-1")).status == 404
    assert (await client.post("/v1/events", [login("f-1"), login("f-2")])).body["accepted"] == 2


async def test_an_error_inside_says_nothing_and_ends_nothing(
    daemon: InProcess, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(daemon.daemon.enricher, "sight", broken)
    reply = await client.post("/v1/events", login("e-1"))
    assert (reply.status, "hunter2" in reply.text) == (500, False)
    monkeypatch.undo()
    assert (await client.post("/v1/events", login("e-1"))).status == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/events/", 404),
        ("POST", "/v2/events", 404),
        ("GET", "/v1/events", 405),
        ("DELETE", "/v1/assessments", 405),
        ("POST", "/healthz", 405),
    ],
)
async def test_paths_and_methods_that_are_not(client: Client, method: str, path: str, status: int) -> None:
    reply = await client.ask(method, path)
    assert (reply.status, reply.body["status"]) == (status, status)
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.headers["Server"] == "sentinel"
    if status == 405:
        assert reply.headers["Allow"]


async def test_metrics_are_prometheus_text_without_personal_data(daemon: InProcess, client: Client) -> None:
    await client.put("/v1/accounts/u-1", {"email": "ada@example.org"})
    await client.take(habits())
    await client.assess(login("e-1", user_agent="Mozilla/5.0 (X11; Linux x86_64)", **AWAY))
    await client.post("/v1/events", habits()[0])
    await client.post("/v1/events", b"nonsense")
    reply = await client.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    assert samples["sentinel_events_total", ("outcome", "success"), ("type", "login")] == 5
    assert samples["sentinel_findings_total", ("rule", "new_country"), ("status", "live")] == 1
    assert samples[("sentinel_ready",)] == 1
    assert samples["sentinel_http_requests_total", ("route", "/v1/events"), ("status", "422")] == 1
    assert samples["sentinel_http_requests_total", ("route", "/v1/accounts/{account}"), ("status", "200")] == 1
    for value in ("u-1", "ada", "example.org", "203.0.113", "192.0.2", "stranger", "laptop", "Mozilla", "Tokyo"):
        assert value not in reply.text


async def test_the_document_is_openapi_and_has_every_route(daemon: InProcess) -> None:
    document = (await daemon.stranger().get("/openapi.json")).body
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, route.path) for route in ROUTES}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            assert any(code.startswith("2") for code in operation["responses"])


async def test_what_is_answered_is_in_the_document(daemon: InProcess, client: Client) -> None:
    paths = (await daemon.stranger().get("/openapi.json")).body["paths"]
    await client.take([login("e-1")])
    asked: list[tuple[str, str, str, Any]] = [
        ("post", "/v1/events", "/v1/events", b"nonsense"),
        ("post", "/v1/events", "/v1/events", login("e-1", device_id="other")),
        ("get", "/v1/assessments/{event}", "/v1/assessments/none", None),
        ("put", "/v1/accounts/{account}", "/v1/accounts/u-1", {"colour": "red"}),
        ("put", "/v1/accounts/{account}", "/v1/accounts/u-1", {}),
        ("post", "/v1/feedback", "/v1/feedback", {"event": "none", "verdict": "legitimate"}),
        ("get", "/v1/alerts", "/v1/alerts?limit=0", None),
    ]
    for method, described, path, body in asked:
        reply = await client.ask(method, path, body)
        assert str(reply.status) in paths[described][method]["responses"], (method, path, reply.status)
