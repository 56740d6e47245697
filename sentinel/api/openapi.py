"""The OpenAPI 3.1 document, made from the routes and the types they decode."""

import re
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from sentinel import __version__
from sentinel.api.accounts import AccountBody
from sentinel.api.answer import described
from sentinel.api.feedback import FeedbackBody
from sentinel.api.rights import MergeBody, ObjectionBody, RestrictionBody
from sentinel.events.assessment import Assessment
from sentinel.events.event import Event
from sentinel.export.text import LANGUAGES


class _Route(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def handler(self) -> Any: ...


class Accepted(msgspec.Struct):
    """What became of posted events; ``rejected`` names index, field and error of each."""

    accepted: int
    duplicates: int
    rejected: list[dict[str, Any]]


class ProblemDetails(msgspec.Struct):
    """An error as RFC 9457 says; ``field`` names the field that is wrong, where one is."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None


_SCHEMAS: Final = (
    Event,
    Assessment,
    Accepted,
    AccountBody,
    FeedbackBody,
    RestrictionBody,
    ObjectionBody,
    MergeBody,
    ProblemDetails,
)
_BODIES: Final = {
    "/v1/assessments": "Event",
    "/v1/accounts/{account}": "AccountBody",
    "/v1/accounts/{account}/restriction": "RestrictionBody",
    "/v1/accounts/{account}/objection": "ObjectionBody",
    "/v1/accounts/{account}/merge": "MergeBody",
    "/v1/feedback": "FeedbackBody",
}
_ANSWERS: Final = {"/v1/assessments": "Assessment", "/v1/assessments/{event}": "Assessment", "/v1/events": "Accepted"}
#: Paths that take an empty body as well.
_OPTIONAL: Final = ("/v1/accounts/{account}/restriction", "/v1/accounts/{account}/objection")
#: Paths whose answer is no JSON.
_MEDIA: Final = {"/metrics": "text/plain", "/v1/accounts/{account}/export": "application/zip"}
_TAKES: Final = ("413", "415", "422", "408", "503")  #: what any body may be answered with
_CODES: Final = {
    "/v1/events": ("202", "409", *_TAKES),
    "/v1/assessments": ("200", "409", *_TAKES),
    "/v1/assessments/{event}": ("200", "202", "404"),
    "/v1/feedback": ("200", "404", *_TAKES),
    "/v1/accounts/{account}/restriction": ("200", "409"),
    "/v1/accounts/{account}/objection": ("200", "409"),
    "/v1/accounts/{account}/merge": ("200", "409", *_TAKES),
    "/readyz": ("200", "503"),
}


def document(routes: Iterable[_Route]) -> dict[str, Any]:
    """The document for ``routes``."""
    _, components = msgspec.json.schema_components(_SCHEMAS, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sentinel",
            "version": __version__,
            "description": "Scores login events and answers how risky each is.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: _Route) -> dict[str, Any]:
    summary = " ".join((route.handler.__doc__ or "").split())
    operation: dict[str, Any] = {"operationId": route.handler.__name__, "summary": summary}
    if route.scope:
        operation["security"] = [{"key": []}]
        operation["description"] = f"Needs a key with the scope `{route.scope}`."
    names = re.findall(r"{(\w+)}", route.path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 1024}}
        for name in names
    ]
    if route.path.endswith("/export"):
        language = {"type": "string", "enum": list(LANGUAGES)}
        parameters.append({"name": "language", "in": "query", "schema": language})
    if route.path.endswith(("/alerts", "/campaigns")):
        limit = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
        parameters.append({"name": "limit", "in": "query", "schema": limit})
    if parameters:
        operation["parameters"] = parameters
    if route.method in ("POST", "PUT"):
        operation["requestBody"] = {"required": route.path not in _OPTIONAL, "content": _body(route.path)}
    operation["responses"] = _responses(route, bool(parameters))
    return operation


def _body(path: str) -> dict[str, Any]:
    if path == described.PATH:
        return described.BODY
    if path == "/v1/events":
        one = {"$ref": "#/components/schemas/Event"}
        return {
            "application/json": {"schema": {"anyOf": [one, {"type": "array", "items": one}]}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        }
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{_BODIES[path]}"}}}


def _responses(route: _Route, checked: bool) -> dict[str, Any]:
    if route.path == described.PATH:
        return described.responses(route.method)
    codes = list(_CODES.get(route.path, ("200",)))
    if route.method == "PUT":
        codes += _TAKES
    if checked and "422" not in codes:
        codes.append("422")
    if route.scope:
        codes += ["401", "403"]
    out: dict[str, Any] = {}
    for code in sorted(codes):
        if code.startswith("2"):
            name = _ANSWERS.get(route.path) if code != "202" or route.path == "/v1/events" else None
            schema = {"$ref": f"#/components/schemas/{name}"} if name else {"type": "object"}
            media = _MEDIA.get(route.path, "application/json")
            schema = {"type": "string"} if route.path in _MEDIA else schema
            out[code] = {"description": "Done", "content": {media: {"schema": schema}}}
        elif route.path == "/readyz":
            out[code] = {"description": "Not ready", "content": {"application/json": {"schema": {"type": "object"}}}}
        else:
            schema = {"$ref": "#/components/schemas/ProblemDetails"}
            out[code] = {"description": "Problem", "content": {"application/problem+json": {"schema": schema}}}
    return out
