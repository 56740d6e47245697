"""An SVG as PNG, where somebody cannot show SVG: a mail."""

from typing import Final

from sentinel.errors import SentinelError

#: Tried in this order; browsers know the last one, what draws the PNG only names.
FONTS: Final = "DejaVu Sans, Liberation Sans, Noto Sans, Arial, Helvetica, sans-serif"
#: Pixels of the PNG for each of the SVG: sharp on screens of twice the density.
_ZOOM: Final = 2


def png(picture: str) -> bytes:
    """An SVG as PNG. Raises :class:`SentinelError` without the package, or without a font on the machine."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise SentinelError(
            "a PNG needs the package resvg-py: pip install '.[plot]' in the folder of sentinel's source, with the pip"
            " that installed it; an SVG needs nothing"
        ) from None
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    word = svg_to_bytes(svg_string=f'{head}<text y="9" font-family="{FONTS}">x</text></svg>')
    if word == svg_to_bytes(svg_string=f"{head}</svg>"):
        raise SentinelError(
            "no font was found on this machine, so a PNG would have no words: install one (DejaVu Sans, say), or draw "
            "an SVG"
        )
    return bytes(svg_to_bytes(svg_string=picture, zoom=_ZOOM))
