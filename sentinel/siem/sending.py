"""Sending what is new to one sink: read, write, and only then move the cursor."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from sentinel.errors import SentinelError
from sentinel.siem import ecs, ocsf
from sentinel.siem.cursor import Cursor, CursorFile
from sentinel.siem.gather import Gather
from sentinel.siem.sinks import Line, Sink
from sentinel.siem.told import Rulebook, Seen, Told
from sentinel.store.protocol import Store

Format = Literal["ocsf", "ecs"]
#: Rows read at a time: half a megabyte of documents or so between two moves of the cursor.
BATCH: Final = 200
#: Seconds between two looks, and the longest pause after trouble.
_POLL: Final = 1.0
_LONGEST: Final = 60.0
_log: Final = logging.getLogger("sentinel.siem")


class Sending:
    """One export. ``place`` is its cursor; whoever uses this holds its lock."""

    def __init__(
        self, store: Store, gather: Gather, sink: Sink, place: CursorFile, rules: Rulebook, *, format: Format
    ) -> None:
        self._store, self._gather, self._sink, self._place = store, gather, sink, place
        self._rules, self._format = rules, format
        self._cursor = place.read()
        self.sent = 0

    async def catch_up(self) -> int:
        """Send everything that is new; returns how many documents. Raises :class:`SentinelError`, and then what was
        not taken is sent again the next time."""
        before = self.sent
        await self._find()
        while await self._step():
            pass
        gathered = await self._gather.closed(set(self._cursor.campaigns))
        if gathered.told or gathered.campaigns != set(self._cursor.campaigns):
            await self._send(gathered.told, self._cursor.with_campaigns(gathered.campaigns))
        return self.sent - before

    async def follow(self, stop: asyncio.Event, name: str) -> None:
        """Catch up again and again until ``stop``; trouble is logged, and tried again after a growing pause."""
        pause = _POLL
        while not stop.is_set():
            try:
                await self.catch_up()
                pause = _POLL
            except SentinelError as error:
                pause = min(2 * pause, _LONGEST)
                _log.error("%s: %s; tried again in %d s", name, error, pause, extra={"event.action": "siem"})
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _find(self) -> None:
        found = await self._cursor.found_in(self._store)
        if found.number == self._cursor.number:
            return
        why = "the newest record that was sent is not there any more (erased, expired, or the store was restored)"
        where = "an earlier one" if found.points else "the oldest that is kept"
        _log.warning("%s: going on from %s", why, where, extra={"event.action": "siem"})
        self._cursor = found

    async def _step(self) -> bool:
        page = await self._store.page(self._cursor.number, limit=BATCH)
        if not page.last:
            return False
        gathered = await self._gather.of([record for _, record in page.records], set(self._cursor.campaigns))
        await self._send(gathered.told, self._cursor.advanced(page.last, page.key).with_campaigns(gathered.campaigns))
        return True

    async def _send(self, told: Iterable[Seen | Told], after: Cursor) -> None:
        lines = [line for each in told for line in self._lines(each)]
        if lines:
            await asyncio.to_thread(self._sink.write, lines)
        self._place.write(after)
        self._cursor = after
        self.sent += len(lines)

    def _lines(self, told: Seen | Told) -> list[Line]:
        if isinstance(told, Told):
            make = ocsf.alert_document if self._format == "ocsf" else ecs.alert_document
            return [_line(make(told, self._rules), told.alert.last, told.alert.level)]
        documents = ocsf.documents(told, self._rules) if self._format == "ocsf" else [ecs.document(told, self._rules)]
        return [_line(document, told.sighting.time, told.assessment.level) for document in documents]


def _line(document: dict[str, Any], time: int, level: str | None) -> Line:
    return Line(msgspec.json.encode(document), time, level)
