"""The models of a tenant, asked about one login: numbers for rules, and why in words.

A model that is missing, abstains or fails costs its fact only: the fact is absent, and a rule that needs it says so.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

from sentinel.facts.look import Look
from sentinel.models.features import GROUPS, vector
from sentinel.models.in_force import NO_MODELS, ModelsInForce, Shelf
from sentinel.models.likelihood import Likeness, likeness
from sentinel.models.reasons import REASONS, by_likelihood, words
from sentinel.models.registry import Registry
from sentinel.models.stored import Abstains, Model

#: Decimals that are told. More would say nothing, and differ between machines in the last place.
_DECIMALS: Final = 4
_T = TypeVar("_T")
#: What a model may raise over numbers that it does not expect.
FAILING: Final = (ArithmeticError, ValueError, LookupError, TypeError)
_log: Final = logging.getLogger("sentinel.models")
#: What is asked of models: an answer of each, and the reasons for it.
ASKED: Final = ("impostor", "novelty", "likelihood", "reasons")
#: How often each of :data:`ASKED` raised instead of answering, since the process began. Logged once, counted always.
FAILURES: Counter[str] = Counter()


class ModelScorer:
    """Answers for the facts ``model.*``; see :class:`sentinel.facts.look.Scorer`."""

    def __init__(self, models: ModelsInForce = NO_MODELS) -> None:
        self.models = models
        self.versions = models.versions
        self._look: Look | None = None
        self._vector: tuple[float, ...] | None = None
        self._like: Likeness | None = None

    def likelihood(self, look: Look) -> float | None:
        """See :mod:`sentinel.models.likelihood`; natural logarithm."""
        like = self._try("likelihood", lambda: self._likeness(look))
        return round(like.total, _DECIMALS) if like is not None else None

    def impostor(self, look: Look) -> float | None:
        """Calibrated probability, 0 to 1."""
        return self._ask("impostor", self.models.impostor, look)

    def novelty(self, look: Look) -> float | None:
        """Percentile, 0 to 100."""
        return self._ask("novelty", self.models.novelty, look)

    def reasons(self, look: Look, kind: str) -> list[str]:
        """What mattered most to a model, strongest first, at most :data:`sentinel.models.reasons.REASONS` phrases; none
        where they cannot be told, which costs no finding."""
        return self._try("reasons", lambda: self._reasons(look, kind)) or []

    def _reasons(self, look: Look, kind: str) -> list[str]:
        like = self._likeness(look)
        if like is None:
            return []
        if kind == "likelihood":
            return by_likelihood(look, like)
        model = self.models.of(kind)
        values = self._of(look)
        if not isinstance(model, Model) or values is None or not model.typical:
            return []
        score = model.raw(values)
        weighed: dict[str, float] = {}
        for group, places in GROUPS.items():
            phrase = words(group, look, like)
            if phrase is None:
                continue  # there is nothing to say of it
            usual = list(values)
            for place in places:
                usual[place] = model.typical[place]
            # How much less the login would stand out if this were as usual.
            weighed[phrase] = score - model.raw(usual)
        strongest = sorted(weighed, key=lambda phrase: -weighed[phrase])
        return [phrase for phrase in strongest if weighed[phrase] > 0][:REASONS]

    def _ask(self, kind: str, model: Model | Abstains, look: Look) -> float | None:
        if not isinstance(model, Model):
            return None
        values = self._try(kind, lambda: self._of(look))
        if values is None:
            return None
        answer = self._try(kind, lambda: model.predict(values))
        return round(answer, _DECIMALS) if answer is not None else None

    def _of(self, look: Look) -> tuple[float, ...] | None:
        like = self._likeness(look)
        if self._vector is None and like is not None:
            self._vector = vector(look, like)
        return self._vector

    def _likeness(self, look: Look) -> Likeness | None:
        if look is not self._look:
            self._look, self._like, self._vector = look, likeness(look), None
        return self._like

    def _try(self, kind: str, ask: Callable[[], _T]) -> _T | None:
        try:
            return ask()
        except FAILING:
            if not FAILURES[kind]:
                _log.exception("the %s model failed: its fact is absent", kind, extra={"event.action": "models"})
            FAILURES[kind] += 1
            return None


@lru_cache(maxsize=1)
def baseline_scorer() -> ModelScorer:
    """The models that come with the product, for whoever judges without an installation (rule tests, simulations).

    The same object each time: compiling takes tenths of a second.
    """
    shelf = Shelf(Registry(Path("/nonexistent")))
    shelf.load([], date.min)
    return ModelScorer(shelf.bare("default"))
