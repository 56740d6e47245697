"""The part of the embedded store by which commands reach whoever judges into it: verdicts, questions, answers."""

from collections.abc import Sequence

from sentinel.store.protocol import AskedVerdict
from sentinel.store.sqlite import asked, log, verdicts
from sentinel.store.sqlite.part import Part


class SqliteAsking(Part):
    """See :class:`sentinel.store.protocol.Store`."""

    async def ask_verdict(self, verdict: AskedVerdict) -> int:
        """See the protocol."""
        return await self._write(lambda db: verdicts.ask(db, verdict))

    async def asked_verdicts(self, id: int | None = None) -> list[AskedVerdict]:
        """See the protocol."""
        return await self._read(lambda db: verdicts.asked(db, id))

    async def settle_verdict(self, id: int, *, now: int, answered: int, alerts: Sequence[str]) -> None:
        """See the protocol."""
        (asked,) = await self.asked_verdicts(id)
        keys = [self._rows.alert_key(asked.tenant, alert) for alert in alerts]
        await self._write(lambda db: verdicts.settle(db, id, now, answered, keys))

    async def ask(self, question: bytes, *, now: int) -> int:
        """See the protocol."""
        seal = self._rows.question(question)
        return await self._write(lambda db: asked.ask(db, now, seal))

    async def questions(self) -> list[tuple[int, bytes]]:
        """See the protocol."""
        waiting = await self._read(asked.waiting)
        return [(id, self._rows.open_question(id, "question", sealed)) for id, sealed in waiting]

    async def reply(self, id: int, answer: bytes, *, now: int) -> None:
        """See the protocol."""
        sealed = self._rows.answer(id, answer)
        await self._write(lambda db: asked.reply(db, id, now, sealed))
        # The question may have named an account that is erased now.
        await self.scrub()

    async def answer(self, id: int) -> bytes | None:
        """See the protocol."""
        sealed = await self._read(lambda db: asked.answer(db, id))
        return self._rows.open_question(id, "answer", sealed) if sealed is not None else None

    async def scrub(self) -> bool:
        """See the protocol."""
        # By the thread that copies the log: SQLite refuses at once, without waiting, while another one copies.
        if self.path is None:
            return True
        await self._copied()
        await self._copy(log.restart)
        return await self._copy(log.cut)
