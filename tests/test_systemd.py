"""The unit is understood by systemd, is as closed as we say, and leaves the daemon what it needs."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "systemd" / "sentinel.service"
#: `systemd-analyze security` scale: 0 is closed, 10 open; unhardened services have 9.6. What is left of it is
#: Internet and local sockets, and no list of peer addresses.
MOST_EXPOSED = 1.5


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing; CI must check the unit")
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def settings(section: str = "Service", unit: Path = UNIT) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return dict(parser[section])


def exposure(unit: Path) -> float:
    report = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)
    assert found, report
    return float(found[1])


def complaints(unit: Path) -> list[str]:
    return [line for line in run(tool("systemd-analyze"), "verify", str(unit)).splitlines() if "sentinel" in line]


def with_program(tmp_path: Path, text: str) -> Path:
    # The program is not installed here; everything else must pass without a word.
    copy = tmp_path / "sentinel.service"
    copy.write_text(text.replace("/usr/bin/sentinel", shutil.which("true") or "/bin/true"))
    return copy


def test_systemd_knows_every_directive(tmp_path: Path) -> None:
    assert complaints(with_program(tmp_path, UNIT.read_text())) == []


def test_an_unknown_directive_would_be_noticed(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("[Install]", "ProtectEverything=yes\n[Install]")
    assert any("ProtectEverything" in line for line in complaints(with_program(tmp_path, text)))


def test_exposure_is_low() -> None:
    assert exposure(UNIT) <= MOST_EXPOSED


def test_the_daemon_keeps_what_it_needs() -> None:
    service = settings()
    assert service["Type"] == "notify"
    assert service["RestrictAddressFamilies"].split() == ["AF_INET", "AF_INET6", "AF_UNIX"]
    assert "PrivateNetwork" not in service
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("sentinel", "0700")
    assert service["ExecStartPre"].endswith("sentinel check-config")
    assert service["ExecStart"].endswith("sentinel run")


def test_every_group_of_directives_has_its_reason() -> None:
    body = UNIT.read_text().partition("[Service]\n")[2].partition("[Install]")[0]
    for block in body.strip().split("\n\n"):
        assert block.startswith("#"), f"no reason given for: {block.splitlines()[0]}"


@pytest.mark.parametrize("timed", ["sentinel-backup", "sentinel-train"])
def test_systemd_knows_every_directive_of_what_timers_start(tmp_path: Path, timed: str) -> None:
    for name in (f"{timed}.service", f"{timed}.timer"):
        copy = tmp_path / name
        copy.write_text(
            (UNIT.parent / name).read_text().replace("/usr/bin/sentinel", shutil.which("true") or "/bin/true")
        )
    assert complaints(tmp_path / f"{timed}.timer") == []
    assert complaints(tmp_path / f"{timed}.service") == []
    assert exposure(tmp_path / f"{timed}.service") <= MOST_EXPOSED


def test_the_export_to_siems_is_as_closed_as_the_daemon_and_only_follows(tmp_path: Path) -> None:
    unit = UNIT.parent / "sentinel-siem.service"
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/bin/sentinel", shutil.which("true") or "/bin/true"))
    assert complaints(copy) == []
    assert exposure(copy) <= MOST_EXPOSED
    daemon, export = settings(), settings(unit=unit)
    assert export["ExecStart"].endswith("sentinel siem send --follow")
    assert (export["User"], export["StateDirectory"]) == (daemon["User"], daemon["StateDirectory"])


def test_training_is_as_closed_as_the_backup_and_goes_last() -> None:
    backup, training = (settings(unit=UNIT.parent / f"sentinel-{name}.service") for name in ("backup", "train"))
    own = {"ExecStart", "Nice", "IOSchedulingClass", "MemoryMax", "TimeoutStartSec"}
    assert {name: value for name, value in training.items() if name not in own} == {
        name: value for name, value in backup.items() if name not in own
    }
    assert training["ExecStart"].endswith("sentinel train")
    assert (training["Nice"], training["IOSchedulingClass"], training["MemoryMax"]) == ("10", "idle", "4G")
    timer = settings("Timer", UNIT.parent / "sentinel-train.timer")
    assert timer["OnCalendar"].startswith("Sun ")
    assert (timer["RandomizedDelaySec"], timer["Persistent"]) == ("2h", "yes")


def test_the_account_is_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    conf = ROOT / "systemd" / "sysusers.d" / "sentinel.conf"
    report = run(tool("systemd-sysusers"), "--dry-run", f"--root={tmp_path}", str(conf))
    assert "Creating user 'sentinel'" in report
    assert "ailed" not in report


def test_the_directories_are_made_closed(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    # Accounts are looked up in the other root; the running user stands in for the one that is missing here.
    for name, line in (("passwd", "{n}:x:{u}:{g}::/:/bin/false"), ("group", "{n}:x:{g}:")):
        lines = [line.format(n="root", u=0, g=0), line.format(n="sentinel", u=os.getuid(), g=os.getgid())]
        (tmp_path / "etc" / name).write_text("\n".join(lines) + "\n")
    conf = ROOT / "systemd" / "tmpfiles.d" / "sentinel.conf"
    report = run(tool("systemd-tmpfiles"), "--create", f"--root={tmp_path}", str(conf))
    assert "sentinel.conf:" not in report, report
    if os.getuid() != 0:
        pytest.skip("only root may make directories that belong to root")
    modes = {path: (tmp_path / path).stat().st_mode & 0o7777 for path in ("var/lib/sentinel", "etc/sentinel/rules")}
    assert modes == {"var/lib/sentinel": 0o700, "etc/sentinel/rules": 0o750}


#: Runs the parts that might make code at run time, in a process that may not (PR_SET_MDWE is the kernel's own
#: form of MemoryDenyWriteExecute=; Linux 6.3).
CLOSED_MEMORY = """
import ctypes, mmap, sys
if ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    sys.exit("the ban is not in force")
import aiohttp, aiosmtplib, css_inline, jinja2, maxminddb, msgspec, prometheus_client, sqlite3, ua_parser
from cel_expr_python import cel
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
sealer = AESGCM(bytes(32))
assert sealer.decrypt(bytes(12), sealer.encrypt(bytes(12), b"x", None), None) == b"x"
names = cel.NewEnv(variables={"speed": cel.Type.DOUBLE})
assert names.compile("speed > 900.0 && 'a'.matches('^a+$')").eval(data={"speed": 1e3}).value() is True
assert "color" in css_inline.inline("<style>b{color:red}</style><b>x</b>")
assert jinja2.Environment(autoescape=True).from_string("{{ 1 + 1 }}").render() == "2"
assert ua_parser.parse("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0").user_agent
import numpy
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
rows = numpy.random.default_rng(1).normal(size=(200, 3))
HistGradientBoostingClassifier(max_iter=3).fit(rows, rows[:, 0] > 0).predict_proba(rows)
IsolationForest(n_estimators=3).fit(rows).score_samples(rows)
store = sqlite3.connect(sys.argv[1])
store.execute("pragma journal_mode=wal")
store.execute("pragma mmap_size=1000000")
store.execute("create table event (id text)")
"""


def test_no_library_needs_memory_to_write_and_run(tmp_path: Path) -> None:
    assert settings()["MemoryDenyWriteExecute"] == "yes"
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_MEMORY, str(tmp_path / "x.db")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 and os.environ.get("CI") != "true":
        pytest.skip("needs Linux 6.3")
    assert done.returncode == 0, done.stderr
