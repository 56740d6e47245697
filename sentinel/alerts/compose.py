"""One alert mail from one notice: pure, the same bytes for the same input.

The mail says what happened, when, roughly where, with which device, to which account of which service, why
that is worth a mail and what to do, in the reader's language. It holds no link to a log-in: a mail that asks people to
follow a link and sign in trains them for phishing. The one link there may be leads to a page that asks for an answer.
"""

import re
import textwrap
from base64 import b64encode
from email.message import EmailMessage
from typing import Final

from sentinel.alerts.draft import Draft, Picture
from sentinel.alerts.identity import Identity
from sentinel.alerts.own_templates import templates_in
from sentinel.alerts.rendering import SHIPPED
from sentinel.alerts.values import values_of
from sentinel.alerts.words import Words
from sentinel.errors import SentinelError
from sentinel.events.alert import KINDS, Notice
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
    draft = Draft.to_recipient(notice.id, identity, recipient)
    if notice.kind not in KINDS:
        raise ComposeError("alert: no mail template for this kind; expected one of " + ", ".join(KINDS))
    spoken = negotiate(attributes.locale if attributes is not None else None, identity.locale)
    logo = None
    if identity.logo is not None:
        logo = Picture(draft.picture_name("logo"), identity.logo.content, identity.logo.subtype)
    shown = logo.name if logo is not None else None
    values = values_of(notice, attributes, identity, Words(spoken), to=draft.to, answer_url=answer_url, logo=shown)
    try:
        parts = templates_in(identity.templates).render(notice.kind, values, spoken)
    except Exception:
        if identity.templates is None:
            raise
        # An own template that was good with every sample, but not with this: the mail goes out all the same.
        parts = SHIPPED.render(notice.kind, values, spoken)
    return draft.written(parts.subject, _wrap(parts.text), now=now, html=parts.html, picture=logo)


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
