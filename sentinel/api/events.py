"""Posting events and asking for assessments."""

import asyncio
from typing import Any, Final

import msgspec
from aiohttp import web

from sentinel.api.handling import answer, read_body
from sentinel.api.problems import Problem
from sentinel.api.service import Service
from sentinel.errors import Conflict, FieldError
from sentinel.events.assessment import Assessment, encode_assessment
from sentinel.events.event import decode_event
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Arrival, Call, Outcome
from sentinel.pipeline.pack import unpack_assessment
from sentinel.pipeline.restricted import unjudged
from sentinel.store.protocol import ApiKey

_NDJSON: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"}
)
#: A large post lets inline requests in after this many events.
_STRIDE: Final = 32
_split_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def post_events(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """One event, an array, or NDJSON; 202 when every accepted event is durable."""
    parts, single = _parts(await read_body(request, service), request.content_type)
    if len(parts) > service.limits.batch:
        raise Problem(413, f"at most {service.limits.batch} events in one post (http.max_batch)")
    now = service.clock()
    arrivals: list[Arrival] = []
    indices: list[int] = []
    rejected: list[dict[str, Any]] = []
    for index, part in enumerate(parts):
        if index % _STRIDE == _STRIDE - 1:
            await asyncio.sleep(0)
        try:
            event = decode_event(part, over_http=True, now=now)
            call = None if arrivals else Call(key.name, now)
            arrivals.append(arrive(service.enricher, key.tenant, event, received=now, call=call))
            indices.append(index)
        except FieldError as error:
            if single:
                raise
            rejected.append({"index": index, "field": error.field, "error": error.expected})
    outcomes = await service.intake.submit(arrivals)
    accepted = duplicates = 0
    for index, outcome in zip(indices, outcomes, strict=True):
        if outcome.error is not None:
            if single:
                raise _refusal(outcome)
            rejected.append({"index": index, "field": "id" if outcome.conflict else "", "error": outcome.error})
        elif outcome.duplicate:
            duplicates += 1
        else:
            accepted += 1
    rejected.sort(key=lambda entry: int(entry["index"]))
    return answer({"accepted": accepted, "duplicates": duplicates, "rejected": rejected}, status=202)


async def post_assessment(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """One event, scored inline; durable before the answer."""
    body = await read_body(request, service)
    now = service.clock()
    event = decode_event(body, over_http=True, now=now)
    arrival = arrive(service.enricher, key.tenant, event, received=now, call=Call(key.name, now))
    (outcome,) = await service.intake.submit([arrival], inline=True)
    if outcome.error is not None:
        raise _refusal(outcome)
    assessment = outcome.assessment
    assert assessment is not None  # an arrival without an error has one
    if outcome.duplicate:
        assessment = msgspec.structs.replace(assessment, duplicate=True)
    return _assessment(assessment)


async def get_assessment(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """The assessment of an event: 200, 202 while it waits, 404."""
    event = request.match_info["event"]
    record_key = service.enricher.event_key(key.tenant, event)
    record = await service.store.record(record_key)
    if record is None:
        if await service.intake.holds(record_key):
            return answer({"event": event, "status": "waiting"}, status=202)
        # It may have been stored between the two looks.
        record = await service.store.record(record_key)
    if record is None or record.tenant != key.tenant:
        raise Problem(404, "no event with this id is known")
    await service.looked(key, "assessment.show", record.account)
    if (await service.profile_of(record.account)).restricted:
        return _assessment(unjudged(event, record.account_id, record.time))
    return _assessment(unpack_assessment(record.assessment, event, record.account_id))


def _refusal(outcome: Outcome) -> Exception:
    text = outcome.error or ""
    return Conflict(text, "id") if outcome.conflict else Problem(500, text)


def _assessment(assessment: Assessment) -> web.Response:
    return web.Response(body=encode_assessment(assessment), content_type="application/json")


def _parts(body: bytes, content_type: str) -> tuple[list[bytes | msgspec.Raw], bool]:
    """The events of a body as JSON texts, and whether it is a single one."""
    if not body.strip():
        raise FieldError("", "the body is empty; post one event, a JSON array, or NDJSON")
    if content_type in _NDJSON:
        return [line for line in body.splitlines() if line.strip()], False
    if body.lstrip()[:1] == b"[":
        try:
            return list(_split_array(body)), False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FieldError("", f"not a JSON array: {error}") from None
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > 1 and _is_json(lines[0]):
        return list(lines), False
    return [body], True


def _is_json(line: bytes) -> bool:
    """A line that is a whole JSON text: then the lines after it are others."""
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
