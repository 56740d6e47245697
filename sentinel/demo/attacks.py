"""The attacks of the demo, one function each.

Each takes the moment it begins, its victim (or victims) and dice, and yields events without ids in the order
of their times. They look like what an auth service would post: real browsers, given places.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sentinel.demo.agents import user_agent
from sentinel.demo.people import ELSEWHERE, FAR, Device, Person, Spot, event

Events = Iterator[dict[str, Any]]


def impossible_travel(at: datetime, victim: Person, roll: Random) -> Events:
    """Home, and ten seconds later another continent, on a device nobody has seen."""
    yield event(victim, at, victim.home, victim.laptop, session_id=_session(roll), auth={"method": "password"})
    line = {"asn": 65550, "organisation": "Example Telecom", "kind": "residential"}
    yield _intrusion(at + timedelta(seconds=10), victim, roll, Spot("2001:db8:a001::7", FAR.place(20), line))


def password_spray(at: datetime, accounts: Sequence[str], roll: Random) -> Events:
    """One password tried on many accounts, a few addresses of one hosting network taking turns."""
    for number, account in enumerate(accounts):
        moment = at + timedelta(seconds=0.15 * number)
        yield {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "type": "login",
            "account": account,
            "outcome": "failure",
            "reason": "bad_password",
            "ip": f"203.0.113.{20 + roll.randrange(6)}",
            "user_agent": user_agent("chrome-windows", moment),
            "service": "web",
            "place": ELSEWHERE.place(100),
            "network": _hosting(13),
        }


def brute_force(at: datetime, victim: Person, roll: Random) -> Events:
    """Thirty wrong passwords on one account, then the right one, from the same network."""
    spot = _spot("198.51.100.66", ELSEWHERE.place(100), 14)
    device = Device(f"d-{roll.getrandbits(64):016x}", "chrome-linux")
    for number in range(30):
        moment = at + timedelta(seconds=0.2 * number)
        yield event(victim, moment, spot, device, outcome="failure", reason="bad_password")
    yield _intrusion(at + timedelta(seconds=7), victim, roll, spot)


def push_bombing(at: datetime, victim: Person, roll: Random) -> Events:
    """The password is known: push requests until the person, worn out, approves one."""
    spot = _spot("2001:db8:a002::b", ELSEWHERE.place(100), 12)
    device = Device(f"d-{roll.getrandbits(64):016x}", "chrome-windows")
    session = _session(roll)
    factor = victim.factor["device_id"] if victim.factor and victim.factor["method"] == "push" else "f-push"
    for number in range(9):
        last = number == 8
        ending = "success" if last else roll.choice(("denied", "timeout"))
        yield event(
            victim,
            at + timedelta(seconds=0.7 * number),
            spot,
            device,
            type="mfa_challenge",
            outcome="success" if last else "failure",
            session_id=session,
            mfa={"method": "push", "device_id": factor, "outcome": ending},
            **({} if last else {"reason": "mfa_failed"}),
        )
    yield event(
        victim,
        at + timedelta(seconds=7),
        spot,
        device,
        session_id=session,
        auth={"method": "password"},
        mfa={"method": "push", "device_id": factor, "outcome": "success"},
    )


def tor_login(at: datetime, victim: Person, roll: Random) -> Events:
    """The right password at the first try, through a Tor exit."""
    network = {"asn": 65551, "organisation": "Example Relays", "kind": "tor"}
    yield _intrusion(at, victim, roll, Spot("2001:db8:a003::9050", ELSEWHERE.place(500), network))


def second_factor_removed(at: datetime, victim: Person, roll: Random) -> Events:
    """In on an unknown device, and the second factor is taken off at once."""
    spot = _spot("2001:db8:a004::1", FAR.place(20), 15)
    login = _intrusion(at, victim, roll, spot)
    yield login
    device = Device(login["device_id"], "chrome-windows")
    yield event(
        victim,
        at + timedelta(seconds=2),
        spot,
        device,
        type="mfa_removed",
        session_id=login["session_id"],
        mfa=victim.factor or {"method": "totp"},
    )


def backup_code(at: datetime, victim: Person, roll: Random) -> Events:
    """A backup code instead of the usual second factor, on an unknown device in the person's own city."""
    spot = _spot("2001:db8:a005::1", victim.city.place(50), 14)
    mfa = {"method": "backup_code", "outcome": "success"}
    yield _intrusion(at, victim, roll, spot) | {"mfa": mfa}


def dormant_account(at: datetime, victim: Person, roll: Random) -> Events:
    """An account asleep for months, for whoever finds its old password."""
    yield _intrusion(at, victim, roll, _spot("2001:db8:a006::1", ELSEWHERE.place(100), 15))


def _intrusion(at: datetime, victim: Person, roll: Random, spot: Spot) -> dict[str, Any]:
    device = Device(f"d-{roll.getrandbits(64):016x}", "chrome-windows")
    return event(victim, at, spot, device, session_id=_session(roll), auth={"method": "password"})


def _spot(ip: str, place: dict[str, Any], number: int) -> Spot:
    return Spot(ip, place, _hosting(number))


def _hosting(number: int) -> dict[str, Any]:
    return {"asn": 64496 + number, "organisation": f"Example Servers {number}", "kind": "hosting"}


def _session(roll: Random) -> str:
    return f"s-{roll.getrandbits(64):016x}"
