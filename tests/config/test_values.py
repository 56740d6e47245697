"""Values with a grammar of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.config import Listen
from sentinel.config.values import Mailbox, Origin, Weekly


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:8787", ("127.0.0.1", 8787, "")),
        ("localhost:0", ("localhost", 0, "")),
        ("[::1]:65535", ("::1", 65535, "")),
        ("unix:/run/sentinel/api.sock", ("", 0, "/run/sentinel/api.sock")),
    ],
)
def test_listen(text: str, parts: tuple[str, int, str]) -> None:
    listen = Listen(text)
    assert (listen.host, listen.port, listen.path) == parts
    assert str(listen) == text
    assert listen == Listen(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("8787", "the port is missing"),
        ("localhost", "the port is missing"),
        ("::1:8787", "brackets"),
        ("localhost:65536", "65535"),
        ("localhost:-1", "65535"),
        ("localhost:http", "65535"),
        ("localhost:٣", "65535"),
        (":8787", "host"),
        ("http://localhost:80", "brackets"),
        ("unix:", "socket is missing"),
        ("unix:/" + "x" * 107, "too long"),
    ],
)
def test_bad_listen(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Listen(text)


@pytest.mark.parametrize("text", ["a@", "@example.org", "<>", "", "a b@example.org", "a@example.org junk", "a"])
def test_bad_mailbox(text: str) -> None:
    with pytest.raises(ValueError):
        Mailbox(text)


def test_mailbox_with_a_quoted_name() -> None:
    box = Mailbox('"Example, Security" <security@example.org>')
    assert (box.name, box.address) == ("Example, Security", "security@example.org")


@given(st.text(st.sampled_from('ab@.,;:<>"\\[]() \r\n\té'), max_size=12))
def test_any_text_is_a_mailbox_or_a_value_error(text: str) -> None:
    try:
        box = Mailbox(text)
    except ValueError:
        return
    assert "@" in box.address
    assert not set(box.address) & set("\r\n<> ")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("login.example.org", "login.example.org"),
        ("https://Login.Example.org:8443/path", "login.example.org"),
        ("*.example.org", "*.example.org"),
        ("https://[2001:db8::1]/", "2001:db8::1"),
    ],
)
def test_origin(text: str, host: str) -> None:
    assert Origin(text) == host


@pytest.mark.parametrize("text", ["", "*", "*.", "https://", "a b", "login.example.org/path", "https://[::1", "*.*"])
def test_bad_origin(text: str) -> None:
    with pytest.raises(ValueError, match="none of these"):
        Origin(text)


@pytest.mark.parametrize(
    ("text", "weekday", "minute"), [("monday 00:00", 0, 0), ("sunday 23:59", 6, 1439), ("thursday 08:30", 3, 510)]
)
def test_weekly(text: str, weekday: int, minute: int) -> None:
    found = Weekly(text)
    assert (found.weekday, found.minute, str(found), bool(found)) == (weekday, minute, text, True)
    assert not Weekly("off")


@pytest.mark.parametrize(
    "text",
    ["", "monday", "08:00", "monday 8:00", "monday 24:00", "monday 08:60", "Monday 08:00", "mo 08:00", "monday 08:00 "],
)
def test_what_is_not_weekly(text: str) -> None:
    with pytest.raises(ValueError):
        Weekly(text)
