"""The delivery loop over an in-memory outbox: what happens to each mail, and never one mail twice."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from sentinel.alerts.compose import Identity
from sentinel.alerts.delivery import Delivery
from sentinel.alerts.dispatch import FIRST_WAIT, LONGEST_WAIT, REFUSED_BEFORE, Counters, DeliverySettings, wait
from sentinel.alerts.outbox import Outbox, OutboxItem
from sentinel.alerts.pool import Pool
from sentinel.alerts.rates import Rates
from sentinel.alerts.recipients import UNVERIFIED, Reach
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.alerts.smtp import Result, SmtpSettings
from sentinel.errors import StoreError
from sentinel.events.alert import CRITICAL_ACCOUNT, KINDS, Notice
from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND, to_datetime, to_micros
from sentinel.events.sighting import Attributes
from sentinel.report.mail import critical_mail

NOW = sample("attack").time + MINUTE
IDENTITY = Identity(service_name="Example", from_header="Example <security@example.org>")
NO_REACH = Reach()
SENT = Result("sent")
LATER = Result("temporary", "the mail server refused the recipient (451)")
NEVER = Result("permanent", "the mail server refused the recipient (550)")
DOWN = Result("temporary", "connecting: no connection", server=True)


@dataclass
class Row:
    item: OutboxItem
    due: int = 0
    holder: str = ""
    until: int = 0
    state: str = "waiting"
    reason: str = ""


@dataclass
class MemoryOutbox:
    """The protocol's meaning in its shortest form."""

    rows: dict[int, Row] = field(default_factory=dict)
    accounts: dict[str, Attributes] = field(default_factory=dict)
    broken: bool = False
    refusals: set[tuple[str, str]] = field(default_factory=set)

    def put(self, notice: Notice, *, attempts: int = 0, first_try: int = 0) -> int:
        number = len(self.rows) + 1
        item = OutboxItem(id=number, notice=notice, attempts=attempts, first_try=first_try)
        self.rows[number] = Row(item)
        return number

    async def lease(self, *, worker: str, now: int, limit: int, seconds: int) -> list[OutboxItem]:
        if self.broken:
            raise StoreError("the store is away")
        await asyncio.sleep(0)
        found = []
        for row in self.rows.values():
            if row.state == "waiting" and row.due <= now and (not row.holder or row.until <= now):
                row.holder, row.until = worker, now + seconds * SECOND
                found.append(msgspec.structs.replace(row.item, first_try=row.item.first_try or now))
            if len(found) == limit:
                break
        return found

    def _held(self, item_id: int, worker: str) -> Row:
        row = self.rows[item_id]
        if self.broken:
            raise StoreError("the store is away")
        if row.holder != worker or row.state != "waiting":
            raise StoreError("not held by this worker", retry=False)
        return row

    async def holds(self, item_id: int, *, worker: str) -> bool:
        row = self.rows[item_id]
        return row.holder == worker and row.state == "waiting"

    async def sent(self, item_id: int, *, worker: str, now: int) -> None:
        self._held(item_id, worker).state = "sent"

    async def retry(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        row = self._held(item_id, worker)
        row.item = msgspec.structs.replace(row.item, attempts=row.item.attempts + 1)
        row.due, row.holder, row.reason = at, "", reason

    async def failed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        row = self._held(item_id, worker)
        row.state, row.reason = "failed", reason

    async def postpone(self, item_id: int, *, worker: str, at: int, reason: str) -> None:
        row = self._held(item_id, worker)
        row.due, row.holder, row.reason = at, "", reason

    async def unaddressed(self, item_id: int, *, worker: str, now: int, reason: str) -> None:
        row = self._held(item_id, worker)
        row.state, row.reason = "unaddressed", reason

    async def refused(self, item_id: int, address: str, *, worker: str) -> None:
        self.refusals.add((self._held(item_id, worker).item.notice.account or "", address))

    async def is_refused(self, account: str, address: str, *, since: int) -> bool:
        return (account, address) in self.refusals

    async def fold_flood(self, most: Callable[[str], int], *, now: int) -> int:
        return 0

    async def attributes(self, tenant: str, account: str) -> Attributes | None:
        return self.accounts.get(account)

    async def pending(self) -> int:
        return sum(row.state == "waiting" for row in self.rows.values())


class Server:
    """A mailer that answers as told: by recipient, else ``answer``."""

    budget = 60.0
    connections = 1

    def __init__(self) -> None:
        self.answer = SENT
        self.answers: dict[str, Result] = {}
        self.got: list[tuple[str, str]] = []
        self.tried: list[str] = []
        self.closed = 0
        self.idle = asyncio.Event()
        self.before: Callable[[], None] = lambda: None

    async def send(self, message: EmailMessage, recipient: str) -> Result:
        await asyncio.sleep(0)  # where another worker would get its turn
        self.before()
        self.tried.append(recipient)
        result = self.answers.get(recipient, self.answer)
        if result.status == "sent":
            self.got.append((recipient, str(message["Subject"])))
        return result

    async def close(self) -> None:
        self.closed += 1
        self.idle.set()


@pytest.fixture
def outbox() -> MemoryOutbox:
    return MemoryOutbox(accounts={"sample": sample_attributes()})


@pytest.fixture
def server() -> Server:
    return Server()


def delivery(
    outbox: Outbox,
    server: Server,
    worker: str = "one",
    *,
    reach: Reach = NO_REACH,
    rates: Rates | None = None,
    **values: object,
) -> Delivery:
    settings = DeliverySettings(worker=worker, **values)  # type: ignore[arg-type]
    return Delivery(
        outbox, server, lambda tenant: IDENTITY, settings, reach=lambda tenant: reach, rates=rates, elapsed=lambda: 0.0
    )


def change(notice: Notice, **values: object) -> Notice:
    return msgspec.structs.replace(notice, **values)


async def test_a_due_mail_goes_out_once(outbox: MemoryOutbox, server: Server) -> None:
    outbox.put(sample("new_sign_in"))
    loop = delivery(outbox, server)
    assert await loop.run_once(NOW) == 1
    assert await loop.run_once(NOW) == 0
    assert server.got == [("ada@example.org", "New sign-in to your Example account")]
    assert loop.counters == Counters(sent=1)
    assert await outbox.pending() == 0


async def test_critical_mails_go_first(outbox: MemoryOutbox, server: Server) -> None:
    for kind in ("credential_change", "new_sign_in", "suspicious_sign_in"):
        outbox.put(sample(kind))
    await delivery(outbox, server).run_once(NOW)
    assert "Please check" in server.got[0][1]
    assert "second factor" in server.got[2][1]


async def test_nobody_is_written_to_about_an_account_restricted_since_the_lease(
    outbox: MemoryOutbox, server: Server
) -> None:
    """Ten mails are leased at once; while the first is under way the others' accounts may be restricted or erased."""
    outbox.put(sample("suspicious_sign_in"))
    later = outbox.put(sample("new_sign_in"))
    server.before = lambda: setattr(outbox.rows[later], "state", "held")
    await delivery(outbox, server).run_once(NOW)
    assert [subject for _, subject in server.got] == ["Please check a sign-in to your Example account"]
    assert outbox.rows[later].state == "held"


async def test_temporary_trouble_is_tried_again_later_and_later(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("attack"))
    loop = delivery(outbox, server)
    server.answer = LATER
    now, waits = NOW, []
    for _ in range(12):
        assert await loop.run_once(now) == 1
        waits.append((outbox.rows[number].due - now) // SECOND)
        assert await loop.run_once(outbox.rows[number].due - 1) == 0
        now = outbox.rows[number].due
    assert FIRST_WAIT * 0.75 <= waits[0] <= FIRST_WAIT * 1.25
    assert all(later > earlier for earlier, later in pairwise(waits[:7]))
    assert max(waits) <= LONGEST_WAIT
    assert loop.counters == Counters(retried=12)
    server.answer = SENT
    assert await loop.run_once(now) == 1
    assert len(server.got) == 1


async def test_it_is_given_up_after_the_set_time_with_a_last_try_at_its_end(
    outbox: MemoryOutbox, server: Server
) -> None:
    number = outbox.put(sample("attack"), attempts=20, first_try=NOW - 71 * HOUR)
    loop = delivery(outbox, server, retry_hours=72)
    server.answer = LATER
    await loop.run_once(NOW)
    assert outbox.rows[number].due == NOW + HOUR
    await loop.run_once(NOW + HOUR)
    assert outbox.rows[number].state == "failed"
    assert outbox.rows[number].reason == "given up after 72 h: the mail server refused the recipient (451)"
    assert loop.counters == Counters(retried=1, failed=1)


async def test_a_daemon_that_was_down_for_days_still_tries_once(outbox: MemoryOutbox, server: Server) -> None:
    outbox.put(sample("attack"), attempts=3, first_try=NOW - 10 * DAY)
    await delivery(outbox, server).run_once(NOW)
    assert len(server.got) == 1


async def test_a_permanent_refusal_is_kept_with_its_reason(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("attack"))
    server.answer = NEVER
    loop = delivery(outbox, server)
    await loop.run_once(NOW)
    assert outbox.rows[number].state == "failed"
    assert outbox.rows[number].reason == NEVER.reason
    assert loop.counters == Counters(failed=1)


@pytest.mark.parametrize("attributes", [None, Attributes(account="u-1"), Attributes(account="u-1", email="")])
async def test_without_an_address_it_is_counted_not_lost(
    outbox: MemoryOutbox, server: Server, attributes: Attributes | None
) -> None:
    number = outbox.put(sample("attack"))
    outbox.accounts = {"sample": attributes} if attributes else {}
    loop = delivery(outbox, server)
    await loop.run_once(NOW)
    assert outbox.rows[number].state == "unaddressed"
    assert loop.counters == Counters(unaddressed=1)
    assert server.tried == []


async def test_campaigns_go_to_the_operators(outbox: MemoryOutbox, server: Server) -> None:
    outbox.put(sample("campaign"))
    await delivery(outbox, server, operators=("a@example.org", "b@example.org")).run_once(NOW)
    assert [recipient for recipient, _ in server.got] == ["a@example.org", "b@example.org"]
    number = outbox.put(sample("campaign"))
    await delivery(outbox, server).run_once(NOW)
    assert outbox.rows[number].state == "unaddressed"


# --- a former address ---


def moved(outbox: MemoryOutbox, until: int) -> None:
    outbox.accounts["sample"] = msgspec.structs.replace(
        sample_attributes(), email="new@example.org", previous_email="old@example.org", previous_until=until
    )


async def test_a_change_is_told_to_the_former_address_too(outbox: MemoryOutbox, server: Server) -> None:
    moved(outbox, NOW + 1)
    outbox.put(sample("credential_change"))
    loop = delivery(outbox, server)
    await loop.run_once(NOW)
    assert [recipient for recipient, _ in server.got] == ["new@example.org", "old@example.org"]
    assert loop.counters.sent == 1


async def test_not_after_its_time_but_for_every_kind(outbox: MemoryOutbox, server: Server) -> None:
    moved(outbox, NOW)
    outbox.put(sample("credential_change"))
    await delivery(outbox, server).run_once(NOW)
    assert [recipient for recipient, _ in server.got] == ["new@example.org"]
    moved(outbox, NOW + DAY)
    outbox.put(sample("new_sign_in"))
    await delivery(outbox, server).run_once(NOW)
    assert [recipient for recipient, _ in server.got][1:] == ["new@example.org", "old@example.org"]


async def test_what_was_not_begun_is_given_back(outbox: MemoryOutbox, server: Server) -> None:
    stop = asyncio.Event()
    stop.set()
    outbox.put(sample("new_sign_in"))
    loop = delivery(outbox, server)
    assert await loop._pass(NOW, stop) == 0
    assert await outbox.lease(worker="another", now=NOW, limit=10, seconds=60) != []


async def test_one_address_in_both_places_gets_one_mail(outbox: MemoryOutbox, server: Server) -> None:
    outbox.accounts["sample"] = msgspec.structs.replace(
        sample_attributes(), previous_email="ADA@example.org", previous_until=NOW + DAY
    )
    outbox.put(sample("credential_change"))
    server.answer = LATER
    await delivery(outbox, server).run_once(NOW)
    assert server.tried == ["ada@example.org"]


async def test_only_the_former_address_is_known(outbox: MemoryOutbox, server: Server) -> None:
    outbox.accounts["sample"] = Attributes(account="u-1", previous_email="old@example.org", previous_until=NOW + DAY)
    outbox.put(sample("credential_change"))
    await delivery(outbox, server).run_once(NOW)
    assert server.tried == ["old@example.org"]


async def test_who_has_the_mail_does_not_get_it_again_when_the_other_has_to_wait(
    outbox: MemoryOutbox, server: Server
) -> None:
    moved(outbox, NOW + DAY)
    number = outbox.put(sample("credential_change"))
    loop = delivery(outbox, server)
    server.answers["old@example.org"] = LATER
    await loop.run_once(NOW)
    assert outbox.rows[number].state == "waiting"
    server.answers.clear()
    await loop.run_once(NOW + HOUR)
    assert [recipient for recipient, _ in server.got] == ["new@example.org", "old@example.org"]
    assert outbox.rows[number].state == "sent"


async def test_one_of_two_refused_for_good_is_still_sent(outbox: MemoryOutbox, server: Server) -> None:
    moved(outbox, NOW + DAY)
    number = outbox.put(sample("credential_change"))
    server.answers["new@example.org"] = NEVER
    await delivery(outbox, server).run_once(NOW)
    assert outbox.rows[number].state == "sent"
    assert [recipient for recipient, _ in server.got] == ["old@example.org"]


# --- mails and servers that do not work ---


async def test_a_mail_that_cannot_be_written_delays_nobody(outbox: MemoryOutbox, server: Server) -> None:
    poison = [
        outbox.put(change(sample("suspicious_sign_in"), kind="no_such_kind", level="critical")),
        outbox.put(change(sample("attack"), level="critical", risk="not a number")),
    ]
    good = outbox.put(sample("new_sign_in"))
    loop = delivery(outbox, server)
    assert await loop.run_once(NOW) == 3
    assert outbox.rows[good].state == "sent"
    assert [outbox.rows[number].state for number in poison] == ["failed", "failed"]
    assert "no mail template for this kind" in outbox.rows[poison[0]].reason
    assert outbox.rows[poison[1]].reason == "the mail could not be written: ValueError"


async def test_a_stored_address_that_is_none_fails_without_being_told(outbox: MemoryOutbox, server: Server) -> None:
    outbox.accounts["sample"] = msgspec.structs.replace(sample_attributes(), email="ada@example.org\r\nBcc: x")
    number = outbox.put(sample("attack"))
    await delivery(outbox, server).run_once(NOW)
    assert outbox.rows[number].state == "failed"
    assert "example.org" not in outbox.rows[number].reason


async def test_a_bad_sender_keeps_the_mails_until_it_is_mended(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("attack"))
    bad = Identity(service_name="Example", from_header="nobody")
    settings = DeliverySettings(worker="one")
    await Delivery(outbox, server, lambda tenant: bad, settings).run_once(NOW)
    assert outbox.rows[number].state == "waiting"
    assert "smtp.from" in outbox.rows[number].reason


async def test_a_server_that_is_down_is_asked_once_a_pass(outbox: MemoryOutbox, server: Server) -> None:
    for _ in range(5):
        outbox.put(sample("attack"))
    server.answer = DOWN
    loop = delivery(outbox, server)
    assert await loop.run_once(NOW) == 5
    assert len(server.tried) == 1
    assert {row.reason for row in outbox.rows.values()} == {DOWN.reason}
    assert loop.counters == Counters(retried=5)


async def test_one_refused_recipient_does_not_hold_up_the_next(outbox: MemoryOutbox, server: Server) -> None:
    outbox.accounts["other"] = msgspec.structs.replace(sample_attributes(), email="bob@example.org")
    outbox.put(sample("attack"))
    outbox.put(change(sample("attack"), account="other"))
    server.answers["ada@example.org"] = LATER
    await delivery(outbox, server).run_once(NOW)
    assert [recipient for recipient, _ in server.got] == ["bob@example.org"]


async def test_a_mailer_that_raises_is_temporary_trouble(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("attack"))

    def fail() -> None:
        raise RuntimeError("ada@example.org broke it")

    server.before = fail
    await delivery(outbox, server).run_once(NOW)
    assert outbox.rows[number].state == "waiting"
    assert outbox.rows[number].reason == "the mail could not be handed over: RuntimeError"


async def test_a_mark_that_could_not_be_written_does_not_send_twice(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("attack"))
    loop = delivery(outbox, server)

    def lose_store() -> None:
        outbox.broken = True

    server.before = lose_store
    assert await loop.run_once(NOW) == 1
    assert outbox.rows[number].state == "waiting"
    outbox.broken = False
    assert await loop.run_once(NOW + HOUR) == 1
    assert len(server.got) == 1
    assert outbox.rows[number].state == "sent"
    assert loop.counters == Counters(sent=1)


async def test_logs_name_the_alert_and_never_an_address(
    outbox: MemoryOutbox, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    outbox.put(sample("attack"))
    outbox.put(sample("new_sign_in"))
    outbox.put(change(sample("suspicious_sign_in"), account="nobody"))
    outbox.put(change(sample("attack"), kind="no_such_kind"))
    loop = delivery(outbox, server)
    server.answer = LATER
    await loop.run_once(NOW)
    server.answer = NEVER
    await loop.run_once(NOW + HOUR)
    assert sample("attack").id in caplog.text
    assert "(attack)" in caplog.text
    for secret in ("ada@", "example.org", "Ada", "u-1"):
        assert secret not in caplog.text


# --- not now ---


def evening(outbox: MemoryOutbox) -> int:
    """Ada's eleven at night, at the end of a day on which something happened."""
    zone = ZoneInfo("Europe/Berlin")
    outbox.accounts["sample"] = msgspec.structs.replace(sample_attributes(), timezone="Europe/Berlin")
    return to_micros(to_datetime(NOW).astimezone(zone).replace(hour=23, minute=0, second=0, microsecond=0))


async def test_quiet_hours_move_a_mail_and_are_no_try(outbox: MemoryOutbox, server: Server) -> None:
    night = evening(outbox)
    number = outbox.put(sample("new_sign_in"))
    loop = delivery(outbox, server, reach=Reach(quiet=(22 * 60, 7 * 60)))
    assert await loop.run_once(night) == 1
    assert outbox.rows[number].due == night + 8 * HOUR
    assert outbox.rows[number].item.attempts == 0
    assert await loop.run_once(night + 8 * HOUR - 1) == 0
    assert await loop.run_once(night + 8 * HOUR) == 1
    assert loop.counters == Counters(sent=1, postponed=1)


async def test_quiet_hours_hold_back_neither_the_worst_nor_a_change_of_credentials(
    outbox: MemoryOutbox, server: Server
) -> None:
    night = evening(outbox)
    outbox.put(change(sample("suspicious_sign_in"), level="critical"))
    outbox.put(change(sample("credential_change"), level="low"))
    outbox.put(sample("campaign"))
    reach = Reach(quiet=(22 * 60, 7 * 60))
    await delivery(outbox, server, reach=reach, operators=("ops@example.org",)).run_once(night)
    assert len(server.got) == 3


async def test_an_address_that_was_refused_waits_but_for_what_is_urgent(outbox: MemoryOutbox, server: Server) -> None:
    outbox.put(sample("new_sign_in"))
    server.answers["ada@example.org"] = msgspec.structs.replace(NEVER, refused=True)
    loop = delivery(outbox, server)
    await loop.run_once(NOW)
    later = outbox.put(sample("new_sign_in"))
    await loop.run_once(NOW)
    assert (outbox.rows[later].state, outbox.rows[later].reason) == ("waiting", REFUSED_BEFORE)
    assert server.tried == ["ada@example.org"]
    outbox.put(change(sample("suspicious_sign_in"), level="critical"))
    outbox.put(sample("credential_change"))
    await loop.run_once(NOW)
    assert server.tried == ["ada@example.org"] * 3
    outbox.accounts["sample"] = msgspec.structs.replace(sample_attributes(), email="ada@example.com")
    await loop.run_once(NOW + DAY)
    assert outbox.rows[later].state == "sent"


async def test_a_tenants_own_operators_hear_of_its_campaigns(outbox: MemoryOutbox, server: Server) -> None:
    for number, tenant in enumerate(("shop", "default", "quiet")):
        outbox.put(change(sample("campaign"), id=f"a-{number}", tenant=tenant))
    own = {"shop": ("shop@example.org",), "quiet": ()}
    loop = delivery(outbox, server, operators=("ops@example.org",), tenant_operators=own)
    await loop.run_once(NOW)
    assert {recipient for recipient, _ in server.got} == {"shop@example.org", "ops@example.org"}
    assert loop.counters == Counters(sent=2, unaddressed=1)


async def test_an_operators_address_that_was_refused_is_not_the_accounts(outbox: MemoryOutbox, server: Server) -> None:
    server.answers["ops@example.org"] = msgspec.structs.replace(NEVER, refused=True)
    number = outbox.put(
        change(sample("suspicious_sign_in"), kind=CRITICAL_ACCOUNT, level="critical", messages=("a-1",))
    )

    async def write(notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
        return critical_mail(notice, identity, recipient=recipient, now=now)

    settings = DeliverySettings(worker="one", operators=("ops@example.org",))
    await Delivery(outbox, server, lambda tenant: IDENTITY, settings, for_operators=write).run_once(NOW)
    assert outbox.rows[number].reason == NEVER.reason
    assert not outbox.refusals


async def test_a_mail_refused_as_such_says_nothing_about_the_address(outbox: MemoryOutbox, server: Server) -> None:
    outbox.put(sample("new_sign_in"))
    server.answer = NEVER
    await delivery(outbox, server).run_once(NOW)
    assert outbox.refusals == set()


async def test_who_can_be_reached_is_when_another_address_was_refused(outbox: MemoryOutbox, server: Server) -> None:
    moved(outbox, NOW + DAY)
    outbox.refusals.add(("sample", "new@example.org"))
    number = outbox.put(sample("new_sign_in"))
    await delivery(outbox, server).run_once(NOW)
    assert (server.tried, outbox.rows[number].state) == (["old@example.org"], "sent")


async def test_an_unverified_address_is_counted_with_the_reason(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("new_sign_in"))
    outbox.accounts["sample"] = msgspec.structs.replace(sample_attributes(), email_verified=False)
    await delivery(outbox, server).run_once(NOW)
    assert (outbox.rows[number].state, outbox.rows[number].reason) == ("unaddressed", UNVERIFIED)


async def test_a_limit_in_total_is_kept(outbox: MemoryOutbox, server: Server) -> None:
    for _ in range(6):
        outbox.put(sample("new_sign_in"))
    loop = delivery(outbox, server, rates=Rates(per_minute=2), batch=2)
    assert [await loop.run_once(NOW + second * SECOND) for second in (0, 0, 29, 30, 60)] == [1, 0, 0, 1, 1]
    assert loop.counters.sent == 3


async def test_a_limit_of_a_domain_is_no_try_and_holds_up_no_other(outbox: MemoryOutbox, server: Server) -> None:
    outbox.accounts["other"] = msgspec.structs.replace(sample_attributes(), email="bob@example.com")
    first, second = outbox.put(sample("attack")), outbox.put(sample("attack"))
    other = outbox.put(change(sample("attack"), account="other"))
    loop = delivery(outbox, server, rates=Rates(per_domain_minute=1))
    await loop.run_once(NOW)
    assert [outbox.rows[number].state for number in (first, second, other)] == ["sent", "waiting", "sent"]
    assert (outbox.rows[second].due, outbox.rows[second].item.attempts) == (NOW + MINUTE, 0)
    await loop.run_once(NOW + MINUTE)
    assert outbox.rows[second].state == "sent"


# --- several at once ---


async def test_as_many_mails_are_under_way_as_there_are_connections(outbox: MemoryOutbox, server: Server) -> None:
    under_way, most = 0, 0

    class Slow(Server):
        connections = 3

        async def send(self, message: EmailMessage, recipient: str) -> Result:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(5):
                await asyncio.sleep(0)
            under_way -= 1
            return SENT

    for _ in range(10):
        outbox.put(sample("attack"))
    assert await delivery(outbox, Slow()).run_once(NOW) == 10
    assert most == 3


# --- several workers ---


async def test_two_workers_never_send_one_mail_twice(outbox: MemoryOutbox, server: Server) -> None:
    for number in range(100):
        outbox.accounts[f"k{number}"] = Attributes(account=f"u-{number}", email=f"p{number}@example.org")
        outbox.put(change(sample("attack"), account=f"k{number}"))
    workers = [delivery(outbox, server, f"worker {number}") for number in range(4)]

    async def work(one: Delivery) -> None:
        while await one.run_once(NOW):
            pass

    await asyncio.gather(*(work(one) for one in workers))
    people = [recipient for recipient, _ in server.got]
    assert sorted(people) == sorted(f"p{number}@example.org" for number in range(100))
    assert sum(one.counters.sent for one in workers) == 100
    assert sum(one.counters.sent > 0 for one in workers) > 1


async def test_a_dead_workers_mail_is_taken_over_after_its_lease(outbox: MemoryOutbox, server: Server) -> None:
    number = outbox.put(sample("attack"))
    second = delivery(outbox, server, "two")
    await outbox.lease(worker="one", now=NOW, limit=1, seconds=second.lease_seconds)
    end = NOW + second.lease_seconds * SECOND
    assert await second.run_once(end - 1) == 0
    assert await second.run_once(end) == 1
    assert outbox.rows[number].state == "sent"


async def test_what_cannot_be_done_within_the_lease_is_not_begun(outbox: MemoryOutbox, server: Server) -> None:
    clock = [0.0]
    for _ in range(5):
        outbox.put(sample("attack"))

    def slow() -> None:
        clock[0] += server.budget

    server.before = slow
    loop = Delivery(outbox, server, lambda tenant: IDENTITY, DeliverySettings(worker="one"), elapsed=lambda: clock[0])
    done = await loop.run_once(NOW)
    assert 1 <= done < 5
    assert clock[0] <= loop.lease_seconds


@pytest.mark.parametrize("operators", [(), tuple(f"o{n}@example.org" for n in range(20))])
def test_the_lease_is_longer_than_the_mail_can_take(
    outbox: MemoryOutbox, server: Server, operators: tuple[str, ...]
) -> None:
    loop = delivery(outbox, server, operators=operators)
    assert loop.lease_seconds / 2 >= server.budget * max(2, len(operators))


# --- the loop ---


async def test_the_loop_sends_when_woken_and_ends_when_told(outbox: MemoryOutbox, server: Server) -> None:
    stop, wake, arrived = asyncio.Event(), asyncio.Event(), asyncio.Event()
    server.before = arrived.set
    loop = delivery(outbox, server, poll_seconds=3600)
    task = asyncio.create_task(loop.run(stop, wake, lambda: NOW))
    await asyncio.wait_for(server.idle.wait(), 5)  # it found nothing and waits
    outbox.put(sample("attack"))
    wake.set()
    server.idle.clear()
    await asyncio.wait_for(arrived.wait(), 5)
    await asyncio.wait_for(server.idle.wait(), 5)
    closed = server.closed
    for _ in range(20):
        await asyncio.sleep(0)
    assert server.closed == closed  # it waits, and does not spin
    stop.set()
    await asyncio.wait_for(task, 5)
    assert loop.counters.sent == 1
    assert server.closed >= 2


async def test_the_loop_outlives_trouble_with_the_store(
    outbox: MemoryOutbox, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    outbox.broken = True
    outbox.put(sample("attack"))
    loop = delivery(outbox, server, poll_seconds=3600)
    task = asyncio.create_task(loop.run(stop, wake, lambda: NOW))
    await asyncio.wait_for(server.idle.wait(), 5)
    assert "the store is away" in caplog.text
    outbox.broken = False
    server.before = stop.set
    wake.set()
    await asyncio.wait_for(task, 5)
    assert len(server.got) == 1


async def test_stopping_finishes_the_mail_under_way_and_begins_no_other(outbox: MemoryOutbox, server: Server) -> None:
    stop = asyncio.Event()
    for _ in range(3):
        outbox.put(sample("attack"))
    server.before = stop.set
    loop = delivery(outbox, server)
    await asyncio.wait_for(loop.run(stop, asyncio.Event(), lambda: NOW), 5)
    assert [row.state for row in outbox.rows.values()] == ["sent", "waiting", "waiting"]


def test_waits_double_spread_and_are_known() -> None:
    assert wait("a-1", 3) == wait("a-1", 3)
    assert len({wait(f"a-{number}", 3) for number in range(50)}) > 10
    for attempts in range(30):
        plain = min(FIRST_WAIT * 2**attempts, LONGEST_WAIT)
        for number in range(20):
            assert plain * 0.74 <= wait(f"a-{number}", attempts) <= min(plain * 1.26, LONGEST_WAIT)


async def test_from_the_outbox_to_a_real_mail_server(outbox: MemoryOutbox) -> None:
    received: list[Envelope] = []

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            received.append(envelope)
            return "250 OK"

    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Handler()), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = SmtpSettings(host="127.0.0.1", port=port, tls="none", envelope_from="bounces@example.org")
    mailer = Pool(settings)
    for kind in KINDS:
        outbox.put(sample(kind))
    operators = ("operators@example.org",)
    loop = Delivery(outbox, mailer, lambda tenant: IDENTITY, DeliverySettings(worker="one", operators=operators))
    assert await loop.run_once(NOW) == len(KINDS)
    await mailer.close()
    server.close()
    await server.wait_closed()
    assert loop.counters == Counters(sent=len(KINDS))
    contents = [envelope.content for envelope in received]
    parsed = [message_from_bytes(content, policy=default) for content in contents if isinstance(content, bytes)]
    cases = {message["Message-ID"].split(".")[0] for message in parsed}
    assert cases == {f"<{sample(kind).id}" for kind in KINDS}
    assert all(message.is_multipart() and not message.defects for message in parsed)
