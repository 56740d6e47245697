"""What delivery needs of a mailer."""

from email.message import EmailMessage
from typing import Protocol

from sentinel.alerts.smtp import Result


class Sender(Protocol):
    """See :class:`sentinel.alerts.pool.Pool`."""

    @property
    def budget(self) -> float:
        """The longest one ``send`` may take, in seconds."""
        ...

    @property
    def connections(self) -> int:
        """How many may be under way at once."""
        ...

    async def send(self, message: EmailMessage, recipient: str) -> Result:
        """Hand one mail over."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
