"""A flood: more mails wait than people should get one by one. An account's become one summary; operators hear once."""

import logging
from collections.abc import Callable
from typing import Final

from sentinel.events.alert import FLOOD, Notice, alert_id
from sentinel.events.clock import utc_day
from sentinel.store.protocol import AlertRow, Changes, Store

_log: Final = logging.getLogger("sentinel.alerts")

#: What it is worth as a campaign: the least of the level whose mails go before all others, for somebody should look.
_RISK: Final = 85.0
_LEVEL: Final = "critical"


async def fold_flood(store: Store, most: Callable[[str], int], *, now: int) -> int:
    """See :meth:`sentinel.alerts.outbox.Outbox.fold_flood`."""
    folded = 0
    for tenant, waiting in sorted((await store.crowds(now)).items()):
        if waiting > most(tenant):
            folded += await store.fold_mails(tenant, now=now)
            await _tell(store, tenant, waiting, now)
    return folded


async def _tell(store: Store, tenant: str, waiting: int, now: int) -> None:
    """Put the operators' mail into the outbox; there is one a day, since the same id comes again."""
    alert = alert_id(None, "campaign", f"{FLOOD}:{tenant}:{utc_day(now)}")
    notice = Notice(
        id=alert,
        kind="campaign",
        tenant=tenant,
        event="",
        account=None,
        time=now,
        risk=_RISK,
        level=_LEVEL,
        decision="notify",
        actor="system",
        reasons=(FLOOD,),
        events=waiting,
    )
    if await store.alert(tenant, alert) is not None:
        return
    _log.warning("%d mails wait (tenant %s): those of one account are folded into one", waiting, tenant)
    row = AlertRow(
        id=alert, tenant=tenant, account=None, kind="campaign", level=_LEVEL, risk=_RISK, first=now, last=now,
        events=waiting, rules=[FLOOD], event="", state="open",
    )  # fmt: skip
    await store.commit(Changes(alerts={(tenant, alert): row}, notices=[notice]))
