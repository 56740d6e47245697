"""OCSF: Authentication (3002) and Detection Finding (2004). Pure; names are those of the schema."""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from sentinel import __version__
from sentinel.siem.told import Rulebook, Seen, Told, judgement, summary, technique_page

#: The version of the schema: the newest one that tests can validate against.
VERSION: Final = "1.8.0"
#: Parts of the schema beside those of the class: risk and what was done about an attempt; what a finding was.
PROFILES: Final = {3002: ("security_control",), 2004: ("security_control", "incident")}

_AUTHENTICATION: Final = 3002
_FINDING: Final = 2004
_OTHER: Final = 99
_ACTIVITIES: Final = {"login": (1, "Logon"), "logout": (2, "Logoff"), "mfa_challenge": (_OTHER, "mfa_challenge")}
_STATUS: Final = {"success": (1, "Success"), "failure": (2, "Failure"), "blocked": (2, "Failure")}
_ACTIONS: Final = {"success": (1, "Allowed"), "blocked": (2, "Denied")}
_SEVERITY: Final = {None: (0, "Unknown"), "low": (1, "Informational"), "medium": (3, "Medium"), "high": (4, "High"),
                    "critical": (5, "Critical")}  # fmt: skip
_RISK: Final = {"low": (1, "Low"), "medium": (2, "Medium"), "high": (3, "High"), "critical": (4, "Critical")}
_FACTORS: Final = {
    "sms": (1, "SMS"),
    "voice": (3, "Phone Call"),
    "push": (5, "Push Notification"),
    "totp": (7, "OTP"),
    "email": (8, "Email"),
    "webauthn": (10, "WebAuthn"),
    "backup_code": (_OTHER, "backup_code"),
}
_DEVICES: Final = {"desktop": (2, "Desktop"), "tablet": (4, "Tablet"), "mobile": (5, "Mobile")}
_SYSTEMS: Final = {"windows": (100, "Windows"), "linux": (200, "Linux"), "android": (201, "Android"),
                   "mac os x": (300, "macOS"), "macos": (300, "macOS"), "ios": (301, "iOS")}  # fmt: skip
_ALERT_ACTIVITIES: Final = {"create": (1, "Create"), "update": (2, "Update"), "close": (3, "Close")}
_VERDICTS: Final = {"legitimate": (1, "False Positive"), "compromised": (2, "True Positive")}
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def documents(seen: Seen, rules: Rulebook) -> list[dict[str, Any]]:
    """What is told of an event: that somebody logged in, and what was found where no alert tells it."""
    found = []
    if seen.sighting.type in _ACTIVITIES:
        found.append(_authentication(seen))
    if seen.held and seen.assessment.alert is None and seen.assessment.campaign is msgspec.UNSET:
        found.append(_finding_of_event(seen, rules))
    return found


def alert_document(told: Told, rules: Rulebook) -> dict[str, Any]:
    """An alert or a campaign as a Detection Finding."""
    alert, seen = told.alert, told.seen
    info = _finding_info(alert.id, alert.rules, rules) | {
        "types": [alert.kind],
        "created_time": _millis(alert.first),
        "first_seen_time": _millis(alert.first),
        "last_seen_time": _millis(alert.last),
        "related_events_count": alert.events,
    }
    closed = alert.state != "open"
    document = _finding(*_ALERT_ACTIVITIES[told.activity], info, alert.tenant, alert.level, alert.risk, alert.last)
    document |= _named("status", *((4, "Resolved") if closed else (1, "New") if told.activity == "create" else
                                   (2, "In Progress")))  # fmt: skip
    document["is_alert"] = True
    document["count"] = alert.events
    if closed and alert.state in _VERDICTS:
        document |= _named("verdict", *_VERDICTS[alert.state])
    if seen is not None:
        document["evidences"] = _evidences(seen)
    elif told.account is not None:
        document["evidences"] = [{"user": {"uid": told.account, **_named("type", 1, "User")}}]
    return _sealed(document)


def _authentication(seen: Seen) -> dict[str, Any]:
    sighting, said = seen.sighting, seen.assessment
    activity, name = _ACTIVITIES[sighting.type]
    status, word = _STATUS.get(sighting.outcome, (_OTHER, sighting.outcome))
    document = {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "class_uid": _AUTHENTICATION,
        "class_name": "Authentication",
        "type_uid": _AUTHENTICATION * 100 + activity,
        "type_name": f"Authentication: {'Other' if activity == _OTHER else name}",
        "time": _millis(sighting.time),
        "message": summary(seen),
        "status_id": status,
        "status": word,
        "is_mfa": sighting.factor.outcome == "success" and sighting.factor.method != "none",
        "is_remote": True,
        "is_alert": said.alert is not None,
        **_named("action", *_ACTIONS.get(sighting.outcome, (3, "Observed"))),
        "user": _user(seen),
        "service": {"name": sighting.service or seen.tenant},
        "src_endpoint": _endpoint(seen),
        "metadata": _metadata(_AUTHENTICATION, seen.tenant, "assessments") | {"original_event_uid": seen.event},
        "enrichments": [
            {
                "name": "metadata.original_event_uid", "value": seen.event, "type": "assessment",
                "provider": "sentinel", "data": judgement(seen),
            }
        ],
        **_severity(said.level),
        **_risk(said.level, said.risk),
    }  # fmt: skip
    if sighting.reason is not None:
        document["status_detail"] = sighting.reason
    if sighting.factor.method in _FACTORS:
        kind, word = _FACTORS[sighting.factor.method]
        factor = {"factor_type_id": kind, "factor_type": word}
        document["auth_factors"] = [factor | ({"is_totp": True} if sighting.factor.method == "totp" else {})]
    if said.alert is not None:
        document["metadata"]["correlation_uid"] = said.alert
    return _sealed(document)


def _finding_of_event(seen: Seen, rules: Rulebook) -> dict[str, Any]:
    said = seen.assessment
    info = _finding_info(seen.event, [each.rule for each in seen.held], rules) | {
        "types": ["finding"],
        "created_time": _millis(seen.sighting.time),
    }
    document = _finding(1, "Create", info, seen.tenant, said.level, said.risk, seen.sighting.time)
    document |= _named("status", 1, "New")
    document["is_alert"] = False
    document["evidences"] = _evidences(seen)
    return _sealed(document)


def _finding(
    activity: int, name: str, info: dict[str, Any], tenant: str, level: str | None, risk: float | None, time: int
) -> dict[str, Any]:
    return {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _FINDING,
        "class_name": "Detection Finding",
        "type_uid": _FINDING * 100 + activity,
        "type_name": f"Detection Finding: {name}",
        "time": _millis(time),
        "message": info["title"],
        "finding_info": info,
        "metadata": _metadata(_FINDING, tenant, "findings"),
        **_severity(level),
        **_risk(level, risk),
    }


def _finding_info(uid: str, held: list[str], rules: Rulebook) -> dict[str, Any]:
    info: dict[str, Any] = {"uid": uid, "title": _title(held, rules), "data_sources": ["sentinel"]}
    analytics = [_analytic(rule, rules) for rule in held]
    if analytics:
        info["analytic"] = analytics[0]
    if analytics[1:]:
        info["related_analytics"] = analytics[1:]
    if techniques := rules.techniques(held):
        info["attacks"] = [_attack(technique) for technique in techniques]
    return info


def _title(held: list[str], rules: Rulebook) -> str:
    return rules.title(held[0]) if held else "Nothing that is known"


def _analytic(rule: str, rules: Rulebook) -> dict[str, Any]:
    kind = (4, "Learning (ML/DL)") if rule.startswith("model_") else (1, "Rule")
    return {"uid": rule, "name": rules.title(rule), **_named("type", *kind)}


def _attack(technique: str) -> dict[str, Any]:
    whole, _, below = technique.partition(".")
    found: dict[str, Any] = {"technique": {"uid": whole, "src_url": technique_page(whole)}}
    if below:
        found["sub_technique"] = {"uid": technique, "src_url": technique_page(technique)}
    return found


def _evidences(seen: Seen) -> list[dict[str, Any]]:
    """One for each finding that counts; who and from where stands in each."""
    who = {"user": _user(seen), "src_endpoint": _endpoint(seen)}
    data = [{"name": each.rule, "data": each.evidence} for each in seen.held]
    return [who | {"uid": seen.event} | each for each in data or [{}]]


def _user(seen: Seen) -> dict[str, Any]:
    tags = seen.sighting.tags
    kind = (2, "Admin") if "admin" in tags else (4, "Service") if "service" in tags else (1, "User")
    # The schema wants a name or id; it says "Unknown" where there is none.
    return ({"uid": seen.account} if seen.account is not None else {"name": "Unknown"}) | _named("type", *kind)


def _endpoint(seen: Seen) -> dict[str, Any]:
    place, network = seen.sighting.place, seen.sighting.network
    device = seen.sighting.device
    words = " on ".join(word for word in (device.browser, device.os) if word is not None)
    # The schema wants a name, an address or an id.
    kind = _DEVICES.get(device.type or "", (0, "Unknown"))
    found: dict[str, Any] = {"name": words or "client", **_named("type", *kind)}
    if seen.address is not None:
        found["ip"] = seen.address
    if device.os is not None:
        found["os"] = {"name": device.os, **_named("type", *_SYSTEMS.get(device.os.lower(), (_OTHER, device.os)))}
        if device.os_version is not None:
            found["os"]["version"] = device.os_version
    location = {"country": place.country, "region": place.region, "city": place.city}
    location = {name: value for name, value in location.items() if value is not None}
    if location:
        found["location"] = location | ({"lat": place.lat, "long": place.lon} if place.lat is not None else {})
    system = {"number": network.asn, "name": network.organisation}
    if system := {name: value for name, value in system.items() if value is not None}:
        found["autonomous_system"] = system
    if network.kind is not None:
        found["network_scope"] = network.kind
    return found


def _metadata(class_uid: int, tenant: str, log: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "product": {"name": "sentinel", "vendor_name": "sentinel", "version": __version__},
        "profiles": list(PROFILES[class_uid]),
        "log_name": log,
        "tenant_uid": tenant,
    }


def _severity(level: str | None) -> dict[str, Any]:
    return _named("severity", *_SEVERITY[level])


def _risk(level: str | None, risk: float | None) -> dict[str, Any]:
    if level is None or risk is None:
        return {}
    return {"risk_score": round(risk), **_named("risk_level", *_RISK[level])}


def _named(name: str, id: int, caption: str) -> dict[str, Any]:
    """An enumerated value and its caption, side by side as the schema has them."""
    return {f"{name}_id": id, name: caption}


def _sealed(document: dict[str, Any]) -> dict[str, Any]:
    """With an id that follows from what it says, so that what is sent twice can be told."""
    document["metadata"]["uid"] = blake2b(_encode(document), digest_size=16).hexdigest()
    return document


def _millis(micros: int) -> int:
    return micros // 1000
