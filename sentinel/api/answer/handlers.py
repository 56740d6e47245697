"""``GET`` and ``POST /answer/{token}``: what is shown, and what an answer does."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from aiohttp import web

from sentinel.alerts.identity import Identity
from sentinel.api.answer import page
from sentinel.api.answer.asked import FINAL, Asked, find
from sentinel.api.answer.forms import MAX_FORM, SOONEST, Step, age_of, is_own, make_form
from sentinel.api.service import Service
from sentinel.errors import Overloaded, StoreError
from sentinel.language import Language, negotiate
from sentinel.pipeline.answers import PERSON
from sentinel.pipeline.item import Answer
from sentinel.privacy.answer_token import is_ours

_log: Final = logging.getLogger("sentinel.api")

#: Whose language and colours pages have that are nobody's.
_ANYBODY: Final = "default"
_VERDICTS: Final = {"yes": "legitimate", "no": "compromised"}
#: Why the page is shown again: words in the template.
_Problem = Literal["", "stale", "soon", "none", "other", "unsure"]
#: Languages of a header that are looked at.
_MOST_TAGS: Final = 8
_TAG: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?", re.ASCII
)

_Handler = Callable[[web.Request, Service], Awaitable[web.Response]]


def _as_page(handler: _Handler) -> _Handler:
    """Trouble is told as a page, not as a problem document: a person reads it."""

    @wraps(handler)
    async def run(request: web.Request, service: Service) -> web.Response:
        try:
            return await handler(request, service)
        except (Overloaded, StoreError) as error:
            if isinstance(error, StoreError):
                _log.error("the store failed", exc_info=error)
            return _plain(request, service, "busy", status=503, headers={"Retry-After": "5"})

    return run


@_as_page
async def get_answer(request: web.Request, service: Service) -> web.Response:
    """The page "Was this you?" of an alert mail. Changes nothing."""
    asked = await _asked(request, service)
    return asked if isinstance(asked, web.Response) else _show(request, service, asked)


@_as_page
async def head_answer(request: web.Request, service: Service) -> web.Response:
    """As GET, without the page."""
    return await get_answer(request, service)


@_as_page
async def post_answer(request: web.Request, service: Service) -> web.Response:
    """Send a form of the page: the first one asks once more, the second one is the answer."""
    asked = await _asked(request, service)
    if isinstance(asked, web.Response):
        return asked
    identity = service.identity(asked.tenant)
    form = await _form(request, service)
    step, chosen = form.get("step", ""), form.get("answer", "")
    if step not in ("choose", "yes", "no") or not is_own(request, identity.answer_base):
        return _show(request, service, asked, problem="stale", status=403)
    age = age_of(service.vault.form_key, form.get("form", ""), asked.token, step, service.clock())  # type: ignore[arg-type]  # checked
    if age is None:
        return _show(request, service, asked, problem="stale", status=403)
    if asked.state in FINAL or (asked.state != "open" and "yes" in (chosen, step)):
        return _show(request, service, asked)  # it stands
    if step == "choose":
        if chosen not in _VERDICTS:
            return _show(request, service, asked, problem="stale", status=403)
        return _show(request, service, asked, step=chosen)  # type: ignore[arg-type]  # one of them
    if chosen == "unsure":
        return _show(request, service, asked, problem="unsure")
    if chosen != step:
        # The first form's time stays: what was read is not read anew.
        problem: _Problem = "other" if chosen in _VERDICTS else "none"
        return _show(request, service, asked, step=step, form=form["form"], problem=problem)  # type: ignore[arg-type]  # likewise
    if age < SOONEST:
        return _show(request, service, asked, step=step, form=form["form"], problem="soon")  # type: ignore[arg-type]  # likewise
    await _answer(service, asked, _VERDICTS[step])
    # So that going back, or loading it anew, sends nothing.
    return web.Response(status=303, headers={"Location": asked.token, "Cache-Control": "no-store"})


async def _asked(request: web.Request, service: Service) -> Asked | web.Response:
    """What the link is about; or the page that says nothing, the same for whatever is wrong with it."""
    token = request.match_info["token"]
    if not is_ours(service.vault.answer_key, token):
        if service.guessing.too_many(request.remote, service.clock()):
            return _plain(request, service, "unknown", status=429, headers={"Retry-After": "60"})
    elif (asked := await find(service, token)) is not None:
        return asked
    return _plain(request, service, "unknown", status=404)


async def _answer(service: Service, asked: Asked, verdict: str) -> None:
    item = Answer(
        tenant=asked.tenant,
        key=asked.record.key,
        event=asked.record.event_id,
        verdict=verdict,
        time=service.clock(),
        by=PERSON,
        former=asked.role == "former",
        tell=True,
    )
    await service.intake.submit([item], inline=True)


async def _form(request: web.Request, service: Service) -> dict[str, str]:
    """The fields of a form; none of one that is too large, too slow, or no form."""
    if request.content_type != "application/x-www-form-urlencoded" or (request.content_length or 0) > MAX_FORM:
        return {}
    try:
        async with asyncio.timeout(service.limits.seconds):
            body = await request.content.read(MAX_FORM + 1)
            while len(body) <= MAX_FORM and (more := await request.content.read(MAX_FORM + 1)):
                body += more
            if len(body) > MAX_FORM:
                return {}
    except (TimeoutError, ConnectionError):
        return {}
    try:
        return dict(parse_qsl(body.decode(errors="replace"), max_num_fields=8))
    except ValueError:  # more fields than that
        return {}


def _show(
    request: web.Request,
    service: Service,
    asked: Asked,
    *,
    step: Step = "choose",
    form: str = "",
    problem: _Problem = "",
    status: int = 200,
) -> web.Response:
    """The page as the link stands; with a ``step`` after the first choice, the second one."""
    identity = service.identity(asked.tenant)
    language = _language(request, identity, asked.attributes.locale if asked.attributes is not None else None)
    values: dict[str, Any] = page.of_account(asked, identity, language)
    values |= {
        "state": asked.state,
        "step": step,
        "problem": problem,
        "form": form or make_form(service.vault.form_key, asked.token, step, service.clock()),
        # Relative, since people may reach the page below another path of the operator's host.
        "action": asked.token,
        "change": asked.notice.kind == "credential_change",
    }
    name = "answered" if asked.state in FINAL else "question" if step == "choose" else "once_more"
    return page.render(name, values, language, status=status)


def _plain(
    request: web.Request, service: Service, name: str, *, status: int, headers: dict[str, str] | None = None
) -> web.Response:
    identity = service.identity(_ANYBODY)
    language = _language(request, identity, None)
    return page.render(name, page.of_nobody(identity), language, status=status, headers=headers)


def _language(request: web.Request, identity: Identity, own: str | None) -> Language:
    """The person's own language, else the browser's, else the operator's."""
    tags = accepted(request.headers.get("Accept-Language", ""))
    return negotiate([own, *tags] if own else tags, identity.locale)


def accepted(header: str) -> list[str]:
    """The language tags of an Accept-Language header, best first (RFC 9110, 12.5.4)."""
    found = []
    for part in header.split(",")[:_MOST_TAGS]:
        if match := _TAG.fullmatch(part):
            found.append((-float(match[2] or 1), match[1]))
    return [tag for quality, tag in sorted(found, key=lambda each: each[0]) if quality]
