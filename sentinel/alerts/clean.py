"""Making values that somebody else chose safe to show in a mail.

An account's name, a service's name or a network's holder may have been picked by an attacker who wants
their own words, links or headers in a mail that people trust. Escaping (HTML) and the header classes do the
rest; this is about what stays dangerous even as plain text.
"""

import re
import unicodedata
from typing import Final

#: Longest value shown, in characters; more would push the facts off a phone's screen.
MAX_VALUE: Final = 80
#: Marks on one letter that written languages need (Vietnamese has two, Hebrew with points three); more is
#: vandalism.
_MAX_MARKS: Final = 3

# Mail programs also take full-width and ideographic full stops for dots when they make links.
_DOTS: Final = "[.\u3002\uff0e\uff61]"
# Within a word as well: a mail program may see a link begin where a person sees none.
_SCHEME: Final = re.compile(
    r"[a-z0-9+.-]{0,21}:/{2,}|javascript:|\b(?:data|mailto|tel|sms|file):", re.IGNORECASE | re.ASCII
)
_HOST_WITH_PATH: Final = re.compile(
    rf"www{_DOTS}[^\s]+|(?<![\w@.-])[\w-]+(?:{_DOTS}[\w-]+)+(?=[/:?#])[^\s]*", re.IGNORECASE
)
_BARE_HOST: Final = re.compile(rf"(?<![\w@.-])[\w-]+(?:{_DOTS}[\w-]+)*{_DOTS}[^\W\d_]{{2,}}(?![\w@])")


def clean(value: str | None, *, limit: int = MAX_VALUE, hosts: bool = False) -> str | None:
    """``value`` as one line that starts no header, no markup, no link and no right-to-left trick; ``None``
    if empty.

    Control, format (bidi overrides, zero-width) and unassigned characters go, white space becomes single
    spaces, and what is longer than ``limit`` characters is cut with an ellipsis. Mail programs make links
    of plain text: schemes are removed, and the dots of what looks like a web address are written ``[.]``.
    With ``hosts`` a bare ``name.tld`` keeps its dots: account ids are often ``first.last`` or an e-mail
    address.

    >>> clean("Ada\\r\\nBcc: eve@example.org")
    'Ada Bcc: eve@example.org'
    >>> clean("win at https://evil.example/x")
    'win at evil[.]example/x'
    >>> clean("ada.lovelace", hosts=True)
    'ada.lovelace'
    """
    if value is None:
        return None
    text, had_scheme = _one_line(value, limit)
    text = _HOST_WITH_PATH.sub(_break_dots, text)
    if not hosts or had_scheme:
        text = _BARE_HOST.sub(_break_dots, text)
    return _cut(text, limit)


def clean_typed(value: str | None, *, limit: int) -> str | None:
    """What the operator typed, as :func:`clean` makes it, but web addresses stay as people have to type them, only
    without their scheme. Never for a value out of an event.

    >>> clean_typed("https://example.org/reset", limit=160)
    'example.org/reset'
    """
    return None if value is None else _cut(_one_line(value, limit)[0], limit)


def _one_line(value: str, limit: int) -> tuple[str, bool]:
    """``value`` as one line without schemes, and whether it had any."""
    # The cut comes first as well: cleaning a hostile kilobyte costs more than the few characters shown are
    # worth.
    text = whole = " ".join(_visible(unicodedata.normalize("NFC", value[: limit * 8])).split())
    while (without := _SCHEME.sub("", text)) != text:  # "htthttps://ps://" must not leave a scheme behind
        text = without
    # An encoded word (RFC 2047) in a subject is decoded by the header classes, line breaks in it included.
    return text.replace("=?", "= ?"), text != whole


def _cut(text: str, limit: int) -> str | None:
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text.strip() or None


def _visible(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            if marks > _MAX_MARKS:
                continue
        else:
            marks = 0
        if category in ("Cc", "Zl", "Zp", "Zs"):
            kept.append(" ")
        elif category not in ("Cf", "Cs", "Co", "Cn"):
            kept.append(character)
    return "".join(kept)


def _break_dots(match: re.Match[str]) -> str:
    return re.sub(_DOTS, "[.]", match[0])
