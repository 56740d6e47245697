"""What each column of ``sentinel.db`` holds of people: declared here, beside :mod:`sentinel.store.sqlite.schema`.

A column without its line fails the build (``tests/privacy/inventory``).
"""

from typing import Final

from sentinel.past.commons import KEPT, PERIOD
from sentinel.privacy.inventory import (
    ACCOUNT,
    ANSWER,
    DAY_AFTER,
    HOOK,
    INSTALLATION,
    MAIL,
    PROFILE,
    RAW,
    RECORD,
    WINDOW,
    Column,
    Database,
    Keep,
    Table,
)
from sentinel.store.contents import (
    ALERT,
    ASSESSMENT,
    ATTRIBUTES,
    HOOK_EVENT,
    KEYED,
    NOTICE,
    PROFILE_HELD,
    RAW_HELD,
    SIGHTING,
)
from sentinel.store.protocol import DRIFT_DAYS, FIRED_DAYS, USAGE_DAYS

_FIRED: Final = Keep("fired", f"{FIRED_DAYS} days", FIRED_DAYS)
_USAGE: Final = Keep("usage", f"{USAGE_DAYS} days", USAGE_DAYS)
_DRIFT: Final = Keep("drift", f"{DRIFT_DAYS} days", DRIFT_DAYS)
_COMMON: Final = Keep("common", f"{PERIOD * KEPT} days at most, by spans of {PERIOD} days", PERIOD * KEPT)

_ORDER: Final = "the order says nothing more"
_SENDING: Final = "the state of sending, of which the export has the outcome"
_NOBODY: Final = "it is nobody's"


def _owner(kind: str) -> Column:
    return Column(
        "owner",
        f"Row id of the account for its {kind}, by its own key; none if nobody's.",
        "pseudonymous",
        left_out=KEYED,
    )


_REF: Final = Column(
    "ref",
    "Leads back to the account for who holds the keys: its number and chance, one AES block.",
    "pseudonymous",
    left_out=KEYED,
)
_TENANT: Final = Column("tenant", "The application it belongs to.", "operational", exported=("tenant",))

# fmt: off
STORE: Final = Database(
    "sentinel.db",
    "The embedded store: events and what was made of them.",
    (
        Table("event", "One event, or one answer about an event.", "detection", RECORD, "row and key", KEYED, (
            Column("seq", "The order in which events were judged.", "operational", left_out=_ORDER),
            Column("key", "Keyed name of the event's id.", "pseudonymous"),
            _TENANT,
            Column("owner", "Row id of the account for that UTC day, by its own key; none if nobody's.",
                   "pseudonymous"),
            _REF,
            Column("day", "The UTC day of the event.", "pseudonymous", exported=("events.time", "answers.time")),
            Column("type", "What happened, as login.", "pseudonymous", exported=("events.type",)),
            Column("body", "Keyed hash of the posted content; of an answer the key of the event it is about.",
                   "pseudonymous"),
            Column("raw", "Address, user agent, ids of device, session and factor, fingerprint, language.", "raw",
                   "account x raw day", keep=RAW, holds=(RAW_HELD,)),
            Column("record", "Ids, time, the sighting without raw values, counts that were read, the assessment.",
                   "content",
                   "account x record day", exported=("events.assessment.counts", "answers.verdict"),
                   holds=(SIGHTING, ASSESSMENT)),
            Column("trusted", "Whether its values joined the trusted past.", "pseudonymous",
                   exported=("events.trusted",)),
            Column("alert", "Keyed name of the alert that it raised or joined.", "pseudonymous",
                   exported=("events.assessment.alert",)),
        )),
        Table("profile", "What counts as usual for an account; one row has a tenant's open campaigns.", "detection",
              PROFILE, "row and key", KEYED, (
            Column("key", "Row id of the account for its profile.", "pseudonymous"),
            Column("sealed", "Devices, networks, places, hours, sessions, factors, open alerts, rights exercised.",
                   "content",
                   "account", holds=(PROFILE_HELD,)),
        )),
        Table("attributes", "What the service told of an account, the newest.", "alerts", ACCOUNT, "row and key",
              KEYED, (
            Column("key", "Row id of the account for its attributes.", "pseudonymous"),
            Column("sealed", "Account id, e-mail address, former address, name, language, time zone, tags.", "content",
                   "account", holds=(ATTRIBUTES,)),
        )),
        Table("track", "Entries of a sliding window: recent events by account, network, agent.", "detection", WINDOW,
              "row",
              KEYED, (
            Column("id", "The order in which entries were written.", "operational", left_out=_ORDER),
            Column("name", "64-bit keyed hash of what the window is kept by.", "pseudonymous", erased="nameless"),
            _owner("windows"),
            Column("expires", "When no window can see the entries any more.", "pseudonymous",
                   exported=("windows.last",)),
            Column("entries",
                   "Times, and what is counted: handles, keyed values. Those of a network are many accounts'.",
                   "pseudonymous", "installation", exported=("windows",), erased="nameless"),
        )),
        Table("alert", "An alert about an account, or a campaign against many.", "alerts", RECORD, "row and key",
              KEYED, (
            Column("seq", "The order in which alerts came.", "operational", left_out=_ORDER),
            Column("key", "Keyed name of the alert's id.", "pseudonymous"),
            _TENANT,
            _owner("alerts"),
            _REF,
            Column("kind", "What it is about, as suspicious_sign_in.", "pseudonymous", exported=("alerts.kind",)),
            Column("day", "The UTC day of its last event.", "pseudonymous", exported=("alerts.last",)),
            Column("event", "Key of its first event.", "pseudonymous"),
            Column("sealed", "Id, handle of the account, level, risk, times, number of events, rules.", "content",
                   "account", holds=(ALERT,)),
            Column("state", "Open, or the verdict that closed it.", "pseudonymous", exported=("alerts.state",)),
            Column("hidden", "Whether it is not shown, since processing is restricted.", "pseudonymous",
                   exported=("rights.restricted",)),
        )),
        Table("mail", "The outbox: a mail that waits, and what became of it.", "alerts", MAIL, "row and key", _SENDING,
              (
            Column("id", "The order in which mails came.", "operational"),
            _TENANT,
            Column("alert", "Keyed name of the alert that it tells of.", "pseudonymous", exported=("mails.alert",)),
            _owner("mails"),
            _REF,
            Column("notice", "What the mail says; emptied when it is done with.", "content", "account",
                   holds=(NOTICE,)),
            Column("state", "Pending, held, sent, failed, unaddressed, answered or folded into another.",
                   "pseudonymous", exported=("mails.state",)),
            Column("urgency", "The level of the alert, as a number.", "pseudonymous", exported=("alerts.level",)),
            Column("due", "When it is tried next.", "operational"),
            Column("attempts", "How often it was tried.", "operational"),
            Column("first_try", "When it was tried first.", "pseudonymous", exported=("mails.time",)),
            Column("worker", "The process that has it now.", "operational"),
            Column("leased_until", "For how long.", "operational"),
            Column("reason", "Why it was not sent: codes and words of ours, never an address or a server's own text.",
                   "operational"),
            Column("done", "When it was done with.", "pseudonymous", exported=("mails.time",)),
            Column("refused", "Keyed names of addresses that the mail server refused for good.", "pseudonymous",
                   exported=("account.email_refused",)),
        )),
        Table("hook", "The outbox of hooks: what a system of the service is told, and what became of it.", "alerts",
              HOOK, "row and key", _SENDING, (
            Column("id", "The order in which they came.", "operational"),
            Column("name", "Keyed name of what happened, which receivers get as its id.", "pseudonymous",
                   left_out=KEYED),
            _TENANT,
            Column("target", "The system, by the name it has in the configuration.", "operational",
                   exported=("hooks.target",)),
            Column("type", "What it is told of, as assessment.raised.", "pseudonymous", exported=("hooks.type",)),
            _owner("hooks"),
            _REF,
            Column("day", "The UTC day on which it happened.", "pseudonymous", exported=("hooks.time",)),
            Column("body", "What it is told; emptied when it is delivered.", "content", "account", holds=(HOOK_EVENT,)),
            Column("state", "Pending, held, delivered or dead.", "pseudonymous", exported=("hooks.state",)),
            Column("due", "When it is tried next.", "operational"),
            Column("attempts", "How often it was tried.", "operational"),
            Column("first_try", "When it was tried first.", "operational"),
            Column("worker", "The process that has it now.", "operational"),
            Column("leased_until", "For how long.", "operational"),
            Column("reason", "Why it was not delivered: statuses and words of ours, never the target's own text.",
                   "operational"),
            Column("done", "When it was done with, to the day.", "operational"),
        )),
        Table("hook_target", "Systems that are told nothing more until their configuration changes.", "operation",
              INSTALLATION, "no person", _NOBODY, (
            Column("name", "The system, by the name it has in the configuration.", "operational"),
            Column("digest", "Hash of its configuration then.", "operational"),
            Column("since", "Since when.", "operational"),
            Column("reason", "Why.", "operational"),
        )),
        Table("answer_token", "The link in a mail by which the person says whether it was them.", "alerts", ANSWER,
              "row and key", "a link on its way; what was answered stands in answers", (
            Column("id", "The order in which they came.", "operational"),
            Column("digest", "SHA-256 of the token in the link, which is itself not kept.", "pseudonymous"),
            _TENANT,
            _owner("answers"),
            _REF,
            Column("role", "Whether the mail went to the account's address or to its former one.", "pseudonymous"),
            Column("expires", "The end of the UTC day on which the link ends.", "pseudonymous"),
            Column("notice", "What the mail said, so that the page says the same.", "content", "account",
                   holds=(NOTICE,)),
        )),
        Table("campaign_event", "Which events belong to a campaign.", "detection", RECORD, "row", KEYED, (
            Column("alert", "Keyed name of the campaign.", "pseudonymous", exported=("events.assessment.campaign",)),
            Column("event", "Key of the event.", "pseudonymous"),
        )),
        Table("verdict", "A verdict given on the command line, until it is carried out.", "detection", DAY_AFTER, "row",
              "carried out, it is an answer, which the export has", (
            Column("id", "The order in which they were given.", "operational"),
            _TENANT,
            Column("about", "Whether it is about an event, an account or an alert.", "operational"),
            Column("target", "Key of the event, handle of the account or id of the alert; emptied when carried out.",
                   "pseudonymous", erased="emptied"),
            Column("verdict", "Legitimate or compromised.", "operational", exported=("answers.verdict",)),
            Column("time", "When it was given.", "operational", exported=("answers.time",)),
            Column("answered", "How many events it answered for.", "aggregate"),
            Column("done", "When it was carried out.", "operational"),
        )),
        Table("asked", "What commands ask of the process that judges, and its answers.", "rights", DAY_AFTER, "emptied",
              "a request and its answer on their way; what came of it is in the profile or the audit log", (
            Column("id", "The order in which they came.", "operational"),
            Column("time", "When it was asked.", "operational"),
            Column("question", "The request, with the account id; emptied when answered.", "content", "installation"),
            Column("answer", "What came of it, as the receipt of an erasure.", "content", "installation",
                   erased="no person"),
            Column("done", "When it was answered.", "operational"),
        )),
        Table("fired", "How often each rule held on a day: exact counts.", "figures", _FIRED, "no person", _NOBODY, (
            Column("day", "The UTC day.", "aggregate"),
            Column("tenant", "The application.", "operational"),
            Column("rule", "The rule.", "operational"),
            Column("status", "Live or shadow.", "operational"),
            Column("number", "How often it held, without noise.", "aggregate"),
        )),
        Table("common", "What is common: how many accounts logged in with a value, each once in 91 days.", "detection",
              _COMMON, "counted", "how many people share a value; nothing in it leads to one of them", (
            Column("tenant", "The application.", "operational"),
            Column("level", "What kind of value, as a number: an address, a network, an agent, an hour.",
                   "operational"),
            Column("name", "64-bit keyed hash of the value, by a key of the tenant. In the order of these, which is"
                   " chance.", "pseudonymous"),
            Column("period", "The last span of 91 days in which it was counted.", "aggregate"),
            Column("counts", "How many accounts, for each of the last four spans: exact.", "aggregate"),
        )),
        Table("installation", "Which keyring the store belongs to.", "operation", INSTALLATION, "no person", _NOBODY, (
            Column("id", "Always 1.", "operational"),
            Column("fingerprint", "Tells installations apart; nothing can be opened with it.", "key"),
        )),
        Table("api_key", "Keys of the services that post events.", "operation", INSTALLATION, "no person",
              "a service's, not the person's", (
            Column("name", "The key's name, as the operator chose it.", "staff"),
            Column("tenant", "The application it is for.", "operational"),
            Column("digest", "Hash of the secret, which is itself not kept.", "key"),
            Column("scopes", "What it may do.", "operational"),
            Column("created", "When it was made.", "operational"),
            Column("revoked", "When it was revoked.", "operational"),
        )),
        Table("usage_open", "Figures of a day that is not over, noise included.", "figures", _USAGE, "no person",
              _NOBODY, (
            Column("day", "The UTC day.", "aggregate"),
            Column("tenant", "The application.", "operational"),
            Column("sealed", "The counts so far, always of the same length.", "aggregate", "installation"),
        )),
        Table("usage", "Figures of a day that is over: with noise, without small cells.", "figures", _USAGE,
              "no person",
              _NOBODY, (
            Column("day", "The UTC day.", "aggregate"),
            Column("tenant", "The application.", "operational"),
            Column("dimension", "What is counted, as countries.", "operational"),
            Column("epsilon", "The privacy budget spent.", "operational"),
            Column("scale", "The scale of the noise.", "operational"),
            Column("least", "The smallest number told.", "operational"),
            Column("numbers", "The counts.", "aggregate"),
        )),
        Table("usage_call", "Calls of the HTTP API by key: exact counts.", "figures", _USAGE, "no person", _NOBODY, (
            Column("day", "The UTC day.", "aggregate"),
            Column("tenant", "The application.", "operational"),
            Column("key", "Name of the API key.", "staff"),
            Column("number", "How many calls, without noise.", "aggregate"),
        )),
        Table("drift", "Into which bins of a model's features a sample of the day's logins fell.", "figures", _DRIFT,
              "no person", _NOBODY, (
            Column("day", "The UTC day.", "aggregate"),
            Column("tenant", "The application.", "operational"),
            Column("sealed", "How many logins, by model, feature and bin: exact, of everybody together.", "aggregate",
                   "installation"),
        )),
    ),
)
# fmt: on
