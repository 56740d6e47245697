"""`sentinel account` as it is typed: with nobody beside it, and beside a daemon that carries out what is asked."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import asking, new_file, waiting
from sentinel.cli.actor import operator
from sentinel.cli.main import cli
from sentinel.config import load
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.lock import state_lock
from sentinel.daemon.questions import answer_questions
from sentinel.daemon.state import open_vault
from sentinel.events.clock import now
from sentinel.pipeline.request import Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import LEDGER_NAME, Ledger
from tests.running import AWAY, Command, InProcess, MailServer, ago, habits, login

Start = Callable[..., Awaitable[InProcess]]
PERSON = {"email": "ada@example.org", "name": "Ada Example", "locale": "de"}


def said(done: Any, code: int = 0) -> Any:
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def bad(done: Any, code: int, text: str) -> None:
    assert (done.returncode, text in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


@pytest.fixture
def config(sentinel: Command, tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f'state = "{sentinel.state}"\nrules.directory = "none"\nrules.allow_directory = "none"\n')
    return path


def take(sentinel: Command, config: Path, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Have the store take events, with nobody beside; their assessments."""
    file = config.parent / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    done = sentinel("--config", config, "assess", "--state", f"sqlite:{sentinel.state}/sentinel.db", file)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def a_life(account: str = "u-1") -> list[dict[str, Any]]:
    """Four logins at home and one that somebody else made."""
    strange = login(f"strange-{account}", ago(minutes=30), account=account, **AWAY, session_id="theirs")
    return [*habits(account, **PERSON), strange]


@pytest.fixture
def account(sentinel: Command, config: Path) -> Callable[..., Any]:
    """Run `sentinel account …` and read what it prints."""

    def run(*words: str | Path, code: int = 0) -> Any:
        return said(sentinel("--config", config, "account", *words, "--json"), code)

    return run


def entries(sentinel: Command, config: Path, *words: str) -> list[dict[str, Any]]:
    """The audit log, but for the looks at it."""
    found = said(sentinel("--config", config, "audit", "show", *words, "--json"))
    return [entry for entry in found if entry["action"] != "audit.show"]


def test_what_is_known_is_shown_and_the_look_is_written_down(
    sentinel: Command, config: Path, account: Callable[..., Any]
) -> None:
    take(sentinel, config, *a_life())
    shown = account("show", "u-1", "--purpose", "ticket 7")
    assert shown["attributes"]["email"] == "ada@example.org"
    assert shown["rights"]["restricted"] is False
    assert [event["event"] for event in shown["events"]][:2] == ["strange-u-1", "past-u-1-3"]
    assert shown["events"][0]["country"] == "JP"
    assert [alert["state"] for alert in shown["alerts"]] == ["open"]
    assert {value["name"]: value["trusted"] for value in shown["known"]["countries"]} == {"FR": True, "JP": False}
    assert "203.0.113.9" not in json.dumps(shown)
    assert len(account("show", "u-1", "--limit", "1")["events"]) == 1
    (first, _) = entries(sentinel, config, "--account", "u-1")
    assert (first["action"], first["actor"], first["role"], first["purpose"]) == (
        "account.show", operator(), "operator", "ticket 7",
    )  # fmt: skip
    account("rectify", "u-1", "--name", "Ada\x1b[2J\u202eecila")
    text = sentinel("--config", config, "account", "show", "u-1").stdout
    assert "name: Ada⟨U+001B⟩[2J⟨U+202E⟩ecila" in text
    assert "email: ada@example.org" in text
    assert "countries: FR  trusted" in text


def test_an_account_never_heard_of_is_answered_alike(
    sentinel: Command, config: Path, account: Callable[..., Any], tmp_path: Path
) -> None:
    empty = account("show", "nobody")  # no store, no keys
    take(sentinel, config, *a_life())
    unknown, known = account("show", "nobody"), account("show", "u-1")
    assert empty == unknown
    assert unknown.keys() == known.keys()
    assert unknown["attributes"].keys() == known["attributes"].keys()
    assert (unknown["events"], unknown["alerts"]) == ([], [])
    archives = []
    for name in ("nobody", "u-1"):
        account("export", name, "--out", tmp_path / f"{name}.zip", "--language", "en")
        with ZipFile(tmp_path / f"{name}.zip") as archive:
            archives.append({file: archive.read(file) for file in archive.namelist()})
    assert archives[0].keys() == archives[1].keys()
    data = [json.loads(archive["data.json"]) for archive in archives]
    assert data[0].keys() == data[1].keys()
    assert (data[0]["account"]["email"], data[0]["events"]) == (None, [])
    assert account("erase", "nobody", "--yes").keys() == account("erase", "u-1", "--yes").keys()
    assert len(entries(sentinel, config, "--action", "account.erase")) == 2


def test_the_export_holds_everything_also_of_a_restricted_account(
    sentinel: Command, config: Path, account: Callable[..., Any], tmp_path: Path
) -> None:
    take(sentinel, config, *a_life(), *a_life("u-2"))
    take(sentinel, config, login("wrong", outcome="failure", reason="bad_password"))
    close = ["alerts", "close", "--event", "strange-u-1", "--verdict", "compromised"]
    assert sentinel("--config", config, *close).returncode == 0
    account("restrict", "u-1", "--reason", "not mine")
    take(sentinel, config, login("later", ago(minutes=5)))
    out = tmp_path / "u-1.zip"
    manifest = account("export", "u-1", "--out", out)
    assert manifest["events"] == 7
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with ZipFile(out) as archive:
        assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == set(archive.namelist())
        page, data = archive.read("index.html").decode(), json.loads(archive.read("data.json"))
    assert '<html lang="de"' in page
    assert data["account"]["email"] == "ada@example.org"
    assert [event["ip"] for event in data["events"]] == ["192.0.2.7"] * 4 + ["203.0.113.9"] + ["192.0.2.7"] * 2
    assert data["events"][6]["assessment"]["restricted"] is True
    assert "new_country" in {finding["rule"] for finding in data["events"][4]["assessment"]["findings"]}
    (alert,) = data["alerts"]
    assert alert["state"] == "compromised"
    assert [(mail["kind"], mail["alert"], mail["state"]) for mail in data["mails"]] == [
        (alert["kind"], alert["id"], "answered")
    ]
    assert [(answer["event"], answer["verdict"], answer["by"]) for answer in data["answers"]] == [
        ("strange-u-1", "compromised", "operator")
    ]
    assert (data["rights"]["restricted"], data["rights"]["decisions"][0]["reason"]) == (True, "not mine")
    assert data["profile"]["devices"][0]["name"] == "laptop"
    assert [look["action"] for look in data["looks"]] == [
        "alerts.close", "account.restrict", "account.export",
    ]  # fmt: skip
    counts = {count["series"].split(", ")[0]: (count["entries"], count["over"]) for count in data["windows"]}
    assert counts == {"brute_force_account.failures": (1, 600), "distributed_guessing.addresses": (1, 10800)}
    assert "u-2" not in json.dumps(data)
    bad(sentinel("--config", config, "account", "export", "u-1", "--out", out), 2, "is there already")
    with ZipFile(out) as archive:
        assert archive.testzip() is None


def test_an_erased_account_left_nothing_and_the_receipt_proves_it(
    sentinel: Command, config: Path, account: Callable[..., Any], tmp_path: Path
) -> None:
    take(sentinel, config, *a_life(), *a_life("u-2"))
    others = account("show", "u-2")
    account("show", "u-1")
    for words in (["backup"], ["backup", "--keyring"], ["backup", "--keyring", "--to", tmp_path / "elsewhere"]):
        done = sentinel("--config", config, *words)
        assert done.returncode == 0, done.stderr
    erased = account("erase", "u-1", "--yes", "--purpose", "request of the person")
    assert erased["told"] is True  # somebody had got in
    assert account("show", "u-1")["events"] == []
    assert account("show", "u-2") == others
    verify = ["--config", config, "privacy", "verify-erasure"]
    proof = said(sentinel(*verify, erased["receipt"], "--json"))
    assert (proof["holds"], proof["key_destroyed"], proof["rows_left"]) == (True, True, 0)
    assert proof["audit_entries"] == 2
    assert proof["finished"] is not None
    assert "key: destroyed" in sentinel(*verify, erased["receipt"]).stdout
    assert (proof["backups_before"], proof["keyring_backups_before"]) == (1, 2)
    bad(sentinel(*verify, "r-1"), 1, "no erasure has this receipt")
    assert sentinel("--config", config, "privacy", "scan", "--value", "ada@example.org").returncode == 0
    assert len(entries(sentinel, config, "--action", "erasure.verify")) == 3
    # It begins anew, with a key that leads to nothing of before.
    take(sentinel, config, login("new"))
    assert [event["event"] for event in account("show", "u-1")["events"]] == ["new"]
    assert said(sentinel(*verify, erased["receipt"], "--json"))["holds"] is True


async def test_what_an_import_was_in_the_way_of_is_done_when_it_ends(
    sentinel: Command, config: Path, account: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(sentinel, config, *a_life())
    monkeypatch.setattr(waiting, "_TRY", 0.0)
    settings = load(config)
    imports = state_lock(settings.state, settings.store_url)
    imports.__enter__()
    asked = Request(what="erase", tenant="default", account="u-1", time=now(), by="operator", actor="me")
    # The import ends just after the command found the lock taken, and nobody is there who answers.
    done = await asking.have_done(settings, asked, lambda _: imports.__exit__(None, None, None))
    assert done is not None
    assert done.receipt is not None
    assert account("show", "u-1")["events"] == []


def test_an_export_to_standard_output_is_the_same_archive(
    sentinel: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(sentinel, config, *a_life())
    monkeypatch.chdir(config.parent)
    words = ["--config", str(config), "account", "export", "u-1", "--out"]
    piped = CliRunner().invoke(cli, [*words, "-", "--json"], standalone_mode=False)
    assert piped.exit_code == 0, piped.output
    with ZipFile(BytesIO(piped.stdout_bytes)) as archive:
        assert len(json.loads(archive.read("data.json"))["events"]) == 5
    assert json.loads(piped.stderr)["events"] == 5
    assert not Path("-").exists()
    monkeypatch.setattr(new_file, "_at_terminal", lambda: True)
    typed = CliRunner().invoke(cli, [*words, "-"])
    assert (typed.exit_code, typed.stdout) == (2, "")
    assert "standard output is a terminal" in typed.stderr
    assert not Path("-").exists()


def test_rows_that_are_left_and_a_key_that_is_there_disprove_an_erasure(
    sentinel: Command, config: Path, account: Callable[..., Any]
) -> None:
    take(sentinel, config, *a_life())
    settings = load(config)
    vault = open_vault(settings, writes=True)
    key = vault.find(vault.pseudonym("account", "default", "u-1"))
    assert key is not None
    ledger = Ledger(settings.state / LEDGER_NAME, vault.root.derive("ledger"))
    erasure = ledger.begin(key.handle, key.rows, 1)
    verify = ["--config", config, "privacy", "verify-erasure", erasure.receipt]
    proof = said(sentinel(*verify, "--json"), 1)
    assert (proof["holds"], proof["finished"], proof["key_destroyed"]) == (False, None, False)
    assert proof["rows_left"] > 5
    assert "NOT finished" in sentinel(*verify).stdout
    ledger.finish(erasure.receipt, 2)
    assert said(sentinel(*verify, "--json"), 1)["holds"] is False
    other = ledger.begin("a handle that", b"never was", 1)
    unfinished = said(sentinel(*verify[:-1], other.receipt, "--json"), 1)
    assert (unfinished["holds"], unfinished["key_destroyed"], unfinished["rows_left"]) == (False, True, 0)
    ledger.forget(1_800_000_000_000_000)
    ledger.close()
    vault.close()
    old = said(sentinel(*verify, "--json"))
    assert (old["rows_left"], old["key_destroyed"]) == (None, None)
    assert "row ids are forgotten" in sentinel(*verify).stdout


def test_restriction_and_objection_are_entered_lifted_and_decided(
    sentinel: Command, config: Path, account: Callable[..., Any]
) -> None:
    alert = take(sentinel, config, *a_life())[-1]["alert"]
    assert account("restrict", "u-1", "--reason", "not mine")["restricted"] is True
    (after,) = take(sentinel, config, login("later"))
    assert after["unjudged"] == [{"rule": "*", "reason": "restricted"}]
    shown = account("show", "u-1")
    assert (shown["events"], shown["alerts"], shown["known"]) == ([], [], {})
    assert shown["not_shown"] == "the processing of this account is restricted"
    assert shown["attributes"]["email"] == "ada@example.org"
    bad(sentinel("--config", config, "explain", "strange-u-1"), 1, "is restricted")
    pasted = sentinel("--config", config, "explain", "-", input=json.dumps(login("pasted")))
    bad(pasted, 1, "is restricted")
    assert sentinel("--config", config, "alerts", "show", alert).returncode == 1
    assert account("lift", "u-1") == {"restricted": False, "since": None, "objection": None, "changed": True}
    assert [alert["state"] for alert in account("show", "u-1")["alerts"]] == ["open"]
    assert account("object", "u-1")["objection"] == "open"
    bad(sentinel("--config", config, "account", "lift", "u-1"), 1, "an objection stands")
    decided = account("object", "u-1", "--decide", "rejected", "--reason", "security of all")
    assert (decided["restricted"], decided["objection"]) == (False, "rejected")
    bad(sentinel("--config", config, "account", "object", "u-1", "--decide", "upheld"), 1, "no objection to decide")
    decisions = [(each["right"], each["decision"]) for each in account("show", "u-1")["rights"]["decisions"]]
    assert decisions == [
        ("restriction", "granted"), ("restriction", "lifted"), ("objection", "requested"), ("objection", "rejected"),
    ]  # fmt: skip
    told = entries(sentinel, config, "--account", "u-1", "--action", "account.object")
    assert [entry["details"] for entry in told] == [
        None,
        {"reason": "security of all", "decision": "rejected"},
    ]
    assert [entry["sealed"] for entry in entries(sentinel, config, "--action", "account.object")] == [False, True]


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--email", "ada at example.org", "--email: not a plain mail address"),
        ("--locale", "german", "--locale: expected a language tag"),
        ("--timezone", "Vienna", "--timezone: expected a time zone"),
    ],
)
def test_what_is_no_address_language_or_zone_is_not_put_right(
    sentinel: Command, config: Path, option: str, value: str, expected: str
) -> None:
    bad(sentinel("--config", config, "account", "rectify", "u-1", option, value), 2, expected)


def test_what_was_not_restricted_is_not_lifted(sentinel: Command, config: Path, account: Callable[..., Any]) -> None:
    take(sentinel, config, *a_life())
    before = account("show", "u-1")
    for who in ("u-1", "nobody"):
        lifted = account("lift", who, "--reason", "letter")
        assert lifted == {"restricted": False, "since": None, "objection": None, "changed": False}
    assert account("show", "u-1")["rights"] == before["rights"]
    told = entries(sentinel, config, "--account", "u-1", "--action", "account.lift")
    assert [entry["details"] for entry in told] == [{"reason": "letter", "outcome": "was not restricted"}]
    # Who was never heard of is none the more known by it.
    settings = load(config)
    vault = open_vault(settings)
    assert vault.find(vault.pseudonym("account", "default", "nobody")) is None
    vault.close()
    said_so = sentinel("--config", config, "account", "lift", "u-1")
    assert (said_so.returncode, said_so.stdout) == (0, "was not restricted; nothing was changed\n")
    account("restrict", "u-1")
    assert account("lift", "u-1")["changed"] is True
    told = entries(sentinel, config, "--account", "u-1", "--action", "account.lift")
    assert [entry["details"] for entry in told][-1] is None


def test_attributes_are_put_right_and_forgotten(sentinel: Command, config: Path, account: Callable[..., Any]) -> None:
    take(sentinel, config, *a_life())
    account("rectify", "u-1", "--email", "ada@new.example.org", "--tag", "admin", "--created", "2026-01-31T09:00:00Z")
    known = account("show", "u-1")["attributes"]
    assert (known["email"], known["former_email"]) == ("ada@new.example.org", "ada@example.org")
    assert (known["name"], known["tags"], known["created"]) == ("Ada Example", ["admin"], "2026-01-31T09:00:00Z")
    account("rectify", "u-1", "--forget", "previous_email", "--forget", "name")
    known = account("show", "u-1")["attributes"]
    assert (known["email"], known["former_email"], known["former_email_until"], known["name"]) == (
        "ada@new.example.org", None, None, None,
    )  # fmt: skip
    told = entries(sentinel, config, "--account", "u-1", "--action", "account.rectify")
    assert [entry["details"] for entry in told] == [
        {"given": ["email", "account_tags", "account_created"], "forgotten": []},
        {"given": [], "forgotten": ["previous_email", "name"]},
    ]


def test_wrong_use_changes_nothing(sentinel: Command, config: Path, account: Callable[..., Any]) -> None:
    take(sentinel, config, *a_life())
    before = account("show", "u-1")
    for words, code, text in [
        (("erase", "u-1"), 2, "--yes"),
        (("erase", ""), 2, "1 to 1024 bytes"),
        (("show", "x" * 1025), 2, "1 to 1024 bytes"),
        (("rectify", "u-1"), 2, "nothing was given"),
        (("rectify", "u-1", "--created", "soon"), 2, "--created"),
        (("rectify", "u-1", "--forget", "account"), 2, "--forget"),
        (("restrict", "u-1", "--reason", "two\nlines"), 1, "reason: expected one line"),
        (("restrict", "u-1", "--purpose", "two\nlines"), 1, "purpose: expected one line"),
        (("object", "u-1", "--decide", "perhaps"), 2, "perhaps"),
        (("show", "u-1", "--purpose", "x" * 201), 1, "purpose"),
        (("export", "u-1"), 2, "--out"),
        (("export", "u-1", "--out", "/nowhere/at/all.zip"), 2, "cannot be made"),
        (("evidence", "u-1", "--claim", "c", "--out", "x"), 2, "--passphrase-file"),
        (("evidence", "u-1", "--claim", "c", "--to", "age1", "--out", "x"), 1, "public key"),
        (("evidence", "u-1", "--claim", " ", "--to", "age1", "--out", "x"), 1, "name the claim"),
    ]:
        bad(sentinel("--config", config, "account", *words), code, text)
    assert account("show", "u-1") == before
    assert list(sentinel.home.glob("x")) == []


def test_nothing_is_shown_or_done_when_it_cannot_be_written_down(
    sentinel: Command, config: Path, account: Callable[..., Any], tmp_path: Path
) -> None:
    take(sentinel, config, *a_life())
    before = account("show", "u-1")
    audit = sentinel.state / "audit.db"
    kept = audit.read_bytes()
    for end in ("-wal", "-shm"):
        (sentinel.state / f"audit.db{end}").unlink(missing_ok=True)
    audit.write_bytes(b"not a database, but long enough to be read as one" * 100)
    out = tmp_path / "u-1.zip"
    for words in (("show", "u-1"), ("export", "u-1", "--out", str(out)), ("erase", "u-1", "--yes"), ("lift", "u-1")):
        done = sentinel("--config", config, "account", *words)
        bad(done, 1, "audit.db")
        assert done.stdout == ""
    assert not out.exists()
    audit.write_bytes(kept)
    assert account("show", "u-1") == before


def test_at_a_terminal_the_id_is_typed_again(
    sentinel: Command, config: Path, account: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(sentinel, config, *a_life())
    monkeypatch.setattr("sentinel.cli.account_changes._at_terminal", lambda: True)

    def run(typed: str) -> Result:
        words = ["--config", str(config), "account", "erase", "u-1"]
        return CliRunner().invoke(cli, words, input=typed, standalone_mode=False)

    done = run("u-2\n")
    assert "nothing was erased" in str(done.exception)
    assert len(account("show", "u-1")["events"]) == 5
    done = run("u-1\n")
    assert done.return_value == 0, done.output
    assert "gone by" in done.output
    assert account("show", "u-1")["events"] == []


@asynccontextmanager
async def answering(daemon: InProcess) -> AsyncIterator[None]:
    """The daemon answers what commands ask."""
    one = daemon.daemon
    if "questions" in one._tasks:
        yield
        return
    ledger = Ledger(one.config.state / LEDGER_NAME, one.vault.root.derive("ledger"))
    with opened_audit(one.config, one.vault) as audit:
        rights = Rights(one.store, one.vault, ledger, one.intake.exclusive, audit.log)
        task = asyncio.create_task(answer_questions(one.store, rights, one.intake.submit, one.vault, audit.log))
        yield
        task.cancel()
    ledger.close()


async def test_beside_a_daemon_it_carries_out_what_is_asked(
    start: Start, sentinel: Command, mail_server: MailServer
) -> None:
    daemon = await start()
    client = await daemon.client()
    await client.take([*a_life(), *a_life("u-2")])
    await mail_server.mailbox.wait(2)

    async def run(*words: str, code: int = 0) -> Any:
        words = ("--config", str(daemon.path), *words, "--json")
        return said(await asyncio.to_thread(sentinel, *words), code)

    async with answering(daemon):
        assert (await run("account", "restrict", "u-1"))["restricted"] is True
        assert (await client.assess(login("held")))["risk"] is None
        assert (await run("account", "lift", "u-1"))["restricted"] is False
        assert (await client.assess(login("judged")))["risk"] is not None
        await run("account", "rectify", "u-1", "--name", "Ada Lovelace")
        assert (await client.get("/v1/accounts/u-1")).body["name"] == "Ada Lovelace"
        shown = await run("account", "show", "u-1")
        assert [event["event"] for event in shown["events"]][:2] == ["judged", "held"]
        refused = await asyncio.to_thread(
            sentinel, "--config", daemon.path, "account", "object", "u-1", "--decide", "upheld"
        )
        bad(refused, 1, "no objection to decide")
        erased = await run("account", "erase", "u-1", "--yes")
        assert erased["told"] is True
        await mail_server.mailbox.wait(3)
        assert mail_server.mailbox.recipients[-1] == "ada@example.org"
        assert (await client.get("/v1/accounts/u-1")).body["name"] is None
        assert (await run("privacy", "verify-erasure", erased["receipt"]))["holds"] is True
        assert len((await run("account", "show", "u-2"))["events"]) == 5
        # Asked and answered, nothing is left that names the account.
        assert await daemon.daemon.store.questions() == []
    scan = await asyncio.to_thread(
        sentinel, "--config", daemon.path, "privacy", "scan", "--value", "ada@example.org", "--value", "strange-u-1"
    )
    assert scan.returncode == 0, scan.stdout
