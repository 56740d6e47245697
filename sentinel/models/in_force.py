"""Which models are asked: a tenant's own, or the baseline where it has none that may be used."""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from sentinel.errors import FileError
from sentinel.models.recipe import Recipe, packaged_models, packaged_recipe
from sentinel.models.registry import Registry
from sentinel.models.stored import KINDS, MAX_BYTES, Abstains, Kind, Model, ModelFile, decode, unfit, usable

Status = Literal["in force", "abstains", "missing", "candidate", "kept"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is to a tenant. ``reason``: why it abstains, or would. ``baseline``: it came with the product, or
    should have where it is ``missing``."""

    tenant: str
    kind: Kind
    version: str
    status: Status
    baseline: bool = False
    reason: str | None = None
    file: ModelFile | None = None  #: what stands in it, where it could be read


class ModelsInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The models of one tenant: each ready to be asked, or the reason why there is no answer. ``standings`` tell of all
    that are in force or should be, the ones that the baseline stands in for as well."""

    impostor: Model | Abstains = Abstains("no model was loaded")
    novelty: Model | Abstains = Abstains("no model was loaded")
    standings: tuple[Standing, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """The version of each that is asked, by kind: what an assessment says."""
        found = {kind: self.of(kind) for kind in KINDS}
        return {kind: model.version for kind, model in found.items() if isinstance(model, Model)}

    def of(self, kind: str) -> Model | Abstains:
        """The model of a kind, one of :data:`KINDS`."""
        return {"impostor": self.impostor, "novelty": self.novelty}[kind]


#: Where no models are wanted: all of them abstain.
NO_MODELS = ModelsInForce()


class Shelf:
    """Finds and compiles the models in force. What was compiled is kept until no tenant has it in force any more.

    ``recipes`` say what this release expects of a model; raises :class:`FileError` when the packaged ones are broken.
    """

    def __init__(
        self,
        registry: Registry,
        recipes: dict[Kind, Recipe] | None = None,
        baseline: Path | None = None,
    ) -> None:
        self.registry = registry
        self._recipes = recipes or {kind: packaged_recipe(kind) for kind in KINDS}
        self._hashes = {kind: recipe.hash for kind, recipe in self._recipes.items()}
        self._baseline = packaged_models() / "baseline" if baseline is None else baseline
        self._compiled: dict[str, Model] = {}
        self._bases: dict[Kind, tuple[Standing, Model | Abstains]] = {}

    def load(self, tenants: list[str], today: date) -> dict[str, ModelsInForce]:
        """The models of each tenant on a day (UTC). Never raises for what is wrong with a model."""
        before, self._compiled = self._compiled, {}
        self._bases = {kind: self._with_model(self._base(kind, today), before) for kind in KINDS}
        return {tenant: self._of(tenant, today, before) for tenant in tenants}

    def bare(self, tenant: str) -> ModelsInForce:
        """The baseline, for a tenant that has no model of its own. Only after :meth:`load`."""
        models = {kind: model for kind, (_, model) in self._bases.items()}
        standings = [msgspec.structs.replace(standing, tenant=tenant) for standing, _ in self._bases.values()]
        return ModelsInForce(**models, standings=tuple(standings))

    def look(self, tenant: str, today: date) -> list[Standing]:
        """All models of a tenant with what they are, without compiling any: in force or not, candidates, kept ones."""
        found = []
        for kind in KINDS:
            own = self._own(tenant, kind, today)
            if own is not None:
                found.append(own)
            if own is None or own.status == "abstains":
                found.append(msgspec.structs.replace(self._base(kind, today), tenant=tenant))
            held = self.registry.held(tenant, kind)
            others: list[tuple[Status, str]] = [("kept", version) for version in held.kept]
            if held.candidate is not None:
                others.insert(0, ("candidate", held.candidate))
            for status, version in others:
                judged = self._judged(tenant, kind, self._read(tenant, kind, version), today, version)
                found.append(msgspec.structs.replace(judged, status=status))
        return found

    def _of(self, tenant: str, today: date, before: dict[str, Model]) -> ModelsInForce:
        models: dict[str, Model | Abstains] = {}
        standings: list[Standing] = []
        for kind in KINDS:
            own = self._own(tenant, kind, today)
            if own is not None:
                standings.append(own)
            if own is not None and own.status == "in force":
                _, models[kind] = self._with_model(own, before)
            else:
                base, models[kind] = self._bases[kind]
                standings.append(msgspec.structs.replace(base, tenant=tenant))
        return ModelsInForce(**models, standings=tuple(standings))

    def _own(self, tenant: str, kind: Kind, today: date) -> Standing | None:
        try:
            version = self.registry.held(tenant, kind).in_force
        except FileError as error:
            return Standing(tenant=tenant, kind=kind, version="unknown", status="abstains", reason=str(error))
        if version is None:
            return None
        return self._judged(tenant, kind, self._read(tenant, kind, version), today, version)

    def _judged(
        self, tenant: str | None, kind: Kind, found: ModelFile | Abstains, today: date, version: str = ""
    ) -> Standing:
        """In force, unless something is against it."""
        say = partial(Standing, tenant=tenant or "", kind=kind, baseline=tenant is None)
        if isinstance(found, Abstains):
            return say(version=found.version or version or "unknown", status="abstains", reason=found.reason)
        features, recipe = self._recipes[kind].names, self._hashes[kind]
        reason = unfit(found, kind=kind, tenant=tenant, features=features, recipe=recipe, today=today)
        status: Status = "in force" if reason is None else "abstains"
        return say(version=found.version, status=status, reason=reason, file=found)

    def _with_model(self, standing: Standing, before: dict[str, Model]) -> tuple[Standing, Model | Abstains]:
        file = standing.file
        if standing.status != "in force" or file is None:
            return standing, Abstains(standing.reason or "", standing.version)
        if file.sha256 not in self._compiled:
            self._compiled[file.sha256] = before.get(file.sha256) or usable(file)
        return standing, self._compiled[file.sha256]

    def _read(self, tenant: str, kind: Kind, version: str) -> ModelFile | Abstains:
        return _read(lambda: self.registry.content(tenant, kind, version))

    def _base(self, kind: Kind, today: date) -> Standing:
        path = self._baseline / f"{kind}.json"
        if not path.exists():
            reason = "no baseline comes with this release"
            return Standing(tenant="", kind=kind, version="none", status="missing", baseline=True, reason=reason)
        return self._judged(None, kind, _read(lambda: path.read_bytes()[: MAX_BYTES + 1]), today)


def _read(content: Callable[[], bytes]) -> ModelFile | Abstains:
    try:
        return decode(content())
    except (FileError, OSError) as error:
        return Abstains(str(error))
