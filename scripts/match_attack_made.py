"""The installation that is attacked, what the thief knows beside it, and the truth to hold guesses against."""

import shutil
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sentinel.enrich.countries import load_countries
from sentinel.enrich.databases import open_database, unpack
from sentinel.enrich.network import NetworkReader
from sentinel.enrich.operators import load_operators
from sentinel.enrich.place import PlaceReader
from sentinel.enrich.sighting import Enricher
from sentinel.events.clock import utc_day
from sentinel.events.event import Event
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.item import TenantSettings
from sentinel.privacy.keyring import Keyring
from sentinel.privacy.keys import Secret
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.simulation.addresses import Addresses
from sentinel.simulation.agents import Agents
from sentinel.simulation.lines import DAY
from sentinel.simulation.people import Person, population
from sentinel.simulation.traffic import Wish, simulate
from sentinel.store.sqlite.store import SqliteStore

#: The last so many days of which the thief knows each login to the second.
KNOWN_DAYS = 14


class Known(msgspec.Struct):
    """What the thief knows of a person."""

    account: str
    home: tuple[float, float]
    agents: list[str]  #: what their browsers send
    rate: float  #: logins a day
    hours: list[float]  #: when they log in, as hours UTC
    logins: list[float] = []  #: of the last days, seconds since 1970
    incidents: list[int] = []  #: UTC days on which something was told to them
    mailed: list[float] = []  #: when their mails were sent, as a log of the mail server has it


class Truth(msgspec.Struct):
    """Whose rows are whose: row id → account."""

    events: dict[tuple[int, str], str] = {}  #: by UTC day and owner
    own: dict[str, dict[str, str]] = {}  #: by kind of row id
    keys: dict[str, str] = {}  #: key of an event → account, as whoever has the keyring reads it


class Made(msgspec.Struct):
    """What :func:`make` made."""

    events: int
    known: list[Known]
    truth: Truth
    sizes: dict[str, int]


async def make(folder: Path, wish: Wish) -> Made:
    """Run the traffic through a pipeline in ``folder``, each event on its own as in a quiet service, and steal a copy
    of the store into ``folder/stolen`` while it runs."""
    state = folder / "state"
    state.mkdir()
    addresses = Addresses.load(state)
    vault = Vault(Keyring(state / "keyring.db", Secret.ephemeral()))
    places = PlaceReader(open_database("city", unpack("city", state)), load_countries())
    networks = NetworkReader(open_database("asn", unpack("asn", state)), load_operators())
    enricher = Enricher(vault.pseudonym, places, networks)
    store = SqliteStore(state / "sentinel.db", vault, durable=False)
    settings = TenantSettings(rules=RuleSet(load_rules([packaged_rules()])))
    pipeline = Pipeline(store, vault, lambda tenant: settings)
    known = {each.account: each for each in _knowledge(wish, addresses)}
    end = wish.start.timestamp() + wish.days * DAY
    number = 0
    incidents: dict[str, set[int]] = defaultdict(set)
    for number, told in enumerate(simulate(wish, addresses), start=1):
        event = msgspec.convert(told, Event)
        at = datetime.fromisoformat(told["time"]).timestamp()
        (outcome,) = await pipeline.process([arrive(enricher, "default", event)])
        _learn(known, told, at, end)
        if outcome.notices and told.get("account") in known:
            incidents[told["account"]].add(int(at // DAY))
            known[told["account"]].mailed.append(at + 2.4)
        if outcome.notices:
            # The courier is quick.
            now = int((at + 2) * 1_000_000)
            for mail in await store.lease(worker="courier", now=now, limit=10, seconds=300):
                await store.settle_mail(mail.id, worker="courier", now=now + 400_000, state="sent")
        if number % 200 == 0:
            await store.scrub()  # the daemon does each minute
        if number % 5000 == 0:
            while await store.expire_windows(int(at * 1_000_000)):
                pass
    for account, days in incidents.items():
        known[account].incidents = sorted(days)
    truth = await _truth(store, vault, known)
    (folder / "stolen").mkdir()
    sizes = {}
    for name in ("sentinel.db", "sentinel.db-wal"):
        shutil.copy(state / name, folder / "stolen" / name)
        sizes[name] = (state / name).stat().st_size
    await store.close()
    vault.close()
    return Made(number, list(known.values()), truth, sizes)


def _knowledge(wish: Wish, addresses: Addresses) -> list[Known]:
    begin = wish.start.timestamp()
    people = population(wish.seed, wish.accounts, (begin, begin + wish.days * DAY), addresses, Agents())
    return [_person(person, begin + wish.days * DAY) for person in people if not person.is_service]


def _person(person: Person, now: float) -> Known:
    agents = [slot.user_agent(now - days * DAY) for slot in person.slots for days in (1, 20, 40)]
    return Known(person.account, (person.home.site.lat, person.home.site.lon), sorted(set(agents)), person.rate, [])


def _learn(known: dict[str, Known], told: dict[str, Any], at: float, end: float) -> None:
    person = known.get(told.get("account", ""))
    own = told.get("label") == "legitimate" and "episode" not in (told.get("extra") or {})
    if person is None or not own or told["type"] != "login" or told.get("outcome") != "success":
        return
    person.hours.append(at % DAY / 3600)
    if at >= end - KNOWN_DAYS * DAY:
        person.logins.append(at)


async def _truth(store: SqliteStore, vault: Vault, known: dict[str, Known]) -> Truth:
    truth = Truth()
    days = set()
    async for record in store.history():
        days.add(utc_day(record.time))
        if record.account_id:
            truth.keys[record.key] = record.account_id
    for account in known:
        key = vault.find(vault.pseudonym("account", "default", account))
        if key is None:
            continue
        for day in days:
            truth.events[day, key.row(day)] = account
        for kind in ("profile", "attributes", "alerts", "mails", "answers", "hooks", "windows"):
            truth.own.setdefault(kind, {})[key.row(kind)] = account
    return truth
