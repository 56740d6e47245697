"""Attackers who know the password, or hold a stolen session: one victim, in at once, then what they came for."""

from datetime import datetime
from typing import Any, Final

from sentinel.simulation.agents import day_of
from sentinel.simulation.devices import fresh_id
from sentinel.simulation.life import Moment
from sentinel.simulation.people import Person
from sentinel.simulation.scene import Scene, marked

#: What they want, and shares: to stay (address, factor, password, token), or only to look around.
_GOALS: Final = (
    ("email_changed", 0.30),
    ("mfa_enrolled", 0.20),
    ("password_changed", 0.20),
    ("token_created", 0.15),
    ("session_seen", 0.15),
)
#: A session stays good for so many seconds after the login.
_SESSION_LIVES: Final = 14 * 3600.0


def naive(scene: Scene, at: float, name: str) -> list[Moment]:
    """From wherever they are in the world, with a popular browser."""
    victim = scene.victim(at)
    return _login(scene, at, name, victim, {"ip": scene.anywhere().host(scene.roll)} | scene.browser(at))


def vpn(scene: Scene, at: float, name: str) -> list[Moment]:
    """From a VPN or rented machine in the victim's country."""
    victim = scene.victim(at)
    return _login(scene, at, name, victim, {"ip": scene.rented(victim.country).host(scene.roll)} | scene.browser(at))


def targeted(scene: Scene, at: float, name: str) -> list[Moment]:
    """From a home in the victim's region, with the browser the victim likely has, at a usual hour."""
    roll = scene.roll
    victim = scene.victim(at)
    held = scene.addresses.sites(victim.country, "home")
    site = roll.choice([each for each in held if each.region == victim.home.site.region] or held)
    slot = roll.choice(victim.slots)
    unit, _ = slot.at(at)
    kind = unit.agent.type
    agent = unit.agent if roll.random() < 0.7 else scene.agents.draw(kind, roll)
    client = {"ip": site.host(roll), "user_agent": agent.at(day_of(at), unit.lag), "device_id": fresh_id(roll)}
    at += (victim.morning + roll.uniform(1, 13) - _hour(victim, at)) % 24 * 3600
    return _login(scene, at, name, victim, client)


def stolen_session(scene: Scene, at: float, name: str) -> list[Moment]:
    """With a session of the victim's, taken from the browser: used from elsewhere, half the time with its device id."""
    roll = scene.roll
    for _ in range(60):
        victim = roll.choice(scene.people)
        live = [each for each in victim.sessions if at - _SESSION_LIVES < each[0] < at - 300]
        if live and not victim.is_service:
            break
    else:
        return []
    made, session, slot = roll.choice(live)
    site = scene.anywhere() if roll.random() < 0.5 else scene.rented(victim.country)
    client = {"ip": site.host(roll)} | scene.browser(at)
    if roll.random() < 0.5:
        # Infostealers bring the whole cookie jar and copy the agent.
        client |= {"device_id": slot.at(made)[1], "user_agent": slot.user_agent(at)}
    base = {"account": victim.account, "session_id": session} | client
    kind = "stolen_session"
    return [
        (at, marked(kind, name, "in", base | {"type": "session_seen"})),
        (at + roll.uniform(60, 480), marked(kind, name, "goal", base | _goal(scene, name))),
    ]


def _login(scene: Scene, at: float, name: str, victim: Person, client: dict[str, Any]) -> list[Moment]:
    roll = scene.roll
    kind = name.rpartition("-")[0]
    base = {"account": victim.account, "session_id": f"s-{roll.getrandbits(80):020x}"} | client
    login = base | {"type": "login", "outcome": "success", "auth": {"method": "password"}}
    found = [(at, marked(kind, name, "in", login))]
    at += roll.uniform(60, 180)
    found.append((at, marked(kind, name, "try", base | {"type": "session_seen"})))
    found.append((at + roll.uniform(60, 420), marked(kind, name, "goal", base | _goal(scene, name))))
    return found


def _goal(scene: Scene, name: str) -> dict[str, Any]:
    goal = scene.roll.choices([each for each, _ in _GOALS], [share for _, share in _GOALS])[0]
    if goal == "mfa_enrolled":
        return {"type": goal, "mfa": {"method": "totp", "device_id": f"f-{name}"}}
    if goal == "email_changed":
        return {"type": goal, "email": f"{name}@example.net", "email_verified": False}
    return {"type": goal}


def _hour(victim: Person, at: float) -> float:
    local = datetime.fromtimestamp(at, victim.zone)
    return local.hour + local.minute / 60
