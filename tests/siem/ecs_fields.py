"""Fields of the Elastic Common Schema 8.11 that exports use, with their types, and which values ECS allows.

From its published field reference; what is not here is not an ECS field, or is one that we do not use yet.
"""

from typing import Final

FIELDS: Final = {
    "@timestamp": "date",
    "ecs.version": "keyword",
    "event.action": "keyword",
    "event.category": "keyword[]",
    "event.dataset": "keyword",
    "event.end": "date",
    "event.id": "keyword",
    "event.kind": "keyword",
    "event.module": "keyword",
    "event.outcome": "keyword",
    "event.provider": "keyword",
    "event.reason": "keyword",
    "event.risk_score": "float",
    "event.severity": "long",
    "event.start": "date",
    "event.type": "keyword[]",
    "message": "match_only_text",
    "observer.product": "keyword",
    "observer.type": "keyword",
    "observer.vendor": "keyword",
    "observer.version": "keyword",
    "related.user": "keyword[]",
    "rule.id": "keyword",
    "rule.name": "keyword",
    "rule.ruleset": "keyword",
    "service.name": "keyword",
    "source.as.number": "long",
    "source.as.organization.name": "keyword",
    "source.geo.city_name": "keyword",
    "source.geo.country_iso_code": "keyword",
    "source.geo.location": "geo_point",
    "source.geo.region_name": "keyword",
    "source.ip": "ip",
    "threat.framework": "keyword",
    "threat.technique.id": "keyword[]",
    "threat.technique.reference": "keyword[]",
    "threat.technique.subtechnique.id": "keyword[]",
    "threat.technique.subtechnique.reference": "keyword[]",
    "user.id": "keyword",
    "user.risk.calculated_level": "keyword",
    "user.risk.calculated_score_norm": "float",
    "user_agent.device.name": "keyword",
    "user_agent.name": "keyword",
    "user_agent.os.name": "keyword",
    "user_agent.os.version": "keyword",
    "user_agent.version": "keyword",
}
KINDS: Final = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
OUTCOMES: Final = {"success", "failure", "unknown"}
#: Category → the types that may stand beside it.
ALLOWED: Final = {
    "authentication": {"start", "end", "info"},
    "iam": {"admin", "change", "creation", "deletion", "group", "info", "user"},
    "intrusion_detection": {"allowed", "denied", "info"},
    "session": {"start", "end", "info"},
}
