"""The daemon that the tests of the answer page watch."""

from collections.abc import Awaitable, Callable

import pytest

from tests.answer.watching import CONFIG, Watched
from tests.running import InProcess, MailServer


@pytest.fixture
async def watched(start: Callable[..., Awaitable[InProcess]], mail_server: MailServer) -> Watched:
    """A daemon with links in its mails."""
    daemon = await start(CONFIG)
    return Watched(daemon, await daemon.client(), mail_server)
