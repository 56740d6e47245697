"""Changes of credentials as people make them: forgotten passwords, new phones, other addresses."""

from random import Random
from typing import Final, NamedTuple

from sentinel.simulation.lines import DAY, YEAR
from sentinel.simulation.people import Person

#: How often a year an account does each. ``forgotten``: a run of wrong passwords, a reset, a new password.
_YEARLY: Final = (
    ("forgotten", 0.7),
    ("password_changed", 0.5),
    ("email_changed", 0.06),
    ("phone_changed", 0.08),
    ("token_created", 0.15),
    ("consent_granted", 0.3),
)
#: Those without a second factor enrol one.
_ENROLS: Final = 0.15
#: Second factors on the phone that must be set up anew with a new one; the others move along.
_MOVES: Final = {"totp": 0.5, "push": 1.0, "webauthn": 0.3, "sms": 0.0}


class Change(NamedTuple):
    """Something to do at the first login ``after`` a time (seconds since 1970)."""

    after: float
    type: str


def changes(person: Person, span: tuple[float, float], roll: Random) -> list[Change]:
    """What a person changes over ``span``, in the order of time."""
    if person.is_service:
        return []
    begin, end = span
    found: list[Change] = []
    for kind, rate in (*_YEARLY, ("mfa_enrolled", _ENROLS if person.factor is None else 0.0)):
        moment = begin
        while rate and (moment := moment + roll.expovariate(rate / YEAR)) < end:
            found.append(Change(moment, kind))
            if kind == "mfa_enrolled":
                break
    for slot in person.slots:
        if slot.name == "phone" and person.factor is not None:
            found += [
                Change(moment + roll.uniform(0, 7) * DAY, "mfa_moved")
                for moment in slot.replaced()
                if roll.random() < _MOVES[person.factor]
            ]
    return sorted(found)
