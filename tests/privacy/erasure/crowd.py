"""A crowd to erase from: people of every kind that leaves rows of its own, all made by the real pipeline."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sentinel.pipeline.item import NewAttributes
from sentinel.pipeline.request import Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import Ledger
from sentinel.store.protocol import AskedVerdict
from tests.pipeline.installation import AWAY, START, TOLD, Installation, login

#: When rights are exercised, in micros.
NOW = int((START + timedelta(days=40)).timestamp() * 1_000_000)
_WRONG: dict[str, Any] = {"outcome": "failure", "reason": "bad_password"}


def name(number: int) -> str:
    """The account id of a person."""
    return f"person-{number}"


def rights(inst: Installation) -> tuple[Rights, Ledger]:
    """The rights over an installation; the ledger beside its keyring."""
    ledger = Ledger(inst.path.parent / "erasures.db", inst.vault.root.derive("ledger"))
    return Rights(inst.store, inst.vault, ledger, lambda work: work()), ledger


async def fill(folder: Path, people: int) -> Installation:
    """An installation with so many people, a few events each.

    Every eighth had a stranger in the account (alert, mail, an answer), some share addresses and devices, some are
    restricted, every sixteenth was sprayed from one network (campaign), some wait for a verdict to be carried out.
    """
    inst = Installation(folder, hooks=TOLD)
    for number in range(people):
        events, more = _events(number), []
        if number % 8 == 3:
            more.append(inst.answer(events[-1]["id"], "compromised" if number % 16 == 3 else "legitimate"))
        if number % 5 == 2:
            key = inst.enricher.account_key("default", name(number))
            given = inst.arrival(login(0, id="-", account=name(number), email=f"new-{number}@example.org")).attributes
            assert given is not None
            more.append(NewAttributes(tenant="default", account_key=key, attributes=given))
        await inst.run([*events, *more])
    at = timedelta(days=30)
    sprayed = [
        login(0, id=f"spray-{number}", account=name(number), after=at + timedelta(seconds=number), **AWAY | _WRONG)
        for number in range(0, people, 16)
    ]
    await inst.run(sprayed)
    exercise, ledger = rights(inst)
    for number in range(0, people, 10):
        what: Any = "restrict" if number % 20 else "object"
        request = Request(what=what, tenant="default", account=name(number), time=NOW, by="operator")
        await exercise.exercise(request)
    # Kept, and nothing made of it.
    await inst.run(login(800, id=f"quiet-{number}", account=name(number)) for number in range(0, people, 10))
    ledger.close()
    for number in range(3, people, 96):
        row = (await inst.store.alerts("default", account=inst.handle(name(number))))[0]
        for about, target in (("event", row.event), ("account", inst.handle(name(number))), ("alert", row.id)):
            asked: Any = {"about": about, "target": target, "tenant": "default", "verdict": "legitimate"}
            await inst.store.ask_verdict(AskedVerdict(time=NOW, **asked))
    return inst


def _events(number: int) -> list[dict[str, Any]]:
    person: dict[str, Any] = {
        "account": name(number), "ip": f"198.51.100.{number // 4 % 256}", "device_id": f"device-{number // 3}",
        "email": f"{name(number)}@example.org", "name": f"Made-up Person {number}",
    }  # fmt: skip
    events = [
        login(day * 24 + number % 9, **person | {"id": f"p{number}-{day}"})
        for day in range(4 if number % 8 == 3 else number % 3 + 1)
    ]
    if number % 7 == 1:
        events.append(login(90, **person | _WRONG | {"id": f"p{number}-typo"}))
    if number % 8 == 3:
        events.append(login(100, **person | AWAY | {"id": f"p{number}-stranger"}))
    return events
