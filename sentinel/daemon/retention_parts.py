"""Retention put together from an installation's parts, for the daemon and for the command without one."""

from collections.abc import Callable
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sentinel.api.service import Readiness
from sentinel.audit.entry import Entry
from sentinel.audit.log import AuditLog
from sentinel.config import Config
from sentinel.daemon.backups import expire_backups
from sentinel.daemon.expiry import Expiry, Others
from sentinel.daemon.forgetting import Alone
from sentinel.daemon.models import model_registry
from sentinel.daemon.retention import Retention
from sentinel.events.clock import DAY, SECOND, now
from sentinel.pipeline.standing import Standings
from sentinel.privacy.ledger import Ledger
from sentinel.privacy.retention import due, ending_date
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Store

#: Name of the actor of runs that nobody ordered, in the audit log.
SYSTEM: Final = "system"


def make_retention(
    config: Callable[[], Config],
    store: Store,
    vault: Vault,
    log: AuditLog,
    ledger: Ledger,
    *,
    alone: Alone,
    clock: Callable[[], int] = now,
    actor: str = SYSTEM,
    rest: float = 0.002,
) -> Retention:
    """Retention over an installation; ``config`` gives the configuration in force, ``rest`` see :class:`Expiry`.

    Every run is told in ``log`` before it begins. ``ledger`` forgets what no backup needs any more.
    """

    def tell(now: int, purpose: str) -> None:
        role = "system" if actor == SYSTEM else "operator"
        log.append([Entry(time=now, actor=actor, role=role, action="retention.run", purpose=purpose)])  # type: ignore[arg-type]  # one of the roles

    standings = Standings(store, vault)
    others: Others = {
        "audit": log.prune,
        "erasures": ledger.forget,
        "standings": lambda now: standings.forget(due(now, config().retention.raw_days).before),
        "backups": lambda now: sum(expire_backups(config(), now)),
        "models": lambda now: len(model_registry(config()).expire(ending_date(now))),
    }
    return Retention(
        Expiry(store, vault, alone, others, rest=rest),
        vault,
        raw_days=lambda: config().retention.raw_days,
        log=tell,
        clock=clock,
    )


def readiness(
    retention: Retention, wrong: dict[str, str], warnings: dict[str, str], *, durable: bool, waiting: int
) -> Readiness:
    """What ``/readyz`` answers: what is ``wrong`` with the daemon, what to look at (``warnings``), and how retention
    stands.

    That something is overdue is an error there and nowhere else: no supervisor should start the daemon anew for it.
    """
    standing = retention.standing()
    return Readiness(
        reasons=wrong | ({"retention": standing.error} if standing.error else {}),
        durable=durable,
        waiting=waiting,
        warnings=warnings | ({"retention": standing.warning} if standing.warning else {}),
        oldest_raw_days=round(standing.raw_age / DAY, 2) if standing.raw_age is not None else None,
    )


class RetentionFigures(Collector):
    """How retention stands, for ``/metrics``."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        """See prometheus_client."""
        standing, total = self._retention.standing(), self._retention.total
        expired = CounterMetricFamily(
            "sentinel_retention_expired", "What expiry destroyed or deleted.", labels=["what"]
        )
        for name in total.__struct_fields__:
            expired.add_metric([name], getattr(total, name))
        gauges = {
            "overdue": ("1 when something is kept longer than promised.", standing.overdue),
            "clock_doubted": ("1 while nothing expires, since the clock is not believed.", standing.doubted),
            "last_run_timestamp_seconds": ("When the last whole run ended; 0: never.", standing.ran / SECOND),
            "oldest_raw_age_seconds": (
                "Age of the oldest raw address that can be read, from the beginning of its day; 0: there is none.",
                (standing.raw_age or 0) / SECOND,
            ),
        }
        return [
            expired,
            *(GaugeMetricFamily(f"sentinel_retention_{name}", text, value) for name, (text, value) in gauges.items()),
        ]
