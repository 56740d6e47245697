"""The outermost wall: a checked event becomes an arrival, and raw values stay behind in the event alone."""

from sentinel.enrich.sighting import Enricher, attributes_of
from sentinel.events.clock import to_micros
from sentinel.events.event import Event, Feedback, canonical
from sentinel.pipeline.item import Answer, Arrival


def arrive(
    enricher: Enricher, tenant: str, event: Event, *, received: int | None = None, silent: bool = False
) -> Arrival:
    """An arrival for the pipeline. ``received`` (micros) only over HTTP: files read no clock."""
    return Arrival(
        tenant=tenant,
        event=event,
        sighting=enricher.sight(tenant, event),
        body=enricher.body_hash(tenant, canonical(event)),
        attributes=attributes_of(event),
        received=received,
        silent=silent,
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
