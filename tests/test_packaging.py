"""Wheel and sdist: everything that is needed at run time is inside, and an installed wheel works."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODELS = {"impostor", "novelty", "likelihood"}
RULES = sorted(path.name for path in (ROOT / "rules").iterdir())
COUNT = sum(name.endswith(".toml") for name in RULES)


def names(archive: Path) -> set[str]:
    """Files in a wheel or sdist; of the latter without the folder they all lie in."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            return set(file.namelist())
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel, built from the sdist as an installer does, and that sdist; without network."""
    folder = tmp_path_factory.mktemp("dist")

    def build(target: str, source: Path) -> Path:
        command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
        subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
        (archive,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
        return archive

    sdist = build("sdist", ROOT)
    with tarfile.open(sdist) as tar:
        # Python 3.11 has filters from 3.11.4 on; it is our own archive.
        tar.extractall(folder / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = (folder / "unpacked").iterdir()
    return build("wheel", source), sdist


def test_both_hold_rules_templates_data_and_types(built: tuple[Path, Path]) -> None:
    wheel, sdist = names(built[0]), names(built[1])
    assert sorted(Path(name).name for name in wheel if name.startswith("sentinel/data/rules/")) == RULES
    assert sorted(Path(name).name for name in sdist if name.startswith("rules/")) == RULES
    for name, prefix in ((wheel, "sentinel/data/models"), (sdist, "models")):
        assert {f"{prefix}/{kind}.{end}" for kind in MODELS for end in ("toml", "md")} <= name
    data = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "sentinel").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {"sentinel/py.typed", "sentinel/data/geo/place.mmdb.xz", "sentinel/data/geo/asn.mmdb.xz"} <= set(data)
    assert any("templates" in name for name in data)
    assert set(data) <= wheel
    assert set(data) <= sdist
    for name in ("LICENSE", "README.md", "Makefile", "pyproject.toml", "systemd/sentinel.service"):
        assert name in sdist
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert any(name.endswith("ATTRIBUTION.md") for name in wheel)


def test_nothing_is_in_them_that_should_not_be(built: tuple[Path, Path]) -> None:
    for archive in built:
        for name in names(archive):
            assert not name.endswith((".pyc", ".db", ".key", ".db-wal")), name
        assert archive.stat().st_size < 40 * 1024 * 1024
    assert not any(name.startswith(("tests/", "scripts/")) for name in names(built[0]))


def test_an_installed_wheel_works(built: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    venv.EnvBuilder(with_pip=False).create(folder)
    python = folder / "bin/python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*command, "--disable-pip-version-check", str(built[0])], check=True, timeout=120)
    # The dependencies of the environment that runs the tests; a .pth file puts them after the installed wheel.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PYTHONSAFEPATH": "1"}
    (tmp_path / "home").mkdir()

    def sentinel(*arguments: str) -> str:
        done = subprocess.run(
            [folder / "bin/sentinel", *arguments], env=env, cwd=tmp_path, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [python, "-c", "import sentinel; print(sentinel.__file__)"], env=env, cwd=tmp_path, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(folder))
    assert sentinel("rules", "test").startswith(f"{COUNT} rules, ")
    assert "packaged" in sentinel("geo", "status")
    assert "impostor" in sentinel("models", "list")
    assert "<html" in sentinel("mail", "preview", "--format", "html")
