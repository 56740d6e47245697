"""The person's rights, as the service passes them on: erasure, restriction, objection."""

from io import BytesIO
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from sentinel.api.exporting import send_archive
from sentinel.api.handling import answer, read_body
from sentinel.api.path import account_of
from sentinel.api.service import Service
from sentinel.errors import FieldError
from sentinel.events.clock import to_text
from sentinel.events.event import Text
from sentinel.events.refusal import choices, refusal
from sentinel.export.text import LANGUAGES
from sentinel.pipeline.request import REASON_LENGTH, Answer, Request
from sentinel.store.protocol import ApiKey

Reason = Annotated[str, Meta(max_length=REASON_LENGTH)]


class RestrictionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why processing is restricted; kept with the restriction."""

    reason: Reason = ""


class ObjectionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An objection, or what was decided about it. ``session_id`` is the session in which the person objects; it is
    needed while the account may be in other hands."""

    reason: Reason = ""
    session_id: Text | None = None
    decision: Literal["upheld", "rejected"] | None = None


class MergeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account that stays; later events of the other one are its events."""

    into: Text
    reason: Reason = ""


async def delete_account(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Erase everything of the account, at once; an account never heard of is answered alike."""
    account = account_of(request)
    done = await _exercise(service, key, "erase", account)
    return answer(
        {
            "account": account,
            "receipt": done.receipt,
            "former_address_told": done.told,
            "backups_until": to_text(done.backups_until),
        }
    )


async def put_restriction(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Restrict processing: events are kept sealed, and nothing is made of them."""
    body = await _read(request, service, RestrictionBody)
    return _standing(request, await _exercise(service, key, "restrict", account_of(request), reason=body.reason))


async def delete_restriction(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Lift the restriction; what came meanwhile stays unjudged. `changed` is false when there was none."""
    done = await _exercise(service, key, "lift", account_of(request))
    return _standing(request, done, changed=done.changed)


async def put_objection(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Object, which restricts processing until it is decided; or decide an objection."""
    body = await _read(request, service, ObjectionBody)
    what = "object" if body.decision is None else "decide"
    done = await _exercise(
        service,
        key,
        what,
        account_of(request),
        reason=body.reason,
        session=body.session_id,
        decision=body.decision,
    )
    return _standing(request, done)


async def get_export(request: web.Request, service: Service, key: ApiKey) -> web.StreamResponse:
    """Everything held of the account as a ZIP: a page to read, all data for programs, and what the law wants told."""
    account, language = account_of(request), request.query.get("language")
    if language is not None and language not in LANGUAGES:
        raise FieldError("language", f"expected one of {', '.join(LANGUAGES)}")
    async with service.exports.turn():
        await service.looked(key, "account.export", service.handle_of(key.tenant, account), person=True)
        # In memory: an archive in a temporary file would be a whole life on the disk in the clear.
        file = BytesIO()
        await service.export(key.tenant, account, file, language)
        return await send_archive(request, file.getbuffer())


async def post_merge(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Merge the account into another one of the same person: history, trusted past and rights go along."""
    body = await _read(request, service, MergeBody)
    done = await _exercise(service, key, "merge", account_of(request), into=body.into, reason=body.reason)
    return answer(
        {
            "account": account_of(request),
            "into": body.into,
            "restricted": done.restricted,
            "since": to_text(done.since) if done.since else None,
            "objection": done.objection,
        }
    )


async def _exercise(service: Service, key: ApiKey, what: Any, account: str, **more: Any) -> Answer:
    return await service.exercise(
        Request(what=what, tenant=key.tenant, account=account, time=service.clock(), actor=key.name, **more)
    )


def _standing(request: web.Request, done: Answer, **more: bool) -> web.Response:
    return answer(
        {
            "account": account_of(request),
            "restricted": done.restricted,
            "since": to_text(done.since) if done.since else None,
            "objection": done.objection,
            **more,
        }
    )


async def _read(request: web.Request, service: Service, type: Any) -> Any:
    """The body; none is as good as an empty one."""
    body = await read_body(request, service)
    try:
        return msgspec.json.decode(body or b"{}", type=type)
    except msgspec.ValidationError as error:
        # By its own fields: a `reason` here is free text, one of an event is a choice.
        raise refusal(error, choices(type)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldError("", f"not a JSON object: {error}") from None
