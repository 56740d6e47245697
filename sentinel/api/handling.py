"""Around every handler: authorisation, body limits, and errors as problem documents."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from sentinel.api.problems import Problem
from sentinel.api.service import SERVICE, Service
from sentinel.errors import Conflict, FieldError, Overloaded, SentinelError, StoreError
from sentinel.store.protocol import ApiKey

_log: Final = logging.getLogger("sentinel.api")
_encode: Final = msgspec.json.Encoder().encode

#: What answers call the server: no versions of Python and aiohttp.
NAME: Final = "sentinel"

Handler = Callable[[web.Request, Service, ApiKey], Awaitable[web.StreamResponse]]
OpenHandler = Callable[[web.Request, Service], Awaitable[web.StreamResponse]]


def guarded(scope: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler that needs a key with ``scope``."""

    async def run(request: web.Request, service: Service) -> web.StreamResponse:
        return await handler(request, service, await service.keys.authorise(request, scope))

    return opened(run)


def opened(handler: OpenHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler for anybody."""

    async def run(request: web.Request) -> web.StreamResponse:
        service = request.app[SERVICE]
        try:
            response = await handler(request, service)
        except Exception as error:
            response = problem_of(error).response()
        route = request.match_info.route.resource
        service.requests[route.canonical if route else "", response.status] += 1
        return response

    return run


def problem_of(error: Exception) -> Problem:
    """What an error looks like from outside. Unforeseen ones are logged and say nothing."""
    match error:
        case Problem():
            return error
        case FieldError():
            return Problem(422, error.expected, field=error.field)
        case Conflict():
            return Problem(409, str(error), field=error.field or None)
        case Overloaded():
            return Problem(503, str(error), retry_after=error.retry_after)
        case StoreError():
            _log.error("the store failed", exc_info=error)
            return Problem(
                503,
                "the store failed; not all was stored, post it again later (what was stored counts once)",
                retry_after=5,
            )
        case web.HTTPRequestEntityTooLarge():
            return Problem(413, "the body is larger than this daemon takes (http.max_body_bytes)")
        case TimeoutError():
            return Problem(408, "the body did not arrive in time (http.request_timeout_seconds)")
        case web.HTTPException():
            return Problem(error.status, error.reason)
        case SentinelError():
            return Problem(422, str(error))
        case _:
            _log.error("a request failed inside", exc_info=error)
            return Problem(500, "the log of the daemon says where")


async def read_body(request: web.Request, service: Service) -> bytes:
    """The body, within the limits of size and time. Raises :class:`Problem` (413, 415)."""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        # A small compressed body can unpack to a huge one; senders on the same host need none.
        raise Problem(415, "send the body without Content-Encoding")
    if request.content_length is not None and request.content_length > service.limits.body_bytes:
        raise Problem(413, f"a body is at most {service.limits.body_bytes} bytes (http.max_body_bytes)")
    async with asyncio.timeout(service.limits.seconds):
        return await request.read()


def answer(value: Any, *, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=_encode(value), status=status, content_type="application/json")


@web.middleware
async def unrouted(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Paths and methods that do not exist get a problem document, too."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if isinstance(error, web.HTTPMethodNotAllowed):
            allowed = ", ".join(sorted(error.allowed_methods))
            response = Problem(405, f"this path takes {allowed}").response()
            response.headers["Allow"] = allowed
            return response
        if isinstance(error, web.HTTPNotFound):
            return Problem(404, "there is no such path; /openapi.json lists those there are").response()
        return problem_of(error).response()


async def unnamed(request: web.Request, response: web.StreamResponse) -> None:
    """Keep the versions of Python and aiohttp to ourselves."""
    response.headers["Server"] = NAME
