"""The page as the OpenAPI document has it: it is for people, so that what is wrong is told by a page, too."""

from typing import Any, Final

PATH: Final = "/answer/{token}"

_FIELDS: Final = {name: {"type": "string"} for name in ("step", "form", "answer")}
#: What a form of the page sends.
BODY: Final[dict[str, Any]] = {
    "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": _FIELDS}}
}
_PAGE: Final = {"content": {"text/html": {"schema": {"type": "string"}}}}
_SAID: Final = {
    "200": "The question, or what was answered",
    "303": "Taken; the page shows it",
    "403": "Not sent from the page, or too late: nothing was changed",
    "404": "No such link, or no more: it ended, or its account or event is gone",
    "429": "Too many tokens from one address that are not ours",
    "503": "Not able to take it now",
}


def responses(method: str) -> dict[str, Any]:
    """What may be answered."""
    codes = _SAID if method == "POST" else {code: said for code, said in _SAID.items() if code not in ("303", "403")}
    page = {} if method == "HEAD" else _PAGE
    return {code: {"description": said} | (page if code != "303" else {}) for code, said in codes.items()}
