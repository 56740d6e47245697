"""The models in force while a process runs: loaded by tenant, looked at anew when they change or a day begins."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sentinel.config import Config
from sentinel.errors import SentinelError
from sentinel.events.clock import now, to_datetime
from sentinel.models.in_force import ModelsInForce, Shelf, Standing
from sentinel.models.registry import Registry
from sentinel.models.scorer import ASKED, FAILURES

_log: Final = logging.getLogger("sentinel.models")

#: What the models in force depend on: the day, and the registry's files.
_Seen = tuple[date, tuple[tuple[str, int, int, int], ...]]


class ModelDesk:
    """Gives each tenant its models. What is wrong with a model costs that one, and is logged once.

    ``tenants`` are those to load for, beside the ones that have models of their own; any other gets the baseline when
    it first comes. One that learned from days too long ago is not used; retention removes it.
    """

    def __init__(self, shelf: Shelf, tenants: Iterable[str] = (), *, today: Callable[[], date]) -> None:
        self._shelf = shelf
        self._tenants = frozenset(tenants)
        self._today = today
        self._loaded: dict[str, ModelsInForce] | None = None
        self._told: frozenset[tuple[str, str, str, str]] = frozenset()
        self._seen: _Seen | None = None

    def of(self, tenant: str) -> ModelsInForce:
        """The models of a tenant: the same object until others are put in force."""
        if self._loaded is None:
            self.use(self.prepare())
            assert self._loaded is not None
        found = self._loaded.get(tenant)
        if found is None:
            found = self._loaded[tenant] = self._shelf.bare(tenant)
        return found

    @property
    def standings(self) -> list[Standing]:
        """Every model that is in force or should be, by tenant."""
        return [standing for models in (self._loaded or {}).values() for standing in models.standings]

    def changed(self) -> bool:
        """Whether :meth:`prepare` may come to something else than the last time."""
        return self._snapshot() != self._seen

    def prepare(self) -> dict[str, ModelsInForce]:
        """Read and compile what is in force now, by tenant: tenths of a second, in any thread. Never raises for a
        model's sake."""
        self._seen = self._snapshot()
        today = self._today()
        own: list[str] = []
        try:
            own = self._shelf.registry.tenants()
        except SentinelError as error:
            _log.error("models: %s", error, extra={"event.action": "models"})
        return self._shelf.load(sorted(self._tenants.union(own)), today)

    def use(self, prepared: Mapping[str, ModelsInForce]) -> None:
        """Put models in force, and tell what is other than before."""
        self._loaded = dict(prepared)
        found = frozenset((each.tenant, each.kind, each.version, each.status) for each in self.standings)
        for standing in self.standings:
            if (standing.tenant, standing.kind, standing.version, standing.status) in self._told:
                continue
            if standing.status == "abstains":
                _log.warning("%s", in_words(standing), extra={"event.action": "models"})
            elif not standing.baseline or self._told:
                _log.info("%s", in_words(standing), extra={"event.action": "models"})
        self._told = found

    def _snapshot(self) -> _Seen:
        files = []
        for path in sorted(self._shelf.registry.directory.glob("*/state.json")):
            try:
                seen = path.stat()
            except OSError:
                continue
            files.append((str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino))
        return self._today(), tuple(files)


class ModelFigures(Collector):
    """Which models are in force, for ``/metrics``."""

    def __init__(self, desk: ModelDesk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        labels = ["tenant", "model", "version", "status"]
        family = GaugeMetricFamily("sentinel_model_info", "Models that are in force or should be.", labels=labels)
        for each in self._desk.standings:
            family.add_metric([each.tenant, each.kind, each.version, each.status.replace(" ", "_")], 1)
        yield family
        failed = CounterMetricFamily(
            "sentinel_model_failures", "Logins that a model failed on, or whose reasons.", labels=["model"]
        )
        for kind in ASKED:
            failed.add_metric([kind], FAILURES[kind])
        yield failed


def model_desk(config: Config) -> ModelDesk:
    """The models of an installation. Raises :class:`FileError` when the recipes that came with it are broken."""
    return ModelDesk(open_shelf(config), {"default", *config.tenants}, today=today)


def model_registry(config: Config) -> Registry:
    """Where an installation keeps its models."""
    return Registry(config.state / "models")


def open_shelf(config: Config) -> Shelf:
    """The models of all tenants, as they are kept beside the store."""
    return Shelf(model_registry(config))


def shelved_tenants(config: Config, shelf: Shelf) -> list[str]:
    """The tenants of the configuration, and those that have a model of their own, by name."""
    return sorted({"default", *config.tenants, *shelf.registry.tenants()})


def today() -> date:
    """The UTC day."""
    return to_datetime(now()).date()


def in_words(standing: Standing) -> str:
    """A model and what it is to its tenant, as one line."""
    text = f"{standing.kind} {standing.version} of tenant {standing.tenant}: {standing.status}"
    return f"{text}: {standing.reason}" if standing.reason else text
