"""Where the daemon listens: a Unix socket that a killed daemon left behind makes way, nothing else does."""

import asyncio
import stat
from pathlib import Path

from sentinel.errors import SentinelError


async def make_way(path: Path) -> None:
    """Remove the socket that a killed daemon left behind. Raises :class:`SentinelError` for anything else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):  # noqa: ASYNC240  # one file, nobody waits
            raise SentinelError(f"listen: {path} is there already and is no socket; choose another path")
        _, writer = await asyncio.open_unix_connection(path)
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)  # noqa: ASYNC240  # one file, nobody waits
    except OSError as error:
        raise SentinelError(f"listen: {path}: {error.strerror}") from None
    else:
        writer.close()
        raise SentinelError(f"listen: another process answers on {path}; stop it, or choose another path")
