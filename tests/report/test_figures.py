"""What a report counts, out of a real store; that the week's mail is one; and what operators hear of an account."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from sentinel.alerts.compose import Identity
from sentinel.cli.main import main
from sentinel.config import Config, load
from sentinel.daemon.flood import fold_flood
from sentinel.daemon.mail import make_delivery
from sentinel.daemon.report import OperatorMails, ask_for_report, make_report
from sentinel.errors import SentinelError
from sentinel.events.alert import FLOOD, Notice
from sentinel.events.clock import DAY, HOUR, to_micros
from sentinel.report.figures import Report
from sentinel.report.render import html, text
from tests.pipeline.installation import AWAY, START, Installation, login
from tests.running import MailServer

#: The Monday after everything that happens here; START is a Monday.
MONDAY = to_micros(START) - 9 * HOUR + 7 * DAY
_clock = [MONDAY + 30 * DAY]
#: Somebody had the password, and the person said no to the second factor.
DENIED: dict[str, Any] = {
    "outcome": "failure",
    "reason": "mfa_failed",
    "password_ok": True,
    "mfa": {"method": "push", "outcome": "denied"},
}
IDENTITY = Identity(service_name="Example", from_header="Example <security@example.org>")


def configured(folder: Path, more: str = "", port: int = 25) -> Config:
    path = folder / "sentinel.toml"
    path.write_text(
        f'state = "{folder}"\nstore = "sqlite:store.db"\nrules.directory = "none"\nrules.allow_directory = "none"\n'
        f'[service]\nname = "Example"\n[smtp]\nport = {port}\ntls = "none"\n'
        f'[alerts]\noperators = ["ops@example.org", "soc@example.org"]\n{more}'
    )
    return load(path)


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Installation]:
    """Four people with a past of two days; one is robbed, another travels; a spray; answers."""
    opened = Installation(tmp_path, critical_accounts=True)
    await opened.run([login(12 * day, id=f"p-{who}-{day}", account=f"u-{who}") for day in range(4) for who in range(4)])
    robbed = login(60, id="robbed", account="u-1", **AWAY, user_agent="curl/8.5.0")
    travels = login(61, id="travels", account="u-2", **AWAY, user_agent="curl/8.5.0")
    bad = {"outcome": "failure", "reason": "bad_password", **AWAY, "device_id": None}
    spray = [
        login(80, id=f"try-{number}", account=f"u-{number % 10}", after=timedelta(seconds=20 * number), **bad)
        for number in range(20)
    ]
    await opened.run([robbed, travels, *spray])
    later = START + timedelta(hours=100)
    answers = [opened.answer("robbed", "compromised", at=later), opened.answer("travels", "legitimate", at=later)]
    await opened.run(answers)
    yield opened
    await opened.store.close()
    opened.vault.close()


async def report(at: Installation, folder: Path, **how: Any) -> Report:
    given = {"until": MONDAY, "days": 7} | how
    return await make_report(configured(folder), at.store, at.vault, **given)


async def test_everything_is_counted(at: Installation, tmp_path: Path) -> None:
    found = await report(at, tmp_path)
    assert (found.since, found.until) == ("2026-11-02", "2026-11-08")
    assert found.logins == found.events == 16 + 2 + 20
    assert [day.logins for day in found.days] == [8, 8, 2, 20, 0, 0, 0]
    assert [day.flagged > 0 for day in found.days] == [False, False, True, True, False, False, False]
    assert [each.title for each in found.campaigns] == ["A few passwords tried on many accounts from one network"]
    assert found.alerts["suspicious_sign_in"] == 2
    assert found.critical_accounts == 2
    rules = {each.rule: each for each in found.rules}
    assert (rules["new_device"].fired, rules["new_device"].legitimate, rules["new_device"].compromised) == (2, 1, 1)
    assert rules["password_spray"].noise is None
    assert [(each.by, each.legitimate, each.compromised) for each in found.answers] == [("the service", 1, 1)]
    assert found.retention.oldest_raw == "2026-11-02"
    assert found.retention.on_time
    assert found.store_bytes > 0
    assert found.mails.waiting > 0


async def test_a_flood_of_mails_is_no_attack_and_what_was_folded_is_counted(at: Installation, tmp_path: Path) -> None:
    tor = {"network": {"kind": "tor", "asn": 64500}, "device_id": "x"}
    await at.run([login(85, id="known", account="u-9", **DENIED), login(85, id="tor", account="u-9", **tor)])
    before = await report(at, tmp_path)
    assert await fold_flood(at.store, lambda tenant: 1, now=MONDAY - DAY) == 1
    (told,) = [notice for notice in await waiting(at) if FLOOD in notice.reasons]
    assert (told.kind, told.tenant) == ("campaign", "default")
    found = await report(at, tmp_path)
    assert (found.attacks, found.campaigns) == (before.attacks, before.campaigns)
    assert (before.mails.folded, found.mails.folded) == (0, 1)


async def test_only_its_own_time_counts(at: Installation, tmp_path: Path) -> None:
    found = await report(at, tmp_path, until=MONDAY - 5 * DAY, days=1)
    assert (found.since, found.until, found.logins) == ("2026-11-03", "2026-11-03", 8)
    assert (found.campaigns, found.answers) == ([], [])
    so_far = await report(at, tmp_path, until=MONDAY - 5 * DAY + 13 * HOUR, days=1)
    assert (so_far.since, so_far.until) == ("2026-11-03", "2026-11-04")


async def test_no_account_is_in_it(at: Installation, tmp_path: Path) -> None:
    found = await report(at, tmp_path)
    for said in (text(found), html(found)):
        for who in range(10):
            assert f"u-{who}" not in said
            if (key := at.vault.find(at.enricher.account_key("default", f"u-{who}"))) is not None:
                assert key.handle not in said


async def test_expiry_that_is_late_is_told(at: Installation, tmp_path: Path) -> None:
    assert not (await report(at, tmp_path, until=MONDAY + 400 * DAY)).retention.on_time


async def ask(at: Installation, config: Config, now: int, asked: str = "") -> str:
    return await ask_for_report(at.store, config, asked, now=now, wake=lambda: None)


async def waiting(at: Installation) -> list[Notice]:
    """All mails that wait; what was leased before is free again."""
    _clock.append(_clock[-1] + HOUR)
    return [each.notice for each in await at.store.lease(worker="w", now=_clock[-1], limit=100, seconds=1)]


async def test_the_week_has_one_report_whatever_is_started_how_often(at: Installation, tmp_path: Path) -> None:
    config = configured(tmp_path, 'report = "monday 08:00"\n')
    assert await ask(at, config, MONDAY + 7 * HOUR) == ""  # last week nothing had happened yet
    for minute in (0, 1, 60, 3000):
        await ask(at, config, MONDAY + 8 * HOUR + minute * 60_000_000)
    await at.reopen()
    await ask(at, config, MONDAY + 6 * DAY)
    assert [each.kind for each in await waiting(at)].count("report") == 1
    await ask(at, config, MONDAY + 7 * DAY + 8 * HOUR)
    assert [each.kind for each in await waiting(at)].count("report") == 2
    await ask(at, configured(tmp_path), MONDAY + 14 * DAY + 8 * HOUR)  # off
    assert [each.kind for each in await waiting(at)].count("report") == 2


async def test_the_mail_has_text_page_and_picture(at: Installation, tmp_path: Path) -> None:
    config = configured(tmp_path)
    mails = OperatorMails(config, at.store, at.vault)
    notice = Notice(id="report-20766", kind="report", tenant="default", event="", account=None, time=MONDAY + 8 * HOUR,
                    risk=0, level="low", decision="allow")  # fmt: skip
    message = await mails(notice, IDENTITY, recipient="ops@example.org", now=MONDAY + 9 * HOUR)
    again = await mails(notice, IDENTITY, recipient="ops@example.org", now=MONDAY + 9 * HOUR)
    assert bytes(message) == bytes(again)
    read = BytesParser(policy=policy.default).parsebytes(bytes(message))
    assert isinstance(read, EmailMessage)
    assert read["Subject"] == "Example: 1 attack, 2 accounts at critical, 2026-11-02 to 2026-11-08"
    assert read["Auto-Submitted"] == "auto-generated"
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    body, picture = read.get_body(("html",)), list(read.walk())[-1]
    assert body is not None
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in body.get_content()
    assert picture.get_content().startswith(b"\x89PNG")


async def test_without_the_extra_the_mail_has_no_picture(
    at: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(picture: str) -> bytes:
        raise SentinelError("a PNG needs the package resvg-py")

    monkeypatch.setattr("sentinel.report.mail.png", missing)
    notice = Notice(id="report-1", kind="report", tenant="default", event="", account=None, time=MONDAY,
                    risk=0, level="low", decision="allow")  # fmt: skip
    mails = OperatorMails(configured(tmp_path), at.store, at.vault)
    message = await mails(notice, IDENTITY, recipient="ops@example.org", now=MONDAY)
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "<img" not in str(message)


async def test_operators_hear_of_an_account_at_critical_once_a_day_and_the_person_too(
    at: Installation, tmp_path: Path
) -> None:
    found = [each for each in await waiting(at) if each.kind == "critical_account"]
    assert len(found) == 2
    assert {each.account for each in found} == {at.handle("u-1"), at.handle("u-2")}
    new = {"user_agent": "curl/8.5.0", **AWAY}
    await at.run([login(62, id="again", account="u-1", **new | {"device_id": "other"})])
    raised = [each for each in await waiting(at) if each.account == at.handle("u-1") and each.time > found[0].time]
    assert [each.kind for each in raised] == ["suspicious_sign_in"]  # the person's own, of the same day
    await at.run([login(90, id="next", account="u-1", **new | {"device_id": "third"})])
    kinds = [each.kind for each in await waiting(at) if each.account == at.handle("u-1")]
    assert kinds.count("critical_account") == 2, kinds
    mails = OperatorMails(configured(tmp_path), at.store, at.vault)
    message = await mails(found[0], IDENTITY, recipient="ops@example.org", now=MONDAY)
    said = message.get_content()
    (alert,) = found[0].messages
    assert f"sentinel alerts show {alert}" in said
    assert "u-1" not in said
    assert found[0].account not in said
    row = await at.store.alert("default", alert)
    assert row is not None
    assert row.account == found[0].account


async def test_an_account_that_is_not_watched_so_tells_no_operator(tmp_path: Path) -> None:
    opened = Installation(tmp_path)
    await opened.run([login(12 * day, id=f"p-{day}") for day in range(4)])
    await opened.run([login(60, id="robbed", **AWAY, user_agent="curl/8.5.0")])
    assert [each.kind for each in await waiting(opened)] == ["suspicious_sign_in"]
    await opened.store.close()
    opened.vault.close()


async def test_operators_get_both_by_mail(at: Installation, tmp_path: Path) -> None:
    server = MailServer()
    await server.start()
    try:
        config = configured(tmp_path, 'report = "monday 08:00"\n', server.port)
        await ask(at, config, MONDAY + 8 * HOUR)
        delivery = make_delivery(config, at.store, at.vault, lambda: False)
        for _ in range(10):  # ten mails at a time
            await delivery.run_once(MONDAY + 9 * HOUR)
    finally:
        await server.stop()
    subjects = [(recipients, mail["Subject"]) for recipients, mail in server.mailbox.mails]
    for operator in ("ops@example.org", "soc@example.org"):
        own = [subject for recipients, subject in subjects if recipients == (operator,)]
        assert sum(subject.startswith("Example: 1 attack") for subject in own) == 1
        assert own.count("Example: an account is at critical risk") == 2
    assert (await at.store.mail_counts())["failed"] == 0


async def test_an_erased_account_takes_its_mail_to_operators_along(at: Installation) -> None:
    before = await at.store.mail_counts()
    key = at.vault.of(at.handle("u-1"))
    await at.store.erase(key.rows, key.handle)
    after = await at.store.mail_counts()
    # The person's, which nobody needed after the answer, and the operators'.
    gone = {state: number - after[state] for state, number in before.items() if number != after[state]}
    assert gone == {"answered": 1, "pending": 1}


def typed(config: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(config), "report", *words])
    out = capsys.readouterr()
    assert ended.value.code == code, out.err
    return out.out + out.err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fill() -> None:
        opened = Installation(tmp_path)
        await opened.run([login(12 * day, id=f"p-{day}") for day in range(4)])
        await opened.store.close()
        opened.vault.close()

    asyncio.run(fill())
    path = tmp_path / "own.toml"
    path.write_text(f'state = "{tmp_path}/none"\nrules.directory = "none"\n[service]\nname = "Example"\n')
    assert "Example: report of" in typed(path, capsys)
    assert "<title>Example: no attacks" in typed(path, capsys, "--format", "html")
    told = json.loads(typed(path, capsys, "--format", "json", "--days", "3", "--plot", str(tmp_path / "p.svg")))
    assert (len(told["days"]), told["service"]) == (4, "Example")
    assert (tmp_path / "p.svg").read_text().startswith("<svg ")
    assert "expected a name that ends with" in typed(path, capsys, "--plot", "p.gif", code=2)
    assert "cannot be written" in typed(path, capsys, "--plot", str(tmp_path / "none" / "p.svg"), code=2)
