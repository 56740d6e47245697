"""An installation whose days of drift are made up: models with a reference, and counts in the store."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sentinel.config import Config, load
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.events.clock import now, utc_day
from sentinel.models.drift import SCORE
from sentinel.models.features import NAMES
from sentinel.models.registry import Registry
from sentinel.models.stored import Kind
from sentinel.pipeline.drift import Counted
from sentinel.privacy.sealer import pack
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Changes, Store
from tests.models.made import even, fitting

VERSION = "2026-02-01"


def promoted(state: Path, kind: Kind = "impostor", tenant: str = "default") -> None:
    """Put a model in force that can tell drift."""
    registry = Registry(state / "models")
    registry.add(fitting(kind, version=VERSION, tenant=tenant, reference=even(len(NAMES))))
    registry.promote(tenant, kind)


def counted(logins: int, shifted: Sequence[str] = (), kind: Kind = "impostor") -> Counted:
    """A day of as many logins in each bin, but of ``shifted`` numbers all in the last one."""
    numbers: list[int] = []
    for name in (*NAMES, SCORE):
        numbers += [0, 0, logins] if name in shifted else [logins // 3] * 3
    packed = b"".join(number.to_bytes(4, "little") for number in numbers)
    return Counted(0, logins, {f"{kind} {VERSION}": packed})


async def put(store: Store, vault: Vault, days: Sequence[Counted], tenant: str = "default") -> None:
    """Keep days up to yesterday."""
    first = utc_day(now()) - len(days)
    sealed = {
        (first + number, tenant): vault.drift(first + number).seal(pack(day), f"drift.{first + number}.{tenant}")
        for number, day in enumerate(days)
    }
    await store.commit(Changes(drift=sealed))


def installed(config_path: Path, *days: Counted) -> Config:
    """The same for an installation that no daemon runs on."""
    config = load(config_path)

    async def fill() -> None:
        prepare_state(config)
        vault = open_vault(config, writes=True)
        store = open_store(config, vault)
        try:
            await store.bind(vault.fingerprint)
            await put(store, vault, days)
        finally:
            await store.close()
            vault.close()

    asyncio.run(fill())
    return config
