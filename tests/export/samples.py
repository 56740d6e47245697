"""One account for the tests of the export: a life of a few weeks judged for real, and everything else around it."""

from typing import Any

from sentinel.events.clock import to_text
from sentinel.export.data import (
    AccountData,
    AlertData,
    AnswerData,
    Held,
    HookData,
    Information,
    Look,
    MailData,
    RightsData,
    RightsDecision,
    WindowData,
)
from sentinel.export.data_event import EventData
from sentinel.export.gather import event_data
from sentinel.export.gather_profile import Names, profile_data
from sentinel.past.profile import TrustPolicy
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, at, packaged

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)
#: What people might send to be shown to somebody: markup, formulas, text that turns around, control characters.
HOSTILE = "</td><script>alert(1)</script>&\"'=cmd|' /C calc'!A0;=1+1\t@x\r\n\u202egnp.exe"
HOME: dict[str, Any] = {
    "ip": "203.0.113.7",
    "user_agent": FIREFOX,
    "device_id": "d-laptop",
    "place": {"country": "DE", "region": "Berlin", "city": "Berlin", "lat": 52.5, "lon": 13.4, "accuracy_km": 20},
    "network": {"asn": 64500, "organisation": "Example Telecom", "kind": "residential"},
    "client": {"ja4": "t13d1516h2_8daaf6152771_b0da82dd1658", "accept_language": "de-DE,de;q=0.9"},
    "service": "web",
    "auth": {"method": "password"},
    "timezone": "Europe/Berlin",
}
ABROAD: dict[str, Any] = HOME | {
    "ip": "2001:db8:5::9",
    "user_agent": "curl/8.5.0",
    "device_id": "d-other",
    "place": {"country": "JP", "city": "Tokyo", "lat": 35.7, "lon": 139.7, "accuracy_km": 50},
    "network": {"asn": 64501, "organisation": "Example Hosting", "kind": "hosting"},
}


def life() -> tuple[Story, list[EventData], Names]:
    """The story of ``u-1``, its events as exported, and the names that they told."""
    story = Story(RuleSet(packaged()))
    for day in range(1, 12):
        story.judged(at(day), session_id=f"s-{day}", **HOME)
    mfa = {"method": "totp", "device_id": "f-1", "outcome": "success", "counter": 58_000_000}
    story.judged(at(12), session_id="s-phone", mfa=mfa, **(HOME | {"user_agent": PHONE, "device_id": "d-phone"}))
    story.judged(at(12, hours=1), session_id="s-thief", **ABROAD)
    story.judged(at(12, hours=2), outcome="failure", reason="bad_password", **(HOME | {"user_agent": HOSTILE}))
    story.judged(at(12, hours=3), type="password_changed", actor="admin", actor_account="a-1", service="helpdesk")
    story.answer("e-13", "compromised")
    names = Names()
    events = []
    for come, judged in story.seen.values():
        names.learn(come.sighting, come.raw)
        events.append(event_data(come.sighting, come.raw, judged.assessment, {"brute_force_account.failures": 1}))
    return story, events, names


def held(story: Story, names: Names, **more: Any) -> Held:
    """Everything beside the events."""
    made = story.seen["e-15"][0].sighting.time + 86_400_000_000
    time = to_text(made - 3_600_000_000)
    given: dict[str, Any] = {
        "made": to_text(made),
        "tenant": "default",
        "information": Information(
            controller="Example GmbH, Musterweg 1, Musterstadt",
            contact="privacy@example.org",
            authority="Example Data Protection Authority",
            recipients="Example Mail AG runs the mail server, in Germany",
            service="Example",
        ),
        "account": AccountData(
            id="u-1",
            email="ada@example.org",
            email_verified=True,
            former_email="ada.old@example.org",
            former_email_until=time,
            contact_email="ada@example.com",
            email_refused=time,
            name="Ada <b>Example</b>",
            locale="de-DE",
            timezone="Europe/Berlin",
            tags=["admin"],
            created=time,
            as_of=time,
        ),
        "rights": RightsData(
            restricted=True,
            restricted_since=time,
            objection="open",
            objection_since=time,
            decisions=[RightsDecision(time=time, right="objection", decision="requested", reason="own reasons")],
        ),
        "profile": profile_data(story.profile(), names, TrustPolicy(), at=made),
        "alerts": [
            AlertData(
                id="a-1",
                kind="suspicious_sign_in",
                level="critical",
                risk=91.5,
                since=time,
                last=time,
                events=2,
                rules=["impossible_travel", "new_device"],
                state="compromised",
            )
        ],
        "mails": [MailData(kind="suspicious_sign_in", time=time, state="sent", alert="a-1")],
        "hooks": [HookData(type="assessment.raised", target="auth", time=time, state="delivered")],
        "answers": [AnswerData(time=time, verdict="compromised", by="person", event="e-13")],
        "looks": [Look(time=time, role="admin", action="account show", purpose="ticket 4711")],
        "windows": [WindowData(series="failed logins", by=["account"], over=3600, entries=1, first=time, last=time)],
    }
    return Held(**(given | more))
