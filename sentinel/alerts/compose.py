"""One alert mail from one notice: pure, the same bytes for the same input.

The mail says what happened, when, roughly where, with which device, to which account of which service, why
that is worth a mail and what to do. It holds no link at all: a mail that asks people to follow a link and
sign in trains them for phishing.
"""

import re
import textwrap
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import css_inline
import msgspec
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sentinel.alerts.address import check_address, check_from
from sentinel.alerts.clean import clean
from sentinel.alerts.words import Words
from sentinel.errors import SentinelError
from sentinel.events.alert import KINDS, Notice
from sentinel.events.clock import to_datetime
from sentinel.events.sighting import Attributes
from sentinel.language import Language

_TEMPLATES: Final = Path(__file__).parent / "templates"
_TEXT_WIDTH: Final = 76
_ENGLISH: Final = Words()


class ComposeError(SentinelError):
    """A notice that no mail can be written from."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who the mail is from, as the operator set it for a tenant.

    ``from_header`` is ``Name <local@domain>``; ``support`` says how to reach people who can help, ``review`` whom to
    ask that a person looks at a refusal (GDPR Art. 22(3)), ``security_page`` where in the service the settings are, in
    words ("Settings, then Security"): a web address is shown as text, never as a link. ``reset_page`` is where people
    reset their password, ``locale`` the language of those whose own is unknown.
    """

    service_name: str
    from_header: str
    support: str | None = None
    review: str | None = None
    security_page: str | None = None
    reset_page: str | None = None
    locale: str = "en"


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

    ``attributes`` is the account's, ``None`` for a ``campaign``, whose mail goes to an operator. ``answer_url`` is the
    page that asks this recipient whether it was them.

    Raises :class:`sentinel.alerts.address.AddressError` for a recipient that is not one plain address,
    :class:`SenderError` for such a sender, and :class:`ComposeError` for a kind without a template.
    """
    to, sender = check_address(recipient), check_from(identity.from_header)
    if notice.kind not in KINDS:
        raise ComposeError("alert: no mail template for this kind; expected one of " + ", ".join(KINDS))
    values = _values(notice, attributes, identity, to, _ENGLISH)
    values["answer_url"] = answer_url
    subject = " ".join(_render(notice.kind, "subject.txt", values).split())
    values["subject"] = subject

    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(to_datetime(now))
    digest = sha256(f"{notice.id}\x1f{to.addr_spec}".encode()).hexdigest()
    message["Message-ID"] = f"<{_atom(notice.id)}.{digest[:16]}@{sender.domain}>"
    # RFC 3834, and its counterpart for servers that do not read it: no out-of-office replies.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_wrap(_render(notice.kind, "body.txt", values)), cte="quoted-printable")
    html = _inliner().inline(_render(notice.kind, "body.html", values))
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    # The library's own boundary is random; the same mail shall be the same bytes.
    message.set_boundary(f"=_{digest[:32]}")
    return message


def _values(
    notice: Notice, attributes: Attributes | None, identity: Identity, to: Address, words: Words
) -> dict[str, Any]:
    service = clean(identity.service_name, limit=60, hosts=True) or "the service"
    former = attributes.previous_email if attributes is not None else None
    return {
        "service": service,
        "support": clean(identity.support, limit=160, hosts=True),
        "review": clean(identity.review, limit=200, hosts=True) or clean(identity.support, limit=160, hosts=True),
        "security_page": clean(identity.security_page, limit=160, hosts=True),
        "type": notice.type,
        "outcome": notice.outcome,
        "refused": notice.decision == "block",
        "level": notice.level,
        "risk": f"{notice.risk:.0f}",
        "case": _atom(notice.id),
        # Commands look at the tenant "default" unless told otherwise.
        "tenant_option": "" if notice.tenant == "default" else f" --tenant {_tenant(notice.tenant)}",
        "events": max(notice.events, 1),
        "earlier": max(notice.earlier, 0),
        "facts": _facts(notice, attributes, service, words),
        "reasons": words.titles(notice) if notice.kind == "campaign" else words.reasons(notice),
        "place_known": notice.actor == "self" and words.place(notice.place) is not None,
        "former_address": former is not None and former.casefold() == to.addr_spec.casefold(),
    }


def shown_facts(
    notice: Notice, attributes: Attributes | None, identity: Identity, language: Language
) -> list[tuple[str, str]]:
    """What happened as the mail says it, label and value, for the page that its link leads to."""
    service = clean(identity.service_name, limit=60, hosts=True) or "the service"
    return _facts(notice, attributes, service, Words(language.translations))


def _facts(notice: Notice, attributes: Attributes | None, service: str, words: Words) -> list[tuple[str, str]]:
    """The labelled values that every mail shows, in reading order; both twins list the same ones."""
    say = words.translations.gettext
    application = clean(notice.service, limit=40)
    if application:
        service = say("%(service)s (%(application)s)") % {"service": service, "application": application}
    facts = [(say("Service"), service)]
    if attributes is not None:
        account, name = clean(attributes.account, hosts=True), clean(attributes.name, limit=60)
        if account and name:
            facts.append((say("Account"), say("%(name)s (%(account)s)") % {"name": name, "account": account}))
        elif account or name:
            facts.append((say("Account"), account or name or ""))
    zone = attributes.timezone if attributes is not None else None
    facts.append((say("When"), words.when(notice.time, zone)))
    if notice.actor == "self":
        facts.append((say("Where"), words.where(notice.place, notice.organisation)))
        facts.append((say("Device"), words.device(notice.device)))
    else:
        facts.append((say("Done by"), words.actor(notice.actor)))
    if factor := words.factor(notice.factor_method):
        facts.append((say("Second factor"), factor))
    facts.append((say("Outcome"), words.outcome(notice.outcome)))
    if notice.events > 1:
        facts.append((say("Events"), str(notice.events)))
    facts.append((say("Case number"), _atom(notice.id)))
    return facts


def _atom(text: str) -> str:
    """An alert id as it may stand in a header; ours are ``a-`` and hexadecimal already."""
    return re.sub(r"[^A-Za-z0-9-]", "", text[:64])


def _tenant(name: str) -> str:
    """A tenant's name as it may be typed in a command; the configuration allows no others."""
    return re.sub(r"[^A-Za-z0-9._-]", "", name[:64])


def _wrap(text: str) -> str:
    """Paragraphs at a width that plain text readers show without breaking; list items keep their indent."""
    lines: list[str] = []
    for line in text.splitlines():
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


def _render(kind: str, name: str, values: dict[str, Any]) -> str:
    return _environment().get_template(f"{kind}/{name}").render(values)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    # Another language is another catalogue here and in Words; the templates stay.
    environment.install_gettext_translations(_ENGLISH.translations, newstyle=True)  # type: ignore[attr-defined]
    return environment


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    # Many mail programs drop <style>; those that keep it need what cannot be inlined: dark mode.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, keep_link_tags=False)
