"""Mails over the real store to a hostile server, and workers that die: each ends as sent or failed, none twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import pytest
from aiosmtpd.smtp import SMTP

from sentinel.alerts.compose import Identity
from sentinel.alerts.delivery import Delivery
from sentinel.alerts.dispatch import DeliverySettings
from sentinel.alerts.pool import Pool
from sentinel.alerts.smtp import SmtpSettings
from sentinel.daemon.outbox import StoreOutbox
from sentinel.events.alert import Notice
from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND
from sentinel.events.sighting import Attributes
from sentinel.store.protocol import Changes
from sentinel.store.sqlite.store import SqliteStore
from tests.alerts.test_smtp import Certificates
from tests.daemon.hostile import CONNECTIONS, FAULTS, HOST, Hostile
from tests.store.named import NamedVault

NOW: Final = 20_000 * DAY
IDENTITY: Final = Identity(service_name="Example", from_header="Example <security@example.org>")
MAILS: Final = 2000
FINAL: Final = ("550", "552", "554")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "store.db", NamedVault(), durable=False)
    yield opened
    await opened.close()


def address(number: int) -> str:
    return f"p{number}@example.org"


async def put(store: SqliteStore, numbers: range, level: str = "medium") -> None:
    """A mail for each number, to an account of its own."""
    changes = Changes()
    for number in numbers:
        name = f"account-{number}"
        changes.attributes[name] = Attributes(account=name, email=address(number))
        changes.notices.append(
            Notice(
                id=f"a-{number:020x}", kind="new_sign_in", tenant="default", event=f"e-{number}", account=name,
                time=NOW, risk=45.0, level=level, decision="notify",
            )
        )  # fmt: skip
    await store.commit(changes)


def worker(outbox: Any, pool: Pool, name: str = "one", **values: Any) -> Delivery:
    return Delivery(outbox, pool, lambda tenant: IDENTITY, DeliverySettings(worker=name, **values))


async def finish(store: SqliteStore, delivery: Delivery, now: int = NOW, *, until: int = 5 * DAY) -> int:
    """Deliver until nothing waits, over days that pass in a moment; how often something was done."""
    passes = 0
    while (await store.mail_counts())["pending"]:
        assert now < NOW + until, "mails are stuck"
        if await delivery.run_once(now):
            passes += 1
        else:
            now += 5 * MINUTE
    return passes


def bare(
    notice: Notice, attributes: object, identity: object, *, recipient: str, now: int, answer_url: str | None
) -> EmailMessage:
    """A mail that is not worth writing well: most of it is tried twice."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "security@example.org", recipient, notice.id
    message.set_content("Something happened.\n.\n")
    return message


async def test_two_thousand_mails_to_a_hostile_server(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentinel.alerts.dispatch.compose", bare)
    good, old = tmp_path / "good", tmp_path / "old"
    good.mkdir()
    old.mkdir()
    certificates = Certificates(good)
    hostile = Hostile(certificates.server, Certificates(old, days=-1).server)
    # What takes time is rare: a time-out each.
    rare = {"slow rcpt", "long rcpt"}
    for number in range(MAILS):
        fault = FAULTS[number % len(FAULTS)]
        if fault not in rare or number // len(FAULTS) % 10 == 0:
            hostile.faults[address(number)] = fault
    await put(store, range(MAILS))
    async with hostile.serve() as port:
        settings = SmtpSettings(
            host=HOST, port=port, tls="starttls", envelope_from="bounces@example.org", timeout=1.0,
            ca_file=certificates.file, hello="sentinel.example.org",
        )  # fmt: skip
        pool = Pool(settings, connections=4)
        await finish(store, worker(StoreOutbox(store), pool, batch=40))
        await pool.close()
    # Everything that was planned did happen.
    assert set(hostile.met) >= {*FAULTS, *CONNECTIONS}
    assert hostile.clear == 0
    counts = await store.mail_counts()
    failed = {
        address(number)
        for number in range(MAILS)
        if hostile.faults.get(address(number), "")[-3:] in ("550", "554", "552")
    }
    assert (counts["sent"], counts["failed"]) == (MAILS - len(failed), len(failed))
    assert set(hostile.accepted) == {address(number) for number in range(MAILS)} - failed
    assert all(hostile.accepted[person] <= 1 + hostile.lost[person] for person in hostile.accepted)
    assert set(hostile.lost.values()) == {1}


@pytest.mark.parametrize("fault", ["slow rcpt", "drop after dot", "drop data", "rcpt 450", "421 rcpt"])
async def test_eight_poison_mails_delay_no_other_by_more_than_one_cycle(
    store: SqliteStore, tmp_path: Path, fault: str
) -> None:
    """They come first, being critical, each time they are due; the others go in the same cycle or the next."""
    certificates = Certificates(tmp_path)
    hostile = Hostile(certificates.server, certificates.server, connections=("",))
    await put(store, range(8), "critical")
    await put(store, range(8, 48))
    for number in range(8):
        hostile.faults[address(number)] = fault
        hostile.always.add(address(number))
    async with hostile.serve() as port:
        settings = SmtpSettings(
            host=HOST, port=port, tls="starttls", envelope_from="bounces@example.org", timeout=1.5,
            ca_file=certificates.file,
        )  # fmt: skip
        pool = Pool(settings, connections=2)
        delivery = worker(StoreOutbox(store), pool, batch=10)
        for _ in range(4 + 1):
            await delivery.run_once(NOW)
        assert delivery.counters.sent == 40
        # Due again, they do not stand before what came since.
        await put(store, range(48, 58))
        later = NOW + 2 * MINUTE
        await delivery.run_once(later)
        await delivery.run_once(later)
        assert delivery.counters.sent == 50
        await pool.close()
    assert (await store.mail_counts())["pending"] == 8


class Killed(BaseException):
    """The process is no more."""


class Mortal:
    """An outbox or mailer whose caller dies before or after the ``step``-th of its calls."""

    def __init__(self, inner: Any, steps: list[int]) -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name == "close":
            return found

        async def call(*given: Any, **named: Any) -> Any:
            self._die()
            result = await found(*given, **named)
            self._die()
            return result

        return call

    def _die(self) -> None:
        self._steps[0] -= 1
        if self._steps[0] == 0:
            raise Killed


class Sink:
    """Takes every mail and remembers to whom."""

    def __init__(self) -> None:
        self.people: list[str] = []
        self.last: Callable[[], None] = lambda: None

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.people += envelope.rcpt_tos
        return "250 taken"


async def test_a_worker_that_dies_at_any_step_loses_nothing_and_leaves_nothing_stuck(store: SqliteStore) -> None:
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(sink), HOST, 0)
    settings = SmtpSettings(
        host=HOST, port=server.sockets[0].getsockname()[1], tls="none", envelope_from="bounces@example.org"
    )
    step, mails, died, now = 0, 0, True, NOW
    while died:
        step += 1
        await put(store, range(mails, mails + 3))
        mails += 3
        first, steps = Pool(settings), [step]
        dying: Any = Mortal(first, steps)
        try:
            await worker(Mortal(StoreOutbox(store), steps), dying, f"dies at {step}").run_once(now)
        except Killed:
            pass
        else:
            died = False
        await first.close()
        second = Pool(settings)
        survivor = worker(StoreOutbox(store), second, "two")
        # Until the lease has run out they are nobody else's, and then they are.
        now += survivor.lease_seconds * SECOND
        while await survivor.run_once(now):
            pass
        await second.close()
        counts = await store.mail_counts()
        assert (counts["pending"], counts["sent"]) == (0, mails), step
        now += HOUR
    server.close()
    assert step > 20  # there were as many places to die at
    assert set(sink.people) == {address(number) for number in range(mails)}
    # Taken by the server and not marked yet: that one comes again, and no other.
    assert len(sink.people) - mails <= step
    assert max(sink.people.count(person) for person in set(sink.people)) == 2
