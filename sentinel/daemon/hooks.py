"""Hooks and streams as the configuration wants them: who is told, where they are, with which secrets."""

import os
import socket
from hashlib import sha256

import msgspec

from sentinel.config import Config, read_secret
from sentinel.config.hooks import HookSettings, StreamSettings
from sentinel.errors import FileError
from sentinel.events.hook import HOOK_TYPES, SIGNALS
from sentinel.hooks.client import Poster
from sentinel.hooks.delivery import HookDelivery
from sentinel.hooks.keys import ensure_key, signing_key
from sentinel.hooks.receivers import Receiver, Receivers
from sentinel.hooks.targets import Signals, Target, Webhook
from sentinel.hooks.webhooks import WebhookSecret
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store


def receivers_of(config: Config, tenant: str) -> Receivers:
    """Who is told of a tenant's accounts."""
    hooks = [
        Receiver(name=str(each.name), types=frozenset(each.events or HOOK_TYPES), level=each.level)
        for each in config.hooks
        if each.tenant in (None, tenant)
    ]
    streams = [
        Receiver(name=str(each.name), types=frozenset(each.events or SIGNALS))
        for each in config.streams
        if each.tenant in (None, tenant)
    ]
    return Receivers((*hooks, *streams))


def make_targets(config: Config, vault: Vault, store: Store) -> list[Target]:
    """The targets, ready to be posted to. Raises :class:`FileError` as :func:`check_secrets` does."""
    hooks: list[Target] = [_webhook(config, number, each) for number, each in enumerate(config.hooks)]
    return hooks + [_stream(config, each, vault, store) for each in config.streams]


def check_secrets(config: Config) -> None:
    """Raise :class:`FileError` for secrets and tokens that are missing, wrong or open to others."""
    for number, hook in enumerate(config.hooks):
        _secrets(config, number, hook)
    for stream in config.streams:
        _token(config, stream)


def make_hook_delivery(config: Config, store: Store, vault: Vault) -> HookDelivery:
    """Delivery to all targets, in this process."""
    return HookDelivery(store, make_targets(config, vault, store), worker=f"{socket.gethostname()}-{os.getpid()}")


def prepare_signals(config: Config, vault: Vault, now: int) -> None:
    """Make the key that signs, where there are streams and no key yet; by who may write the keyring."""
    if config.streams:
        ensure_key(vault.keyring, now)


def told_of(config: Config) -> dict[str, tuple[str, str, tuple[str, ...], bytes]]:
    """By name of each hook and stream: its kind, address, types of events, and hash of its configuration."""
    found = {str(e.name): ("webhook", str(e.url), e.events or HOOK_TYPES, _digest(e)) for e in config.hooks}
    streams = {str(e.name): ("stream", str(e.endpoint), e.events or SIGNALS, _digest(e)) for e in config.streams}
    return {**found, **streams}


def _webhook(config: Config, number: int, hook: HookSettings) -> Webhook:
    return Webhook(str(hook.name), _digest(hook), _poster(str(hook.url), hook), _secrets(config, number, hook))


def _secrets(config: Config, number: int, hook: HookSettings) -> list[WebhookSecret]:
    texts = _lines(read_secret(config, f"hook_{hook.name}", None))
    for file in hook.secrets if not texts else ():
        texts += _lines(read_secret(config, f"hook_{hook.name}", file))
    if not texts:
        raise config.error(
            f"there is no secret to sign with: give files, or the systemd credential hook_{hook.name}",
            *("hooks", number, "secrets"),
        )
    try:
        return [WebhookSecret(each) for each in texts]
    except ValueError as error:
        where = ", ".join(str(file) for file in hook.secrets) or f"the systemd credential hook_{hook.name}"
        raise FileError(where, f"{error}") from None


def _token(config: Config, stream: StreamSettings) -> str | None:
    return read_secret(config, f"stream_{stream.name}", stream.token_file)


def _stream(config: Config, stream: StreamSettings, vault: Vault, store: Store) -> Signals:
    return Signals(
        str(stream.name),
        _digest(stream),
        _poster(str(stream.endpoint), stream),
        issuer=str(config.signals.issuer),
        audience=str(stream.audience),
        subject=stream.subject,
        token=_token(config, stream),
        # At each token, so that a new key signs without a restart.
        key=lambda: signing_key(vault.keyring),
        store=store,
    )


def _poster(url: str, settings: HookSettings | StreamSettings) -> Poster:
    return Poster(url, allow_private=settings.allow_private, timeout=float(settings.timeout_seconds))


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _digest(settings: HookSettings | StreamSettings) -> bytes:
    """Tells whether an entry was changed since its target said that it is gone."""
    return sha256(msgspec.json.encode(settings, enc_hook=str)).digest()
