"""What paths and queries name."""

import re

from aiohttp import web

from sentinel.errors import FieldError


def account_of(request: web.Request) -> str:
    """The account that the path names."""
    account = request.match_info["account"]
    if not 0 < len(account.encode()) <= 1024:
        raise FieldError("account", "expected 1 to 1024 bytes")
    return account


def limit_of(request: web.Request) -> int:
    """How many rows the query asks for."""
    text = request.query.get("limit", "100")
    if not re.fullmatch("[1-9][0-9]{0,3}", text) or int(text) > 1000:
        raise FieldError("limit", "expected a number from 1 to 1000")
    return int(text)
