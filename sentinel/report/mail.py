"""Mails to operators that are no alerts: the weekly report, and that an account is at critical."""

from email.message import EmailMessage

from sentinel.alerts.clean import clean
from sentinel.alerts.draft import Draft, Picture
from sentinel.alerts.identity import Identity
from sentinel.errors import SentinelError
from sentinel.events.alert import Notice
from sentinel.events.clock import to_text
from sentinel.picture import png
from sentinel.report.figures import Report
from sentinel.report.plot import svg
from sentinel.report.render import html, subject, text


def report_mail(report: Report, notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
    """The report as a mail, its plot inline where the ``plot`` extra is installed. Raises as
    :func:`sentinel.alerts.compose.compose` does."""
    draft = Draft.to_recipient(notice.id, identity, recipient)
    try:
        plot = Picture(draft.picture_name("plot"), png(svg(report)), "png")
    except SentinelError:
        plot = None  # the figures by day stand in the text
    page = html(report, picture=f"cid:{plot.name}" if plot is not None else "")
    return draft.written(" ".join(subject(report).split()), text(report), now=now, html=page, picture=plot)


def critical_mail(notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
    """That an account is at critical, to an operator: which alert to look at, not whose account it is."""
    service = clean(identity.service_name, limit=60, hosts=True) or "the service"
    draft = Draft.to_recipient(notice.id, identity, recipient)
    (alert,) = notice.messages
    tenant = "" if notice.tenant == "default" else f" --tenant {notice.tenant}"
    found = "\n".join(f"- {title}" for title in notice.titles)
    return draft.written(
        f"{service}: an account is at critical risk",
        f"An account of {service} is at critical risk: {notice.risk:.0f} of 100.\n\n"
        f"When: {to_text(notice.time)[:19]}Z\nCase number: {alert}\n\nWhat was found:\n{found}\n\nWhat to do:\n"
        f"- Look at it: sentinel alerts show {alert}{tenant}\n"
        f"- If it was the person: sentinel alerts close {alert} --verdict legitimate{tenant}\n"
        "- If it was not, or nobody knows: end its sessions, have password and second factor set anew, and close it\n"
        "  with --verdict compromised.\n\n"
        "You get this mail because your address is among the operators' in the configuration, at most once a day for\n"
        "an account. The person gets a mail of their own.\n",
        now=now,
    )
