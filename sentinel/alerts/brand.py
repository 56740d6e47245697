"""How mails look like the operator's: colours that text stays readable on, and a logo that comes with the mail."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from sentinel.errors import FileError, SentinelError

#: WCAG 2.2, success criterion 1.4.3: least contrast of text with what is behind it.
LEAST_CONTRAST: Final = 4.5
#: What text on a brand colour is written in: white, and near-black in dark mode.
ON_COLOUR: Final = "#ffffff"
ON_COLOUR_DARK: Final = "#12161c"
COLOUR: Final = "#2f5fa8"
COLOUR_DARK: Final = "#8ab2ee"
#: Longest file of a logo, in bytes: it goes with every mail.
MAX_LOGO: Final = 100_000
#: How large a logo is shown at most, in CSS pixels.
_SHOWN: Final = (200, 48)


class Logo(msgspec.Struct, frozen=True):
    """A picture that is part of the mail; ``width`` and ``height`` are those it is shown with, in CSS pixels."""

    content: bytes
    subtype: str  #: ``png`` or ``jpeg``
    width: int
    height: int


class LogoError(SentinelError):
    """A logo that mails cannot carry."""


def contrast(one: str, other: str) -> float:
    """The contrast of two colours ``#rrggbb``, 1 to 21 (WCAG 2.2, "contrast ratio").

    >>> round(contrast("#ffffff", "#000000"), 1)
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def for_dark(colour: str) -> str:
    """``colour`` mixed with white until dark text on it is readable: what dark mode uses if nothing else was chosen.

    >>> for_dark("#2f5fa8")
    '#6d8fc2'
    """
    channels = _channels(colour)
    for white in range(0, 101, 5):
        mixed = "#" + "".join(f"{round(each + (255 - each) * white / 100):02x}" for each in channels)
        if contrast(mixed, ON_COLOUR_DARK) >= LEAST_CONTRAST:
            return mixed
    raise AssertionError("white itself is readable")


def read_logo(path: Path) -> Logo:
    """The logo in a file. Raises :class:`FileError` for one that mails cannot carry."""
    try:
        state = path.stat()
        return _logo(path, state.st_mtime_ns, state.st_size)
    except (OSError, LogoError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileError(str(path), f"the logo cannot be used: {reason}") from None


@lru_cache(maxsize=16)
def _logo(path: Path, changed: int, size: int) -> Logo:
    """Read once for each state of the file."""
    if size > MAX_LOGO:
        raise LogoError(f"it has {size:,} bytes; at most {MAX_LOGO:,}, as it goes with every mail")
    content = path.read_bytes()
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        size_of = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
        return _shown(content, "png", *size_of)
    if content.startswith(b"\xff\xd8\xff") and (found := _jpeg_size(content)):
        return _shown(content, "jpeg", *found)
    raise LogoError("it is neither PNG nor JPEG (mail programs show no SVG)")


def _shown(content: bytes, subtype: str, width: int, height: int) -> Logo:
    if not (width and height):
        raise LogoError("it has no size")
    scale = min(_SHOWN[0] / width, _SHOWN[1] / height, 1.0)
    return Logo(content, subtype, max(round(width * scale), 1), max(round(height * scale), 1))


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    shares = [each / 255 for each in _channels(colour)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
