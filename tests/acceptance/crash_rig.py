"""A daemon as ``sentinel run`` again and again, to be killed; run by test_kill.py.

Everything is imported once and each round forks, as no threads are running yet then: a new daemon is up in a tenth
of the time. Reads a line for each daemon to start, prints the process's number.
"""

import os
import sys
from pathlib import Path

from sentinel.config import load
from sentinel.daemon import logs
from sentinel.daemon.daemon import serve


def main(config: Path) -> None:
    """Start one daemon a line of input; the next one when it has ended."""
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            logs.setup("info")
            serve(load(config))
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
