"""The tables of the configuration and their settings; docs and error messages are made from these."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct, field

from sentinel.config.declare import number, text
from sentinel.config.values import (
    Colour,
    Domain,
    Host,
    MailAddress,
    Mailbox,
    OneLine,
    Origin,
    QuietHours,
    WebAddress,
    Weekly,
)
from sentinel.siem.target import Target


class DkimSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Signing mails here; unset where the mail server signs them, as most do."""

    domain: Annotated[
        Domain | None, text("The domain that signs: that of `from`, or one above it. Unset: mails are not signed here.")
    ] = None
    selector: Annotated[
        Domain, text("Names the key in DNS: the public one stands at `SELECTOR._domainkey.DOMAIN`.")
    ] = Domain("sentinel")
    key_file: Annotated[
        Path | None,
        text(
            "The private key in PEM, RSA or Ed25519, readable by its owner only (mode 0600). The systemd credential"
            " `dkim_key` is taken first when there is one."
        ),
    ] = None


class SmtpSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The mail server, and how long a mail is tried."""

    host: Annotated[Host, text("The mail server that takes sentinel's mails.")] = Host("127.0.0.1")
    port: Annotated[int, number("TCP port", 1, 65535, "Its port.")] = 25
    tls: Annotated[
        Literal["starttls", "tls", "none"],
        text(
            "`starttls`: begin in the clear and refuse to go on without encryption (port 25 or 587). "
            "`tls`: encrypted from the start (port 465). `none`: no encryption; for a server on the same "
            "machine."
        ),
    ] = "starttls"
    from_: Annotated[
        Mailbox, text("Who the mails come from. The domain should have SPF and DKIM for the mail server.")
    ] = field(name="from", default=Mailbox("Sentinel <sentinel@localhost>"))
    envelope_from: Annotated[MailAddress | None, text("Where bounces go; unset: the address in `from`.")] = None
    username: Annotated[OneLine | None, text("Name to log in with at the mail server; unset: no log-in.")] = None
    password_file: Annotated[
        Path | None,
        text(
            "File that holds the password, readable by its owner only (mode 0600). The systemd credential"
            " `smtp_password` is taken first when there is one."
        ),
    ] = None
    timeout_seconds: Annotated[int, number("seconds", 1, 600, "How long to wait for the mail server.")] = 30
    retry_first_seconds: Annotated[
        int, number("seconds", 1, 3600, "Pause before a mail is tried again; it grows with each try.")
    ] = 60
    retry_hours: Annotated[int, number("hours", 1, 168, "How long a mail is tried before it is given up.")] = 72
    connections: Annotated[
        int, number("connections", 1, 32, "How many mails are handed over at once, each over a connection of its own.")
    ] = 2
    per_minute: Annotated[
        int, number("mails a minute", 0, 1_000_000, "Most mails to all recipients together. 0: no limit.")
    ] = 0
    per_domain_minute: Annotated[
        int,
        number(
            "mails a minute",
            0,
            1_000_000,
            "Most mails to recipients of one domain, as big providers want it. 0: no limit.",
        ),
    ] = 0
    dkim: Annotated[DkimSettings, text("Signing mails here.")] = DkimSettings()


class DecisionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Lowest risk (0 to 100) for each decision; they must ascend, equal ones leave the lower out."""

    mode: Annotated[
        Literal["enforce", "observe"],
        text(
            "`observe`: decisions are at most `notify`, and `would` says what they would have been. Good "
            "for the first weeks."
        ),
    ] = "enforce"
    notify: Annotated[float, number("risk", 0, 100, "Lowest risk at which the person is told by mail.")] = 40
    challenge: Annotated[
        float,
        number(
            "risk",
            0,
            100,
            "Lowest risk at which the service should ask for another proof; not below `notify`.",
        ),
    ] = 60
    block: Annotated[
        float,
        number("risk", 0, 100, "Lowest risk at which the attempt should be refused; not below `challenge`."),
    ] = 90
    enforce_share: Annotated[
        float,
        number(
            "share of the accounts",
            0,
            1,
            "With `enforce`: for this share of the accounts only, always the same ones; the rest is as with "
            "`observe`. A larger share keeps those of a smaller one.",
        ),
    ] = 1


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long data is kept; one year is the longest the project promises to anybody."""

    raw_days: Annotated[
        int,
        number(
            "days",
            1,
            365,
            "Raw values of an event that is older than this when it arrives are never stored. May be shortened, "
            "not lengthened.",
        ),
    ] = 365


class BackupSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where backups and their keys are; docs/backup.md says what belongs where."""

    directory: Annotated[
        Path | None,
        text(
            "Folder of the backups, made with mode 0700. Those of more than 30 days are removed.",
            default="STATE/backups",
        ),
    ] = None
    keys: Annotated[
        Path | None,
        text(
            "File with the keys of keyring backups. Copies of it are made by overwriting the one before: a key that is "
            "destroyed here must go there, too.",
            default="STATE/backup.keys",
        ),
    ] = None


class PrivacySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose data it is, and who is responsible for it, as people are told who ask for theirs (GDPR Art. 15)."""

    purpose: Annotated[
        Literal["customers", "workforce"],
        text(
            "Whose logins are watched. `workforce`: the people who work for you. Then no hours and weekdays are "
            "learned, nobody's events can be looked through, and looking a person up needs a second person "
            "(`sentinel privacy approve`)."
        ),
    ] = "customers"
    controller: Annotated[
        OneLine | None,
        text('Name and address of the controller. Unset: people read "the operator of this service".'),
    ] = None
    contact: Annotated[
        OneLine | None,
        text("Where people use their rights and ask for a human review, such as the data protection officer."),
    ] = None
    authority: Annotated[OneLine | None, text("The supervisory authority that people may complain to.")] = None
    recipients: Annotated[
        OneLine | None,
        text("Who else gets data, in your words: who runs the mail server or the machine, and in which country."),
    ] = None


class TrustSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When values enter the trusted past; the defaults are the ones the contract fixes."""

    warmup_logins: Annotated[
        int,
        number("logins", 0, 16, "Rules about new things wait until an account has this many trusted logins …"),
    ] = 3
    warmup_days: Annotated[
        int, number("days", 0, 365, "… or until this long after its first login, whichever comes first.")
    ] = 14
    settle_days: Annotated[
        int,
        number(
            "days",
            1,
            365,
            "A flagged device, network or country that nobody answered for becomes trusted after this long …",
        ),
    ] = 14
    settle_logins: Annotated[
        int,
        number(
            "days with a login",
            1,
            365,
            "… if it logged in on at least this many separate days (UTC) in that time.",
        ),
    ] = 3
    factor_days: Annotated[
        int,
        number(
            "days",
            1,
            365,
            "A phishing-resistant factor confirms a login once it has been known for this long.",
        ),
    ] = 7


class AlertSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told, and how often."""

    operators: Annotated[
        tuple[MailAddress, ...],
        text("Who hears of campaigns, such as password spraying. A tenant's own hear of its own. Empty: nobody."),
    ] = ()
    critical_accounts: Annotated[
        bool, text("Whether operators also hear of each account at critical risk, at most once a day.")
    ] = False
    report: Annotated[
        Weekly,
        text(
            "When operators get the weekly report (docs/report.md), by UTC. It is one of all tenants, and goes to "
            "those in `[alerts]`, not to a tenant's own."
        ),
    ] = Weekly("off")
    fold_minutes: Annotated[
        int,
        number(
            "minutes",
            1,
            10_080,
            "Events of the same kind on the same account join an open alert for this long instead of "
            "raising another mail.",
        ),
    ] = 60
    mail_max_age_hours: Annotated[
        int, number("hours", 1, 168, "Events that arrive later than this are judged, but mail nobody.")
    ] = 24
    quiet_hours: Annotated[
        QuietHours | None,
        text(
            "When mails wait, by the person's own clock, where the time zone is known. Critical ones and changes of "
            "credentials never wait. Unset: none wait."
        ),
    ] = None
    flood: Annotated[
        int,
        number(
            "mails",
            10,
            1_000_000,
            "When more mails to people wait than this, critical ones not counted, those of one account become one "
            "summary, and operators get one alert.",
        ),
    ] = 500


class ServiceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The service people log in to, as mails call it. Typed by the operator, never taken from an event."""

    name: Annotated[OneLine, text("What people call the service they log in to; stands in every mail.")] = OneLine(
        "online service"
    )
    support: Annotated[OneLine | None, text("Where people get help: a telephone number, an address, a desk.")] = None
    security_page: Annotated[
        WebAddress | None,
        text(
            "The page where people change their password. Mails show it as plain text to type in, never "
            "as a link: people must not learn to click on log-in links."
        ),
    ] = None
    reset_page: Annotated[
        WebAddress | None,
        text("The page where people set a new password. Mails show it as plain text; the answer page links to it."),
    ] = None
    locale: Annotated[
        Literal["en", "de", "fr", "es"],
        text("The language of people whose own is not known or not spoken, and of mails to operators about campaigns."),
    ] = "en"
    answer_url: Annotated[
        WebAddress | None,
        text(
            "Where people reach `/answer/{token}` of the daemon, such as `https://security.example.org`. Alert "
            'mails then have a link "Was this you?". Unset: they have none.'
        ),
    ] = None
    mailbox_domains: Annotated[
        tuple[Domain, ...],
        text(
            "Mail domains whose mailboxes are themselves the accounts that are watched: who took one reads its mails. "
            "Alerts go to the second contact of the account as well (`contact_email`)."
        ),
    ] = ()
    origins: Annotated[
        tuple[Origin, ...],
        text(
            "Host names of the service's own log-in pages. A login whose `auth.origin` is none of them went through a "
            "copy of the page. Empty: origins are not judged."
        ),
    ] = ()


class BrandSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How alert mails and the answer page look; docs/mails.md shows them."""

    colour: Annotated[
        Colour | None,
        text("The brand's colour, for a line and the button; white text on it must be readable.", default="#2f5fa8"),
    ] = None
    colour_dark: Annotated[
        Colour | None,
        text(
            "Its counterpart in dark mode; dark text on it must be readable.", default="`colour`, as light as is needed"
        ),
    ] = None
    logo: Annotated[
        Path | None, text("A PNG or JPEG of at most 100 kB that goes with every mail, shown 200 by 48 pixels at most.")
    ] = None
    imprint: Annotated[OneLine | None, text("Who you are, at the end of every mail: company, address, register.")] = (
        None
    )
    templates: Annotated[
        Path | None,
        text("Folder of your own mail templates, over those that come along (docs/mails.md)."),
    ] = None


class RuleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the rules and allowlists are."""

    directory: Annotated[
        Path,
        text(
            "Folder of your own rules, one TOML file a rule. A file named like a rule that comes with "
            "sentinel changes the keys it gives; the folder may be missing."
        ),
    ] = Path("/etc/sentinel/rules")
    allow_directory: Annotated[
        Path, text("Folder of your allowlists, TOML files as docs/tuning.md tells; the folder may be missing.")
    ] = Path("/etc/sentinel/allow")
    watch_seconds: Annotated[
        int,
        number(
            "seconds",
            0,
            3600,
            "How often the daemon looks whether the configuration, rules, allowlists or lists of networks have "
            "changed, to read them anew. 0: only on SIGHUP.",
        ),
    ] = 5


class GeoList(Struct, frozen=True, forbid_unknown_fields=True):
    """A list of networks of one kind; kinds are those of events, and `listed` and `office`."""

    kind: Annotated[
        Literal[
            "residential",
            "mobile",
            "business",
            "hosting",
            "vpn",
            "proxy",
            "tor",
            "relay",
            "satellite",
            "private",
            "listed",
            "office",
        ],
        text(
            "What the networks in the file are: a kind of network, `listed` (known to be bad) or `office`"
            " (your own exits)."
        ),
    ]
    path: Annotated[Path, text("The file: one address or network (CIDR) a line, `#` begins a comment.")]


class GeoSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Databases and lists of places and networks."""

    city: Annotated[
        Path | None,
        text("City database in MaxMind format (.mmdb); unset: the compact one that comes along."),
    ] = None
    asn: Annotated[Path | None, text("Database of network holders (ASN) in MaxMind format (.mmdb).")] = None
    anonymous: Annotated[Path | None, text("Database of VPN, proxy and Tor exits in MaxMind format (.mmdb).")] = None
    lists: Annotated[tuple[GeoList, ...], text("Your own lists of networks; they win over the databases.")] = ()


class HttpSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the HTTP API."""

    max_body_bytes: Annotated[int, number("bytes", 65_536, 268_435_456, "Larger requests are refused with 413.")] = (
        8_388_608
    )
    max_batch: Annotated[int, number("events", 1, 100_000, "Most events in one request.")] = 10_000
    queue_events: Annotated[
        int,
        number(
            "events",
            1,
            1_000_000,
            "Events that may wait to be taken in; beyond it the answer is 503 with `Retry-After`. Not "
            "below `max_batch`.",
        ),
    ] = 20_000
    request_timeout_seconds: Annotated[int, number("seconds", 1, 600, "Longest time a request may take.")] = 30
    edges: Annotated[
        int,
        number(
            "processes",
            0,
            32,
            "Processes that take requests, decode and enrich; one more is the daemon, which judges and stores. "
            "More of them help on more than two cores. 0: the daemon does it all.",
        ),
    ] = 1


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        text("Least important messages to write. No level writes personal data."),
    ] = "info"


class UsageSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Anonymous daily figures for the operator, as docs/usage.md tells; a change holds from the next day (UTC) on."""

    enabled: Annotated[bool, text("Whether they are counted.")] = True
    epsilon: Annotated[
        float,
        number(
            "ε of differential privacy",
            0.1,
            10,
            "What all figures of one day together may tell of one account. Less is more noise.",
        ),
    ] = 2.0
    min_cell: Annotated[
        int,
        number(
            "accounts",
            5,
            10_000,
            "Smaller numbers are not told and not kept. Where noise alone often reaches it, the least told is higher.",
        ),
    ] = 10


class SiemSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """An export of assessments and alerts to a SIEM; `NAME` is yours to choose. docs/siem.md tells what is in it."""

    to: Annotated[Target, text("Where it goes.")]
    format: Annotated[
        Literal["ocsf", "ecs"],
        text("`ocsf`: Open Cybersecurity Schema Framework. `ecs`: Elastic Common Schema. One JSON document each."),
    ] = "ocsf"
    accounts: Annotated[
        Literal["id", "pseudonym", "none"],
        text(
            "What accounts are called: by the id that the service knows, which is personal data; by a pseudonym that "
            "leads nowhere once the account is erased; or not at all."
        ),
    ] = "pseudonym"
    addresses: Annotated[
        Literal["none", "prefix"],
        text(
            "`prefix`: pseudonyms of the addresses, of which two share as many first bits as the addresses do; other "
            "ones each month."
        ),
    ] = "none"
    tenant: Annotated[OneLine | None, text("Only this tenant's events. Unset: all.")] = None
    ca: Annotated[
        Path | None, text("For TLS: file with the certificates to trust. Unset: those that the system trusts.")
    ] = None
    certificate: Annotated[Path | None, text("For TLS: file with the certificate to show, if the server asks.")] = None
    key: Annotated[Path | None, text("For TLS: file with its key, readable by its owner only.")] = None
