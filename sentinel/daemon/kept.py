"""What is kept of retention in the keyring: how far it came, and what a command orders of the daemon.

A command beside the daemon leaves an order there and finds the answer. Both hold the master key; whoever orders says
with it that the clock is right.
"""

import msgspec

from sentinel.daemon.expiry import Expired
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.sealer import pack, unpack

_MARK, _ORDER, _ANSWER = "retention", "retention.order", "retention.answer"


class Mark(msgspec.Struct, kw_only=True, array_like=True):
    """What is kept of retention in the keyring.

    ``sure`` is what had surely passed when it was written, ``ran`` when the last whole run ended, ``day`` the day that
    it was for (:func:`sentinel.privacy.retention.ending_day`). ``numbers`` tell which number the newest account had
    when: time and number, oldest first. Times in micros; 0: never.
    """

    sure: int = 0
    ran: int = 0
    day: int = 0
    numbers: list[tuple[int, int]] = []

    def created_by(self, moment: int) -> int:
        """The number of an account that was surely made by then, as all before it; 0 when there is none."""
        return max((number for time, number in self.numbers if time <= moment), default=0)

    def note_number(self, now: int, number: int, before: int) -> None:
        """Keep the newest account's number; of those from before ``before`` only the last is needed."""
        old = [entry for entry in self.numbers if entry[0] <= before]
        self.numbers = [*old[-1:], *(entry for entry in self.numbers if entry[0] > before), (now, number)]


class Order(msgspec.Struct, frozen=True, array_like=True):
    """A command wants a run. ``time`` is what the person took for right (micros), ``through`` until when what falls due
    is to go (micros; at most the end of this day)."""

    id: int
    time: int
    through: int


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What came of an order; ``error`` is why nothing did."""

    id: int
    done: Expired
    error: str = ""


def read_mark(keyring: Keyring) -> Mark:
    """What is kept of retention; empty before the first run."""
    packed = keyring.value(_MARK)
    return unpack(packed, Mark) if packed is not None else Mark()


def write_mark(keyring: Keyring, mark: Mark) -> None:
    """Keep it."""
    keyring.put_value(_MARK, pack(mark))


def put_order(keyring: Keyring, order: Order) -> None:
    """Order a run of whoever judges into the store."""
    keyring.put_value(_ORDER, pack(order))


def answer_to(keyring: Keyring, order: Order) -> Answer | None:
    """What came of an order; nothing while it waits."""
    packed = keyring.value(_ANSWER)
    answer = unpack(packed, Answer) if packed is not None else None
    return answer if answer is not None and answer.id == order.id else None


def open_order(keyring: Keyring) -> Order | None:
    """What was ordered and not answered yet."""
    packed = keyring.value(_ORDER)
    order = unpack(packed, Order) if packed is not None else None
    return order if order is not None and answer_to(keyring, order) is None else None


def put_answer(keyring: Keyring, answer: Answer) -> None:
    """Answer an order."""
    keyring.put_value(_ANSWER, pack(answer))
