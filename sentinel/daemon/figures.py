"""Figures for Prometheus. Labels are words of ours only, so that no personal data can get in."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sentinel import __version__
from sentinel.errors import StoreError
from sentinel.pipeline.batch import Batch, Pipeline
from sentinel.pipeline.item import Arrival, Item, Outcome

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Figures:
    """Counts what the pipeline did; :meth:`text` is what ``/metrics`` answers."""

    def __init__(self, requests: Callable[[], Tally[tuple[str, int]]]) -> None:
        self.registry = registry = CollectorRegistry()
        self._events = Counter("sentinel_events", "Events judged.", ["type", "outcome"], registry=registry)
        self._duplicates = Counter("sentinel_duplicates", "Events posted again.", registry=registry)
        self._conflicts = Counter("sentinel_conflicts", "Ids used again with other content.", registry=registry)
        self._decisions = Counter("sentinel_decisions", "Assessments.", ["decision", "level"], registry=registry)
        self._findings = Counter(
            "sentinel_findings", "Rules that held, live and shadow.", ["rule", "status"], registry=registry
        )
        self._unjudged = Counter("sentinel_unjudged", "Rules that lacked a fact.", ["rule"], registry=registry)
        self._batches = Histogram(
            "sentinel_batch_seconds", "From recall to commit of one batch.", buckets=_SECONDS, registry=registry
        )
        self._failures = Counter("sentinel_batch_failures", "Batches that were not stored.", registry=registry)
        self._waiting = Gauge("sentinel_waiting_events", "Events that wait to be judged.", registry=registry)
        self._mails = Gauge("sentinel_mails", "Mails by state.", ["state"], registry=registry)
        self._hooks = Gauge(
            "sentinel_hooks", "Events for hooks by target and state.", ["target", "state"], registry=registry
        )
        self._ready = Gauge("sentinel_ready", "1 when able to do its work.", registry=registry)
        info = Gauge("sentinel_info", "Version and rules in force.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        registry.register(_Requests(requests))

    def count(self, items: Sequence[Item], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Enter one batch."""
        events: Tally[tuple[str, str]] = Tally()
        decisions: Tally[tuple[str, str]] = Tally()
        findings: Tally[tuple[str, str]] = Tally()
        unjudged: Tally[str] = Tally()
        for item, outcome in zip(items, outcomes, strict=True):
            if outcome.duplicate:
                self._duplicates.inc()
            elif outcome.conflict:
                self._conflicts.inc()
            elif isinstance(item, Arrival) and outcome.assessment is not None:
                assessment = outcome.assessment
                events[item.sighting.type, item.sighting.outcome] += 1
                decisions[assessment.decision, assessment.level or "none"] += 1
                findings.update(outcome.fired)
                unjudged.update(entry.rule for entry in assessment.unjudged)
        for labels, number in events.items():
            self._events.labels(*labels).inc(number)
        for labels, number in decisions.items():
            self._decisions.labels(*labels).inc(number)
        for labels, number in findings.items():
            self._findings.labels(*labels).inc(number)
        for rule, number in unjudged.items():
            self._unjudged.labels(rule).inc(number)
        self._batches.observe(seconds)

    def failed(self) -> None:
        """A batch was not stored."""
        self._failures.inc()

    def text(
        self,
        *,
        waiting: int,
        mails: dict[str, int],
        ready: bool,
        hooks: Mapping[tuple[str, str], int] | None = None,
    ) -> bytes:
        """Everything in Prometheus text format."""
        self._waiting.set(waiting)
        self._ready.set(ready)
        for state, number in mails.items():
            self._mails.labels(state).set(number)
        self._hooks.clear()  # what nothing is in any more has no row
        for labels, count in (hooks or {}).items():
            self._hooks.labels(*labels).set(count)
        return generate_latest(self.registry)


class CountedPipeline(Pipeline):
    """A pipeline that enters its work in :class:`Figures`, and wakes mail delivery when there is something.

    ``failure`` is why the store did not take the last batch (empty: it did), ``failed_at`` when (:func:`perf_counter`).
    """

    figures: Figures
    wake: Callable[[], None]
    witness: Callable[[int], None] | None = None  #: told the newest time of accepted events, as their senders say
    failure = ""
    failed_at = 0.0

    async def judge(self, items: Sequence[Item]) -> Batch:
        """See :class:`Pipeline`."""
        began = perf_counter()
        with self._noted():
            batch = await super().judge(items)
        batch.began = began
        return batch

    async def commit(self, batch: Batch) -> list[Outcome]:
        """See :class:`Pipeline`."""
        with self._noted():
            outcomes = await super().commit(batch)
        self.failure = ""
        self.figures.count(batch.items, outcomes, perf_counter() - batch.began)
        if batch.changes.notices or batch.changes.hooks:
            self.wake()
        if self.witness is not None:
            came = [item.sighting.time for item in batch.items if isinstance(item, Arrival) and item.received]
            if came:
                self.witness(max(came))
        return outcomes

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.figures.failed()
            if isinstance(error, StoreError):
                self.failure, self.failed_at = str(error), perf_counter()
            raise


class _Requests(Collector):
    """Requests as counted by the HTTP edge, without a lock on its way."""

    def __init__(self, requests: Callable[[], Tally[tuple[str, int]]]) -> None:
        self._requests = requests

    def collect(self) -> list[CounterMetricFamily]:
        family = CounterMetricFamily("sentinel_http_requests", "Requests answered.", labels=["route", "status"])
        for (route, status), number in sorted(self._requests().items()):
            family.add_metric([route, str(status)], number)
        return [family]
