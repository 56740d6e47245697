"""Whatever somebody chose to be called, to use or to send: it makes no header, recipient, link or markup."""

import re
import unicodedata
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import product

import msgspec
import pytest

from sentinel.alerts.brand import Logo
from sentinel.alerts.clean import clean
from sentinel.alerts.compose import Identity, compose
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.events.alert import KINDS, Notice
from sentinel.events.place import Place
from sentinel.events.sighting import Attributes, Device
from sentinel.language import LANGUAGES, language
from tests.alerts.mails import Page, html_of, plain_words, text_of

URL = "https://security.example.org/answer/sample"
IDENTITY = Identity(
    service_name="Example",
    from_header="Example Security <security@example.org>",
    support="help desk, room 4",
    security_page="Settings, then Security",
    reset_page="Settings, then Password",
    imprint="Example Ltd",
    logo=Logo(b"\x89PNG", "png", 10, 10),
)
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]
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
LINK = re.compile(r"://|javascript:|(?:www|evil)[.。．｡]\w", re.IGNORECASE)
#: What operators type is shown as people have to type it: addresses keep their dots, but no scheme.
SCHEME = re.compile(r"://|javascript:", re.IGNORECASE)
TYPED = ("support", "security_page", "review", "reset_page", "imprint")

PAYLOADS = [
    "x\r\nBcc: eve@example.org",
    "x\nBcc: eve@example.org",
    "x\rBcc: eve@example.org",
    "x\r\n\r\n<h1>new body</h1>",
    "x\u2028Bcc: eve@example.org",
    "x\u2029y\u0085z",
    "\r\n.\r\nMAIL FROM:<eve@example.org>",
    "=?utf-8?q?=0D=0ABcc:_eve@example.org?=",
    "--=_boundary--\r\nContent-Type: text/html",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='https://evil.example'>log in</a>",
    '"><svg onload=alert(1)>',
    "</td></tr></table><h1>gone</h1>",
    "</title><script>x</script>",
    "<style>*{display:none}</style>",
    "</style><script>x</script>",
    "<!-- comment",
    "<![CDATA[x]]>",
    "&lt;b&gt;&#60;script&#62;",
    "{{ 7 * 7 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "%(service)s %s %d %(nothing)s 100%",
    "${7*7} #{7*7} <%= 7*7 %>",
    "https://evil.example/login",
    "HTTPS://EVIL.EXAMPLE/login",
    "htthttps://ps://evil.example/login",
    "javascript:alert(1)",
    "data:text/html;base64,AAAA",
    "www.evil.example/login",
    "evil.example/login",
    "evil。example/login",
    "ftp://evil.example",
    "//evil.example/login",
    "\u202egro.elpmaxe@live\u202c",
    "\u2066hidden\u2069\u200b\u200e\ufeff",
    "\x00\x01\x1b[31mred\x7f\x9b",
    "a" * 10_000,
    "a " * 5_000,
    "Z" + "\u0300" * 500,
    "\U000e0041\U000e0042 tags",
    "line\u000bfeed\u000cpage",
    "\ud7ff\ue000\uffff",
    "' OR 1=1 --",
    "🦊🔥" * 50,
    "<bdo dir=rtl>evil</bdo>",
]

#: What might end a line, a tag, a word or a text, before what might then be read as something else: 500 together.
BREAKS = [
    *("", "\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x00", "%0d%0a", "\\r\\n"),
    *(
        "=0D=0A",
        "&#13;&#10;",
        '">',
        "'>",
        "</td>",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "--=_\r\n",
        "\t",
        "\r\n.\r\n",
    ),
]
CONTENTS = [
    *("Bcc: eve@example.org", "To: eve@example.org", "Subject: new", "Content-Type: text/html\r\n\r\n<b>x</b>"),
    *("=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLm9yZw==?=", "=?utf-8?q?=0D=0ABcc:_eve@example.org?=", "<script>x</script>"),
    *("<img src=x onerror=x>", "<a href=https://evil.example>x</a>", '<a href="javascript:x">x</a>', "<b style=x>"),
    *("https://evil.example/x", "evil。example/x", "evil．example/login", "evil｡example:80/", "www.evil.example"),
    *("{{ 7 * 7 }}", "{% raw %}{{ service }}", "%(service)s %(nothing)s %s %", "<!--[if mso]><i>"),
]
MANY = [f"x {before}{content}" for before, content in product(BREAKS, CONTENTS)]


def hostile(field: str, value: str) -> tuple[Notice, Attributes, Identity]:
    # One that was refused: its mail says the most.
    notice = msgspec.structs.replace(sample("suspicious_sign_in"), decision="block")
    attributes, identity = sample_attributes(), IDENTITY
    owner, _, name = field.partition(".")
    if owner == "attributes":
        attributes = msgspec.structs.replace(attributes, **{name: value})
    elif owner == "identity":
        identity = msgspec.structs.replace(identity, **{name: value})
    elif owner == "place":
        notice = msgspec.structs.replace(notice, place=msgspec.structs.replace(notice.place, **{name: value}))
    elif owner == "device":
        notice = msgspec.structs.replace(notice, device=msgspec.structs.replace(notice.device, **{name: value}))
    elif owner == "titles":
        notice = msgspec.structs.replace(notice, titles=(value,), reasons=("house",), messages=(value,))
    elif owner == "factor":
        notice = msgspec.structs.replace(notice, factor_method=value)
    else:
        notice = msgspec.structs.replace(notice, **{name: value})
    return notice, attributes, identity


FIELDS = [
    "attributes.account",
    "attributes.name",
    "attributes.timezone",
    "attributes.locale",
    "attributes.previous_email",
    "identity.service_name",
    "identity.support",
    "identity.security_page",
    "identity.review",
    "identity.reset_page",
    "identity.imprint",
    "identity.colour",
    "identity.colour_dark",
    "place.country",
    "place.city",
    "place.region",
    "device.browser",
    "device.os",
    "device.type",
    "titles",
    "factor",
    "notice.service",
    "notice.organisation",
    "notice.id",
    "notice.type",
    "notice.outcome",
    "notice.level",
    "notice.event",
]


def labels_in(code: str) -> tuple[str, ...]:
    return tuple(map(language(code).say, LABELS))


def written(notice: Notice, attributes: Attributes | None, identity: Identity) -> EmailMessage:
    """The mail as a mail program gets it."""
    sent = compose(
        notice, attributes, identity, recipient="ada@example.org", now=notice.time, answer_url=URL
    ).as_bytes()
    assert max(len(line) for line in sent.split(b"\r\n")) <= 998  # RFC 5322 section 2.1.1
    assert len(sent) < 60_000
    parsed = message_from_bytes(sent, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def check(parsed: EmailMessage, code: str, payload: str, link: re.Pattern[str] = LINK) -> Page:
    """No header, recipient, part, link, resource or odd character more than in any other mail."""
    assert parsed.keys() == HEADERS, payload
    assert [address.addr_spec for address in parsed["To"].addresses] == ["ada@example.org"]
    assert [address.addr_spec for address in parsed["From"].addresses] == ["security@example.org"]
    assert [part.get_content_type() for part in parsed.walk()] == [
        *("multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png")
    ]
    assert not [part for part in parsed.walk() if part.defects]
    page, text = Page(html_of(parsed)), text_of(parsed)
    assert page.language == code
    assert [address for name, address in page.links if name == "href"] == [URL] * ("a" in page.tags)
    assert re.fullmatch(r"cid:logo\.[0-9a-f]{16}@example\.org", *[a for name, a in page.links if name == "src"])
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.words == plain_words(text, labels_in(code)), payload
    for part in (text, str(parsed["Subject"])):  # the HTML has the same words
        part = part.replace(URL, "")
        assert not link.search(part), (payload, part)
        odd = {c for c in set(part) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")} - {"\n"}
        assert not odd, (payload, odd)
        assert "49" not in part  # nothing was computed by a template within a template
    return page


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_becomes_a_header_markup_or_link(field: str) -> None:
    calm = Page(html_of(written(*hostile("identity.service_name", "Example")))).tags
    for number, payload in enumerate(PAYLOADS):
        code = LANGUAGES[number % len(LANGUAGES)]
        notice, attributes, identity = hostile(field, payload)
        identity = msgspec.structs.replace(identity, locale=code)
        typed = field.removeprefix("identity.") in TYPED
        page = check(written(notice, attributes, identity), code, payload, SCHEME if typed else LINK)
        # A value that cleans to nothing takes its row with it; a factor adds one; nothing else may change.
        if field not in ("factor", "titles") and clean(payload) and field != "notice.id":
            assert page.tags == calm, payload
        assert set(page.tags) <= set(calm), payload


def everywhere(kind: str, value: str, code: str, typed: str = "x") -> tuple[Notice, Attributes | None, Identity]:
    """A notice with ``value`` in every field at once that somebody else might have chosen, and ``typed`` in those that
    the operator types."""
    notice = msgspec.structs.replace(
        sample(kind),
        service=value,
        place=Place(value, value, value),
        organisation=value,
        device=Device(value, value, value, value, value),
        factor_method=value,
        reasons=(value,),
        titles=(value,),
        messages=(value,),
        level=value,
        event=value,
        decision="block",
    )
    attributes = msgspec.structs.replace(
        sample_attributes(),
        account=value,
        name=value,
        timezone=value,
        locale=value,
        previous_email=value,
        tags=(value,),
    )
    identity = msgspec.structs.replace(
        IDENTITY, service_name=value, colour=value, colour_dark=value, locale=code, **dict.fromkeys(TYPED, typed)
    )  # fmt: skip
    return notice, attributes if notice.account else None, identity


@pytest.mark.parametrize("code", LANGUAGES)
def test_five_hundred_payloads_in_every_field_at_once_change_nothing_but_the_words(code: str) -> None:
    calm = {kind: Page(html_of(written(*everywhere(kind, "x", code)))) for kind in KINDS}
    assert len(set(MANY)) == 500
    for number, payload in enumerate(MANY):
        kind = KINDS[(number + LANGUAGES.index(code)) % len(KINDS)]
        for typed, link in (("x", LINK), (payload, SCHEME)):
            page = check(written(*everywhere(kind, payload, code, typed)), code, payload, link)
            assert page.tags == calm[kind].tags, payload
            assert page.attributes == calm[kind].attributes, payload


def test_the_payloads_would_be_seen() -> None:
    """Without cleaning and escaping, the checks fail: else they could not tell anything."""
    html = html_of(written(*hostile("identity.service_name", "Example")))
    assert "script" in Page(html.replace("Example", "<script>x</script>")).tags
    assert LINK.search("see https://evil.example/x")
    assert LINK.search("evil｡example")
