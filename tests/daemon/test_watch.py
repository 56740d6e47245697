"""Files that change are read anew, once each time; those that are wrong change nothing."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sentinel.config import Config, load
from sentinel.daemon.daemon import Daemon
from sentinel.daemon.watch import Watcher
from tests.builders import rule_text, write_rule
from tests.running import PATIENCE, InProcess, habits, login

Start = Callable[..., Awaitable[InProcess]]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for folder in ("rules", "allow"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.toml").write_text("")
    (tmp_path / "list.txt").write_text("")
    path = tmp_path / "sentinel.toml"
    path.write_text(
        'rules.directory = "rules"\nrules.allow_directory = "allow"\n[[geo.lists]]\nkind = "vpn"\npath = "list.txt"\n'
    )
    return load(path)


def replaced(path: Path) -> None:
    """As an editor does it: another file in its place, of the same size and time."""
    before = path.stat()
    new = path.with_suffix(".new")
    new.write_bytes(path.read_bytes())
    os.utime(new, ns=(before.st_mtime_ns, before.st_mtime_ns))
    new.replace(path)


@pytest.mark.parametrize("name", ["sentinel.toml", "rules/a.toml", "allow/a.toml", "list.txt"])
@pytest.mark.parametrize("how", [lambda path: os.utime(path, ns=(1, 1)), replaced, Path.unlink])
def test_each_change_is_told_once(tmp_path: Path, config: Config, name: str, how: Callable[[Path], None]) -> None:
    watcher = Watcher(config)
    assert not watcher.changed(config)
    how(tmp_path / name)
    assert watcher.changed(config)
    assert not watcher.changed(config)


def test_new_files_are_changes_but_only_those_that_are_read(tmp_path: Path, config: Config) -> None:
    watcher = Watcher(config)
    (tmp_path / "rules" / "notes.txt").write_text("")
    (tmp_path / "other.toml").write_text("")
    (tmp_path / "rules" / ".#a.toml").symlink_to("somebody@example.org")  # an editor's lock
    (tmp_path / "allow" / ".a.toml").write_text("")
    assert not watcher.changed(config)
    (tmp_path / "rules" / "b.toml").write_text("")
    assert watcher.changed(config)


def test_another_configuration_is_followed_without_a_change(tmp_path: Path, config: Config) -> None:
    watcher = Watcher(config)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.toml").write_text("")
    path = tmp_path / "sentinel.toml"
    path.write_text(path.read_text().replace('"allow"', '"more"'))
    assert watcher.changed(config)
    other = load(path)
    watcher.follow(other)
    assert not watcher.changed(other)
    os.utime(tmp_path / "more" / "a.toml", ns=(1, 1))
    assert watcher.changed(other)


def test_what_changed_while_it_was_read_is_not_missed(tmp_path: Path, config: Config) -> None:
    watcher = Watcher(config)
    os.utime(tmp_path / "rules" / "a.toml", ns=(1, 1))
    watcher.follow(config)
    assert watcher.changed(config)


async def test_a_running_daemon_takes_up_what_changed_and_refuses_what_is_wrong(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloaded = asyncio.Event()
    reload = Daemon.reload
    count = 0

    def counted(daemon: Daemon) -> None:
        nonlocal count
        count += 1
        reload(daemon)
        reloaded.set()

    monkeypatch.setattr(Daemon, "reload", counted)

    async def next_reload() -> None:
        reloaded.clear()
        await asyncio.wait_for(reloaded.wait(), PATIENCE)

    (tmp_path / "rules").mkdir()
    (tmp_path / "allow").mkdir()
    daemon = await start(f'allow_directory = "{tmp_path / "allow"}"\nwatch_seconds = 1')
    client = await daemon.client()
    await client.take(habits())
    assert (await client.assess(login("e-1"))).get("findings") == []
    (tmp_path / "rules" / ".#always.toml").symlink_to("somebody@example.org")
    write_rule(tmp_path / "rules", "always", rule_text("true"))
    await next_reload()
    assert (await client.assess(login("e-2")))["risk"] == 50
    (tmp_path / "allow" / "a.toml").write_text('[us]\nreason = "ours"\nnetworks = ["192.0.2.0/24"]\n')
    await next_reload()
    assert (await client.assess(login("e-3")))["risk"] == 0
    (tmp_path / "allow" / "a.toml").write_text('[us]\nnetworks = ["192.0.2.0/24"]\n')
    await next_reload()
    assert "us.reason: is missing" in caplog.text
    assert (await client.assess(login("e-4")))["risk"] == 0
    # Refused once, not at every look.
    said = caplog.text.count("not reloaded")
    write_rule(tmp_path / "rules", "always", rule_text("false"))
    await next_reload()
    assert (said, caplog.text.count("not reloaded"), count) == (1, 2, 4)
