"""`sentinel mail preview`: the mail as it would be sent, on the terminal and in a browser."""

import stat
import webbrowser
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel.cli.main import cli
from tests.alerts.test_brand import png


def preview(config: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(config), "mail", "preview", *options])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "logo.png").write_bytes(png())
    path = tmp_path / "sentinel.toml"
    path.write_text(
        '[service]\nname = "Example"\nlocale = "de"\nanswer_url = "https://security.example.org/"\n'
        '[smtp]\nfrom = "Example <security@example.org>"\n[brand]\nlogo = "logo.png"\n'
    )
    return path


def test_a_preview_is_in_the_language_asked_for_else_the_operators(config: Path) -> None:
    french = preview(config, "--kind", "new_sign_in", "--locale", "fr-CA").output
    assert french.startswith("Subject: Nouvelle connexion à votre compte Example\n")
    assert "13 h 05" in french
    assert "https://security.example.org/answer/sample" in french
    assert preview(config, "--kind", "new_sign_in").output.startswith(
        "Subject: Neue Anmeldung in Ihrem Konto bei Example"
    )
    assert preview(config, "--kind", "campaign", "--locale", "es").output.startswith("Subject: Ataque contra cuentas")
    assert '<html lang="es"' in preview(config, "--format", "html", "--locale", "es").output


def test_an_eml_is_the_whole_mail(config: Path) -> None:
    message = message_from_bytes(preview(config, "--format", "eml").stdout_bytes, policy=default)
    types = [part.get_content_type() for part in message.walk()]
    assert types == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]


def test_open_shows_a_private_file_with_the_logo_in_it(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    found = preview(config, "--kind", "attack", "--open")
    path = Path(found.output.strip())
    try:
        assert opened == [path.as_uri()]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "data:image/png;base64," in path.read_text("utf-8")
    finally:
        path.unlink()


def test_without_a_browser_it_says_where_the_mail_is(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    found = CliRunner().invoke(cli, ["--config", str(config), "mail", "preview", "--open"])
    said = str(found.exception or found.output)
    assert found.exit_code != 0
    path = Path(said.rpartition(" ")[2].strip())
    assert path.exists()
    path.unlink()


def test_check_config_tells_of_templates_and_logos_that_cannot_be_used(config: Path, tmp_path: Path) -> None:
    (tmp_path / "mail" / "attack").mkdir(parents=True)
    (tmp_path / "mail" / "attack" / "subject.txt").write_text("{{ nobody }}")
    (tmp_path / "logo.png").write_text("<svg/>")
    config.write_text(config.read_text() + 'templates = "mail"\n')
    found = CliRunner().invoke(cli, ["--config", str(config), "check-config"])
    assert "mail/attack/subject.txt: attack in en: 'nobody' is undefined" in found.stderr
    assert "the logo cannot be used: it is neither PNG nor JPEG" in found.stderr
