"""`sentinel siem` as it is typed."""

import asyncio
import json
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli.main import main
from sentinel.config import load
from sentinel.daemon.audit import opened_audit
from sentinel.daemon.build import bare_lookups, build_pipeline, load_ruleset
from sentinel.daemon.state import open_store, open_vault
from sentinel.enrich.sighting import Enricher
from sentinel.events.event import convert_event
from sentinel.pipeline.edge import arrive
from tests.running import AWAY, HOME

NOW = datetime.now(UTC)


class Typed:
    """The command over a store of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.out = folder / "soc.ndjson"
        self.config = folder / "sentinel.toml"
        self.configure(f'[siem.soc]\nto = "file:{self.out}"\nformat = "ecs"\n')

    def configure(self, more: str) -> None:
        own = f'state = "{self.folder}"\nrules.directory = "none"\nrules.allow_directory = "none"\n'
        self.config.write_text(own + more)

    def __call__(self, *words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(self.config), "siem", *words])
        out = self._capsys.readouterr()
        assert ended.value.code == code, out.err
        return out.out + out.err

    def take(self, *events: dict[str, Any]) -> None:
        """Have events judged into the store."""

        async def judge() -> None:
            config = load(self.config)
            vault = open_vault(config, writes=True)
            store = open_store(config, vault)
            await store.bind(vault.fingerprint)
            enricher = Enricher(vault.pseudonym, *bare_lookups())
            pipeline = build_pipeline(config, store, vault, load_ruleset(config))
            for event in events:
                tenant = event.pop("tenant", "default")
                await pipeline.process([arrive(enricher, tenant, convert_event(event))])
            await store.close()
            vault.close()

        asyncio.run(judge())

    @property
    def sent(self) -> list[str]:
        """The events in the file."""
        found = map(json.loads, self.out.read_text().splitlines())
        return [each["sentinel"]["event"] for each in found if each["event"]["kind"] == "event"]

    @property
    def looks(self) -> list[tuple[str, str | None, str]]:
        """What the audit log has: action, tenant, purpose."""
        config = load(self.config)
        with opened_audit(config, open_vault(config)) as audit:
            return [(each.action, each.tenant, each.purpose) for each in audit.log.show()]


def login(id: str, *, hours: int = 0, **more: Any) -> dict[str, Any]:
    time = (NOW - timedelta(hours=200 - hours)).isoformat().replace("+00:00", "Z")
    return {"id": id, "time": time, "account": "u-1", "outcome": "success", **HOME, **more}


@pytest.fixture
def siem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    typed = Typed(tmp_path, capsys)
    typed.take(*(login(f"e-{number}", hours=number) for number in range(4)))
    return typed


def test_what_is_new_is_sent_and_the_look_is_written_down(siem: Typed) -> None:
    assert "soc: 4 documents sent" in siem("send", "--purpose", "case 7")
    siem.take(login("e-4", hours=20, **AWAY))
    siem("send", "soc")
    assert siem.sent == [f"e-{number}" for number in range(5)]
    assert siem.looks == [("siem.send", None, "case 7"), ("siem.send", None, "")]


def test_accounts_and_addresses_by_option(siem: Typed) -> None:
    siem("send", "--accounts", "id", "--addresses", "prefix")
    first = json.loads(siem.out.read_text().splitlines()[0])
    assert first["user"]["id"] == "u-1"
    assert first["source"]["ip"] != HOME["ip"]


def test_staff_is_not_called_by_their_ids(siem: Typed) -> None:
    staff = '[privacy]\npurpose = "workforce"\n'
    siem.configure(f'{staff}[siem.soc]\nto = "stdout"\naccounts = "id"\n')
    assert "nobody's events can be looked through" in siem("list", code=1)
    siem.configure(
        f'[siem.soc]\nto = "stdout"\naccounts = "id"\n[tenants.staff]\n[tenants.staff.privacy]\n{staff[10:]}'
    )
    assert "nobody's events can be looked through" in siem("list", code=1)
    siem.configure(f'{staff}[siem.soc]\nto = "stdout"\n')
    assert "nobody's events can be looked through" in siem("send", "--accounts", "id", code=2)
    assert "4 documents sent" in siem("send")


def test_an_export_of_one_tenant(siem: Typed) -> None:
    siem.take(login("shop-1", tenant="shop"))
    siem.configure(f'[siem.soc]\nto = "file:{siem.out}"\nformat = "ecs"\ntenant = "shop"\n')
    siem("send")
    assert siem.sent == ["shop-1"]
    assert siem.looks == [("siem.send", "shop", "")]


def test_one_that_is_down_keeps_nothing_from_the_others(siem: Typed) -> None:
    siem.configure(f'[siem.down]\nto = "file:/proc/none/out"\n[siem.soc]\nto = "file:{siem.out}"\nformat = "ecs"\n')
    said = siem("send", code=1)
    assert "down: /proc/none/out: cannot be written" in said
    assert "soc: 4 documents sent" in said
    listed = json.loads(siem("list", "--json"))
    assert [(each["name"], each["behind"]) for each in listed] == [("down", 4), ("soc", 0)]


def test_seeking(siem: Typed) -> None:
    siem("seek", "soc", "--to", "newest")
    assert "0 records behind" in siem("list")
    assert "0 documents sent" in siem("send")
    siem.take(login("e-4", hours=20))
    siem("send")
    assert siem.sent == ["e-4"]
    siem("seek", "soc", "--to", "oldest")
    assert "begins with the oldest record" in siem("list")
    siem("send")
    assert siem.sent == ["e-4", *(f"e-{number}" for number in range(5))]


def test_what_is_not_configured_is_told(siem: Typed) -> None:
    assert "'other' is not configured; there are: soc" in siem("send", "other", code=2)
    siem.configure("")
    assert "no export is configured" in siem("send", code=2)


def test_standard_output(siem: Typed) -> None:
    siem.configure('[siem.soc]\nto = "stdout"\n')
    *lines, last = siem("send").splitlines()
    assert [json.loads(each)["class_uid"] for each in lines] == [3002] * 4
    assert last == "soc: 4 documents sent"


def test_following_ends_when_told_and_has_sent_everything(siem: Typed) -> None:
    def end() -> None:
        for _ in range(3000):
            if siem.out.exists() and siem.out.read_bytes().count(b"\n") == 4:
                break
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    siem("send", "--follow")
    ending.join()
    assert len(siem.sent) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('to = "file:out"', "the path of a file must be absolute"),
        ('to = "stdout"\nca = "/ca.pem"', "is for syslog+tls only"),
        ('to = "syslog+tls://h"\ncertificate = "/c.pem"', "certificate and key go together"),
        ('format = "ecs"', "to: is missing"),
        ('to = "stdout"\naccounts = "mail"', 'expected one of "id", "pseudonym", "none"'),
    ],
)
def test_a_wrong_configuration_is_refused(siem: Typed, text: str, said: str) -> None:
    siem.configure(f"[siem.soc]\n{text}\n")
    assert said in siem("list", code=1)
