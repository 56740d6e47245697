"""What tells an answer that a person gave from one that a program gave for them.

Mail scanners open every link, and some submit what forms they find. So a form counts only with a token that its own
page had, from a browser that says it comes from that page, and an answer only when it was chosen twice: a button, and
on the next page one of three, of which none is chosen before. Nothing needs cookies or scripts.
"""

from hashlib import blake2b
from hmac import compare_digest
from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import web

from sentinel.events.clock import HOUR, SECOND

#: What a form is for: the first choice, or the second one after a yes or a no.
Step = Literal["choose", "yes", "no"]

#: How long a page's form can be sent (micros), and how soon the second one: nobody reads it faster.
LASTS: Final = HOUR
SOONEST: Final = 2 * SECOND
#: Bytes of a form; ours have a tenth of it.
MAX_FORM: Final = 4096

_MAC: Final = 16


def make_form(key: bytes, token: str, step: Step, at: int) -> str:
    """The token of a form of the page for a link's ``token``, shown at ``at`` (micros)."""
    return f"{at}.{_mac(key, token, step, at)}"


def age_of(key: bytes, form: str, token: str, step: Step, now: int) -> int | None:
    """How long ago (micros) the page of this form was shown; ``None`` when it is of no such page, or too old."""
    shown, _, mac = form.partition(".")
    if not (shown.isascii() and shown.isdigit() and len(shown) <= 20):
        return None
    if not compare_digest(mac.encode(), _mac(key, token, step, int(shown)).encode()):
        return None
    age = now - int(shown)
    return age if 0 <= age <= LASTS else None


def is_own(request: web.Request, base: str | None) -> bool:
    """Whether a browser says that a form comes from our own page: at ``base``, or at the host that was asked.

    By ``Sec-Fetch-Site``, which scripts cannot set, and by ``Origin``. One of them has to be there; whichever is there
    has to agree.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return True
    sender = _origin(origin)
    if sender is None:
        return False
    asked = f"{sender[0]}://{request.host}"
    return sender in (_origin(each) for each in (base, asked) if each is not None)


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port as browsers compare them (RFC 6454 section 4): a host has no case, a name is as DNS has it,
    and the scheme's own port is not written; nothing for what has none."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        return None
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, host, port or usual) if usual is not None and host else None


def _mac(key: bytes, token: str, step: str, at: int) -> str:
    return blake2b(f"{token}\x1f{step}\x1f{at}".encode(), key=key, digest_size=_MAC, person=b"answer form").hexdigest()
