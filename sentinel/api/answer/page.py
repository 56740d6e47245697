"""The page as HTML: templates with escaping, one style whose hash is all that the browser may apply, nothing else."""

from base64 import b64encode
from email.headerregistry import Address
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from msgspec.structs import replace

from sentinel.alerts.identity import Identity
from sentinel.alerts.values import values_of
from sentinel.alerts.words import Words
from sentinel.api.answer.asked import Asked
from sentinel.language import Language, language

_TEMPLATES: Final = Path(__file__).parent / "templates"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # With none at all, browsers would not say where a form comes from, either; no other site ever hears of the page.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def of_account(asked: Asked, identity: Identity, spoken: Language) -> dict[str, Any]:
    """The mail's own words for what happened. At a former address without the name: it may be one given since."""
    attributes = asked.attributes
    if attributes is not None and asked.role == "former":
        attributes = replace(attributes, name=None)
    values = values_of(asked.notice, attributes, identity, Words(spoken), to=Address(), answer_url=None, logo=None)
    return values | {"former_address": asked.role == "former", "reset_link": identity.reset_page}


def of_nobody(identity: Identity) -> dict[str, Any]:
    """What a page has that says nothing of anybody."""
    return {"colour": identity.colour, "colour_dark": identity.colour_dark}


def render(
    name: str, values: dict[str, Any], spoken: Language, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """The answer with a page of our templates."""
    environment = _environment(spoken.code)
    style = environment.get_template("style.css").render(colour=values["colour"], colour_dark=values["colour_dark"])
    html = environment.get_template(f"{name}.html").render(values | {"lang": spoken.code, "style": style})
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    more = {"Content-Security-Policy": policy, "Content-Language": spoken.code}
    return web.Response(
        text=html, status=status, content_type="text/html", charset="utf-8", headers=_HEADERS | more | (headers or {})
    )


@lru_cache
def _environment(code: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(language(code).translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
