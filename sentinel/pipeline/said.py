"""What operators hear when somebody says that it was not the person: one case, one mail."""

from typing import Final

from sentinel.alerts.campaigns import KIND
from sentinel.alerts.sentences import mark
from sentinel.events.alert import SAID_COMPROMISED, Notice, alert_id
from sentinel.events.place import ANONYMOUS_KINDS, Place
from sentinel.events.sighting import Sighting
from sentinel.pipeline.pack import unpack_assessment
from sentinel.store.protocol import AlertRow, Changes, Record

TITLE: Final = mark("Somebody who knows said that it was not the person.")
_RISK: Final = 100.0


def tell_operators(changes: Changes, record: Record, sighting: Sighting) -> None:
    """Put the case of an event called compromised into ``changes``: listed among the campaigns, with the event in it,
    and mailed once. Events of one alert are one case."""
    id = alert_id(record.account_id, KIND, record.alert or record.event_id)
    rules = [each.rule for each in unpack_assessment(record.assessment, "", None).findings if each.status == "live"]
    changes.alerts[record.tenant, id] = AlertRow(
        id=id,
        tenant=record.tenant,
        account=None,
        kind=KIND,
        level="critical",
        risk=_RISK,
        first=sighting.time,
        last=sighting.time,
        events=1,
        rules=rules,
        event=record.key,
    )
    changes.campaigns.append((record.tenant, id, record.key))
    changes.notices.append(
        Notice(
            id=id,
            kind=KIND,
            tenant=record.tenant,
            event=record.key,
            account=None,
            time=sighting.time,
            risk=_RISK,
            level="critical",
            decision="notify",
            type=sighting.type,
            outcome=sighting.outcome,
            service=sighting.service,
            place=sighting.place if sighting.network.kind not in ANONYMOUS_KINDS else Place(),
            organisation=sighting.network.organisation,
            device=sighting.device,
            factor_method=sighting.factor.method,
            reasons=(SAID_COMPROMISED, *rules),
            titles=(TITLE,),
            actor=sighting.actor,
        )
    )
