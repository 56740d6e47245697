"""What no single setting can tell: settings that contradict each other."""

import ipaddress
import re
from typing import Final

import msgspec

from sentinel.alerts.brand import LEAST_CONTRAST, ON_COLOUR, ON_COLOUR_DARK, contrast
from sentinel.config.hooks import check_hooks
from sentinel.config.sections import BrandSettings, DecisionSettings, ServiceSettings, SiemSettings
from sentinel.config.settings import Settings
from sentinel.config.tuning import ENTRY_NAME, DecisionChange, RuleChange
from sentinel.toml_source import Key, TomlFile

#: What is said of an export that would name the operator's own people.
NAMES_STAFF: Final = (
    'ids are refused where [privacy] purpose is "workforce": nobody\'s events can be looked through there'
)


def check(source: TomlFile, settings: Settings) -> None:
    """FileError about the first contradiction between common settings."""
    check_decision(source, settings.decision)
    check_pages(source, settings.service, settings.brand)
    smtp, http = settings.smtp, settings.http
    if smtp.username and smtp.tls == "none" and not _loopback(smtp.host):
        message = "refusing to send a password in the clear to another machine; use starttls or tls"
        raise source.error(message, "smtp", "tls")
    if smtp.dkim.key_file is not None and smtp.dkim.domain is None:
        raise source.error("signs nothing without the domain; give domain as well", "smtp", "dkim", "key_file")
    if http.queue_events < http.max_batch:
        message = f"queue_events ({http.queue_events}) is below max_batch ({http.max_batch}): no room for a batch"
        raise source.error(message, "http", _given(source, "queue_events", "max_batch", table=("http",)))
    _check_mutes(source, settings)
    check_hooks(source, settings)
    _check_siem(source, settings)


def check_tuning(source: TomlFile, settings: Settings) -> None:
    """FileError when an entry of ``[[tuning]]`` changes nothing, names no tenant, or its thresholds do not ascend over
    those it changes.
    """
    for number, entry in enumerate(settings.tuning):
        key = ("tuning", number)
        change = entry.decision
        if change == DecisionChange() and not entry.rules:
            raise source.error("changes nothing; give decision or rules", *key)
        for rule, changed in entry.rules.items():
            if changed == RuleChange():
                raise source.error("changes nothing; give status, risk or params", *key, "rules", rule)
        bases = [tenant.decision for name, tenant in settings.tenants.items() if entry.tenant in (None, name)]
        if entry.tenant not in settings.tenants:
            bases.append(settings.decision)
        for base in bases:
            check_decision(source, change_decision(base, change), *key)


def change_decision(base: DecisionSettings, change: DecisionChange) -> DecisionSettings:
    """``base`` with what ``change`` gives put over it."""
    given = {name: value for name in change.__struct_fields__ if (value := getattr(change, name)) is not None}
    return msgspec.structs.replace(base, **given)


def _check_mutes(source: TomlFile, settings: Settings) -> None:
    for name, mute in settings.mute.items():
        if not ENTRY_NAME.fullmatch(name):
            raise source.error("a mute's name is 1 to 64 letters, digits, '.', '_' or '-'", "mute", name)
        if not mute.rules and not mute.networks:
            raise source.error("would mute everything; give rules or networks", "mute", name)


def check_siem_names(source: TomlFile, settings: Settings) -> None:
    """FileError when an export would name the operator's own people."""
    for name, siem in settings.siem.items():
        if names_staff(settings, siem):
            raise source.error(NAMES_STAFF, "siem", name, "accounts")


def names_staff(settings: Settings, siem: SiemSettings) -> bool:
    """Whether an export calls people by their ids who work for who watches them."""
    if siem.accounts != "id":
        return False
    own = settings.tenants.get(siem.tenant) if siem.tenant is not None else None
    concerned = [settings.privacy] if own is None else [own.privacy]
    if siem.tenant is None:
        concerned += [tenant.privacy for tenant in settings.tenants.values()]
    return any(each.purpose == "workforce" for each in concerned)


def _check_siem(source: TomlFile, settings: Settings) -> None:
    for name, siem in settings.siem.items():
        if not ENTRY_NAME.fullmatch(name):
            raise source.error("an export's name is 1 to 64 letters, digits, '.', '_' or '-'", "siem", name)
        for given in ("ca", "certificate"):
            if siem.to.kind != "tls" and getattr(siem, given) is not None:
                raise source.error("is for syslog+tls only", "siem", name, given)
        if (siem.certificate is None) != (siem.key is None):
            raise source.error("certificate and key go together; give both", "siem", name)


def check_decision(source: TomlFile, decision: DecisionSettings, *prefix: Key) -> None:
    """FileError when notify, challenge and block of ``[decision]`` under ``prefix`` do not ascend."""
    for lower, upper in (("notify", "challenge"), ("challenge", "block")):
        low, high = getattr(decision, lower), getattr(decision, upper)
        if low > high:
            message = f"{lower} ({low:g}) is above {upper} ({high:g}); notify, challenge and block must ascend"
            table = (*prefix, "decision")
            raise source.error(message, *table, _given(source, upper, lower, table=table))


def check_pages(source: TomlFile, service: ServiceSettings, brand: BrandSettings, *prefix: Key) -> None:
    """FileError when text on a brand colour could not be read, or nothing can be added to the answer page's address."""
    for name, on, text in (("colour", ON_COLOUR, "white"), ("colour_dark", ON_COLOUR_DARK, "dark")):
        colour = getattr(brand, name)
        if colour and (found := contrast(colour, on)) < LEAST_CONTRAST:
            tone = "darker" if name == "colour" else "lighter"
            message = (
                f"{text} text on it has a contrast of {found:.1f}:1, at least {LEAST_CONTRAST}:1 is needed (WCAG 2.2)"
            )
            raise source.error(f"{message}; choose a {tone} one", *prefix, "brand", name)
    if service.answer_url and re.search(r"[?#]", service.answer_url):
        message = "expected the address without ? and #: the path of the answer page is added to it"
        raise source.error(message, *prefix, "service", "answer_url")


def _given(source: TomlFile, first: str, second: str, *, table: tuple[Key, ...]) -> str:
    """Of two keys the one to point at: the first, unless only the second is in the file."""
    return first if source.position(*table, first) != (0, 0) else second


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
