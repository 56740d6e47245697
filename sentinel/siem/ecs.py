"""Elastic Common Schema: one document an event, and one whenever something happened to an alert. Pure."""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from sentinel import __version__
from sentinel.events.clock import to_text
from sentinel.siem.told import Rulebook, Seen, Told, judgement, summary, technique_page

#: The version whose field names these are.
VERSION: Final = "8.11.0"

_ACCESS: Final = ("authentication",)
_IAM: Final = ("iam",)
#: Type of event → ECS categories and types, among those that ECS lets go together.
_CATEGORIES: Final = {
    "login": (_ACCESS, ("start",)),
    "mfa_challenge": (_ACCESS, ("info",)),
    "logout": (("authentication", "session"), ("end",)),
    "session_seen": (("session",), ("info",)),
    "session_revoked": (("session",), ("end",)),
    "account_created": (_IAM, ("user", "creation")),
    "role_changed": (_IAM, ("user", "admin", "change")),
}
_CHANGE: Final = (_IAM, ("user", "change"))
_OUTCOMES: Final = {"success": "success", "failure": "failure", "blocked": "failure"}
#: Severities as Elastic's own detection rules have them.
_SEVERITY: Final = {"low": 21, "medium": 47, "high": 73, "critical": 99}
_LEVELS: Final = {"low": "Low", "medium": "Moderate", "high": "High", "critical": "Critical"}
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def document(seen: Seen, rules: Rulebook) -> dict[str, Any]:
    """An event with its assessment."""
    sighting, said = seen.sighting, seen.assessment
    categories, types = _CATEGORIES.get(sighting.type, _CHANGE)
    if sighting.type == "login" and sighting.outcome != "success":
        types = ("info",)
    event = {
        "kind": "event",
        "category": list(categories),
        "type": list(types),
        "action": sighting.type,
        "outcome": _OUTCOMES.get(sighting.outcome, "unknown"),
        "dataset": "sentinel.assessment",
    }
    if sighting.reason is not None:
        event["reason"] = sighting.reason
    found = _base(sighting.time, seen.tenant, event, said.level, said.risk)
    found |= _of_event(seen)
    found |= _rule([each.rule for each in seen.held], rules)
    found["message"] = summary(seen)
    found["sentinel"] = {"event": seen.event, "assessment": judgement(seen)}
    if said.alert is not None:
        found["sentinel"]["alert"] = said.alert
    return _sealed(found)


def alert_document(told: Told, rules: Rulebook) -> dict[str, Any]:
    """An alert or a campaign as it stands."""
    alert, seen = told.alert, told.seen
    event = {
        "kind": "alert",
        "category": ["intrusion_detection"],
        "type": ["info"],
        "action": f"{alert.kind}-{told.activity}",
        "dataset": "sentinel.alert",
        "start": to_text(alert.first),
        "end": to_text(alert.last),
    }
    found = _base(alert.last, alert.tenant, event, alert.level, alert.risk)
    if seen is not None:
        found |= _of_event(seen)
    elif told.account is not None:
        found |= _user(told.account)
    found |= _rule(alert.rules, rules)
    found["message"] = rules.title(alert.rules[0]) if alert.rules else alert.kind
    found["sentinel"] = {
        "alert": alert.id, "kind": alert.kind, "state": alert.state, "events": alert.events, "rules": alert.rules,
    }  # fmt: skip
    return _sealed(found)


def _base(time: int, tenant: str, event: dict[str, Any], level: str | None, risk: float | None) -> dict[str, Any]:
    event |= {"module": "sentinel", "provider": "sentinel"}
    if level is not None and risk is not None:
        event |= {"severity": _SEVERITY[level], "risk_score": risk}
    return {
        "@timestamp": to_text(time),
        "ecs": {"version": VERSION},
        "event": event,
        "observer": {"vendor": "sentinel", "product": "sentinel", "type": "ids", "version": __version__},
        "labels": {"tenant": tenant},
    }


def _of_event(seen: Seen) -> dict[str, Any]:
    sighting, said = seen.sighting, seen.assessment
    place, network, device = sighting.place, sighting.network, sighting.device
    geo = {"country_iso_code": place.country, "region_name": place.region, "city_name": place.city}
    if place.lat is not None and place.lon is not None:
        geo["location"] = {"lat": place.lat, "lon": place.lon}  # type: ignore[assignment]  # a geo_point
    source = _only(
        ip=seen.address,
        geo=_only(**geo),
        **{"as": _only(number=network.asn, organization=_only(name=network.organisation))},
    )
    agent = _only(
        name=device.browser,
        version=device.browser_version,
        os=_only(name=device.os, version=device.os_version),
        device=_only(name=device.type),
    )
    found = _only(source=source, user_agent=agent, service=_only(name=sighting.service))
    if seen.account is not None:
        found |= _user(seen.account)
        if said.level is not None and said.risk is not None:
            found["user"]["risk"] = {"calculated_level": _LEVELS[said.level], "calculated_score_norm": said.risk}
    return found


def _user(account: str) -> dict[str, Any]:
    return {"user": {"id": account}, "related": {"user": [account]}}


def _rule(held: list[str], rules: Rulebook) -> dict[str, Any]:
    """The strongest rule in ``rule.*``, the techniques of all in ``threat.*``."""
    if not held:
        return {}
    found: dict[str, Any] = {"rule": {"id": held[0], "name": rules.title(held[0]), "ruleset": "sentinel"}}
    if techniques := rules.techniques(held):
        whole = list(dict.fromkeys(each.partition(".")[0] for each in techniques))
        below = [each for each in techniques if "." in each]
        technique: dict[str, Any] = {"id": whole, "reference": [technique_page(each) for each in whole]}
        if below:
            technique["subtechnique"] = {"id": below, "reference": [technique_page(each) for each in below]}
        found["threat"] = {"framework": "MITRE ATT&CK", "technique": technique}
    return found


def _only(**fields: Any) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}


def _sealed(found: dict[str, Any]) -> dict[str, Any]:
    """With an id that follows from what it says, so that what is sent twice can be told."""
    found["event"]["id"] = blake2b(_encode(found), digest_size=16).hexdigest()
    return found
