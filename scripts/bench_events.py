"""The events of the benchmark: thousands of accounts with habits, as an auth service sees them in an hour.

Half of the addresses come with place and network given, half are plain ones of the whole IPv4 space, so that
look-ups are paid for. Addresses are drawn when the benchmark runs; none is written down.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # this tree, not an installed release

from sentinel.demo.agents import BROWSERS, user_agent
from sentinel.demo.people import CITIES

#: Parts of the traffic; the rest are plain successful logins. Failures: what services report on quiet days.
FAILURES = 0.08
SESSIONS = 0.10
SECOND_FACTORS = 0.30
NEW_DEVICE = 0.01
NEW_PLACE = 0.005


@dataclass(frozen=True, slots=True)
class Habits:
    """Where an account logs in from: address fields and device fields of an event, a few of each."""

    account: str
    spots: list[dict[str, Any]]
    devices: list[dict[str, Any]]


def agents() -> list[str]:
    """About 300 distinct user agents: every browser, at the versions of the last three years."""
    now = datetime.now(UTC)
    months = [now - timedelta(days=30 * month) for month in range(34)]
    return sorted({user_agent(browser, moment) for browser in BROWSERS for moment in months})


def mix(seed: str, count: int, accounts: int, end: datetime, minutes: int = 60) -> Iterator[dict[str, Any]]:
    """``count`` events with unique ids in the order of time, over the ``minutes`` before ``end``.

    Accounts, their addresses and devices do not depend on ``seed``: a later run meets the same people.
    """
    roll = Random("people")
    texts = agents()
    people = [_habits(roll, texts, number) for number in range(accounts)]
    roll = Random(seed)
    step = timedelta(minutes=minutes) / count
    for number in range(count):
        person = roll.choice(people)
        spot = _spot(roll) if roll.random() < NEW_PLACE else roll.choice(person.spots)
        device = _device(roll, texts) if roll.random() < NEW_DEVICE else roll.choice(person.devices)
        moment = end - timedelta(minutes=minutes) + step * number
        yield {
            "id": f"{seed}-{number}",
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": person.account,
            "service": "web",
            "email": f"{person.account}@example.org",
            "locale": "en",
            **spot,
            **device,
            **_kind(roll, number),
        }


def _kind(roll: Random, number: int) -> dict[str, Any]:
    drawn = roll.random()
    if drawn < FAILURES:
        return {"type": "login", "outcome": "failure", "reason": "bad_password"}
    session = {"session_id": f"s-{roll.getrandbits(64):016x}"}
    if drawn < FAILURES + SESSIONS:
        return {"type": "session_seen", **session}
    login: dict[str, Any] = {"type": "login", "outcome": "success", "auth": {"method": "password"}, **session}
    if roll.random() < SECOND_FACTORS:
        # Counters never repeat, so that no code is used twice.
        login["mfa"] = {"method": "totp", "outcome": "success", "counter": 60_000_000 + number}
    return login


def _habits(roll: Random, texts: list[str], number: int) -> Habits:
    """One to three lines of one home: same city, two networks, neighbouring addresses."""
    home = _spot(roll)
    spots = [home]
    for _ in range(roll.randint(0, 2)):
        near = IPv4Address(int(IPv4Address(home["ip"])) ^ roll.randrange(1, 1 << 11))
        spots.append(home | {"ip": str(near)})
    return Habits(f"u-{number:05}", spots, [_device(roll, texts) for _ in range(roll.randint(1, 3))])


def _device(roll: Random, texts: list[str]) -> dict[str, Any]:
    return {"device_id": f"d-{roll.getrandbits(64):016x}", "user_agent": roll.choice(texts)}


def _spot(roll: Random) -> dict[str, Any]:
    while not (address := IPv4Address(roll.getrandbits(32))).is_global or address.is_multicast:
        pass
    spot: dict[str, Any] = {"ip": str(address)}
    if roll.random() < 0.5:
        spot["place"] = roll.choice(CITIES).place(25)
        spot["network"] = {"asn": 64496 + roll.randrange(16), "kind": roll.choice(("residential", "mobile"))}
    return spot
