"""Edge processes: the same answers as from the daemon itself, whatever becomes of the processes."""

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.config import load
from sentinel.daemon.edges import Desk, Edges
from sentinel.daemon.wire import Ask, Exercise, Refused
from sentinel.pipeline.intake import Intake
from sentinel.pipeline.request import Request
from tests.builders import rule_text, write_rule
from tests.running import PATIENCE, Command, OwnProcess, habits, login


class Running:
    """A daemon with edge processes, and a sender."""

    def __init__(self, command: Command, config: Path) -> None:
        self.config = config
        made = command("--config", config, "keys", "create", "tests", *scopes(), "--json")
        self.key = json.loads(made.stdout)["key"]
        self.process = OwnProcess(command, config).start()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body; a connection that breaks is tried once more, as a sender does."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.process.base + path, data, headers, method=method)
        for last in (False, True):
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    text = answer.read()
                    return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text.decode()
            except urllib.error.HTTPError as error:
                return error.code, json.loads(error.read())
            except (urllib.error.URLError, ConnectionError):
                if last:
                    raise
        raise AssertionError

    @property
    def children(self) -> dict[int, str]:
        """Processes of the daemon: id → command line."""
        pid = self.process.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in found}

    @property
    def edges(self) -> list[int]:
        return [pid for pid, line in self.children.items() if "sentinel.daemon.edge" in line]

    def until(self, holds: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, "waited in vain"
            time.sleep(0.02)


def scopes() -> list[str]:
    return [word for scope in ("events", "assess", "accounts", "feedback", "metrics") for word in ("--scope", scope)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def running(sentinel: Command, write_config: Callable[..., Path]) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(text: str = "[http]\nedges = 2\n") -> Running:
        started.append(Running(sentinel, write_config(text)))
        return started[-1]

    yield start
    for each in started:
        if each.process.process.poll() is None:
            each.process.kill()


def test_everything_through_edges(running: Callable[..., Running]) -> None:
    it = running()
    assert len(it.edges) == 2
    assert it.ask("POST", "/v1/events", habits()) == (202, {"accepted": 4, "duplicates": 0, "rejected": []})
    status, found = it.ask("POST", "/v1/assessments", login("e-1", device_id="phone"))
    assert (status, found["decision"], [one["rule"] for one in found["findings"]]) == (200, "notify", ["new_device"])
    assert it.ask("GET", "/v1/assessments/e-1") == (200, found)
    assert it.ask("POST", "/v1/assessments", login("e-1"))[0] == 409
    status, refused = it.ask("POST", "/v1/assessments", login("e-2", outcome="good"))
    assert (status, refused["field"]) == (422, "outcome")
    assert it.ask("GET", "/v1/assessments/e-2")[0] == 404
    assert it.ask("PUT", "/v1/accounts/u-1", {"email": "ada@example.org"})[1]["email"] == "ada@example.org"
    assert it.ask("GET", "/v1/accounts/u-1/risk")[1]["reasons"] == ["new_device"]
    assert it.ask("POST", "/v1/feedback", {"event": "e-1", "verdict": "legitimate"})[0] == 200
    assert it.ask("GET", "/v1/accounts/u-1/risk")[1]["reasons"] == []
    assert it.ask("POST", "/v1/feedback", {"event": "e-9", "verdict": "legitimate"})[0] == 404
    status, told = it.ask("GET", "/readyz")
    oldest = told.pop("oldest_raw_days")
    assert (status, told) == (200, {"status": "ready", "durable": True, "waiting": 0})
    assert 4 <= oldest < 5.5  # the habits began four days ago


def test_rights_through_edges(running: Callable[..., Running]) -> None:
    it = running()
    it.ask("POST", "/v1/events", habits())
    it.ask("PUT", "/v1/accounts/u-1", {"email": "ada@example.org"})
    assert it.ask("PUT", "/v1/accounts/u-1/restriction", {"reason": "x\n"})[1]["field"] == "reason"
    assert it.ask("PUT", "/v1/accounts/u-1/objection", {"decision": "upheld"})[0] == 409
    assert it.ask("PUT", "/v1/accounts/u-1/restriction", {})[1]["restricted"]
    assert it.ask("POST", "/v1/assessments", login("e-1"))[1]["restricted"]
    assert it.ask("DELETE", "/v1/accounts/u-1/restriction", {})[1]["restricted"] is False
    assert it.ask("GET", "/v1/accounts/u-1")[1]["email"] == "ada@example.org"
    status, gone = it.ask("DELETE", "/v1/accounts/u-1", {})
    assert (status, gone["receipt"][:2]) == (200, "r-")
    for _ in range(4):  # whichever edge it comes to
        assert it.ask("GET", "/v1/accounts/u-1")[1]["email"] is None
        assert it.ask("GET", "/v1/assessments/e-1")[0] == 404


def test_a_large_post_keeps_its_order(running: Callable[..., Running]) -> None:
    it = running()
    many = [login(f"e-{number}", device_id=f"d-{number % 3}") for number in range(1000)]
    assert it.ask("POST", "/v1/events", many)[1]["accepted"] == 1000
    status, answer = it.ask("POST", "/v1/events", [*many, login("e-0", account="u-9"), {"id": "bad"}])
    assert (status, answer["accepted"], answer["duplicates"]) == (202, 0, 1000)
    assert [(one["index"], one["field"]) for one in answer["rejected"]] == [(1000, "id"), (1001, "time")]


def test_figures_count_what_all_edges_answered(running: Callable[..., Running]) -> None:
    it = running()
    for _ in range(20):
        it.ask("GET", "/healthz")
    wanted = 'sentinel_http_requests_total{route="/healthz",status="200"} 20.0'
    it.until(lambda: wanted in it.ask("GET", "/metrics")[1])
    os.kill(it.edges[0], signal.SIGKILL)
    it.process.wait_for("an edge process ended")
    assert wanted in it.ask("GET", "/metrics")[1]


def test_an_edge_that_dies_is_started_anew(running: Callable[..., Running]) -> None:
    it = running("[http]\nedges = 1\n")
    it.ask("POST", "/v1/events", habits())
    (first,) = it.edges
    os.kill(first, signal.SIGKILL)
    # What comes in meanwhile waits at the socket, which the daemon holds open.
    status, answer = it.ask("POST", "/v1/assessments", login("e-1"))
    assert (status, answer["decision"]) == (200, "allow")
    assert it.edges != [first]


def test_a_bad_file_keeps_no_dead_edge_or_courier_from_coming_back(running: Callable[..., Running]) -> None:
    it = running("[http]\nedges = 1\n")
    it.config.write_text("[http\n")
    before = it.children
    for child in before:
        os.kill(child, signal.SIGKILL)
    assert it.ask("POST", "/v1/assessments", login("e-1"))[0] == 200
    it.until(lambda: len(it.children) == len(before) and not it.children.keys() & before.keys())
    assert it.process.stop() == 0  # whose log is lines of JSON, no trace among them


def test_edges_end_with_the_daemon_however_it_ends(running: Callable[..., Running], sentinel: Command) -> None:
    it = running()
    edges = it.edges
    it.ask("POST", "/v1/events", habits())
    it.process.kill()
    it.until(lambda: not any(alive(pid) for pid in edges))
    it.process = OwnProcess(sentinel, it.config).start()
    assert it.ask("GET", "/v1/assessments/past-u-1-0")[0] == 200
    edges = it.edges
    assert it.process.stop() == 0
    assert not any(alive(pid) for pid in edges)


def test_a_reload_reaches_the_edges(running: Callable[..., Running], tmp_path: Path) -> None:
    lists = tmp_path / "vpn.txt"
    lists.write_text("203.0.113.0/24\n")
    it = running("[http]\nedges = 1\n")
    it.ask("POST", "/v1/events", habits())

    def rules(id: str) -> list[str]:
        event = login(id, ip="203.0.113.5", network=None, place=None)
        return [one["rule"] for one in it.ask("POST", "/v1/assessments", event)[1]["findings"]]

    assert "anonymous_network" not in rules("e-0")
    it.config.write_text(it.config.read_text() + f'[[geo.lists]]\nkind = "vpn"\npath = "{lists}"\n')
    it.process.process.send_signal(signal.SIGHUP)
    it.process.wait_for("reloaded")
    numbers = iter(range(1, 1000))
    it.until(lambda: "anonymous_network" in rules(f"e-{next(numbers)}"))


def test_without_edges_the_daemon_answers_itself(running: Callable[..., Running]) -> None:
    it = running("[http]\nedges = 0\n")
    assert it.edges == []
    assert it.ask("POST", "/v1/events", habits())[1]["accepted"] == 4


def test_what_is_tuned_holds_behind_edges(running: Callable[..., Running], tmp_path: Path) -> None:
    """They know the addresses that an allowlist names; rules and their changes are the daemon's alone."""
    (tmp_path / "allow").mkdir()
    allow = tmp_path / "allow" / "a.toml"
    allow.write_text('[us]\nreason = "ours"\nnetworks = ["198.51.100.0/24"]\n')
    write_rule(tmp_path / "rules", "always", rule_text("true", risk='"params.much"', more="[params]\nmuch = 30"))
    it = running(
        f'allow_directory = "{tmp_path / "allow"}"\n[http]\nedges = 2\n'
        '[[tuning]]\nservice = "imap"\nrules.always.params.much = 20\n'
    )
    assert it.edges

    def risk(id: str, **fields: Any) -> float:
        status, said = it.ask("POST", "/v1/assessments", login(id, **fields))
        assert status == 200, said
        return float(said["risk"])

    assert (risk("e-1"), risk("e-2", service="imap"), risk("e-3", ip="198.51.100.7")) == (30, 20, 0)


class _Heard:
    """An edge's end of the pipe."""

    def __init__(self) -> None:
        self.asked: set[asyncio.Future[None]] = set()
        self.pipe = self
        self.answers: list[Any] = []

    def send(self, message: Any) -> None:
        self.answers.append(message)


@pytest.mark.parametrize(
    "message", [Exercise(7, Request(what="erase", tenant="default", account="u-1", time=1)), Ask(7, "ready")]
)
async def test_what_breaks_off_inside_is_answered(message: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: Any) -> Any:
        raise ValueError

    edges, edge = Edges(load(None), [], 0), _Heard()
    serving = asyncio.create_task(edges.serve(Desk(Intake(None), broken, broken, broken)))  # type: ignore[arg-type]  # nothing is judged
    await asyncio.sleep(0)
    edges.answer(edge, message)  # type: ignore[arg-type]  # likewise
    await asyncio.gather(*edge.asked, return_exceptions=True)
    serving.cancel()
    assert [(type(answer), answer.call) for answer in edge.answers] == [(Refused, 7)]
    assert "ValueError" in caplog.text
