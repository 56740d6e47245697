"""Several processes write one chain, and a killed one leaves it whole."""

import os
import subprocess
import sys
from pathlib import Path

from tests.audit.making import log

ROOT = Path(__file__).parents[2]
_WRITER = """
import sys
from pathlib import Path
from tests.audit.making import entry, log

one = log(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    one.append([entry(number, actor=sys.argv[2]), entry(number, actor=sys.argv[2], purpose="again")])
    print(number, flush=True)
"""


def writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder), name, str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_keep_one_chain(tmp_path: Path) -> None:
    writers = [writer(tmp_path, f"p-{number}", 60) for number in range(4)]
    for each in writers:
        go(each)
    for each in writers:
        each.communicate(timeout=60)
        assert each.returncode == 0
    one = log(tmp_path)
    report = one.verify()
    assert (report.entries, report.after_head, report.fault) == (480, 0, None)
    for number in range(4):
        found = one.show(actor=f"p-{number}", limit=1000)
        # In the order written, and each pair side by side.
        assert [each.time for each in found] == sorted(each.time for each in found)
        assert all(two.seq == first.seq + 1 for first, two in zip(found[::2], found[1::2], strict=True))
        assert len(found) == 120


def test_a_killed_writer_leaves_a_log_that_verifies(tmp_path: Path) -> None:
    acknowledged = 0
    for kill in range(6):
        process = writer(tmp_path, "p", 100_000)
        go(process)
        assert process.stdout is not None
        for _ in range(5 + 7 * kill):
            process.stdout.readline()
        process.kill()
        rest, _ = process.communicate()
        acknowledged += 5 + 7 * kill + rest.count("\n")
        one = log(tmp_path)
        report = one.verify()
        one.close()
        assert report.fault is None
        assert report.after_head <= 2
        # Nothing that returned is lost; what was begun may be there.
        assert 2 * acknowledged <= report.entries <= 2 * acknowledged + 2 * (kill + 1)
