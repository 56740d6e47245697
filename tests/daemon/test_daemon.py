"""The daemon as a whole: start, reload, trouble, stop."""

import asyncio
import json
import os
import resource
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import time_machine

from sentinel.errors import SentinelError
from tests.builders import rule_text, write_rule
from tests.running import AWAY, PATIENCE, Client, Command, InProcess, MailServer, OwnProcess, habits, login

Start = Callable[..., Awaitable[InProcess]]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Turn the loop until ``condition`` holds."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  # what happens in the daemon tells nobody
            await asyncio.sleep(0.005)


async def hang_up(daemon: InProcess) -> None:
    """A real SIGHUP; returns when the reload is over."""
    came = asyncio.get_running_loop().create_future()
    reload = daemon.daemon.reload

    def tell() -> None:
        reload()
        came.set_result(None)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, tell)
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.wait_for(came, PATIENCE)


def key_of(sentinel: Command, config: Path) -> str:
    """A key that may do everything, made on the command line."""
    scopes = [word for scope in ("events", "assess", "accounts", "feedback") for word in ("--scope", scope)]
    done = sentinel("keys", "create", "all", *scopes, "--config", config)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def post(base: str, secret: str, path: str, body: Any) -> tuple[int, Any]:
    """A post to a daemon in another process; raises OSError when it is gone."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def test_what_was_taken_is_there_after_a_restart(start: Start) -> None:
    first = await start()
    client = await first.client()
    await client.take(habits())
    event = login("e-1", **AWAY)
    answer = await client.assess(event)
    await first.stop()
    second = await start()
    again = second.stranger(client.secret)
    assert await again.assess(event) == answer | {"duplicate": True}
    assert (await again.get("/v1/accounts/u-1/risk")).body["risk"] == answer["risk"]


async def test_a_store_of_another_installation_is_refused_at_the_start(start: Start, state: Path) -> None:
    first = await start()
    await first.stop()
    files = {path: path.read_bytes() for path in (state / "sentinel.key", state / "keyring.db")}
    (state / "sentinel.key").unlink()
    with pytest.raises(SentinelError, match="the master key is missing, but there is a keyring"):
        await start()
    (state / "sentinel.key").write_bytes(b"x" * 32)
    (state / "sentinel.key").chmod(0o600)
    with pytest.raises(SentinelError, match="not the one that opens this keyring"):
        await start()
    (state / "keyring.db").unlink()
    with pytest.raises(SentinelError, match="the keyring is missing, but there is a store"):
        await start()
    for path, content in files.items():
        path.write_bytes(content)
    await (await start()).stop()


async def test_a_second_daemon_on_the_same_store_is_refused(start: Start, write_config: Callable[..., Path]) -> None:
    first = await start()
    second = InProcess(write_config())
    with pytest.raises(SentinelError, match="another sentinel process writes to this store"):
        await second.start()
    assert (await first.stranger().get("/readyz")).status == 200


async def test_a_port_in_use_is_told(start: Start) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with taken, pytest.raises(SentinelError, match=rf"cannot listen on 127.0.0.1:{port}: .*in use"):
        await start(listen=f"127.0.0.1:{port}")


async def test_it_listens_on_a_unix_socket(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    daemon = await start(listen=f"unix:{path}")
    assert daemon.daemon.port == 0
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession(connector=connector) as session, session.get("http://localhost/readyz") as answer:
        assert answer.status == 200
    await daemon.stop()
    assert not path.exists()


async def test_a_socket_left_behind_makes_way_and_nothing_else_does(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    await (await start(listen=f"unix:{path}")).stop()
    path.write_text("somebody's file")
    with pytest.raises(SentinelError, match="is no socket"):
        await start(listen=f"unix:{path}")
    assert path.read_text() == "somebody's file"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(path))
        alive.listen()
        with pytest.raises(SentinelError, match="another process answers"):
            await start(listen=f"unix:{path}")
        assert path.exists()


async def test_a_hangup_takes_up_rules_and_settings(
    start: Start, tmp_path: Path, write_config: Callable[..., Path], mail_server: MailServer
) -> None:
    daemon = await start()
    client = await daemon.client()
    before = await client.assess(login("e-1"))
    assert before["findings"] == []
    write_rule(tmp_path / "rules", "always", rule_text("true", risk=95))
    write_config("[decision]\nchallenge = 90\nblock = 99", smtp=mail_server.port)
    await hang_up(daemon)
    after = await client.assess(login("e-2"))
    assert [finding["rule"] for finding in after["findings"]] == ["always"]
    assert after["decision"] == "challenge"
    assert after["ruleset"] != before["ruleset"]


async def test_a_hangup_takes_up_how_mails_are_sent(
    start: Start, write_config: Callable[..., Path], mail_server: MailServer
) -> None:
    daemon = await start()
    client = await daemon.client()
    other = MailServer()
    await other.start()
    write_config('[service]\nname = "Marsupial"', smtp=other.port)
    await hang_up(daemon)
    await client.put("/v1/accounts/u-1", {"email": "ada@example.org"})
    await client.take([*habits(), login("e-1", **AWAY)])
    await other.mailbox.wait(1)
    assert "Marsupial" in other.mailbox.mails[0][1].as_string()
    assert mail_server.mailbox.mails == []
    await other.stop()


async def test_what_only_a_restart_changes_is_told(
    start: Start, write_config: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    daemon = await start()
    write_config(listen="127.0.0.1:1")
    await hang_up(daemon)
    assert "listen changes only with a restart" in caplog.text
    assert (await daemon.stranger().get("/healthz")).status == 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("rule", r"broken\.toml:\d+:\d+: .*no_such_fact"),
        ("setting", r"sentinel\.toml:\d+:\d+: .*colour"),
        ("toml", r"sentinel\.toml:\d+:\d+:"),
        ("bytes", r"sentinel\.toml"),
        ("list", r"list\.txt"),
        ("database", r"city\.mmdb"),
        ("password", r"password"),
        ("gone", r"sentinel\.toml"),
    ],
)
async def test_at_a_hangup_the_wrong_is_refused_and_the_old_stays(
    start: Start, tmp_path: Path, write_config: Callable[..., Path], caplog: pytest.LogCaptureFixture,
    wrong: str, said: str,
) -> None:  # fmt: skip
    import re

    daemon = await start()
    client = await daemon.client()
    before = await client.assess(login("e-1"))
    # Each comes with a good change beside it, which must not be taken up either.
    good = "[decision]\nnotify = 1\nchallenge = 2\nblock = 3\n"
    path = write_config(good)
    match wrong:
        case "rule":
            write_rule(tmp_path / "rules", "broken", rule_text("no_such_fact > 1"))
        case "setting":
            write_config(good + "[log]\ncolour = 1")
        case "toml":
            write_config(good + "[log\n")
        case "bytes":
            path.write_bytes(path.read_bytes() + b"# \xff\xfe")
        case "list":
            (tmp_path / "list.txt").write_text("192.0.2.0/24\nnonsense\n")
            write_config(good + '[[geo.lists]]\nkind = "vpn"\npath = "list.txt"')
        case "database":
            (tmp_path / "city.mmdb").write_bytes(b"nonsense")
            write_config(good + '[geo]\ncity = "city.mmdb"')
        case "password":
            (tmp_path / "password").write_text("hunter2")
            (tmp_path / "password").chmod(0o644)
            text = path.read_text().replace("[smtp]", '[smtp]\nusername = "x"\npassword_file = "password"')
            path.write_text(text)
        case "gone":
            path.unlink()
    await hang_up(daemon)
    assert re.search(said, caplog.text), caplog.text
    assert "not reloaded" in caplog.text
    assert "hunter2" not in caplog.text
    after = await client.assess(login("e-2", device_id="another"))
    assert after["ruleset"] == before["ruleset"]
    assert after["decision"] in ("allow", "notify")
    assert (await daemon.stranger().get("/readyz")).status == 200


async def test_a_part_that_breaks_off_ends_the_daemon_as_failed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = await start()
    client = await daemon.client()

    async def broken(parts: Any, storing: Any) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(daemon.daemon.intake, "_judge", broken)
    reply = await client.post("/v1/events", login("e-1"))
    assert (reply.status, "Retry-After" in reply.headers) == (503, True)
    with pytest.raises(SentinelError, match="intake broke off"):
        await daemon._task
    daemon._task = asyncio.ensure_future(asyncio.sleep(0))


@contextmanager
def disk_full_in(spare: int, state: Path) -> Iterator[None]:
    """No file of this process grows past ``spare`` bytes more than the store's largest one has now."""
    largest = max(path.stat().st_size for path in state.glob("sentinel.db*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_loses_nothing_that_was_accepted(start: Start, state: Path) -> None:
    daemon = await start()
    client = await daemon.client()
    accepted = 0
    with disk_full_in(200_000, state):
        for _ in range(200):
            reply = await client.post("/v1/events", [login(f"e-{accepted + n}") for n in range(20)])
            if reply.status != 202:
                break
            accepted += 20
        assert (reply.status, "Retry-After" in reply.headers) == (503, True)
        assert accepted
        ready = await daemon.stranger().get("/readyz")
        assert ready.status == 503
        assert "full" in ready.body["reasons"]["store"]
    # Later: every look is an audit entry, and what cannot be recorded is not shown.
    found = [(await client.get(f"/v1/assessments/e-{n}")).status for n in range(accepted + 20)]
    assert found == [200] * accepted + [404] * 20
    reply = await client.post("/v1/events", [login(f"e-{accepted + n}") for n in range(20)])
    assert reply.body == {"accepted": 20, "duplicates": 0, "rejected": []}
    assert (await daemon.stranger().get("/readyz")).status == 200


async def test_an_unreachable_mail_server_keeps_the_mails_and_the_daemon_ready(
    start: Start, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = await start()
    client = await daemon.client()
    await mail_server.stop()
    await client.put("/v1/accounts/u-1", {"email": "ada@example.org"})
    await client.take([*habits(), login("e-1", **AWAY)])

    async def tried() -> bool:
        return caplog.text.count("has to wait: connecting") == 1

    await until(tried)
    assert (await daemon.stranger().get("/readyz")).status == 200
    assert (await daemon.daemon.store.mail_counts())["pending"] == 1
    assert 'sentinel_mails{state="pending"} 1.0' in (await client.get("/metrics")).text
    await mail_server.start(mail_server.port)
    with time_machine.travel(daemon.daemon._service.clock() / 1e6 + 300, tick=True):
        daemon.daemon._wake.set()
        await mail_server.mailbox.wait(1)
    assert mail_server.mailbox.recipients == ["ada@example.org"]


async def test_an_address_that_the_mail_server_refuses_is_told_to_the_service(
    start: Start, mail_server: MailServer
) -> None:
    async def refuse(*told: object) -> str:
        return "550 5.1.1 no such mailbox"

    mail_server.mailbox.handle_RCPT = refuse  # type: ignore[attr-defined]  # looked for by name
    client = await (await start()).client()
    given = {"email": "ada@example.org"}
    assert not (await client.put("/v1/accounts/u-1", given)).body["email_refused"]
    await client.take([*habits(), login("e-1", **AWAY)])

    async def told() -> bool:
        return bool((await client.get("/v1/accounts/u-1")).body["email_refused"])

    await until(told)
    assert not (await client.put("/v1/accounts/u-1", {"email": "ada@example.com"})).body["email_refused"]
    exported = await client.download("/v1/accounts/u-1/export")
    assert exported[0] == 200


async def test_an_account_without_an_address_is_counted(daemon: InProcess, client: Client) -> None:
    await client.take([*habits(), login("e-1", **AWAY)])

    async def settled() -> bool:
        return (await daemon.daemon.store.mail_counts())["unaddressed"] == 1

    await until(settled)
    assert (await client.get("/v1/accounts/u-1/alerts")).body["alerts"]


def test_sigterm_drains_and_loses_nothing(
    sentinel: Command, own_process: Callable[..., OwnProcess], write_config: Callable[..., Path]
) -> None:
    config = write_config()
    secret = key_of(sentinel, config)
    daemon = own_process()
    taken: list[str] = []
    refused: list[int] = []
    began = threading.Event()

    def stream(sender: int) -> None:
        for batch in range(10_000):
            ids = [f"e-{sender}-{batch}-{n}" for n in range(20)]
            try:
                status, _ = post(daemon.base, secret, "/v1/events", [login(id) for id in ids])
            except OSError:
                return
            if status != 202:
                refused.append(status)
                return
            taken.extend(ids)
            if len(taken) > 400:
                began.set()

    senders = [threading.Thread(target=stream, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    assert began.wait(PATIENCE)
    assert daemon.stop() == 0
    for sender in senders:
        sender.join(PATIENCE)
    assert set(refused) <= {503}
    assert [line["message"] for line in daemon.log][-1].startswith("stopping")
    again = own_process()
    headers = {"Authorization": f"Bearer {secret}"}
    for id in taken:
        request = urllib.request.Request(f"{again.base}/v1/assessments/{id}", headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert json.load(answer)["event"] == id
    assert again.stop() == 0


def test_the_log_is_json_without_personal_data(
    sentinel: Command, own_process: Callable[..., OwnProcess], write_config: Callable[..., Path]
) -> None:
    config = write_config('[log]\nlevel = "debug"')
    secret = key_of(sentinel, config)
    daemon = own_process('[log]\nlevel = "debug"')
    personal: dict[str, Any] = {
        "email": "ada@example.org",
        "name": "Ada Lovelace",
        "user_agent": "Mozilla/5.0 Telltale",
    }
    events = [*habits("ada-account", **personal), login("e-1", account="ada-account", **personal | AWAY)]
    assert post(daemon.base, secret, "/v1/events", events)[0] == 202
    assert post(daemon.base, secret, "/v1/events", login("e-2", colour="Telltale"))[0] == 422
    assert post(daemon.base, "sentinel_wrong", "/v1/events", login("e-3"))[0] == 401
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("reloaded")
    assert daemon.stop() == 0
    assert all({"@timestamp", "log.level", "message", "log.logger"} <= set(line) for line in daemon.log)
    text = json.dumps(daemon.log)
    for value in ("ada", "Ada", "example.org", "Telltale", "203.0.113.", "192.0.2.", "stranger", "Tokyo", secret):
        assert value not in text, text


def refused(sentinel: Command, config: Path) -> str:
    """What ``sentinel run`` says when it does not start; without a trace, with exit code 1."""
    done = sentinel.fresh("run", "--config", config)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_bad_configuration_ends_it_with_a_clear_error(
    sentinel: Command, write_config: Callable[..., Path], tmp_path: Path
) -> None:
    said = refused(sentinel, write_config("[decision]\nnotifi = 40"))
    assert "sentinel.toml" in said
    assert "did you mean notify" in said
    assert "no such file" in refused(sentinel, tmp_path / "missing.toml").lower()


@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 1000, b"\xab\xcd\xefMaxMind.com" + b"\x00" * 50])
def test_a_missing_or_corrupt_database_ends_it_with_a_clear_error(
    sentinel: Command, write_config: Callable[..., Path], tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "city.mmdb").write_bytes(content)
    said = refused(sentinel, write_config('[geo]\ncity = "city.mmdb"'))
    assert "city.mmdb" in said
    assert "missing" in said if content is None else "damaged" in said or "not a database" in said


def test_a_bad_rule_and_a_damaged_store_end_it_with_a_clear_error(
    sentinel: Command, write_config: Callable[..., Path], tmp_path: Path, state: Path
) -> None:
    path = write_rule(tmp_path / "rules", "broken", rule_text("travel.speed_kmh > 900"))
    assert "900.0" in refused(sentinel, write_config())
    path.unlink()
    (state / "sentinel.db").write_bytes(b"not a database at all" * 1000)
    assert "sentinel.db" in refused(sentinel, write_config())


def test_it_says_when_the_state_cannot_be_written(sentinel: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = tmp_path / "c.toml"
    config.write_text(f'state = "{tmp_path}/file/state"\nlisten = "127.0.0.1:0"\n')
    assert "the state directory cannot be made" in refused(sentinel, config)
