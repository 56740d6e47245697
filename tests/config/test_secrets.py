"""Where secrets come from, and files that others can read."""

from pathlib import Path

import pytest

from sentinel.config import Config, read_secret
from sentinel.errors import FileError


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def secret(path: Path, content: bytes = b"made-up\n", mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_file_without_its_last_newline(tmp_path: Path) -> None:
    assert read_secret(Config(), "smtp_password", secret(tmp_path / "pw", b" a b \n")) == " a b "
    assert read_secret(Config(), "smtp_password", secret(tmp_path / "pw", b"x\r\n")) == "x"
    assert read_secret(Config(), "smtp_password", None) is None


def test_relative_file_is_beside_the_configuration(tmp_path: Path) -> None:
    secret(tmp_path / "pw")
    assert read_secret(Config(path=tmp_path / "sentinel.toml"), "smtp_password", Path("pw")) == "made-up"


def test_credential_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    file = secret(tmp_path / "pw", b"from file")
    assert read_secret(Config(), "smtp_password", file) == "from file"
    secret(folder / "smtp_password", b"from systemd", 0o440)
    assert read_secret(Config(), "smtp_password", file) == "from systemd"
    assert read_secret(Config(), "smtp_password", None) == "from systemd"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(FileError, match=f"mode 0{mode:o}.*chmod 600") as caught:
        read_secret(Config(), "smtp_password", secret(tmp_path / "pw", mode=mode))
    assert "made-up" not in str(caught.value)


@pytest.mark.parametrize(("content", "says"), [(b"\n", "empty"), (b"\xff", "UTF-8")])
def test_useless_secret(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(FileError, match=says):
        read_secret(Config(), "smtp_password", secret(tmp_path / "pw", content))


def test_missing_secret_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_secret(Config(), "smtp_password", tmp_path / "absent")
