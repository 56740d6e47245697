"""Facts that models compute. Absent while no model is in force: nothing is known then, which is not safe."""

from sentinel.facts.look import Look
from sentinel.facts.registry import fact


@fact("model.likelihood", "double", past=True, judged=True)
def model_likelihood(look: Look) -> float | None:
    """Logarithm of how much more common the login's features are for everybody than for this account."""
    return look.scorer.likelihood(look) if look.scorer is not None else None


@fact("model.impostor", "double", past=True, judged=True)
def model_impostor(look: Look) -> float | None:
    """Calibrated probability that the login is not the person's own."""
    return look.scorer.impostor(look) if look.scorer is not None else None


@fact("model.novelty", "double", past=True, judged=True)
def model_novelty(look: Look) -> float | None:
    """Percentile of how unlike other logins of the service it is, frozen at training."""
    return look.scorer.novelty(look) if look.scorer is not None else None
