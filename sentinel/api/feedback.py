"""Answers of the service: what an event was."""

from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from sentinel.api.handling import answer, read_body
from sentinel.api.problems import Problem
from sentinel.api.service import Service
from sentinel.errors import FieldError
from sentinel.events.event import explain
from sentinel.pipeline.item import Answer, Call
from sentinel.store.protocol import ApiKey


class FeedbackBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which event, and what it was."""

    event: Annotated[str, Meta(min_length=1, max_length=1024)]
    verdict: Literal["legitimate", "compromised"]


_decode = msgspec.json.Decoder(FeedbackBody).decode


async def post_feedback(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Take an answer; 404 when the event is not known."""
    try:
        given = _decode(await read_body(request, service))
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldError("", f"not a JSON object: {error}") from None
    now = service.clock()
    item = Answer(
        tenant=key.tenant,
        key=service.enricher.event_key(key.tenant, given.event),
        event=given.event,
        verdict=given.verdict,
        time=now,
        tell=True,
        call=Call(key.name, now),
    )
    if (record := await service.store.record(item.key)) is not None:
        await service.looked(key, "event.verdict", record.account)
    (outcome,) = await service.intake.submit([item], inline=True)
    if outcome.error is not None:
        raise Problem(404, outcome.error, field="event")
    return answer({"event": given.event, "verdict": given.verdict})
