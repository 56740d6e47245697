"""A daemon whose mails have links, somebody who got one, and what of the store an answer may change."""

import asyncio
import re
import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from sentinel.events.clock import now
from tests.running import AWAY, PATIENCE, Client, InProcess, MailServer, Reply, habits, login

#: A new phone at home: a mail, below high. Somebody far away: high.
PHONE: dict[str, Any] = {"device_id": "phone", "session_id": "s-phone"}
FAR: dict[str, Any] = {**AWAY, "session_id": "s-far"}
#: Tables that an answer may change.
_TABLES = ("event", "profile", "alert", "mail", "campaign_event", "answer_token", "verdict", "attributes")
CONFIG = """
[service]
name = "Example Mail"
answer_url = "https://security.example.org"
reset_page = "https://accounts.example.org/reset"
support = "help@example.org"
[alerts]
operators = ["ops@example.org"]
[tenants.shop]
service.name = "Example Shop"
"""


class Watched:
    """A daemon with people in it whose mails came; its clock can be moved."""

    def __init__(self, daemon: InProcess, client: Client, mail_server: MailServer) -> None:
        self.daemon, self.client, self._mails = daemon, client, mail_server
        self.ahead = 0
        self.service = daemon.daemon._service
        self.service.clock = lambda: now() + self.ahead
        self._read = 0

    async def mailed(self, event: dict[str, Any], account: str = "u-1", count: int = 1, **attributes: Any) -> list[str]:
        """Paths of the links in the mails about an event of somebody with a past."""
        given = {"email": f"{account}@example.org"} | attributes
        await self.client.take([{**each, **given} for each in habits(account)])
        await self.client.take([event | {"account": account}])
        return await self.links(count)

    async def links(self, count: int) -> list[str]:
        """Paths of the links in the next mails."""
        self._read += count
        await self._mails.mailbox.wait(self._read)
        async with asyncio.timeout(PATIENCE):
            # The mark that it was sent comes after it.
            while (await self.daemon.daemon.store.mail_counts())["pending"]:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
        return [path for path in map(link_in, self._mails.mailbox.mails[self._read - count : self._read]) if path]

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that an answer may change, as it lies on the disk."""
        path = self.daemon.daemon.config.state / "sentinel.db"
        with closing(sqlite3.connect(path)) as database:
            return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in _TABLES}

    async def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """What somebody without a key gets."""
        return await self.daemon.stranger().ask(method, path, headers=named(headers))

    async def send(self, path: str, fields: dict[str, str], **headers: str) -> Reply:
        """Send a form as the page itself would, unless ``headers`` say otherwise."""
        own = {"Origin": self.daemon.base, "Sec-Fetch-Site": "same-origin"} | named(headers)
        sent = {name: value for name, value in own.items() if value} | {
            "Content-Type": "application/x-www-form-urlencoded"
        }
        return await self.daemon.stranger().ask("POST", path, urlencode(fields).encode(), headers=sent)

    async def answer(self, path: str, chosen: str) -> Reply:
        """Both steps, as somebody takes them who reads."""
        again = await self.send(path, fields_of((await self.get(path)).text) | {"answer": chosen})
        self.ahead += 5_000_000
        return await self.send(path, fields_of(again.text) | {"answer": chosen})

    async def risk(self, account: str = "u-1") -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"/v1/accounts/{account}/risk")).body
        return found


def link_in(mail: Any) -> str | None:
    """The path of the link that a mail has."""
    text = mail[1].get_body(("plain",)).get_content()
    found = re.search(r"https://security\.example\.org(/answer/\S+)", text)
    return found[1] if found else None


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def fields_of(html: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))


def phone(id: str = "e-1", **fields: Any) -> dict[str, Any]:
    return login(id, **PHONE | fields)


def far(id: str = "e-1", **fields: Any) -> dict[str, Any]:
    return login(id, **FAR | fields)
