"""What a mail's templates get: cleaned values in the reader's words, the same for both twins and every language."""

import re
from email.headerregistry import Address
from typing import Any, Final

from sentinel.alerts.brand import COLOUR, COLOUR_DARK, ON_COLOUR, ON_COLOUR_DARK
from sentinel.alerts.clean import clean, clean_typed
from sentinel.alerts.identity import Identity
from sentinel.alerts.words import Words
from sentinel.events.alert import FLOOD, SAID_COMPROMISED, Notice
from sentinel.events.sighting import Attributes

_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")


def values_of(
    notice: Notice,
    attributes: Attributes | None,
    identity: Identity,
    words: Words,
    *,
    to: Address,
    answer_url: str | None,
    logo: str | None,
) -> dict[str, Any]:
    """The values by name, as docs/mails.md lists them. ``logo`` is the Content-ID of the picture."""
    service = clean(identity.service_name, limit=60, hosts=True) or words.say("the service")
    former = attributes.previous_email if attributes is not None else None
    earlier = max(notice.earlier, 0)
    return {
        "lang": words.language.code,
        "service": service,
        "support": clean_typed(identity.support, limit=160),
        "review": clean_typed(identity.review, limit=200) or clean_typed(identity.support, limit=160),
        "security_page": clean_typed(identity.security_page, limit=160),
        "reset_page": clean_typed(identity.reset_page, limit=160),
        "imprint": clean_typed(identity.imprint, limit=200),
        # Nobody but the person answers for an account, and nobody for one that is erased.
        "answer_url": None if notice.kind == "campaign" or notice.type == "account_erased" else answer_url,
        "type": notice.type,
        "outcome": notice.outcome,
        "refused": notice.decision == "block",
        "level": words.level(notice.level),
        "risk": words.number(notice.risk),
        "case": atom(notice.id),
        # Commands look at the tenant "default" unless told otherwise.
        "tenant_option": "" if notice.tenant == "default" else f" --tenant {_tenant(notice.tenant)}",
        "earlier": earlier,
        "earlier_number": words.number(earlier),
        "facts": _facts(notice, attributes, service, words),
        "reasons": words.titles(notice) if notice.kind == "campaign" else words.reasons(notice),
        "said_compromised": SAID_COMPROMISED in notice.reasons,
        "waited": words.number(notice.events) if _is_flood(notice) else None,
        "place_known": notice.actor == "self" and words.place(notice.place) is not None,
        "former_address": former is not None and former.casefold() == to.addr_spec.casefold(),
        "logo": logo,
        "logo_width": identity.logo.width if identity.logo else 0,
        "logo_height": identity.logo.height if identity.logo else 0,
        "colour": identity.colour if _COLOUR.fullmatch(identity.colour) else COLOUR,
        "colour_dark": identity.colour_dark if _COLOUR.fullmatch(identity.colour_dark) else COLOUR_DARK,
        "on_colour": ON_COLOUR,
        "on_colour_dark": ON_COLOUR_DARK,
    }


def _facts(notice: Notice, attributes: Attributes | None, service: str, words: Words) -> list[tuple[str, str]]:
    """The labelled values that every mail shows, in reading order; both twins list the same ones."""
    say = words.say
    application = clean(notice.service, limit=40)
    if application:
        service = f"{service} ({application})"
    facts = [(say("Service"), service)]
    if attributes is not None:
        account, name = clean(attributes.account, hosts=True), clean(attributes.name, limit=60)
        if account and name:
            facts.append((say("Account"), f"{name} ({account})"))
        elif account or name:
            facts.append((say("Account"), account or name or ""))
    zone = attributes.timezone if attributes is not None else None
    facts.append((say("When"), words.when(notice.time, zone)))
    if _is_flood(notice):  # about no event that had a place, a device or an outcome
        return [*facts, (say("Case number"), atom(notice.id))]
    if notice.actor == "self":
        facts.append((say("Where"), words.where(notice.place, notice.organisation)))
        facts.append((say("Device"), words.device(notice.device)))
    else:
        facts.append((say("Done by"), words.actor(notice.actor)))
    if factor := words.factor(notice.factor_method):
        facts.append((say("Second factor"), factor))
    facts.append((say("Outcome"), words.outcome(notice.outcome)))
    if notice.events > 1:
        facts.append((say("Events"), words.number(notice.events)))
    facts.append((say("Case number"), atom(notice.id)))
    return facts


def _is_flood(notice: Notice) -> bool:
    return notice.kind == "campaign" and not notice.event and FLOOD in notice.reasons


def atom(text: str) -> str:
    """An alert id as it may stand in a header; ours are ``a-`` and hexadecimal already."""
    return re.sub(r"[^A-Za-z0-9-]", "", text[:64])


def _tenant(name: str) -> str:
    """A tenant's name as it may be typed in a command; the configuration allows no others."""
    return re.sub(r"[^A-Za-z0-9._-]", "", name[:64])
