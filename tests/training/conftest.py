"""A small service, simulated once, its history stored and learned from once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from threadpoolctl import threadpool_limits

from sentinel.enrich.sighting import Enricher
from sentinel.events.event import convert_event
from sentinel.models.recipe import Minimum, Recipe, packaged_recipe
from sentinel.models.stored import ModelFile
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.vault import Vault
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.measure import enricher
from sentinel.simulation.traffic import Wish, simulate
from sentinel.store.sqlite.store import SqliteStore
from sentinel.training.elsewhere import Listed
from sentinel.training.fit import Split, fit_impostor, fit_novelty
from sentinel.training.run import gather
from tests.builders import packaged

WISH = Wish(accounts=60, days=90, seed=11)
#: After everything that is simulated (micros).
LATER = int(WISH.start.timestamp() + WISH.days * 86_400) * 1_000_000
FEW = Minimum(logins=1000, accounts=30, days=28)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for a core that other tests run on are slower than one."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def drawn(unpacked: Path) -> Addresses:
    return Addresses.load(unpacked.parent)


@pytest.fixture(scope="session")
def enriched(unpacked: Path) -> Enricher:
    return enricher(unpacked.parent)


@pytest.fixture(scope="session")
def settings() -> TenantSettings:
    return TenantSettings(rules=RuleSet(packaged()))


@pytest.fixture(scope="session")
def told(drawn: Addresses) -> list[dict[str, Any]]:
    return list(simulate(WISH, drawn))


@pytest.fixture(scope="session")
def arrivals(told: list[dict[str, Any]], enriched: Enricher) -> list[Arrival]:
    return [arrive(enriched, "default", convert_event(each), silent=True) for each in told]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The packaged one, content with less."""
    return replace(packaged_recipe("impostor"), minimum=FEW)


@asynccontextmanager
async def opened(folder: Path, *, writes: bool = False) -> AsyncIterator[tuple[SqliteStore, Vault]]:
    """A store on disk and its keys, in the loop of whoever asks."""
    # Accounts are shared out by their handles, which are drawn: the same ones each time, or figures would be others.
    keyring = Keyring(folder / "keyring.db", Secret(b"k" * 32), readonly=not writes, draw=Random(11).randbytes)
    vault = Vault(keyring, writes=writes)
    store = SqliteStore(folder / "sentinel.db", vault, readonly=not writes)
    try:
        yield store, vault
    finally:
        await store.close()
        vault.close()


@pytest.fixture(scope="session")
def history(arrivals: list[Arrival], settings: TenantSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the service's history is stored."""
    folder = tmp_path_factory.mktemp("history")

    async def fill() -> None:
        async with opened(folder, writes=True) as (store, vault):
            pipeline = Pipeline(store, vault, lambda tenant: settings)
            for begin in range(0, len(arrivals), 512):
                await pipeline.process(arrivals[begin : begin + 512])

    asyncio.run(fill())
    return folder


@pytest.fixture(scope="session")
def listed(drawn: Addresses, enriched: Enricher) -> Listed:
    return Listed(drawn, enriched, "default")


@pytest.fixture(scope="session")
def rows(history: Path, settings: TenantSettings, listed: Listed, recipe: Recipe) -> Split:
    async def learn() -> Split:
        async with opened(history) as (store, _):
            return await gather(store, "default", settings, listed, recipe, until=LATER)

    return asyncio.run(learn())


@pytest.fixture(scope="session")
def impostor(rows: Split, recipe: Recipe) -> ModelFile:
    return fit_impostor(rows, recipe, tenant="default", version="2026-04-01")


@pytest.fixture(scope="session")
def novelty(rows: Split) -> ModelFile:
    return fit_novelty(rows, packaged_recipe("novelty"), tenant="default", version="2026-04-01")
