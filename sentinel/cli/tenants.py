"""`--tenant`: a name that nothing knows is a typing error, and would be answered with nothing or with defaults."""

import asyncio
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Final

import click

from sentinel.cli.context import Checked
from sentinel.config import Config
from sentinel.config.allow import read_allow
from sentinel.daemon.models import open_shelf
from sentinel.daemon.state import open_to_read
from sentinel.errors import SentinelError
from sentinel.privacy.vault import Vault

DEFAULT: Final = "default"


class Tenant(Checked):
    """The name of a tenant that is known."""

    name = "text"

    def expect(self, config: Config, value: str) -> None:
        """See the base class."""
        if value == DEFAULT:
            return
        known = asyncio.run(known_tenants(config))
        if known is None or value in known:
            return
        # Models outlive the configuration of whom they are of.
        known |= set(open_shelf(config).registry.tenants())
        if value in known:
            return
        near = get_close_matches(value, known, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise click.UsageError(
            f"--tenant: {value!r} is not known{meant}; known are: {', '.join(sorted(known))}. A key makes one"
            " (`sentinel keys create --tenant`), and so does a table [tenants.NAME]"
        )


def tenant_option(help: str, default: str | None = DEFAULT) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option, for a tenant that is known."""
    return click.option("--tenant", type=Tenant(), default=default, show_default=default is not None, help=help)


async def known_tenants(config: Config) -> set[str] | None:
    """The tenants of configuration, keys and store; ``None`` when the store cannot be read."""
    # Their names stand in the clear, so no key is needed, and none is made.
    vault = Vault.ephemeral()
    try:
        store = open_to_read(config, vault)
        try:
            return {DEFAULT, *config.tenants, *await store.tenants()}
        finally:
            await store.close()
    except SentinelError:
        return None
    finally:
        vault.close()


async def tuned_in_vain(config: Config) -> list[str]:
    """What is tuned for tenants that are not known, in words. Raises :class:`FileError` for a broken allowlist."""
    tuned = [
        *((f"tuning[{number}]", entry.tenant) for number, entry in enumerate(config.tuning)),
        *((f"mute.{name}", mute.tenant) for name, mute in config.mute.items()),
        *((f"{each.source.path}: {each.name}", each.entry.tenant) for each in read_allow(config.rules.allow_directory)),
    ]
    known = await known_tenants(config) if any(tenant for _, tenant in tuned) else None
    if known is None:
        return []
    return [
        f"{where}: no key, configuration or event knows the tenant {tenant!r}; known are {', '.join(sorted(known))}"
        for where, tenant in tuned
        if tenant is not None and str(tenant) not in known
    ]
