"""Mails that look like the operator's: colours people can read text on, a logo that comes with the mail."""

import zlib
from base64 import b64encode
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alerts.brand import LEAST_CONTRAST, MAX_LOGO, ON_COLOUR_DARK, Logo, contrast, for_dark, read_logo
from sentinel.alerts.compose import Identity, compose, page_of
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.config import load
from sentinel.daemon.mail import brand_trouble, identity_of
from sentinel.errors import FileError
from tests.alerts.mails import Page, html_of

#: 32 by 16 pixels, a JPEG as far as its frame header.
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080010002001011100ffd9")


def png(width: int = 400, height: int = 96) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    pixels = zlib.compress(bytes(height * (width + 1)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@given(st.integers(0, 0xFFFFFF))
def test_dark_text_can_be_read_on_every_colour_of_dark_mode(value: int) -> None:
    assert contrast(for_dark(f"#{value:06x}"), ON_COLOUR_DARK) >= LEAST_CONTRAST


def test_a_logo_is_part_of_the_mail_and_the_mail_has_the_same_bytes_again() -> None:
    logo = Logo(png(), "png", 200, 48)
    identity = Identity(service_name="Example", from_header="Example <a@example.org>", logo=logo, colour="#7a0019")
    notice = sample("attack")
    first, second = (
        compose(notice, sample_attributes(), identity, recipient="ada@example.org", now=notice.time).as_bytes()
        for _ in range(2)
    )
    assert first == second
    parsed = message_from_bytes(first, policy=default)
    types = [part.get_content_type() for part in parsed.walk()]
    assert types == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    image = list(parsed.walk())[-1]
    assert image.get_payload(decode=True) == logo.content
    assert image.get_content_disposition() == "inline"
    page = Page(html_of(parsed))  # type: ignore[arg-type]
    assert page.links == [("src", f"cid:{image['Content-ID'].strip('<>')}")]
    assert "#7a0019" in html_of(parsed)  # type: ignore[arg-type]
    assert f"data:image/png;base64,{b64encode(logo.content).decode()}" in page_of(parsed)  # type: ignore[arg-type]
    assert "cid:" not in page_of(parsed)  # type: ignore[arg-type]


def test_logos_are_shown_small_and_in_proportion(tmp_path: Path) -> None:
    for content, shown in ((png(), ("png", 200, 48)), (png(10, 10), ("png", 10, 10)), (JPEG, ("jpeg", 32, 16))):
        path = tmp_path / "logo"
        path.write_bytes(content)
        logo = read_logo(path)
        assert (logo.subtype, logo.width, logo.height) == shown
        path.unlink()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither PNG nor JPEG"),
        (b"GIF89a", "neither PNG nor JPEG"),
        (png()[:20], "neither|no size"),
        (png(0, 10), "no size"),
        (JPEG[:20], "neither PNG nor JPEG"),
        (png() + bytes(MAX_LOGO), "at most 100,000"),
        (None, "No such file"),
    ],
)
def test_a_logo_that_mail_programs_would_not_show_is_refused(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "logo.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=reason):
        read_logo(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('colour = "#ffcc00"', r":2:\d+: brand.colour: white text on it has a contrast of 1.5:1, at least 4.5:1"),
        ('colour_dark = "#333333"', r"brand.colour_dark: dark text on it .* choose a lighter one"),
        ('colour = "red"', "brand.colour: expected a colour such as #2f5fa8"),
        ('colour = "#fff"', "six hexadecimal digits"),
    ],
)
def test_a_colour_that_hides_its_text_is_refused_where_it_stands(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(f"[brand]\n{text}\n")
    with pytest.raises(FileError, match=reason):
        load(path)
    path.write_text(f"\n[tenants.shop.brand]\n{text}\n")
    with pytest.raises(FileError, match=r"tenants\.shop\.brand\.colour"):
        load(path)


def test_the_answer_pages_address_takes_a_path(tmp_path: Path) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text('[service]\nanswer_url = "https://security.example.org/?x="\n')
    with pytest.raises(FileError, match=r"answer_url: expected the address without \? and #"):
        load(path)


def test_a_tenant_has_its_own_brand_and_language(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    (tmp_path / "bad.svg").write_text("<svg/>")
    path = tmp_path / "sentinel.toml"
    path.write_text(
        '[service]\nlocale = "de"\nanswer_url = "https://security.example.org/"\n'
        '[brand]\ncolour = "#7A0019"\nimprint = "Example Ltd"\nlogo = "logo.png"\n'
        '[tenants.shop]\nservice.locale = "fr"\nbrand.logo = "bad.svg"\n'
    )
    config = load(path)
    common, shop = identity_of(config, "default"), identity_of(config, "shop")
    assert (common.locale, common.answer_base, common.imprint) == ("de", "https://security.example.org", "Example Ltd")
    assert (common.colour, common.colour_dark) == ("#7a0019", for_dark("#7a0019"))
    assert common.logo is not None
    assert common.logo.width == 200
    # What a tenant leaves out is as for all; a logo that cannot be used holds no mail back.
    assert (shop.locale, shop.colour, shop.logo) == ("fr", "#7a0019", None)
    (trouble,) = brand_trouble(config)
    assert "bad.svg: the logo cannot be used: it is neither PNG nor JPEG" in trouble


def test_a_colour_that_is_none_stays_out_of_the_style() -> None:
    identity = Identity(service_name="Example", from_header="Example <a@example.org>")
    notice = sample("attack")
    for colour in ("red;} body { display: none", "#12345", "url(x)"):
        branded = msgspec.structs.replace(identity, colour=colour, colour_dark=colour)
        message = compose(notice, sample_attributes(), branded, recipient="ada@example.org", now=notice.time)
        assert colour not in html_of(message)
