"""Mails to operators that are no alerts: the weekly report, and that an account is at critical."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

import css_inline

from sentinel.alerts.address import check_address, check_from
from sentinel.alerts.clean import clean
from sentinel.alerts.compose import Identity
from sentinel.errors import SentinelError
from sentinel.events.alert import Notice
from sentinel.events.clock import to_datetime, to_text
from sentinel.picture import png
from sentinel.report.figures import Report
from sentinel.report.plot import svg
from sentinel.report.render import html, subject, text

_PICTURE: Final = "plot"


def report_mail(report: Report, notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
    """The report as a mail, its plot inline where the ``plot`` extra is installed. Raises as
    :func:`sentinel.alerts.compose.compose` does."""
    message, digest, domain = _begun(notice, identity, subject(report), recipient, now)
    message.set_content(text(report), cte="quoted-printable")
    try:
        picture: bytes | None = png(svg(report))
    except SentinelError:
        picture = None  # the figures by day stand in the text
    address = f"{_PICTURE}.{digest[:16]}@{domain}"
    page = html(report, picture=f"cid:{address}" if picture is not None else "")
    message.add_alternative(_inliner().inline(page), subtype="html", cte="quoted-printable")
    if picture is not None:
        part = message.get_payload()[1]  # type: ignore[index]  # the HTML, just added
        part.add_related(picture, "image", "png", cid=f"<{address}>", disposition="inline")  # type: ignore[union-attr]
        part.set_boundary(f"=_{digest[32:]}")  # type: ignore[union-attr]
    message.set_boundary(f"=_{digest[:32]}")
    return message


def critical_mail(notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
    """That an account is at critical, to an operator: which alert to look at, not whose account it is."""
    service = clean(identity.service_name, limit=60, hosts=True) or "the service"
    message, _, _ = _begun(notice, identity, f"{service}: an account is at critical risk", recipient, now)
    (alert,) = notice.messages
    tenant = "" if notice.tenant == "default" else f" --tenant {notice.tenant}"
    found = "\n".join(f"- {title}" for title in notice.titles)
    message.set_content(
        f"An account of {service} is at critical risk: {notice.risk:.0f} of 100.\n\n"
        f"When: {to_text(notice.time)[:19]}Z\nCase number: {alert}\n\nWhat was found:\n{found}\n\nWhat to do:\n"
        f"- Look at it: sentinel alerts show {alert}{tenant}\n"
        f"- If it was the person: sentinel alerts close {alert} --verdict legitimate{tenant}\n"
        "- If it was not, or nobody knows: end its sessions, have password and second factor set anew, and close it\n"
        "  with --verdict compromised.\n\n"
        "You get this mail because your address is among the operators' in the configuration, at most once a day for\n"
        "an account. The person gets a mail of their own.\n",
        cte="quoted-printable",
    )
    return message


def _begun(notice: Notice, identity: Identity, title: str, recipient: str, now: int) -> tuple[EmailMessage, str, str]:
    """A mail with its headers, a digest of what makes it this one, and the sender's domain."""
    to, sender = check_address(recipient), check_from(identity.from_header)
    digest = sha256(f"{notice.id}\x1f{to.addr_spec}".encode()).hexdigest()
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = " ".join(title.split())
    message["Date"] = format_datetime(to_datetime(now))
    message["Message-ID"] = f"<{notice.id}.{digest[:16]}@{sender.domain}>"
    # RFC 3834, and its counterpart for servers that do not read it: no out-of-office replies.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    return message, digest, sender.domain


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, keep_link_tags=False)
