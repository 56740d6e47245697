"""`sentinel hooks`, and what doctor says of targets, against real receivers."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from sentinel.config import Config, load
from sentinel.daemon.hooks import told_of
from sentinel.daemon.state import open_store, open_vault
from sentinel.events.clock import DAY, now
from sentinel.events.hook import HookEvent
from sentinel.store.hooks import Disabled
from tests.hooks.receiver import Came, HookServer
from tests.running import Command

SECRET = "whsec_c2VudGluZWwgc2VudGluZWwgc2VudGluZWw="


class Beside:
    """A receiver in a thread of its own, since a command is waited for."""

    def __init__(self) -> None:
        self.status = 202
        self.server = HookServer(self._answer)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(20)

    async def _answer(self, came: Came) -> web.StreamResponse:
        return web.Response(status=self.status)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture
def beside() -> Iterator[Beside]:
    one = Beside()
    yield one
    one.stop()


@pytest.fixture
def config(tmp_path: Path, sentinel: Command, beside: Beside) -> Path:
    for name, text in (("auth.hook", SECRET), ("idp.token", "t0k3n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    path = tmp_path / "sentinel.toml"
    path.write_text(
        f'state = "{sentinel.state}"\n[[hooks]]\nname = "auth"\nurl = "{beside.server.url}"\n'
        'secrets = ["auth.hook"]\nallow_private = true\n'
        '[signals]\nissuer = "https://sentinel.example.org"\n'
        f'[[streams]]\nname = "idp"\nendpoint = "{beside.server.url}"\naudience = "idp"\ntoken_file = "idp.token"\n'
        "allow_private = true\n"
    )
    return path


def fill(config: Config, *, dead: bool = True) -> None:
    """Two events for the hook, of now and of five days ago; dead letters, if wanted."""

    async def work() -> None:
        vault = open_vault(config, writes=True)
        store = open_store(config, vault)
        for about, time in (("new", now()), ("old", now() - 5 * DAY)):
            event = HookEvent(
                type="campaign.detected", tenant="default", account=None, time=time, about=about,
                data={"campaign": "a-1"}, targets=("auth",),
            )  # fmt: skip
            await store.put_hooks([event])
        if dead:
            await store.bury_hooks("auth", now=now(), reason="answered 500")
        await store.close()
        vault.close()

    asyncio.run(work())


def listed(sentinel: Command, config: Path, code: int) -> dict[str, Any]:
    done = sentinel("--config", config, "hooks", "list", "--json")
    assert done.returncode == code, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_targets_are_listed_before_the_first_start(sentinel: Command, config: Path) -> None:
    found = listed(sentinel, config, 0)
    assert list(found) == ["auth", "idp"]
    assert (found["auth"]["kind"], found["idp"]["kind"]) == ("webhook", "stream")
    assert found["auth"]["oldest"] is found["auth"]["error"] is None
    assert not (sentinel.state / "sentinel.db").exists()


def test_dead_letters_are_listed_told_by_doctor_and_sent_again(sentinel: Command, config: Path) -> None:
    fill(load(config))
    found = listed(sentinel, config, 1)["auth"]
    assert (found["dead"], found["pending"], found["error"]) == (2, 0, "answered 500")
    text = sentinel("--config", config, "hooks", "list")
    assert "2 dead" in text.stdout
    assert "last error: answered 500" in text.stdout
    doctor = json.loads(sentinel("--config", config, "doctor", "--json").stdout)
    hooks = {each["detail"].split(":")[0]: each for each in doctor if each["name"] == "hooks"}
    assert (hooks["auth"]["state"], hooks["idp"]["state"]) == ("warn", "good")
    assert "sentinel hooks replay auth" in hooks["auth"]["detail"]
    done = sentinel("--config", config, "hooks", "replay", "auth", "--since", "2d", "--json")
    assert json.loads(done.stdout) == {"name": "auth", "replayed": 1}
    found = listed(sentinel, config, 1)["auth"]
    assert (found["dead"], found["pending"]) == (1, 1)
    assert found["oldest"] is not None
    assert "1 dead letters" in sentinel("--config", config, "hooks", "replay", "auth").stdout
    assert listed(sentinel, config, 0)["auth"]["pending"] == 2


def test_a_disabled_target_is_told_until_it_is_changed(sentinel: Command, config: Path) -> None:
    fill(load(config), dead=False)

    async def disable() -> None:
        vault = open_vault(load(config), writes=True)
        store = open_store(load(config), vault)
        digest = told_of(load(config))["auth"][3]
        await store.disable_hook(Disabled(target="auth", digest=digest, since=now(), reason="answered 410"))
        await store.close()
        vault.close()

    asyncio.run(disable())
    assert listed(sentinel, config, 1)["auth"]["disabled"] == "answered 410"
    done = sentinel("--config", config, "doctor", "--json")
    assert done.returncode == 1
    (found,) = [each for each in json.loads(done.stdout) if each["detail"].startswith("auth:")]
    assert (found["state"], "answered 410" in found["detail"]) == ("bad", True)
    config.write_text(config.read_text().replace("/hook", "/new-hook"))
    assert listed(sentinel, config, 0)["auth"]["disabled"] is None


def test_a_test_event_is_sent_and_what_came_back_is_told(sentinel: Command, config: Path, beside: Beside) -> None:
    done = sentinel("--config", config, "hooks", "test", "auth", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (came,) = beside.server.came
    assert (told["status"], told["http"]) == ("delivered", 202)
    assert came.headers["webhook-id"] == f"msg_{told['id']}"
    assert Webhook(SECRET).verify(came.body, came.headers)["type"] == "hook.test"
    beside.status = 500
    done = sentinel("--config", config, "hooks", "test", "auth")
    assert (done.returncode, "answered 500" in done.stderr) == (1, True)
    config.write_text(
        config.read_text().replace("allow_private = true", "allow_private = false").replace("http:", "https:")
    )
    done = sentinel("--config", config, "hooks", "test", "auth")
    assert done.returncode != 0
    assert "private or special network" in done.stderr


def test_a_stream_is_sent_the_verification_event(sentinel: Command, config: Path, beside: Beside) -> None:
    done = sentinel("--config", config, "hooks", "test", "idp", "--json")
    assert done.returncode == 0, done.stderr
    (came,) = beside.server.came
    claims = jwt.decode(came.body.decode(), options={"verify_signature": False})
    assert claims["sub_id"] == {"format": "opaque", "id": "idp"}
    (event,) = claims["events"].values()
    assert event == {"state": json.loads(done.stdout)["id"]}
    before = jwt.get_unverified_header(came.body.decode())["kid"]
    rotated = json.loads(sentinel("--config", config, "hooks", "rotate-key", "--json").stdout)
    sentinel("--config", config, "hooks", "test", "idp")
    assert jwt.get_unverified_header(beside.server.came[1].body.decode())["kid"] == rotated["kid"] != before
    audit = sentinel("--config", config, "audit", "show").stdout
    assert "hooks.rotate" in audit


def test_an_unknown_name_is_told_with_those_that_are_known(sentinel: Command, config: Path) -> None:
    for words in (("test", "nobody"), ("replay", "nobody")):
        done = sentinel("--config", config, "hooks", *words)
        assert done.returncode == 1
        assert "known are: auth, idp" in done.stderr


def test_check_config_reads_the_secrets(sentinel: Command, config: Path, tmp_path: Path) -> None:
    assert sentinel("--config", config, "check-config").returncode == 0
    (tmp_path / "auth.hook").write_text("password")
    done = sentinel("--config", config, "check-config")
    assert done.returncode != 0
    assert "whsec_" in done.stderr
