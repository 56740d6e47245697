"""What cannot be read as HTTP gets a problem document as well; aiohttp would answer in plain text, quoting it."""

import logging
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from sentinel.api.handling import NAME
from sentinel.api.problems import Problem

_log: Final = logging.getLogger("sentinel.api")
#: Longest path, and longest header, in bytes: those of aiohttp's parser.
MAX_LINE: Final = 8190


class Runner(web.AppRunner):
    """Runs an application like its base does, with problem documents for what never reaches the application."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun; no other one can be sent")
        # The parser's own words quote the request, which may hold anything.
        if isinstance(exc, LineTooLong):
            problem = Problem(400, f"the path, or a header, is longer than {MAX_LINE} bytes")
        elif status < 500:
            problem = Problem(status, "this is no HTTP request that can be read")
        else:
            _log.error("a request failed inside", exc_info=exc)
            problem = Problem(status, "the log of the daemon says where")
        response = problem.response()
        response.headers["Server"] = NAME
        response.force_close()
        return response
