"""A flood: second factors refused on ten thousand accounts, through the real store to a mail server in memory."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import pytest

from sentinel.alerts.compose import Identity
from sentinel.alerts.delivery import Delivery
from sentinel.alerts.dispatch import DeliverySettings
from sentinel.alerts.smtp import Result
from sentinel.daemon.outbox import StoreOutbox
from sentinel.events.clock import DAY, SECOND, to_micros
from tests.pipeline.installation import START, Installation, login

PEOPLE: Final = 10_000
#: Of whom so many had more than one thing happen to them, and so few the worst.
TWICE: Final = 500
WORST: Final = 5
NOW: Final = to_micros(START) + DAY
#: Somebody had the password, and the person said no to the second factor.
DENIED: Final[dict[str, Any]] = {
    "outcome": "failure",
    "reason": "mfa_failed",
    "password_ok": True,
    "mfa": {"method": "push", "outcome": "denied"},
}
TOR: Final[dict[str, Any]] = {"network": {"kind": "tor", "asn": 64500}, "device_id": "x"}


class Sink:
    """Takes every mail."""

    budget = 1.0
    connections = 2

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    async def send(self, message: EmailMessage, recipient: str) -> Result:
        self.mails.append((recipient, str(message["Subject"])))
        return Result("sent")

    async def close(self) -> None:
        pass


@pytest.fixture
async def inst(tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    await installation.store.close()
    installation.vault.close()


def come(number: int, name: str, **fields: Any) -> dict[str, Any]:
    account = f"u-{number}"
    event = login(1, account=account, after=timedelta(milliseconds=number), email=f"p{number}@example.org")
    # Each from another network: what one does to many is a campaign, which people hear nothing of.
    return event | {"id": f"{name}-{number}", "ip": f"2001:db8:{number:x}::1"} | fields


def delivery(inst: Installation, sink: Sink, **values: Any) -> Delivery:
    identity = Identity(service_name="Example", from_header="Example <security@example.org>")
    settings = DeliverySettings(worker="one", operators=("ops@example.org",), batch=50, **values)
    return Delivery(StoreOutbox(inst.store), sink, lambda tenant: identity, settings)


async def test_ten_thousand_accounts_are_one_mail_to_operators_and_at_most_one_to_each(inst: Installation) -> None:
    await inst.run([come(number, "denied", **DENIED) for number in range(PEOPLE)], size=1000)
    await inst.run([come(number, "tor", **TOR) for number in range(TWICE)], size=1000)
    worst = DENIED | TOR | {"mfa": {"method": "push", "outcome": "fraud_reported"}}
    await inst.run([come(PEOPLE + number, "worst", **worst) for number in range(WORST)])
    counts = await inst.store.mail_counts()
    assert counts["pending"] == PEOPLE + TWICE + WORST
    sink = Sink()
    loop = delivery(inst, sink)
    for second in range(4):
        assert await loop.run_once(NOW + second * 6 * SECOND) == 50
    counts = await inst.store.mail_counts()
    assert (counts["folded"], counts["sent"]) == (TWICE, 200)
    assert counts["pending"] == PEOPLE + WORST + 1 - 200
    people = Counter(recipient for recipient, _ in sink.mails)
    assert set(people.values()) == {1}
    first = {recipient for recipient, _ in sink.mails[: WORST + 1]}
    assert first == {"ops@example.org", *(f"p{PEOPLE + number}@example.org" for number in range(WORST))}
    # Those with several get the summary: of a level that goes before the others'.
    summaries = {recipient for recipient, subject in sink.mails if subject == "More about your Example account"}
    assert len(summaries) == 200 - WORST - 1
    assert summaries < {f"p{number}@example.org" for number in range(TWICE)}
    (campaign,) = await inst.store.alerts("default", kind="campaign")
    assert (campaign.rules, campaign.state, campaign.events) == (["flood"], "open", PEOPLE + TWICE)


async def test_few_mails_are_no_flood_and_none_is_folded(inst: Installation) -> None:
    await inst.run([come(number, "denied", **DENIED) for number in range(10)])
    await inst.run([come(number, "tor", **TOR) for number in range(10)])
    sink = Sink()
    await delivery(inst, sink, flood=20).run_once(NOW)
    assert len(sink.mails) == 20
    assert "ops@example.org" not in dict(sink.mails)


async def test_a_tenant_may_have_a_limit_of_its_own(inst: Installation) -> None:
    await inst.run([come(number, "denied", **DENIED) for number in range(10)])
    await inst.run([come(number, "tor", **TOR) for number in range(10)])
    sink = Sink()
    await delivery(inst, sink, flood=20, tenant_floods={"default": 19}).run_once(NOW)
    assert len(sink.mails) == 11
    assert "ops@example.org" in dict(sink.mails)
