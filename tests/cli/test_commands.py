"""Every other command as it is typed: what it does, and its exit code (0 good, 1 bad, 2 wrong use)."""

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from sentinel.cli.main import cli
from sentinel.facts import FACTS
from tests.builders import rule_text, write_rule
from tests.running import AWAY, Command, MailServer, login

Done = subprocess.CompletedProcess[str]


def commands(group: click.Group, *names: str) -> dict[tuple[str, ...], click.Command]:
    """Every command by its words."""
    found: dict[tuple[str, ...], click.Command] = {names: group}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found |= commands(command, *names, name) if isinstance(command, click.Group) else {(*names, name): command}
    return found


ALL = commands(cli)


def good(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def bad(done: Done, code: int, said: str) -> None:
    assert done.returncode == code, (done.stdout, done.stderr)
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def home(count: int = 4) -> list[dict[str, Any]]:
    return [login(f"e-{n}", f"2026-01-0{n + 1}T09:00:00Z") for n in range(count)]


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


@pytest.mark.parametrize("words", [words for words, command in ALL.items() if not isinstance(command, click.Group)])
def test_every_command_has_help_with_an_example_that_is_one(words: tuple[str, ...]) -> None:
    command = ALL[words]
    with click.Context(command, info_name=" ".join(words)) as context:
        text = command.get_help(context)
    head, _, example = text.partition("Example:")
    assert len(head) > 50
    lines = [line.split("#")[0] for line in example.partition("Options:")[0].splitlines() if "sentinel" in line]
    assert lines
    for line in lines:
        match = re.search(r"sentinel (.*?)( [<>|].*)?$", line)
        assert match is not None
        # The words of the command, and options that it has.
        typed = [word for word in match[1].split() if not word.startswith(("--config", "/etc"))]
        assert typed[: len(words)] == list(words)
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in typed if word.startswith("-") and len(word) > 1} <= known


def test_help_and_version(sentinel: Command) -> None:
    text = good(sentinel.fresh("--help"))
    for name in cli.list_commands(click.Context(cli)):
        assert f"\n  {name} " in text
    assert "Example:" in good(sentinel("keys", "create", "--help"))
    assert good(sentinel("--version")).startswith("sentinel, version ")


def test_wrong_use_is_2(sentinel: Command) -> None:
    bad(sentinel.fresh("dance"), 2, "No such command")
    bad(sentinel("facts", "--loud"), 2, "No such option")
    bad(sentinel("keys", "create", "web"), 2, "--scope")
    bad(sentinel("keys", "create", "web", "--scope", "dance"), 2, "dance")


def test_config_may_stand_before_and_after_the_command(sentinel: Command, write_config: Callable[..., Path]) -> None:
    path = write_config()
    before = good(sentinel("--config", path, "check-config", "--json"))
    assert json.loads(before)["config"] == str(path)
    assert good(sentinel("check-config", "--json", "--config", path)) == before
    sentinel.env["SENTINEL_CONFIG"] = str(path)
    assert good(sentinel("check-config", "--json")) == before
    bad(sentinel("--config", "missing.toml", "check-config"), 1, "missing.toml")


def test_facts(sentinel: Command) -> None:
    text = good(sentinel.fresh("facts"))
    found = json.loads(good(sentinel("facts", "--json")))
    assert {each["name"] for each in found} == set(FACTS)
    assert all(each["meaning"] and each["type"] for each in found)
    assert all(name in text for name in FACTS)


def test_rules_are_listed_and_shown(sentinel: Command, write_config: Callable[..., Path], tmp_path: Path) -> None:
    listed = json.loads(good(sentinel("rules", "list", "--json")))
    assert {"impossible_travel", "password_spray", "dormant_account"} <= {each["id"] for each in listed}
    write_rule(tmp_path / "rules", "impossible_travel", "risk = 42\n[params]\nmax_speed_kmh = 800", cases=False)
    config = write_config()
    shown = json.loads(good(sentinel("rules", "show", "impossible_travel", "--json", "--config", config)))
    assert (shown["risk"], shown["params"]["max_speed_kmh"]) == (42, 800)
    assert shown["sources"]["risk"] == str(tmp_path / "rules/impossible_travel.toml")
    text = good(sentinel("rules", "show", "impossible_travel", "--config", config))
    assert re.search(r"^risk = 42 .*rules/impossible_travel.toml$", text, re.MULTILINE)
    assert "impossible_travel" in good(sentinel("rules", "list"))
    bad(sentinel("rules", "show", "no_such_rule"), 1, "rules list")


def test_rules_are_checked_and_tested(sentinel: Command, tmp_path: Path, write_config: Callable[..., Path]) -> None:
    assert re.fullmatch(r"\d+ rules, \d+ tests, 0 failed\n", good(sentinel("rules", "test")))
    assert " 0 errors" in good(sentinel("rules", "check"))
    write_rule(tmp_path / "bad", "one", rule_text("travel.speed_kmh > 900"))
    bad(sentinel("rules", "check", tmp_path / "bad"), 1, "bad/one.toml:3:")
    bad(sentinel("rules", "test", tmp_path / "bad"), 1, "900.0")
    write_rule(tmp_path / "wrong", "two", rule_text("true"))
    bad(sentinel("rules", "test", tmp_path / "wrong"), 1, "two: another: expected to stay silent, fired")
    assert good(sentinel("rules", "check", tmp_path / "wrong"))
    bad(sentinel("rules", "check", "missing"), 2, "does not exist")
    (tmp_path / "empty").mkdir()
    for verb in ("check", "test"):
        bad(sentinel("rules", verb, tmp_path / "empty"), 1, "no rule files (*.toml) in")
    results = json.loads(sentinel("rules", "test", "--json", tmp_path / "wrong").stdout)
    assert [bool(each["problem"]) for each in results] == [False, True]


def test_doctor_asks_for_a_second_contact_where_the_account_is_the_mailbox(sentinel: Command, tmp_path: Path) -> None:
    people = (("u-1", "ada@mail.example.org"), ("u-2", "bob@mail.example.org"), ("u-3", "cy@example.org"))
    events = [login(f"e-{name}", "2026-01-05T09:00:00Z", account=name, email=email) for name, email in people]
    good(sentinel("import", write(tmp_path / "a.ndjson", events)))
    good(sentinel("account", "rectify", "u-2", "--contact-email", "bob@example.com"))
    config = tmp_path / "sentinel.toml"
    config.write_text(f'state = "{sentinel.state}"\n[service]\nmailbox_domains = ["mail.example.org"]\n')

    def told() -> list[tuple[str, str]]:
        checks = json.loads(sentinel("--config", config, "doctor", "--json").stdout)
        return [(each["state"], each["detail"][:10]) for each in checks if each["name"] == "contacts"]

    assert told() == [("warn", "1 accounts")]
    good(sentinel("account", "rectify", "u-1", "--contact-email", "ada@example.com"))
    assert [state for state, _ in told()] == ["good"]


@pytest.mark.parametrize("key", ["", "no key\n"])
def test_a_bad_key_for_signing_mails_is_an_error_of_the_configuration(
    sentinel: Command, tmp_path: Path, key: str
) -> None:
    (tmp_path / "dkim.pem").write_text(key)
    (tmp_path / "dkim.pem").chmod(0o600)
    config = tmp_path / "sentinel.toml"
    config.write_text(f'state = "{sentinel.state}"\n[smtp.dkim]\ndomain = "example.org"\nkey_file = "dkim.pem"\n')
    bad(sentinel("--config", config, "check-config"), 1, "empty" if not key else "not a private key in PEM")
    config.write_text(f'state = "{sentinel.state}"\n[smtp.dkim]\nkey_file = "dkim.pem"\n')
    bad(sentinel("--config", config, "check-config"), 1, "give domain as well")


def test_import_prints_or_keeps_and_mails_nobody(sentinel: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [*home(), login("strange", "2026-01-05T09:00:00Z", **AWAY)])
    printed = good(sentinel("import", "--print", path))
    assert [json.loads(line)["id"] for line in printed.splitlines()] == ["e-0", "e-1", "e-2", "e-3", "strange"]
    assert not (sentinel.state / "sentinel.db").exists()
    done = sentinel("import", path)
    good(done)
    assert "5 events taken, 0 known already, 0 bad lines" in done.stderr
    again = sentinel("import", path)
    good(again)
    assert "0 events taken, 5 known already" in again.stderr
    checks = json.loads(sentinel("doctor", "--json").stdout)
    assert [each["detail"] for each in checks if each["name"] == "mails"] == [
        "0 pending, 0 sent, 0 failed, 0 unaddressed, 0 held, 0 folded, 0 answered"
    ]
    (tmp_path / "a.ndjson").write_text("nonsense\n")
    bad(sentinel("import", path), 1, "a.ndjson:1: ")
    bad(sentinel("import", "--print", path), 1, "a.ndjson:1: ")
    log = tmp_path / "auth.log"
    log.write_text("Jan  5 09:00:00 host sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2\n")
    (line,) = good(
        sentinel("import", "--print", "--from", "sshd", "--year", "2026", "--timezone", "Europe/Paris", log)
    ).splitlines()
    assert json.loads(line)["time"] == "2026-01-05T08:00:00Z"
    bad(sentinel("import", "--from", "sshd", log), 2, "--year")
    bad(sentinel("import", "--from", "sshd", "--year", "2026", "--timezone", "Mars/Olympus", log), 2, "IANA")


def test_explain(sentinel: Command, tmp_path: Path) -> None:
    strange = login("strange", "2026-01-05T09:00:00Z", user_agent="Mozilla/5.0 Telltale", **AWAY)
    good(sentinel("import", write(tmp_path / "a.ndjson", [*home(), strange])))
    text = good(sentinel("explain", "strange"))
    assert "new_country" in text
    assert "held" in text
    found = json.loads(good(sentinel("explain", "strange", "--json")))
    outcome = {each["rule"]: each["outcome"] for each in found["rules"]}
    assert outcome["new_country"] == "held"
    assert outcome["push_bombing"] in ("silent", "does not apply")
    assert {each["name"] for each in found["facts"]} == set(FACTS)
    for shown in (text, json.dumps(found)):
        assert "Telltale" not in shown
        assert "203.0.113.9" not in shown
    # Pasted: judged against the stored past, and not kept.
    pasted = json.dumps(strange | {"id": "pasted-1", "time": "2026-01-05T09:30:00Z"})
    judged = json.loads(good(sentinel("explain", "-", "--json", input=pasted)))
    assert {each["rule"] for each in judged["assessment"]["findings"]} >= {"new_device", "new_country"}
    (tmp_path / "event.json").write_text(pasted)
    assert json.loads(good(sentinel("explain", f"@{tmp_path}/event.json", "--json"))) == judged
    odd = json.dumps(login("[/odd] id", service="[bold"))
    assert "[/odd] id" in good(sentinel("explain", "-", input=odd))
    bad(sentinel("explain", "pasted-1"), 1, "pasted-1")
    bad(sentinel("explain", "@missing.json"), 2, "missing.json")
    bad(sentinel("explain", "-", input=b'{"colour": 1}'), 1, "standard input: colour")
    (tmp_path / "nonsense.json").write_text("nonsense")
    bad(sentinel("explain", f"@{tmp_path}/nonsense.json"), 1, "nonsense.json: not a JSON object")
    # Another tenant's event is not this one's.
    good(sentinel("keys", "create", "other", "--tenant", "other", "--scope", "events"))
    bad(sentinel("explain", "strange", "--tenant", "other"), 1, "other")


def test_keys(sentinel: Command) -> None:
    made = json.loads(good(sentinel("keys", "create", "web", "--scope", "events", "--scope", "assess", "--json")))
    assert (made["name"], made["tenant"], made["scopes"]) == ("web", "default", ["events", "assess"])
    assert made["key"].startswith("sentinel_")
    bad(sentinel("keys", "create", "web", "--scope", "events"), 1, "already")
    plain = sentinel("keys", "create", "app", "--scope", "metrics", "--tenant", "shop")
    assert re.fullmatch(r"sentinel_[\w-]{43}\n", good(plain))
    good(sentinel("keys", "revoke", "web"))
    bad(sentinel("keys", "revoke", "web"), 1, "keys list")
    bad(sentinel("keys", "revoke", "nobody"), 1, "keys list")
    listed = {each["name"]: each for each in json.loads(good(sentinel("keys", "list", "--json")))}
    assert listed["web"]["revoked"]
    assert (listed["app"]["revoked"], listed["app"]["tenant"]) == (None, "shop")
    text = good(sentinel("keys", "list"))
    assert made["key"] not in text + json.dumps(listed)
    assert "in force" in text
    bad(sentinel("keys", "create", "", "--scope", "events"), 2, "name")
    bad(sentinel("keys", "create", "x", "--scope", "events", "--tenant", "no such/tenant"), 2, "tenant")


def test_mail_preview(sentinel: Command) -> None:
    text = good(sentinel("mail", "preview"))
    assert text.startswith("Subject: ")
    assert "<html" in good(sentinel("mail", "preview", "--kind", "new_sign_in", "--format", "html"))
    whole = good(sentinel("mail", "preview", "--kind", "campaign", "--format", "eml"))
    assert "multipart/alternative" in whole
    bad(sentinel("mail", "preview", "--kind", "postcard"), 2, "new_sign_in")


async def test_mail_test(sentinel: Command, write_config: Callable[..., Path], mail_server: MailServer) -> None:
    import asyncio

    config = write_config(smtp=mail_server.port)
    done = await asyncio.to_thread(sentinel, "mail", "test", "ada@example.org", "--config", config)
    assert good(done).startswith("sent")
    assert mail_server.mailbox.recipients == ["ada@example.org"]
    done = await asyncio.to_thread(sentinel, "mail", "test", "no address", "--config", config)
    bad(done, 1, "not a plain mail address")
    assert len(mail_server.mailbox.mails) == 1
    write_config(smtp=1)
    bad(await asyncio.to_thread(sentinel, "mail", "test", "ada@example.org", "--config", config), 1, "127.0.0.1:1")


def test_geo(sentinel: Command, tmp_path: Path, unpacked: Path) -> None:
    status = {each["kind"]: each for each in json.loads(good(sentinel("geo", "status", "--json")))}
    assert (status["city"]["origin"], status["asn"]["origin"]) == ("packaged", "packaged")
    assert "DB-IP" in status["city"]["attribution"]
    assert "IP Geolocation by DB-IP" in good(sentinel("geo", "status"))
    # An own folder: the link of the fixture is shared.
    (sentinel.state / "geo").unlink()
    (packaged,) = unpacked.glob("packaged-city-*.mmdb")
    (tmp_path / "corrupt.mmdb").write_bytes(b"nonsense")
    bad(sentinel("geo", "update", "city", tmp_path / "corrupt.mmdb"), 1, "corrupt.mmdb")
    bad(sentinel("geo", "update", "city", packaged, "--sha256", "0" * 64), 1, "SHA-256")
    assert not (sentinel.state / "geo/city.mmdb").exists()
    assert "SIGHUP" in good(sentinel("geo", "update", "city", packaged))
    status = {each["kind"]: each for each in json.loads(good(sentinel("geo", "status", "--json")))}
    assert status["city"]["origin"] == "updated"
    bad(sentinel("geo", "update", "list", packaged), 1, "[[geo.lists]]")


def test_check_config(sentinel: Command, write_config: Callable[..., Path], tmp_path: Path) -> None:
    assert good(sentinel("check-config", "--config", write_config())).startswith("configuration is good")
    bad(sentinel("check-config", "--config", write_config("[decision]\nnotifi = 1")), 1, "did you mean notify")
    bad(sentinel("check-config", "--config", write_config("[decision]\nblock = 1")), 1, "block")
    write_rule(tmp_path / "rules", "broken", rule_text("no_such_fact"))
    bad(sentinel("check-config", "--config", write_config()), 1, "broken.toml")
    settings = json.loads(good(sentinel("check-config", "--settings", "--json")))
    assert {"state", "listen", "smtp.host", "decision.notify"} <= {each["key"] for each in settings}
    assert all(each["help"] for each in settings)
    assert "decision.notify = 40" in good(sentinel("check-config", "--settings"))


def test_it_changes_nothing_to_be_checked(sentinel: Command) -> None:
    before = sorted(path.name for path in sentinel.state.iterdir())
    good(sentinel("check-config"))
    assert sorted(path.name for path in sentinel.state.iterdir()) == before


async def test_doctor(
    sentinel: Command, write_config: Callable[..., Path], mail_server: MailServer, state: Path
) -> None:
    import asyncio

    config = write_config(smtp=mail_server.port)
    done = await asyncio.to_thread(sentinel, "doctor", "--json", "--config", config)
    found = json.loads(good(done))
    assert {each["name"] for each in found} == {
        "state",
        "disk",
        "key",
        "store",
        "ledger",
        "retention",
        "backup",
        "mails",
        "keys",
        "rules",
        "models",
        "drift",
        "geo",
        "mail",
    }
    assert {each["state"] for each in found if each["name"] not in ("keys", "backup")} == {"good"}
    (state / "sentinel.key").chmod(0o644)
    write_config(smtp=1)
    done = await asyncio.to_thread(sentinel, "doctor", "--config", config)
    bad(done, 1, "no mail server answers at 127.0.0.1:1")
    assert re.search(r"^bad\s+key", done.stdout, re.MULTILINE)


def test_what_writes_to_the_store_is_refused_beside_a_daemon(
    sentinel: Command, own_process: Callable[..., Any], write_config: Callable[..., Path], tmp_path: Path
) -> None:
    config, events = write_config(), write(tmp_path / "a.ndjson", home())
    daemon = own_process()
    bad(sentinel("import", events, "--config", config), 1, "another sentinel process writes to this store")
    bad(sentinel("run", "--config", config), 1, "another sentinel process writes to this store")
    good(sentinel("keys", "create", "web", "--scope", "events", "--config", config))
    bad(sentinel("explain", "e-0", "--config", config), 1, "no event 'e-0'")
    assert daemon.stop() == 0


def test_backtest(sentinel: Command, write_config: Callable[..., Path], tmp_path: Path) -> None:
    config = write_config()
    bad(sentinel("rules", "backtest", "--config", config), 1, "no history")
    strange = login("strange", "2026-01-05T09:00:00Z", **AWAY)
    good(sentinel("import", write(tmp_path / "a.ndjson", [*home(), strange]), "--config", config))
    (tmp_path / "changed").mkdir()
    for name in ("new_device", "new_country", "impossible_travel", "hosting_network", "model_impostor"):
        (tmp_path / "changed" / f"{name}.toml").write_text('status = "off"\n')
    asked = ("rules", "backtest", "--rules", tmp_path / "changed", "--config", config)
    done = sentinel(*asked)
    text = good(done)
    assert "0 alerts gained, 1 lost, about 1 accounts" in text
    assert "strange" in text
    report = json.loads(good(sentinel(*asked, "--json")))
    assert (report["events"], report["logins"], report["alerts_lost"]) == (5, 5, 1)
    assert [example["event"] for example in report["examples"]] == ["strange"]
    assert "203.0.113.9" not in json.dumps(report) + text
    sealed = json.loads(good(sentinel(*asked, "--json", "--no-ids")))
    assert [example["event"] for example in sealed["examples"]] == [None]
    assert len(sealed["examples"][0]["record"]) == 16
    shown = json.loads(good(sentinel("audit", "show", "--action", "rules.backtest", "--json", "--config", config)))
    assert [(each["tenant"], each["role"]) for each in shown] == [(None, "operator")] * 3
    # Only what came since counts; a date works as well.
    assert json.loads(good(sentinel(*asked, "--json", "--since", "1h")))["events"] == 1
    assert json.loads(good(sentinel(*asked, "--json", "--since", "2026-01-04", "--until", "2026-01-05")))["events"] == 1
    bad(sentinel(*asked, "--since", "lately"), 2, "30d")
    bad(sentinel("rules", "backtest", "--instead", "--config", config), 2, "--rules")
    # Without --rules: what the local files change. In their place, not over them:
    write_rule(tmp_path / "rules", "new_device", 'status = "off"\n', cases=False)
    own = json.loads(good(sentinel("rules", "backtest", "--config", config, "--json")))
    assert {rule["rule"]: rule["after"] for rule in own["rules"]}["new_device"] == 0
    instead = json.loads(good(sentinel(*asked, "--json", "--instead")))
    assert "new_device" not in {rule["rule"] for rule in instead["rules"]}
    write_rule(tmp_path / "changed", "broken", rule_text("no_such_fact"))
    bad(sentinel(*asked), 1, "broken.toml")


def test_backtest_and_list_beside_a_daemon(
    sentinel: Command, own_process: Callable[..., Any], write_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = write_config()
    strange = login("strange", "2026-01-05T09:00:00Z", **AWAY)
    good(sentinel("import", write(tmp_path / "a.ndjson", [*home(), strange]), "--config", config))
    daemon = own_process()
    assert "0 alerts gained, 0 lost" in good(sentinel("rules", "backtest", "--config", config))
    assert "new_device" in good(sentinel("rules", "list", "--config", config))
    assert "new_country" in good(sentinel("explain", "strange", "--config", config))
    assert daemon.stop() == 0


def test_rules_list_tells_how_often_each_fired(sentinel: Command, tmp_path: Path) -> None:
    now = datetime.now(UTC)

    def at(**ago: int) -> str:
        return (now - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")

    past = [login(f"p-{n}", at(days=60 - n)) for n in range(4)]
    tor = {"network": {"asn": 64502, "kind": "tor"}, "device_id": "laptop"}
    events = [
        *past,
        login("tor-1", at(days=40), **tor),
        login("tor-2", at(days=20), **tor),
        login("tor-3", at(hours=1), **tor),
    ]
    good(sentinel("import", write(tmp_path / "a.ndjson", events)))
    fired = {rule["id"]: rule["fired"] for rule in json.loads(good(sentinel("rules", "list", "--json")))}
    assert fired["anonymous_network"] == {"live": {"day": 1, "month": 2}, "shadow": {"day": 0, "month": 0}}
    assert fired["new_country"]["live"] == {"day": 0, "month": 0}
    (line,) = [line for line in good(sentinel("rules", "list")).splitlines() if line.startswith("anonymous_network")]
    assert line.split()[3:5] == ["1", "2"]
    good(sentinel("keys", "create", "other", "--tenant", "other", "--scope", "events"))
    other = {r["id"]: r["fired"] for r in json.loads(good(sentinel("rules", "list", "--json", "--tenant", "other")))}
    assert other["anonymous_network"]["live"]["month"] == 0


def test_rules_new(sentinel: Command, tmp_path: Path) -> None:
    path = tmp_path / "own" / "night_shift.toml"
    assert str(path) in good(sentinel("rules", "new", "night_shift", "--dir", tmp_path / "own"))
    good(sentinel("rules", "check", path))
    assert "1 rules, 2 tests, 0 failed" in good(sentinel("rules", "test", path))
    path.write_text("mine")
    bad(sentinel("rules", "new", "night_shift", "--dir", tmp_path / "own"), 1, "there already")
    assert path.read_text() == "mine"
    bad(sentinel("rules", "new", "new_device", "--dir", tmp_path / "own"), 1, "comes with the product")
    bad(sentinel("rules", "new", "Night-Shift", "--dir", tmp_path / "own"), 2, "lower case")


def test_rules_test_tells_stories(sentinel: Command, write_config: Callable[..., Path], tmp_path: Path) -> None:
    story = (
        'title = "Anna"\n[people.anna]\ndevice_id = "laptop"\n[[step]]\nname = "home"\nwho = "anna"\nrepeat = 5\n'
        'every = "1d"\n[[step]]\nname = "phone"\nwho = "anna"\nevent = { device_id = "phone" }\n'
        'fires = ["new_device"]\n'
    )
    (tmp_path / "stories").mkdir()
    file = tmp_path / "stories" / "anna.toml"
    file.write_text(story)
    assert "1 scenarios, 2 steps, 0 failed" in good(sentinel("rules", "test", tmp_path / "stories"))
    file.write_text(story + 'decision = "block"\n')
    done = sentinel("rules", "test", file)
    bad(done, 1, "line 9, step 'phone': expected decision block, got notify; found new_device 50 (risk 50, notify)")
    (told,) = json.loads(sentinel("rules", "test", "--json", file).stdout)
    assert (told["title"], len(told["problems"])) == ("Anna", 1)
    file.write_text(story + "decisions = 1\n")
    bad(sentinel("rules", "test", file), 1, "anna.toml:14:1: step[1].decisions: unknown key")
    # Rules given with it are in force over those of the product; a story may lie among the local rules.
    config = write_config()
    off = write_rule(tmp_path / "changed", "new_device", 'status = "off"\n', cases=False)
    file.write_text(story)
    bad(sentinel("rules", "test", off, file), 1, "expected new_device to fire")
    (tmp_path / "rules" / "scenarios").mkdir(parents=True)
    (tmp_path / "rules" / "scenarios" / "anna.toml").write_text(story)
    assert "1 scenarios" in good(sentinel("rules", "test", "--config", config))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("assess", "{good}", "{folder}/missing"), "missing: No such file or directory"),
        (("assess", "--timezone", "Mars/Base", "{good}"), "no time zone 'Mars/Base'"),
        (("import", "--print", "--timezone", "Mars/Base", "{good}"), "no time zone 'Mars/Base'"),
        (("evaluate", "{good}", "{folder}"), "Is a directory"),
        (("demo", "--seconds", "-5"), "-5.0 is not in the range x>=0"),
        (("simulate", "--start", "0001-01-01"), "--start: expected a day from 1971 on"),
        (("simulate", "--start", "9998-12-01", "--days", "60"), "--start: expected a day from 1971 on"),
        (("simulate", "--out", "{folder}/no/such"), "such: cannot be written: No such file or directory"),
        (("simulate", "--out", "{folder}"), "is a directory"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_told_before_any_work(
    sentinel: Command, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    good = tmp_path / "good.ndjson"
    good.write_text(json.dumps(login("e-1", "2026-01-01T09:00:00Z", label="legitimate")) + "\n")
    done = sentinel(*(word.format(good=good, folder=tmp_path) for word in words))
    bad(done, 2, told)
    assert done.stdout == ""
