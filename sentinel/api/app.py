"""The routes: each path, method, scope and handler, once. The OpenAPI document is made from this list."""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final, NamedTuple

from aiohttp import web

from sentinel.api import accounts, events, feedback, health, rights, signals
from sentinel.api.answer import handlers as answers
from sentinel.api.answer.described import PATH as ANSWER
from sentinel.api.handling import answer, guarded, opened, unnamed, unrouted
from sentinel.api.openapi import document
from sentinel.api.service import SERVICE, Service


class Route(NamedTuple):
    """``scope`` is empty for what needs no key."""

    method: str
    path: str
    scope: str
    handler: Callable[..., Awaitable[web.StreamResponse]]


async def get_openapi(request: web.Request, service: Service) -> web.Response:
    """This document."""
    return answer(_openapi())


ROUTES: Final = (
    Route("POST", "/v1/events", "events", events.post_events),
    Route("POST", "/v1/assessments", "assess", events.post_assessment),
    Route("GET", "/v1/assessments/{event}", "assess", events.get_assessment),
    Route("PUT", "/v1/accounts/{account}", "accounts", accounts.put_account),
    Route("GET", "/v1/accounts/{account}", "accounts", accounts.get_account),
    Route("DELETE", "/v1/accounts/{account}", "accounts", rights.delete_account),
    Route("PUT", "/v1/accounts/{account}/restriction", "accounts", rights.put_restriction),
    Route("DELETE", "/v1/accounts/{account}/restriction", "accounts", rights.delete_restriction),
    Route("PUT", "/v1/accounts/{account}/objection", "accounts", rights.put_objection),
    Route("GET", "/v1/accounts/{account}/export", "accounts", rights.get_export),
    Route("POST", "/v1/accounts/{account}/merge", "accounts", rights.post_merge),
    Route("GET", "/v1/accounts/{account}/risk", "accounts", accounts.get_risk),
    Route("GET", "/v1/accounts/{account}/alerts", "accounts", accounts.get_account_alerts),
    Route("GET", "/v1/alerts", "accounts", accounts.get_alerts),
    Route("GET", "/v1/campaigns", "accounts", accounts.get_campaigns),
    Route("POST", "/v1/feedback", "feedback", feedback.post_feedback),
    Route("GET", ANSWER, "", answers.get_answer),
    Route("HEAD", ANSWER, "", answers.head_answer),
    Route("POST", ANSWER, "", answers.post_answer),
    Route("GET", "/healthz", "", health.get_healthz),
    Route("GET", "/readyz", "", health.get_readyz),
    Route("GET", "/metrics", "metrics", health.get_metrics),
    Route("GET", "/.well-known/ssf-configuration", "", signals.get_ssf_configuration),
    Route("GET", "/.well-known/jwks.json", "", signals.get_jwks),
    Route("GET", "/openapi.json", "", get_openapi),
)


@cache
def _openapi() -> dict[str, Any]:
    return document(ROUTES)


def make_app(service: Service) -> web.Application:
    """The aiohttp application over ``service``."""
    app = web.Application(client_max_size=service.limits.body_bytes, middlewares=[unrouted])
    app.on_response_prepare.append(unnamed)
    app[SERVICE] = service
    for route in ROUTES:
        handler = guarded(route.scope, route.handler) if route.scope else opened(route.handler)
        # Ids are the services' own: by default the router takes none with a brace in it.
        app.router.add_route(route.method, re.sub(r"{(\w+)}", r"{\1:[^/]+}", route.path), handler)

    return app
