"""The page in an edge process, for a mail that the courier sent: the answer reaches the daemon that judges."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from sentinel.api.auth import SCOPES
from tests.answer.watching import CONFIG, fields_of, link_in, phone
from tests.running import PATIENCE, Client, Command, MailServer, OwnProcess, habits


async def test_an_answer_goes_from_the_edge_to_the_daemon(
    own_process: Callable[..., OwnProcess], sentinel: Command, mail_server: MailServer, tmp_path: Path, state: Path
) -> None:
    running = await asyncio.to_thread(own_process, CONFIG, smtp=mail_server.port)
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    made = await asyncio.to_thread(sentinel, "--config", tmp_path / "sentinel.toml", "keys", "create", "web", *scopes)
    secret = made.stdout.split()[-1]
    async with aiohttp.ClientSession() as session:
        client = Client(running.base, secret, session)
        await client.take([{**each, "email": "u-1@example.org"} for each in habits()])
        await client.take([phone()])
        await mail_server.mailbox.wait(1)
        path = link_in(mail_server.mailbox.mails[0])
        assert path is not None
        own = {"Origin": running.base, "Content-Type": "application/x-www-form-urlencoded"}
        anybody = Client(running.base, None, session)

        async def send(fields: dict[str, str]) -> str:
            reply = await anybody.ask("POST", path, urlencode(fields).encode(), headers=own)
            assert reply.status == 200
            return reply.text

        page = await anybody.get(path)
        assert (await anybody.ask("HEAD", path)).status == 200
        second = fields_of(await send(fields_of(page.text) | {"answer": "no"})) | {"answer": "no"}
        async with asyncio.timeout(PATIENCE):
            # Its clock is its own: sent again until that is no longer faster than somebody reads.
            while "told us that it was not you" not in await send(second):  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.2)
        assert (await client.get("/v1/accounts/u-1/risk")).body["risk"] == 100.0
        await mail_server.mailbox.wait(2)
        assert mail_server.mailbox.recipients[1] == "ops@example.org"
    await asyncio.to_thread(running.stop)
    with closing(sqlite3.connect(state / "sentinel.db")) as database:
        assert database.execute("SELECT count(*) FROM event WHERE type = 'feedback'").fetchone() == (1,)
