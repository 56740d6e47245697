"""The tables ``[[hooks]]``, ``[[streams]]`` and ``[signals]``: which of the service's systems are told of what."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from sentinel.config.declare import number, text
from sentinel.config.tuning import ENTRY_NAME
from sentinel.config.values import OneLine, WebAddress
from sentinel.events.hook import HookType, Signal
from sentinel.hooks.guard import is_public
from sentinel.hooks.signals import SubjectFormat
from sentinel.toml_source import Key, TomlFile

_PRIVATE = (
    "Whether the target may have an address of a private, loopback or other special network, and may be reached without"
    " TLS (`http://`). It is checked at every connect."
)


class HookSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A webhook: a system of yours that is told by HTTP POST, signed as Standard Webhooks 1.0 has it; docs/hooks.md."""

    name: Annotated[OneLine, text("What you call it: letters, digits, `.`, `_`, `-`.")]
    url: Annotated[WebAddress, text("Where events are posted to. Redirects are not followed.")]
    events: Annotated[
        tuple[HookType, ...],
        text(
            "Types of events it is told: `assessment.raised`, `campaign.detected`, `alert.sent`, `answer.given`,"
            " `account.cleared`. Empty: all of them."
        ),
    ] = ()
    secrets: Annotated[
        tuple[Path, ...],
        text(
            "Files with the secrets that sign, one `whsec_…` a line, readable by their owner only (mode 0600). Each"
            " signs: while you exchange one, give the old and the new. The systemd credential `hook_NAME` is taken"
            " first when there is one."
        ),
    ] = ()
    tenant: Annotated[OneLine | None, text("Only this tenant's events.")] = None
    level: Annotated[
        Literal["low", "medium", "high", "critical"],
        text("Lowest level of an `assessment.raised` whose decision is neither `challenge` nor `block`."),
    ] = "high"
    allow_private: Annotated[bool, text(_PRIVATE)] = False
    timeout_seconds: Annotated[int, number("seconds", 1, 60, "How long to wait for the answer.")] = 15


class StreamSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stream of Shared Signals: Security Event Tokens pushed (RFC 8935) to a receiver, such as your identity
    provider; docs/hooks.md."""

    name: Annotated[OneLine, text("What you call it, and its stream id: letters, digits, `.`, `_`, `-`.")]
    endpoint: Annotated[WebAddress, text("Where the receiver takes tokens.")]
    audience: Annotated[OneLine, text("`aud` of the tokens: what the receiver calls itself.")]
    events: Annotated[
        tuple[Signal, ...],
        text(
            "Which signals: `session-revoked`, `risk-level-change`, `credential-change` (CAEP),"
            " `credential-compromise`, `account-credential-change-required` (RISC). Empty: all of them."
        ),
    ] = ()
    token_file: Annotated[
        Path | None,
        text(
            "File with the bearer token that the receiver gave you, mode 0600. The systemd credential `stream_NAME` is"
            " taken first when there is one. Unset: no `Authorization`."
        ),
    ] = None
    tenant: Annotated[OneLine | None, text("Only this tenant's events.")] = None
    subject: Annotated[
        SubjectFormat,
        text(
            "How accounts are named: `iss_sub` (issuer and account id), `opaque` (account id) or `email`. With `email`"
            " nothing is told of an account without a known address."
        ),
    ] = "iss_sub"
    allow_private: Annotated[bool, text(_PRIVATE)] = False
    timeout_seconds: Annotated[int, number("seconds", 1, 60, "How long to wait for the answer.")] = 15


class SignalSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Who sends the tokens of Shared Signals."""

    issuer: Annotated[
        WebAddress | None,
        text(
            "`iss` of the tokens: the origin, as `https://sentinel.example.org`, at which receivers reach"
            " `/.well-known/ssf-configuration` and the keys. Must be given with `[[streams]]`."
        ),
    ] = None


class _Told(Protocol):
    """What of the settings is checked here."""

    @property
    def hooks(self) -> tuple[HookSettings, ...]: ...
    @property
    def streams(self) -> tuple[StreamSettings, ...]: ...
    @property
    def signals(self) -> SignalSettings: ...


def check_hooks(source: TomlFile, settings: _Told) -> None:
    """FileError about the first hook or stream that cannot be right."""
    names: set[str] = set()
    for position, hook in enumerate(settings.hooks):
        _check(source, names, hook.name, hook.url, hook.allow_private, ("hooks", position), "url")
    for position, stream in enumerate(settings.streams):
        _check(source, names, stream.name, stream.endpoint, stream.allow_private, ("streams", position), "endpoint")
    issuer = settings.signals.issuer
    if settings.streams and issuer is None:
        raise source.error("[[streams]] need an issuer", "signals", "issuer")
    if issuer is not None and (urlsplit(issuer).path or urlsplit(issuer).query or not issuer.startswith("https://")):
        raise source.error("expected an origin: https://, a host name, nothing behind it", "signals", "issuer")


def _check(
    source: TomlFile, names: set[str], name: str, url: str, allow_private: bool, key: tuple[Key, ...], where: str
) -> None:
    if not ENTRY_NAME.fullmatch(name):
        raise source.error("a name is 1 to 64 letters, digits, '.', '_' or '-'", *key, "name")
    if name in names:
        raise source.error("another hook or stream has this name", *key, "name")
    names.add(name)
    if not allow_private and (wrong := _wrong(url)):
        raise source.error(f"{wrong}; allow_private = true allows it", *key, where)


def _wrong(url: str) -> str:
    """What is wrong with an address that has to be a public one, as far as it can be told without a look-up."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return "http:// sends what it tells in the clear"
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return ""
    return "" if is_public(address) else "the address is of a private or special network"
