"""What paths and queries name."""

import re
from urllib.parse import unquote_to_bytes

from aiohttp import web

from sentinel.errors import FieldError


def account_of(request: web.Request) -> str:
    """The account that the path names."""
    account = request.match_info["account"]
    if not 0 < len(account.encode()) <= 1024:
        raise FieldError("account", "expected 1 to 1024 bytes")
    try:
        unquote_to_bytes(request.rel_url.raw_path).decode()
    except UnicodeDecodeError:
        # It stays undecoded otherwise, and %FF would name the same account as %25FF.
        raise FieldError("account", "expected UTF-8, in a path as %XX for each byte") from None
    return account


def limit_of(request: web.Request) -> int:
    """How many rows the query asks for."""
    text = request.query.get("limit", "100")
    if not re.fullmatch("[1-9][0-9]{0,3}", text) or int(text) > 1000:
        raise FieldError("limit", "expected a number from 1 to 1000")
    return int(text)
