"""Several connections to the mail server, so that one slow mail does not keep the others waiting."""

import asyncio
from email.message import EmailMessage

from sentinel.alerts.dkim import Signer
from sentinel.alerts.smtp import Mailer, Result, SmtpSettings


class Pool:
    """Up to ``connections`` mails at once, each over a connection of its own; the one used last is used first, so that
    few mails keep few connections. Raises as :class:`Mailer` does."""

    def __init__(self, settings: SmtpSettings, *, connections: int = 1, signer: Signer | None = None) -> None:
        self.connections = connections
        self._mailers = [Mailer(settings, signer) for _ in range(connections)]
        self._free = list(self._mailers)
        self._turn = asyncio.Semaphore(connections)

    @property
    def budget(self) -> float:
        """The longest :meth:`send` may take once a connection is free, in seconds."""
        return self._mailers[0].budget

    async def send(self, message: EmailMessage, recipient: str) -> Result:
        """See :meth:`Mailer.send`."""
        async with self._turn:
            mailer = self._free.pop()
            try:
                return await mailer.send(message, recipient)
            finally:
                self._free.append(mailer)

    async def close(self) -> None:
        """Close all connections. The next :meth:`send` connects again."""
        await asyncio.gather(*(mailer.close() for mailer in self._mailers))
