"""What is packed into sealed values, field by field: where the export has it, or why it does not.

Both stores seal the same structs (:mod:`sentinel.store.rows`). A field without its line fails the build
(``tests/privacy/inventory``).
"""

from typing import Final

from sentinel.events.alert import Notice
from sentinel.events.assessment import Assessment
from sentinel.events.hook import HookEvent
from sentinel.events.sighting import Attributes, Raw, Sighting
from sentinel.past.profile import Profile
from sentinel.privacy.inventory import Held
from sentinel.store.protocol import AlertRow

KEYED: Final = "keyed names say nothing to the person, and pairs of value and name would help a thief of the database"

RAW_HELD: Final = Held(
    Raw,
    "events",
    {
        "event": "events.id",
        "account": "account.id",
        "mfa_device_id": "events.factor_device_id",
        "accept_language": "events.language",
    },
    {"actor_account": "another person's (Art. 15(4)); events.actor says that it was an admin"},
)
SIGHTING: Final = Held(
    Sighting,
    "events",
    {
        "tenant": "tenant",
        "account": "account.id",
        "factor": "events.factor_method",
        "own": "events.actor",
        "account_created": "account.created",
    },
    {
        **dict.fromkeys(
            ("key", "address", "prefix", "device_key", "agent", "ja4", "language", "session", "actor_account"), KEYED
        ),
        **dict.fromkeys(("known_account", "attempt", "judged"), "follows from type, outcome and reason"),
        "ipv6": "the address shows it",
        "marks": "entries of the operator's lists; what came of them stands in the findings",
    },
)
ASSESSMENT: Final = Held(
    Assessment,
    "events.assessment",
    {
        "event": "events.id",
        "account": "account.id",
        "time": "events.time",
        "act": "events.assessment.methods",
    },
    {"duplicate": "said when an event is posted again, and not kept"},
)
PROFILE_HELD: Final = Held(
    Profile,
    "profile",
    {
        "values": "profile",
        "places": "profile.recent_places",
        "warmup": "profile.first_logins",
        "recovered_at": "profile.recovered",
        "compromised": "profile.compromised_events",
        "alerts": "profile.open_alerts",
        "usual": "profile.usual_places",
        "habit": "profile.hours",
        "push_doubt_at": "profile.push_doubted",
        "phone_changed_at": "profile.phone_changed",
        "usage_day": "profile.counted",
        "restricted_at": "rights.restricted_since",
        "objected_at": "rights.objection_since",
        "rights": "rights.decisions",
        "seen": "profile.familiar",
        "told": "profile.told_mails",
    },
    {
        "rights_count": "how many decisions there were; they stand in the export themselves",
        "usage_marks": "whether that day's figures counted a success, a refusal or both: events of that day say it",
    },
)
ATTRIBUTES: Final = Held(
    Attributes,
    "account",
    {
        "account": "account.id",
        "previous_email": "account.former_email",
        "previous_until": "account.former_email_until",
    },
)
#: Of which tenant, kind, day, first event and state stand in the clear beside it.
ALERT: Final = Held(
    AlertRow,
    "alerts",
    {"tenant": "tenant", "account": "account.id", "first": "alerts.since"},
    {"event": KEYED},
)
NOTICE: Final = Held(
    Notice,
    "events",
    {
        "id": "mails.alert",
        "kind": "mails.kind",
        "tenant": "tenant",
        "account": "account.id",
        "time": "mails.time",
        "risk": "alerts.risk",
        "level": "alerts.level",
        "decision": "events.assessment.decision",
        "organisation": "events.network.organisation",
        "reasons": "alerts.rules",
        "titles": "events.assessment.findings.title",
        "events": "alerts.events",
        "earlier": "profile.open_alerts.untold",
        "addressed": "account",
    },
    {"event": KEYED, "messages": "names of sentences, of which the findings say the same; or the alert's id"},
)
HOOK_EVENT: Final = Held(
    HookEvent,
    "hooks",
    {"tenant": "tenant", "account": "account.id", "targets": "hooks.target"},
    {
        **dict.fromkeys(("about", "record"), KEYED),
        "data": "what it tells of events, alerts and answers, which the export has",
    },
)
