"""One alert mail from one notice: pure, the same bytes for the same input.

The mail says what happened, when, roughly where, with which device, to which account of which service, why
that is worth a mail and what to do, in the reader's language. It holds no link to a log-in: a mail that asks people to
follow a link and sign in trains them for phishing. The one link there may be leads to a page that asks for an answer.
"""

import re
import textwrap
from base64 import b64encode
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

import css_inline

from sentinel.alerts.address import check_address, check_from
from sentinel.alerts.identity import Identity
from sentinel.alerts.own_templates import templates_in
from sentinel.alerts.rendering import SHIPPED
from sentinel.alerts.values import atom, values_of
from sentinel.alerts.words import Words
from sentinel.errors import SentinelError
from sentinel.events.alert import KINDS, Notice
from sentinel.events.clock import to_datetime
from sentinel.events.sighting import Attributes
from sentinel.language import negotiate

__all__ = ["ComposeError", "Identity", "compose", "page_of"]

_TEXT_WIDTH: Final = 76


class ComposeError(SentinelError):
    """A notice that no mail can be written from."""


def compose(
    notice: Notice,
    attributes: Attributes | None,
    identity: Identity,
    *,
    recipient: str,
    now: int,
    answer_url: str | None = None,
) -> EmailMessage:
    """The mail about ``notice`` to ``recipient``, dated ``now`` (micros).

    ``attributes`` is the account's, ``None`` for a ``campaign``, whose mail goes to an operator; its locale is the
    language. ``answer_url`` is the page where this recipient answers "was this you?"; without it, the mail has no link.

    Raises :class:`sentinel.alerts.address.AddressError` for a recipient that is not one plain address,
    :class:`SenderError` for such a sender, and :class:`ComposeError` for a kind without a template.
    """
    to, sender = check_address(recipient), check_from(identity.from_header)
    if notice.kind not in KINDS:
        raise ComposeError("alert: no mail template for this kind; expected one of " + ", ".join(KINDS))
    spoken = negotiate(attributes.locale if attributes is not None else None, identity.locale)
    digest = sha256(f"{notice.id}\x1f{to.addr_spec}".encode()).hexdigest()
    logo = f"logo.{digest[:16]}@{sender.domain}" if identity.logo else None
    values = values_of(notice, attributes, identity, Words(spoken), to=to, answer_url=answer_url, logo=logo)
    try:
        parts = templates_in(identity.templates).render(notice.kind, values, spoken)
    except Exception:
        if identity.templates is None:
            raise
        # An own template that was good with every sample, but not with this: the mail goes out all the same.
        parts = SHIPPED.render(notice.kind, values, spoken)

    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = parts.subject
    message["Date"] = format_datetime(to_datetime(now))
    message["Message-ID"] = f"<{atom(notice.id)}.{digest[:16]}@{sender.domain}>"
    # RFC 3834, and its counterpart for servers that do not read it: no out-of-office replies.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_wrap(parts.text), cte="quoted-printable")
    message.add_alternative(_inliner().inline(parts.html), subtype="html", cte="quoted-printable")
    # The library's own boundaries are random; the same mail shall be the same bytes.
    message.set_boundary(f"=_{digest[:32]}")
    if identity.logo is not None and logo is not None:
        html = message.get_body(("html",))
        assert html is not None  # added above
        html.add_related(identity.logo.content, "image", identity.logo.subtype, cid=f"<{logo}>", disposition="inline")
        html.set_boundary(f"=_{digest[32:]}")
    return message


def page_of(message: EmailMessage) -> str:
    """The HTML of a mail as a page by itself: a browser knows no ``cid:``, so the logo stands in it."""
    part = message.get_body(("html",))
    assert part is not None  # every alert mail has one
    html = str(part.get_content())
    for each in message.walk():
        if each.get_content_maintype() == "image":
            content = b64encode(each.get_payload(decode=True)).decode()  # type: ignore[arg-type]  # bytes of an image
            address = f"data:{each.get_content_type()};base64,{content}"
            html = html.replace(f"cid:{str(each['Content-ID']).strip('<>')}", address)
    return html


def _wrap(text: str) -> str:
    """Paragraphs at a width that plain text readers show without breaking; list items keep their indent."""
    lines: list[str] = []
    for line in re.sub(r"\n{3,}", "\n\n", text).splitlines():
        item = line.startswith("- ")
        lines += textwrap.wrap(
            line.removeprefix("- ") if item else line,
            _TEXT_WIDTH,
            initial_indent="- " if item else "",
            subsequent_indent="  " if item else "",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines).strip() + "\n"


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    # Many mail programs drop <style>; those that keep it need what cannot be inlined: dark mode.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, keep_link_tags=False)
