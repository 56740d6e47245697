"""How many mails people would get, whoever caused them."""

from collections import Counter

import msgspec

from sentinel.events.clock import DAY
from sentinel.pipeline.judge import Judged


class Mails(msgspec.Struct, kw_only=True):
    """Mails to people in the measured time, those about attackers' doings included.

    ``most`` is the most that any account got within 24 hours of events, and ``most_of`` the kinds of those.
    """

    logins: int = 0  #: successful ones of people
    sent: int = 0
    most: int = 0
    most_of: Counter[str] = msgspec.field(default_factory=Counter)
    lately: dict[str, list[tuple[int, str]]] = msgspec.field(default_factory=dict)

    @property
    def per_1000(self) -> float:
        """Mails per 1,000 successful logins of people."""
        return round(1000 * self.sent / self.logins, 2) if self.logins else 0.0

    def note(self, time: int, judged: Judged) -> None:
        """What came of an event at ``time`` (micros); events come in order."""
        for notice in judged.notices:
            if notice.account is not None:
                self.sent += 1
                within = [mail for mail in self.lately.get(notice.account, ()) if time - mail[0] < DAY]
                within.append((time, notice.kind))
                self.lately[notice.account] = within
                if len(within) > self.most:
                    self.most, self.most_of = len(within), Counter(kind for _, kind in within)
