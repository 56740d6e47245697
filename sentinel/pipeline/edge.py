"""The outermost wall: a checked event becomes an arrival, whose raw values are only there to be sealed."""

from sentinel.enrich.sighting import Enricher, attributes_of, raw_of
from sentinel.events.clock import to_micros
from sentinel.events.event import Event, Feedback, canonical
from sentinel.pipeline.item import Answer, Arrival, Call


def arrive(
    enricher: Enricher,
    tenant: str,
    event: Event,
    *,
    received: int | None = None,
    silent: bool = False,
    call: Call | None = None,
) -> Arrival:
    """An arrival for the pipeline. ``received`` (micros) only over HTTP: files read no clock."""
    return Arrival(
        tenant=tenant,
        account=event.account,
        sighting=enricher.sight(tenant, event),
        raw=raw_of(event),
        body=enricher.body_hash(tenant, canonical(event)),
        attributes=attributes_of(event),
        received=received,
        silent=silent,
        call=call,
    )


def answer(enricher: Enricher, tenant: str, feedback: Feedback) -> Answer:
    """An answer line of a file for the pipeline."""
    return Answer(
        tenant=tenant,
        key=enricher.event_key(tenant, feedback.event),
        event=feedback.event,
        verdict=feedback.verdict,
        time=to_micros(feedback.time),
    )
