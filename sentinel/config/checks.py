"""What no single setting can tell: settings that contradict each other."""

import ipaddress

from sentinel.config.sections import DecisionSettings
from sentinel.config.settings import Settings
from sentinel.toml_source import Key, TomlFile


def check(source: TomlFile, settings: Settings) -> None:
    """FileError about the first contradiction between common settings."""
    check_decision(source, settings.decision)
    smtp, http = settings.smtp, settings.http
    if smtp.username and smtp.tls == "none" and not _loopback(smtp.host):
        message = "refusing to send a password in the clear to another machine; use starttls or tls"
        raise source.error(message, "smtp", "tls")
    if http.queue_events < http.max_batch:
        message = f"queue_events ({http.queue_events}) is below max_batch ({http.max_batch}): no room for a batch"
        raise source.error(message, "http", _given(source, "queue_events", "max_batch", table=("http",)))


def check_decision(source: TomlFile, decision: DecisionSettings, *prefix: Key) -> None:
    """FileError when notify, challenge and block of ``[decision]`` under ``prefix`` do not ascend."""
    for lower, upper in (("notify", "challenge"), ("challenge", "block")):
        low, high = getattr(decision, lower), getattr(decision, upper)
        if low > high:
            message = f"{lower} ({low:g}) is above {upper} ({high:g}); notify, challenge and block must ascend"
            table = (*prefix, "decision")
            raise source.error(message, *table, _given(source, upper, lower, table=table))


def _given(source: TomlFile, first: str, second: str, *, table: tuple[Key, ...]) -> str:
    """Of two keys the one to point at: the first, unless only the second is in the file."""
    return first if source.position(*table, first) != (0, 0) else second


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
