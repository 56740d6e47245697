"""Slips in hooks and streams, with their place, and what is taken for a secret."""

import os
from pathlib import Path

import pytest

from sentinel.config import Config, load
from sentinel.daemon.hooks import check_secrets, receivers_of
from sentinel.errors import FileError
from sentinel.events.hook import HOOK_TYPES, SIGNALS

SECRET = "whsec_c2VudGluZWwgc2VudGluZWwgc2VudGluZWw="
HOOK = '[[hooks]]\nname = "auth"\nurl = "https://auth.example.org/hook"\nsecrets = ["auth.hook"]\n'
STREAM = '[[streams]]\nname = "idp"\nendpoint = "https://idp.example.org/push"\naudience = "https://idp.example.org"\n'
ISSUER = '[signals]\nissuer = "https://sentinel.example.org"\n'


def loaded(folder: Path, text: str) -> Config:
    path = folder / "sentinel.toml"
    path.write_text(text)
    return load(path)


def secret(folder: Path, text: str = SECRET, name: str = "auth.hook", mode: int = 0o600) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def test_what_is_left_out_is_everything(tmp_path: Path) -> None:
    config = loaded(tmp_path, HOOK + ISSUER + STREAM)
    hook, stream = receivers_of(config, "default").all
    assert (hook.name, hook.types, hook.level) == ("auth", frozenset(HOOK_TYPES), "high")
    assert (stream.name, stream.types) == ("idp", frozenset(SIGNALS))


def test_a_hook_of_a_tenant_hears_of_that_tenant_only(tmp_path: Path) -> None:
    config = loaded(tmp_path, HOOK + 'tenant = "shop"\nevents = ["answer.given"]\n')
    assert not receivers_of(config, "default")
    assert receivers_of(config, "shop").of("answer.given") == ("auth",)
    assert receivers_of(config, "shop").of("alert.sent") == ()


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (HOOK.replace("https://auth.example.org", "http://auth.example.org"), "hooks[0].url", "in the clear"),
        (HOOK.replace("auth.example.org", "10.0.0.1"), "hooks[0].url", "private or special network"),
        (HOOK.replace("auth.example.org", "[::ffff:127.0.0.1]"), "hooks[0].url", "private or special network"),
        (HOOK.replace('"auth"', '"a b"'), "hooks[0].name", "letters, digits"),
        (HOOK + HOOK, "hooks[1].name", "another hook or stream has this name"),
        (HOOK + ISSUER + STREAM.replace('"idp"', '"auth"'), "streams[0].name", "another hook or stream"),
        (HOOK + 'events = ["answer.taken"]\n', "hooks[0].events[0]", '"answer.given"'),
        (HOOK + 'level = "hi"\n', "hooks[0].level", '"high"'),
        (HOOK.replace('name = "auth"\n', ""), "hooks[0].name", "missing"),
        (STREAM, "signals.issuer", "need an issuer"),
        (STREAM + ISSUER.replace("https", "http"), "signals.issuer", "an origin"),
        (STREAM + ISSUER.replace('.org"', '.org/sentinel"'), "signals.issuer", "an origin"),
        (ISSUER + STREAM + 'subject = "phone"\n', "streams[0].subject", '"iss_sub"'),
        (ISSUER + STREAM.replace("//idp.example.org/push", "//192.168.1.1/"), "streams[0].endpoint", "private"),
    ],
)  # fmt: skip
def test_slips_are_told_with_their_place(tmp_path: Path, text: str, key: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        loaded(tmp_path, text)
    assert key in str(caught.value)
    assert says in str(caught.value)


def test_private_addresses_can_be_allowed(tmp_path: Path) -> None:
    config = loaded(
        tmp_path, HOOK.replace("https://auth.example.org", "http://127.0.0.1:9000") + "allow_private = true\n"
    )
    assert config.hooks[0].allow_private


def test_secrets_are_read_from_all_files_line_by_line(tmp_path: Path) -> None:
    config = loaded(tmp_path, HOOK.replace('["auth.hook"]', '["auth.hook", "old.hook"]'))
    secret(tmp_path, f"{SECRET}\n\n{SECRET}\n")
    secret(tmp_path, name="old.hook")
    check_secrets(config)


def test_a_credential_comes_before_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = loaded(tmp_path, HOOK + ISSUER + STREAM + 'token_file = "missing"\n')
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (tmp_path / "credentials").mkdir()
    for name, text in (("hook_auth", SECRET), ("stream_idp", "t0k3n")):
        (tmp_path / "credentials" / name).write_text(text)
    check_secrets(config)


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (SECRET, 0o644, "chmod 600"),
        ("whsec_short", 0o600, "base64"),
        ("password", 0o600, "begins with whsec_"),
        ("", 0o600, "empty"),
    ],
)
def test_a_bad_secret_is_told_by_its_file(tmp_path: Path, text: str, mode: int, says: str) -> None:
    config = loaded(tmp_path, HOOK)
    secret(tmp_path, text, mode=mode)
    with pytest.raises(FileError, match=says) as caught:
        check_secrets(config)
    assert "auth.hook" in str(caught.value)


def test_a_hook_needs_a_secret_and_a_stream_its_token_if_it_names_one(tmp_path: Path) -> None:
    assert "CREDENTIALS_DIRECTORY" not in os.environ
    with pytest.raises(FileError, match="no secret to sign with"):
        check_secrets(loaded(tmp_path, HOOK.replace('secrets = ["auth.hook"]\n', "")))
    with pytest.raises(FileError, match="no such file"):
        check_secrets(loaded(tmp_path, ISSUER + STREAM + 'token_file = "missing"\n'))
    check_secrets(loaded(tmp_path, ISSUER + STREAM))
