"""Errors as RFC 9457 problem details: what is wrong, in which field, and what was expected."""

from typing import Any

import msgspec
from aiohttp import web

_TITLES = {
    400: "The request cannot be read",
    401: "A valid API key is needed",
    403: "The API key may not do this",
    404: "There is no such thing",
    405: "This method is not for this path",
    408: "The request took too long",
    409: "It does not go with what is there",
    413: "The request is too large",
    415: "The encoding or media type is not supported",
    422: "The request is not what was expected",
    500: "Something failed inside",
    503: "Not able to take this now",
}


class Problem(Exception):  # noqa: N818  # the word of RFC 9457
    """Ends a request with a problem document."""

    def __init__(self, status: int, detail: str, *, field: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.retry_after = retry_after

    def response(self) -> web.Response:
        """The answer to send."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            body["field"] = self.field
        response = web.Response(
            status=self.status, body=msgspec.json.encode(body), content_type="application/problem+json"
        )
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
