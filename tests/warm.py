"""The command ``sentinel`` from a process that has imported everything: half a second less for each of a hundred runs.

Every run is a process of its own all the same, forked before any thread runs, with its own environment, folder,
input and output. What is about the start itself (``--help``, streams, the daemon) is tested with a fresh
interpreter.
"""

import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class Warm:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()

    def run(self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, files: Sequence[Path]) -> int:
        """The exit code of a run; ``files`` are its standard input, output and error."""
        request = {"arguments": arguments, "env": dict(env), "cwd": str(cwd), "files": [str(f) for f in files]}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


def _child(request: dict[str, Any]) -> int:
    from sentinel.cli.main import main

    for number, file in enumerate(request["files"]):
        opened = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["arguments"]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def serve() -> None:
    """Fork one child a line of input, and print its exit code."""
    from sentinel.cli import main

    for name in main._COMMANDS:
        import_module(f"sentinel.cli.{name.replace('-', '_')}_command")
    requests, codes = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in requests:
        child = os.fork()
        if child == 0:
            code = _child(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=codes, flush=True)


if __name__ == "__main__":
    serve()
