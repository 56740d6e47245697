"""The models of a tenant as rules ask them: what fails costs what it would have said, and nothing else."""

from collections import Counter

import pytest

from sentinel.facts.look import Look
from sentinel.models import scorer as module
from sentinel.models.scorer import ModelScorer
from sentinel.past.commons import Commons
from sentinel.past.profile import TrustPolicy
from tests.models.test_likelihood import come, home


def test_reasons_that_cannot_be_told_cost_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = ModelScorer()
    look = Look(come(11, user_agent=None), home().profile, TrustPolicy(), commons=Commons(b""))
    assert scorer.likelihood(look) is not None

    def fail(*_: object) -> list[str]:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "by_likelihood", fail)
    monkeypatch.setattr(module, "FAILURES", Counter())
    assert scorer.reasons(look, "likelihood") == []
    assert module.FAILURES == {"reasons": 1}
