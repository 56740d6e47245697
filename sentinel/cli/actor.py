"""Who runs a command, for the audit log."""

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import Final

#: The account that logged in, kept by the kernel through su and sudo.
_LOGIN: Final = Path("/proc/self/loginuid")
_UNSET: Final = 2**32 - 1


def operator() -> str:
    """The operating system's name of who runs this process; the number where there is no name.

    It is the account that logged in, also after ``sudo -u sentinel``; where the kernel does not keep it (containers,
    timers), the one that the process runs as. No environment variable is asked: those can be set to anything.
    """
    user = os.getuid()
    with suppress(OSError, ValueError):
        login = int(_LOGIN.read_text())
        user = login if login != _UNSET else user
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
