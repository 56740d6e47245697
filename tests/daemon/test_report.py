"""A daemon that is started after its report was due sends it, and only once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.running import InProcess, MailServer, ago, login


async def test_a_report_that_was_missed_is_made_up_for_once(tmp_path: Path) -> None:
    server = MailServer()
    await server.start()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%A").lower()
    config = tmp_path / "sentinel.toml"
    config.write_text(
        f'state = "{tmp_path / "state"}"\nlisten = "127.0.0.1:0"\n'
        'rules.directory = "none"\nrules.allow_directory = "none"\n'
        f'[smtp]\nport = {server.port}\ntls = "none"\n[alerts]\noperators = ["ops@example.org"]\n'
        f'report = "{yesterday} 00:00"\n'
    )
    for start in range(3):
        daemon = InProcess(config)
        await daemon.start()
        try:
            if start == 0:
                client = await daemon.client()
                await client.take([login(f"e-{day}", ago(days=9 - day)) for day in range(4)])
            else:
                await server.mailbox.wait(1)
        finally:
            await daemon.stop()
    await server.stop()
    ((recipients, mail),) = server.mailbox.mails
    assert recipients == ("ops@example.org",)
    assert mail["Subject"].startswith("online service: no attacks, ")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Logins: " in body.get_content()
