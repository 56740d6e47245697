"""Attackers who do not know the password yet: many tries, some of which succeed."""

from typing import Any, Final

from sentinel.simulation.life import Moment
from sentinel.simulation.lines import DAY
from sentinel.simulation.people import Person
from sentinel.simulation.scene import Scene, marked

#: Share of tried accounts whose password is right: of the most common passwords, of leaked pairs.
_SPRAY_HITS, _STUFFING_HITS = 0.01, 0.02
#: Share of tried names that the service does not know.
_STALE_NAMES: Final = 0.3


def spray(scene: Scene, at: float, name: str) -> list[Moment]:
    """One or two common passwords on many accounts, from a few addresses of one network within the hour."""
    site, agent = scene.rented(scene.roll.choice(("NL", "DE", "US"))), scene.browser(at)["user_agent"]
    ips = [site.host(scene.roll) for _ in range(4)]
    found: list[Moment] = []
    for _ in range(scene.roll.choice((1, 2))):
        for account in _targets(scene, at, 120):
            at += scene.roll.expovariate(1 / 12.0)
            client = {"ip": scene.roll.choice(ips), "user_agent": agent}
            found.append(_try(scene, "spray", name, at, account, client, _SPRAY_HITS))
        at += 1800
    return found


def stuffing(scene: Scene, at: float, name: str) -> list[Moment]:
    """Leaked pairs of name and password, one try each: from one network, or through proxies with one agent."""
    roll = scene.roll
    agent = scene.browser(at)["user_agent"]
    one = scene.rented(roll.choice(("NL", "FR", "US")))
    proxied = roll.random() < 0.5
    found: list[Moment] = []
    for account in _targets(scene, at, 150):
        at += roll.expovariate(1 / 7.0)
        site = scene.anywhere() if proxied else one
        found.append(
            _try(scene, "stuffing", name, at, account, {"ip": site.host(roll), "user_agent": agent}, _STUFFING_HITS)
        )
    return found


def slow_spray(scene: Scene, at: float, name: str) -> list[Moment]:
    """One network over ten days, a try an account a day at most, far below what counts by the hour."""
    roll = scene.roll
    site, agent = scene.rented(roll.choice(("NL", "DE", "US"))), scene.browser(at)["user_agent"]
    found: list[Moment] = []
    targets = _targets(scene, at, 60)
    for day in range(10):
        for account in roll.sample(targets, min(24, len(targets))):
            moment = at + day * DAY + roll.uniform(0, 0.95 * DAY)
            client = {"ip": site.host(roll), "user_agent": agent}
            found.append(_try(scene, "slow_spray", name, moment, account, client, _SPRAY_HITS))
    return sorted(found, key=lambda moment: moment[0])


def distributed_guessing(scene: Scene, at: float, name: str) -> list[Moment]:
    """One account from many addresses in many countries, half the time until it gives in."""
    roll = scene.roll
    victim = scene.victim(at)
    sites = [scene.anywhere() for _ in range(12)]
    kind = "distributed_guessing"
    found: list[Moment] = []
    for _ in range(roll.randint(25, 60)):
        at += roll.expovariate(1 / 25.0)
        client = {"ip": roll.choice(sites).host(roll), "user_agent": scene.browser(at)["user_agent"]}
        found.append((at, marked(kind, name, "try", _failure(victim.account) | client)))
    if roll.random() < 0.5:
        client = {"ip": roll.choice(sites).host(roll)} | scene.browser(at)
        found.append((at + 20, marked(kind, name, "goal", _success(scene, victim.account) | client)))
    return found


def enumeration(scene: Scene, at: float, name: str) -> list[Moment]:
    """Names tried for whether there are such accounts, from one network."""
    roll = scene.roll
    site, agent = scene.rented(roll.choice(("NL", "DE", "US"))), scene.browser(at)["user_agent"]
    found: list[Moment] = []
    for _ in range(roll.randint(60, 200)):
        at += roll.expovariate(1 / 5.0)
        event = _failure(f"guess-{roll.getrandbits(32):08x}") | {"reason": "unknown_account"}
        found.append((at, marked("enumeration", name, "try", event | {"ip": site.host(roll), "user_agent": agent})))
    return found


def push_bombing(scene: Scene, at: float, name: str) -> list[Moment]:
    """The password is known: push after push, until the person, worn out, approves one or the attacker gives up."""
    roll = scene.roll
    victim = scene.victim(at, factor="push")
    site = scene.anywhere() if roll.random() < 0.5 else scene.rented(victim.country)
    client = {"ip": site.host(roll)} | scene.browser(at)
    base = {"account": victim.account, "session_id": f"s-{roll.getrandbits(80):020x}"} | client
    factor = {"method": "push", "device_id": f"f-{victim.account}-0"}
    found: list[Moment] = []
    for _ in range(roll.randint(4, 10)):
        at += roll.uniform(25, 60)
        mfa = factor | {"outcome": roll.choice(("denied", "timeout"))}
        event = base | {"type": "mfa_challenge", "outcome": "failure", "reason": "mfa_failed", "mfa": mfa}
        found.append((at, marked("push_bombing", name, "try", event)))
    if roll.random() < 0.4:
        passed = factor | {"outcome": "success"}
        challenge = base | {"type": "mfa_challenge", "outcome": "success", "mfa": passed}
        login = base | {"type": "login", "outcome": "success", "auth": {"method": "password"}, "mfa": passed}
        found.append((at + 30, marked("push_bombing", name, "try", challenge)))
        found.append((at + 32, marked("push_bombing", name, "goal", login)))
    return found


def _targets(scene: Scene, at: float, number: int) -> list[Person | None]:
    """Accounts of the service, and names that it does not know (``None``), in random order."""
    people = [person for person in scene.people if not person.is_service and person.begins < at]
    found: list[Person | None] = list(scene.roll.sample(people, min(len(people), round(number * (1 - _STALE_NAMES)))))
    found += [None] * round(len(found) * _STALE_NAMES / (1 - _STALE_NAMES))
    scene.roll.shuffle(found)
    return found


def _try(
    scene: Scene, kind: str, name: str, at: float, target: Person | None, client: dict[str, Any], hits: float
) -> Moment:
    hit = scene.roll.random() < hits
    if target is None:
        event = _failure(f"guess-{scene.roll.getrandbits(32):08x}") | {"reason": "unknown_account"}
        return at, marked(kind, name, "try", event | client)
    if not hit:
        return at, marked(kind, name, "try", _failure(target.account) | client)
    if target.factor is not None:
        event = _failure(target.account) | {"reason": "mfa_failed", "password_ok": True}
        return at, marked(kind, name, "try", event | client)
    return at, marked(kind, name, "goal", _success(scene, target.account) | client)


def _failure(account: str) -> dict[str, Any]:
    return {"type": "login", "account": account, "outcome": "failure", "reason": "bad_password"}


def _success(scene: Scene, account: str) -> dict[str, Any]:
    return {
        "type": "login",
        "account": account,
        "outcome": "success",
        "session_id": f"s-{scene.roll.getrandbits(80):020x}",
        "auth": {"method": "password"},
    }
