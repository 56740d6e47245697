"""What a mail says, and what nobody can make it say."""

import re
from email.message import EmailMessage

import msgspec
import pytest

from sentinel.alerts.address import AddressError, SenderError, check_address
from sentinel.alerts.clean import clean
from sentinel.alerts.compose import ComposeError, Identity, compose
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.alerts.sentences import REASONS
from sentinel.alerts.words import Words
from sentinel.errors import SentinelError
from sentinel.events.alert import KINDS, Notice
from sentinel.events.clock import MINUTE
from sentinel.events.place import Place
from sentinel.events.sighting import Attributes, Device
from sentinel.language import language
from tests.alerts.mails import Page, html_of, text_of
from tests.alerts.mails import plain_words as words_of_text

IDENTITY = Identity(
    service_name="Example",
    from_header="Example Security <security@example.org>",
    support="help desk, room 4",
    security_page="Settings, then Security",
)
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
}


def write(
    notice: Notice,
    attributes: Attributes | None = None,
    *,
    identity: Identity = IDENTITY,
    recipient: str = "ada@example.org",
) -> EmailMessage:
    if attributes is None and notice.account is not None:
        attributes = sample_attributes()
    return compose(notice, attributes, identity, recipient=recipient, now=notice.time + MINUTE)


def change(notice: Notice, **values: object) -> Notice:
    return msgspec.structs.replace(notice, **values)


def fact(message: EmailMessage, label: str) -> str | None:
    """A labelled value of the text part, put together again where it was wrapped."""
    block = text_of(message).split("\n\n")[1]
    facts: dict[str, str] = {}
    name = ""
    for line in block.split("\n"):
        if match := re.match(
            r"(Service|Account|When|Where|Device|Done by|Second factor|Outcome|Events|Case number): ", line
        ):
            name, line = match[1], line[match.end() :]
            facts[name] = line
        else:
            facts[name] += " " + line
    return facts.get(label)


LABELS = (
    "Service",
    "Account",
    "When",
    "Where",
    "Device",
    "Done by",
    "Second factor",
    "Outcome",
    "Events",
    "Case number",
)


def plain_words(text: str) -> list[str]:
    return words_of_text(text, LABELS)


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_say_the_same(kind: str) -> None:
    message = write(sample(kind))
    assert plain_words(text_of(message)) == Page(html_of(message)).words


@pytest.mark.parametrize("outcome", ["success", "failure", "blocked", "pending"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_type_and_outcome_has_both_twins(kind: str, outcome: str) -> None:
    types = ("login", "session_seen", "password_changed", "password_reset_requested", "email_changed")
    types += ("phone_changed", "mfa_enrolled", "mfa_removed", "recovery_used", "token_created")
    for event_type in (*types, "consent_granted", "role_changed", "something_new"):
        message = write(change(sample(kind), type=event_type, outcome=outcome))
        assert plain_words(text_of(message)) == Page(html_of(message)).words
        assert "Example" in str(message["Subject"])
        assert len(str(message["Subject"])) < 78


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "campaign"])
def test_who_was_refused_reads_that_a_person_can_review_it(kind: str) -> None:
    refused = change(sample(kind), decision="block")
    with_contact = msgspec.structs.replace(IDENTITY, review="privacy officer, room 7")
    nobody = msgspec.structs.replace(IDENTITY, support=None)
    for identity, where in (
        (with_contact, "give the case number: privacy officer, room 7"),
        (IDENTITY, "give the case number: help desk, room 4"),
        (nobody, "Ask the support of Example for that, and give the case number."),
    ):
        message = write(refused, identity=identity)
        text = " ".join(text_of(message).split())
        assert "you may ask that a person looks at that decision, say how you see it, and contest it" in text
        assert where in text
        assert plain_words(text_of(message)) == Page(html_of(message)).words
    assert "looks at that decision" not in " ".join(text_of(write(change(refused, decision="challenge"))).split())


def test_the_mail_tells_everything_the_person_needs() -> None:
    message = write(change(sample("suspicious_sign_in"), place=Place("DE", None, "Berlin"), earlier=2))
    text = " ".join(text_of(message).split())
    assert fact(message, "When") == "24 November 2026, 13:05 (Central European Standard Time, UTC+01:00)"
    assert (fact(message, "Where") or "").startswith("near Berlin, ")
    assert (fact(message, "Where") or "").endswith(", from the network of Example Hosting")
    assert fact(message, "Device") == "Firefox on Windows"
    assert fact(message, "Service") == "Example (web)"
    assert fact(message, "Account") == "Ada Example (u-1)"
    assert fact(message, "Case number") == sample("suspicious_sign_in").id
    assert "too far from your last sign-in" in text
    assert "There were 2 more events of this kind since our last mail" in text
    assert "If this was you" in text
    assert "If this was not you" in text
    assert "Open Example yourself, the way you always do." in text
    assert "Settings, then Security" in text
    assert "help desk, room 4" in text
    assert "IP Geolocation by DB-IP" in text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_the_mail_can_be_followed_or_loaded(kind: str) -> None:
    html = html_of(write(sample(kind)))
    page = Page(html)
    assert not {"a", "img", "link", "script", "iframe", "form", "svg"} & set(page.tags)
    assert not {"href", "src", "background", "action"} & page.attributes
    assert "url(" not in html
    assert "@import" not in html
    assert "://" not in html
    assert "prefers-color-scheme: dark" in html
    assert "://" not in text_of(write(sample(kind)))


def test_headers() -> None:
    message = write(sample("new_sign_in"))
    assert set(message.keys()) == HEADERS
    assert message["From"] == "Example Security <security@example.org>"
    assert message["Subject"] == "New sign-in to your Example account"
    assert message["Date"] == "Tue, 24 Nov 2026 12:06:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert re.fullmatch(r"<a-[0-9a-f]{20}\.[0-9a-f]{16}@example\.org>", message["Message-ID"])


def test_same_input_same_bytes_and_another_recipient_another_id() -> None:
    notice = sample("attack")
    assert write(notice).as_bytes() == write(notice).as_bytes()
    assert write(notice)["Message-ID"] != write(notice, recipient="eve@example.org")["Message-ID"]


def test_one_earlier_event_is_told_in_the_singular_and_none_not_at_all() -> None:
    notice = sample("new_sign_in")
    assert "There was 1 more event of this kind" in text_of(write(change(notice, earlier=1)))
    assert "more event" not in text_of(write(change(notice, earlier=0)))


def test_without_a_place_nothing_is_claimed_and_nobody_credited() -> None:
    message = write(change(sample("new_sign_in"), place=Place(), organisation=None, device=Device()))
    assert fact(message, "Where") == "place unknown"
    assert fact(message, "Device") == "a device we could not recognise"
    assert "DB-IP" not in text_of(message)
    assert "DB-IP" not in html_of(message)


def test_a_former_address_is_told_why_it_is_written_to() -> None:
    attributes = msgspec.structs.replace(sample_attributes(), email="new@example.org", previous_email="Ada@example.org")
    notice = sample("credential_change")
    old = text_of(write(notice, attributes, recipient="ada@example.org"))
    new = text_of(write(notice, attributes, recipient="new@example.org"))
    assert "belonged to the account" in old
    assert "belonged to the account" not in new


def test_a_changed_credential_is_named() -> None:
    notice = change(sample("credential_change"), type="password_changed", factor_method=None)
    assert write(notice)["Subject"] == "The password of your Example account was changed"
    failed = write(change(notice, outcome="blocked"))
    assert failed["Subject"] == "Attempt to change your Example account"
    assert fact(failed, "Outcome") == "it was refused"


@pytest.mark.parametrize(
    ("actor", "who"), [("admin", "support staff or an administrator"), ("system", "the service itself")]
)
def test_what_others_did_shows_neither_their_place_nor_their_device(actor: str, who: str) -> None:
    message = write(change(sample("credential_change"), actor=actor))
    assert fact(message, "Done by") == who
    assert fact(message, "Where") is fact(message, "Device") is None
    assert "DB-IP" not in text_of(message)
    assert fact(write(sample("credential_change")), "Done by") is None


def test_operators_read_titles_and_see_no_account() -> None:
    message = write(sample("campaign"), recipient="operators@example.org")
    text = " ".join(text_of(message).split())
    assert sample("campaign").titles[0] in text
    assert fact(message, "Account") is None
    assert f"sentinel campaigns show {sample('campaign').id}" in text


def test_the_commands_that_operators_are_told_are_whole_and_find_the_campaign() -> None:
    case = sample("campaign").id
    for tenant, option in (("default", ""), ("shop_2.eu", " --tenant shop_2.eu")):
        message = write(change(sample("campaign"), tenant=tenant), recipient="operators@example.org")
        items = " ".join(text_of(message).split()).split(" - ")
        assert f"Look at the campaign with its case number: sentinel campaigns show {case}{option}" in items
        close = f"sentinel campaigns close {case} --verdict legitimate{option}"
        assert f"If it is not an attack, say so: {close}" in items


def test_an_attempt_that_succeeded_is_not_told_as_a_mere_attempt() -> None:
    failed, succeeded = (write(change(sample("attack"), outcome=outcome)) for outcome in ("failure", "success"))
    assert failed["Subject"] == "Attempts to get into your Example account"
    assert succeeded["Subject"] == "Somebody may have got into your Example account"
    assert "Sign out all other devices." in text_of(succeeded)
    assert "Sign out all other devices." not in text_of(failed)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ComposeError, match="no mail template"):
        write(change(sample("attack"), kind="../attack"))


def test_unknown_reasons_fall_back_to_the_rule_and_then_its_title() -> None:
    notice = change(
        sample("new_sign_in"),
        reasons=("house_rule", "new_device", "other_rule"),
        titles=("A rule of the house", "ignored", ""),
        messages=("", "no_such_sentence"),
    )
    assert Words().reasons(notice) == ["A rule of the house", REASONS["new_device"]]


def test_every_rule_of_the_product_has_a_sentence() -> None:
    ids = (
        "new_device new_country new_network atypical_place impossible_travel anonymous_network "
        "hosting_network listed_address brute_force_account brute_force_address password_spray slow_spray "
        "credential_stuffing distributed_guessing account_enumeration success_after_attack shared_success "
        "push_bombing push_denied second_factor_guessing totp_replay totp_drift second_factor_removed "
        "second_factor_added second_factor_downgrade backup_code_used recovery_takeover helpdesk_takeover "
        "credential_changed leaked_password phishing_proxy device_code_login dormant_account unusual_hour "
        "automated_agent agent_mismatch shared_device session_moved "
        "model_likelihood model_impostor model_novelty "
    )
    assert set(ids.split()) <= set(REASONS)


# --- words ---


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_York", "24 November 2026, 07:05 (Eastern Standard Time, UTC-05:00)"),
        ("Asia/Kathmandu", "24 November 2026, 17:50 (Nepal Time, UTC+05:45)"),
        ("Pacific/Auckland", "25 November 2026, 01:05 (New Zealand Daylight Time, UTC+13:00)"),
        ("Etc/GMT+5", "24 November 2026, 07:05 (UTC-05:00)"),
        ("UTC", "24 November 2026, 12:05 (UTC)"),
        (None, "24 November 2026, 12:05 (UTC)"),
        ("", "24 November 2026, 12:05 (UTC)"),
        ("Europe", "24 November 2026, 12:05 (UTC)"),
        ("localtime", "24 November 2026, 12:05 (UTC)"),
        ("../../../etc/passwd", "24 November 2026, 12:05 (UTC)"),
        ("/etc/localtime", "24 November 2026, 12:05 (UTC)"),
        ("Europe/Berlin\r\nBcc: x", "24 November 2026, 12:05 (UTC)"),
        ("Mars/Olympus", "24 November 2026, 12:05 (UTC)"),
        ("A" * 5000, "24 November 2026, 12:05 (UTC)"),
        ("Europe/\x00Berlin", "24 November 2026, 12:05 (UTC)"),
    ],
)
def test_when(zone: str | None, expected: str) -> None:
    assert Words().when(sample("attack").time, zone) == expected


def test_the_hour_that_comes_twice_says_which_one() -> None:
    first = 1_792_886_400_000_000  # 2026-10-25T00:00:00Z, 02:00 in Berlin, again an hour later
    summer, winter = (Words().when(first + hours * 60 * MINUTE, "Europe/Berlin") for hours in (0, 1))
    assert summer == "25 October 2026, 02:00 (Central European Summer Time, UTC+02:00)"
    assert winter == "25 October 2026, 02:00 (Central European Standard Time, UTC+01:00)"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("XZ", None, "Berlin"), "near Berlin, XZ"),
        (Place("XZ", None, "Berlin", 1.0, 1.0, 150.0), "near Berlin, XZ"),
        (Place("XZ", None, "Berlin", 1.0, 1.0, 600.0), "XZ"),
        (Place("XZ", "Brandenburg", None), "Brandenburg, XZ"),
        (Place("XZ"), "XZ"),
        (Place(None, None, "Berlin"), "near Berlin"),
        (Place(None, None, None, 52.0, 13.0), None),
        (Place(), None),
    ],
)
def test_place(place: Place, expected: str | None) -> None:
    assert Words().place(place) == expected


def test_country_names_need_no_article() -> None:
    assert Words().place(Place("DE", None, "Berlin")) == "near Berlin, Germany"
    assert Words().place(Place("NL")) == "Netherlands"
    assert Words(language("de")).place(Place("CH", "Graubünden")) == "Graubünden, Schweiz"
    assert Words(language("fr")).place(Place("US", None, "Austin")) == "vers Austin, États-Unis"
    assert Words(language("es")).place(Place("NL", None, "Delft")) == "cerca de Delft, Países Bajos"


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (Device("Firefox", "145", "Windows", "11", "desktop"), "Firefox on Windows"),
        (Device("Firefox"), "Firefox on a system we could not recognise"),
        (Device(None, None, "Android"), "a device with Android"),
        (Device("curl", "8", None, None, "bot"), "an automated program (curl)"),
        (Device(type="bot"), "an automated program"),
        (Device(), "a device we could not recognise"),
    ],
)
def test_device(device: Device, expected: str) -> None:
    assert Words().device(device) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://evil.example/x?y=1", "evil[.]example/x?y=1"),
        ("htthttps://ps://evil.example/", "evil[.]example/"),
        ("http:/sms:/evil.example/", "evil[.]example/"),
        ("%0d%0ahttps://evil.example/x", "%0d%evil[.]example/x"),
        ("javascript:alert(1)", "alert(1)"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("Visit evil.example now", "Visit evil[.]example now"),
        ("evil。example/a", "evil[.]example/a"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("Example Telecom 2.0", "Example Telecom 2.0"),
        ("José Núñez", "José Núñez"),
        ("עברית", "עברית"),
        ("a\u202eb\u200bc", "abc"),
        ("  \r\n ", None),
        ("\u202e", None),
        ("", None),
        (None, None),
        ("x" * 5000, "x" * 79 + "…"),
        ("e" + "\u0301" * 50, "é\u0301\u0301\u0301"),
    ],
)
def test_clean(value: str | None, shown: str | None) -> None:
    assert clean(value) == shown


@pytest.mark.parametrize("scheme", ["https://", "http://"])
def test_addresses_that_the_operator_typed_can_be_typed_by_people(scheme: str) -> None:
    """Those from the event cannot, however alike they look; and none is a link."""
    page = "accounts.example.org/reset?step=1"
    identity = msgspec.structs.replace(
        IDENTITY,
        security_page=f"{scheme}example.org/security",
        reset_page=scheme + page,
        support=f"{scheme}help.example.org",
        imprint=f"Example Ltd, {scheme}example.org/imprint",
    )
    notice = msgspec.structs.replace(sample("new_sign_in"), organisation=scheme + page)
    message = compose(notice, sample_attributes(), identity, recipient="ada@example.org", now=notice.time)
    for shown in (text_of(message).replace("\n  ", " "), " ".join(Page(html_of(message)).words)):
        for typed in (
            "here: example.org/security",
            f"here: {page}",
            "us: help.example.org",
            "Ltd, example.org/imprint",
        ):
            assert typed in shown
        assert shown.count(page) == 1
        assert "accounts[.]example[.]org/reset?step=1" in shown
        assert "://" not in shown
    assert "a" not in Page(html_of(message)).tags


@pytest.mark.parametrize("account", ["ada.lovelace", "ada@example.org", "u-1", "ACME\\ada"])
def test_account_ids_stay_as_people_know_them(account: str) -> None:
    assert clean(account, hosts=True) == account


# --- addresses ---

BAD_ADDRESSES = [
    "",
    "ada",
    "@example.org",
    "ada@",
    "ada@@example.org",
    "ada@example.org\r\nBcc: eve@example.org",
    "ada@example.org\nBcc: eve@example.org",
    "ada@example.org\x00",
    "ada@example.org, eve@example.org",
    "ada@example.org;eve@example.org",
    "ada@example.org eve@example.org",
    "Ada <ada@example.org>",
    '"Ada" <ada@example.org>',
    "<ada@example.org>",
    "ada@example.org>",
    '"a b"@example.org',
    '"ada\\r\\n"@example.org',
    "ada@example.org<script>",
    " ada@example.org",
    "ada@example.org ",
    "ada@exa mple.org",
    "ada@-example.org",
    "ada@example-.org",
    "ada@example..org",
    "ada@.example.org",
    "ada@example.org.",
    "ada@[192.0.2.1]",
    "ada@exa_mple.org",
    ".ada@example.org",
    "ada.@example.org",
    "a..da@example.org",
    "ada(comment)@example.org",
    "=?utf-8?q?=0D=0Aada?=@example.org",
    "ada@example.org(comment)",
    "eve@example.org,ada@example.org",
    "eve@evil.example:ada@example.org",
    "ada\u202e@example.org",
    "ada\u200b@example.org",
    "ada@exam\u202eple.org",
    "a" * 65 + "@example.org",
    "ada@" + "a" * 64 + ".org",
    "ada@" + ".".join(["a" * 50] * 6),
    "a" * 5000 + "@example.org",
    "ada@" + "a." * 5000 + "org",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_a_bad_recipient_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(AddressError) as caught:
        write(sample("attack"), recipient=address)
    assert "not a plain mail address" in str(caught.value)
    assert "ada" not in str(caught.value)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.org", "ada@example.org"),
        ("ada+alerts@example.org", "ada+alerts@example.org"),
        ("o'hara.x@EXAMPLE.org", "o'hara.x@example.org"),
        ("root@localhost", "root@localhost"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("josé@example.org", "josé@example.org"),
    ],
)
def test_a_good_address_is_taken(text: str, expected: str) -> None:
    assert check_address(text).addr_spec == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "=?utf-8?q?=0D=0ABcc:_x?= <a@example.org>",
        "Example",
        "Example <a@example.org>, b@example.org",
        "Example\r\nBcc: x <a@example.org>",
        "é@example.org",
    ],
)
def test_a_bad_sender_is_the_operators_to_mend(header: str) -> None:
    identity = msgspec.structs.replace(IDENTITY, from_header=header)
    with pytest.raises(SenderError, match=r"smtp\.from"):
        write(sample("attack"), identity=identity)


def test_errors_are_the_projects_own() -> None:
    assert issubclass(AddressError, SentinelError)
    assert issubclass(SenderError, SentinelError)
    assert issubclass(ComposeError, SentinelError)
