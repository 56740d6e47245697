"""Drift of an installation: counts read from the store, held against the models that are there; for ``/metrics``,
`sentinel doctor`, `sentinel models`, and who writes to operators."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sentinel.daemon.models import ModelDesk
from sentinel.errors import SentinelError
from sentinel.events.clock import MINUTE, utc_day
from sentinel.models.drifted import DayCount, Report, report, told
from sentinel.models.in_force import Standing
from sentinel.pipeline.drift import counts_of, name_of, open_counted
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import DRIFT_DAYS, Store

_log: Final = logging.getLogger("sentinel.models")

#: How long figures of a day that is over stand until they are made anew (micros): late batches may still come in.
_STAND: Final = 10 * MINUTE
_SHOW: Final = "`sentinel models drift` shows the days"


class ModelDrift(msgspec.Struct, frozen=True, kw_only=True):
    """A model and how far logins moved from what it learned from. ``report`` is ``None`` for one without a reference,
    as releases before this made them."""

    standing: Standing
    report: Report | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say of a tenant; ``shifted``: somebody should look."""

    tenant: str
    shifted: bool
    text: str


async def drift_of(
    store: Store, vault: Vault, tenant: str, standings: Sequence[Standing], *, now: int
) -> list[ModelDrift]:
    """The drift of a tenant's models over the days that are kept, up to yesterday (UTC).

    Raises :class:`sentinel.errors.SentinelError` when the counts cannot be read.
    """
    last = utc_day(now) - 1
    sealed = await store.drift(tenant, since=last - DRIFT_DAYS)
    days = {day: open_counted(vault.drift, day, tenant, each) for day, each in sealed.items()}
    found = []
    for standing in standings:
        file = standing.file
        if file is None:
            continue
        made = None
        if file.reference is not msgspec.UNSET:
            name, width = name_of(file.kind, file.version), sum(len(bins.shares) for bins in file.reference.bins)
            counted = [
                DayCount(day=day, shift=each.shift, counts=counts)
                for day, each in days.items()
                if len(counts := counts_of(each, name)) == width
            ]
            made = report(file.reference, file.features, counted, last)
        found.append(ModelDrift(standing=standing, report=made))
    return found


def findings(tenant: str, drifts: Sequence[ModelDrift]) -> list[Finding]:
    """What an operator is told of the models in force."""
    found = []
    for each in drifts:
        standing, report = each.standing, each.report
        named = f"tenant {tenant}: {standing.kind} {standing.version}"
        shifted = False
        if report is None:
            text = f"{named} has nothing to tell drift by; a model that is trained now has"
        elif not report.enough:
            week = report.week
            text = f"{named}: too little to tell drift, {week.logins} logins looked at on {week.days} of seven days"
        elif not report.shifted:
            text = f"{named}: logins are like those it learned from, {report.week.logins} looked at in seven days"
        elif standing.baseline:
            # Nobody's logins are like made-up ones, and who has too few to train can do nothing about it.
            text = f"{named} learned from made-up traffic; yours is other in: {told(report.shifted)}."
            text += " `sentinel train` learns yours"
        else:
            shifted = True
            text = (
                f"{named}: logins are not like those it learned from: {told(report.shifted)}. Look at what changed: a"
            )
            text += " browser, a VPN, a sign-in page, who the people are. If it is to stay, run `sentinel train`."
            text += f" {_SHOW}"
        found.append(Finding(tenant=tenant, shifted=shifted, text=text))
    return found


def summary(found: Sequence[Finding]) -> str:
    """The paragraph on drift for the weekly summary to operators: what somebody should look at, or that nothing is."""
    shifted = [each.text for each in found if each.shifted]
    return "\n".join(shifted) if shifted else "No model saw other logins than those it learned from."


class DriftFigures(Collector):
    """Drift of the last full UTC day, for ``/metrics``; call :meth:`refresh` before it is collected."""

    def __init__(self, store: Store, vault: Vault, desk: ModelDesk, clock: Callable[[], int]) -> None:
        self._store, self._vault, self._desk, self._clock = store, vault, desk, clock
        self._made = -_STAND
        self._seen: frozenset[tuple[str, str, str]] = frozenset()
        self._drifts: list[ModelDrift] = []

    async def refresh(self) -> None:
        """Make the figures anew: when a day began, other models are in force, or a while has passed."""
        now = self._clock()
        in_force = [each for each in self._desk.standings if each.status == "in force"]
        seen = frozenset((each.tenant, str(each.kind), each.version) for each in in_force)
        if seen == self._seen and utc_day(now) == utc_day(self._made) and now - self._made < _STAND:
            return
        drifts: list[ModelDrift] = []
        for tenant in dict.fromkeys(each.tenant for each in in_force):
            theirs = [each for each in in_force if each.tenant == tenant]
            try:
                drifts += await drift_of(self._store, self._vault, tenant, theirs, now=now)
            except SentinelError as error:
                # Nobody loses the other figures for these.
                _log.error("drift of tenant %s: %s", tenant, error, extra={"event.action": "models"})
        self._made, self._seen, self._drifts = now, seen, drifts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See prometheus_client."""
        labels = ["tenant", "model"]
        drift = GaugeMetricFamily(
            "sentinel_model_drift",
            "Population stability index of yesterday's logins (UTC) against those of training.",
            labels=[*labels, "feature"],
        )
        logins = GaugeMetricFamily("sentinel_model_drift_logins", "Logins of yesterday looked at.", labels=labels)
        shifted = GaugeMetricFamily("sentinel_model_drift_shifted", "Features and scores that shifted.", labels=labels)
        yesterday = utc_day(self._made) - 1
        for each in self._drifts:
            if each.report is None:
                continue
            whose = [each.standing.tenant, each.standing.kind]
            shifted.add_metric(whose, len(each.report.shifted))
            if (day := each.report.days.get(yesterday)) is not None:
                logins.add_metric(whose, day.logins)
                for one in day.drifted:
                    drift.add_metric([*whose, one.name], one.moved.psi)
        yield from (drift, logins, shifted)
