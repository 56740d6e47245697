"""A person's second factor: when the service asks for it, slips with it, and moving it to another phone."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from sentinel.simulation.lines import DAY

#: The service remembers a device that passed for so long.
_REMEMBERED: Final = 30 * DAY
#: Wrong codes, and pushes not answered in time, before the one that passes.
_SLIPS: Final = {"totp": 0.03, "sms": 0.03, "push": 0.04, "webauthn": 0.01}
#: Of pushes that slip: denied by mistake.
_PUSH_MISTAKEN: Final = 0.1
#: Who has a new phone and no factor on it: shares that come in with a backup code, and through the help desk.
_BACKUP_CODE, _HELP_DESK = 0.30, 0.15
_TOTP_STEP: Final = 30


class Factor:
    """Method and state of one account's second factor; ``None`` for those without."""

    def __init__(self, account: str, method: str | None, roll: Random) -> None:
        self.method = method
        self._account = account
        self._roll = roll
        self._number = 0
        self._passed: dict[str, float] = {}
        self._counter = 0
        self._taken_off = False
        self._drift = roll.choice((0, 0, 0, 0, -1, 1))

    def asked(self, at: float, device_id: str, base: dict[str, Any]) -> Iterator[tuple[float, dict[str, Any]]]:
        """Challenges that failed before the one that the login sums up."""
        if self.method is None or self._remembers(at, device_id) or self._roll.random() >= _SLIPS[self.method]:
            return
        for _ in range(self._roll.choice((1, 1, 1, 2))):
            outcome = "failure"
            if self.method == "push":
                outcome = "denied" if self._roll.random() < _PUSH_MISTAKEN else "timeout"
            mfa = {"method": self.method, "device_id": self._id, "outcome": outcome}
            yield at, base | {"type": "mfa_challenge", "outcome": "failure", "reason": "mfa_failed", "mfa": mfa}
            at += 60.0 if self.method == "push" else self._roll.uniform(6, 25)

    def summary(self, at: float, device_id: str) -> dict[str, Any] | None:
        """``mfa`` of a login that passed; ``None`` where the service does not ask."""
        if self.method is None or self._remembers(at, device_id):
            return None
        self._passed[device_id] = at
        found: dict[str, Any] = {"method": self.method, "device_id": self._id, "outcome": "success"}
        if self.method == "totp":
            # A code is good once: a second login within its half minute waits for the next.
            self._counter = max(int(at // _TOTP_STEP) + self._drift, self._counter + 1)
            found["counter"] = self._counter
        return found

    def without_phone(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """How somebody gets in whose factor is on a phone they no longer have.

        The login's ``mfa`` if it is not the usual one, and what the help desk did before; else the old phone is still
        at hand.
        """
        way = self._roll.random()
        if way < _BACKUP_CODE:
            return {"method": "backup_code", "outcome": "success"}, None
        if way < _BACKUP_CODE + _HELP_DESK:
            removed = {"type": "mfa_removed", "mfa": {"method": self.method, "device_id": self._id}}
            self._taken_off = True
            return {"method": "none", "outcome": "bypassed"}, removed
        return None, None

    def renew(self, *, moved: bool) -> Iterator[dict[str, Any]]:
        """Enrolling one, the first or the next; ``moved``: the former one is taken off, unless the help desk did."""
        before, self._number = self._id, self._number + 1
        method = self.method
        self.method = method = method or "totp"
        yield {"type": "mfa_enrolled", "mfa": {"method": method, "device_id": self._id}}
        if moved and not self._taken_off:
            yield {"type": "mfa_removed", "mfa": {"method": method, "device_id": before}}
        self._taken_off = False

    @property
    def _id(self) -> str:
        return f"f-{self._account}-{self._number}"

    def _remembers(self, at: float, device_id: str) -> bool:
        return at - self._passed.get(device_id, -_REMEMBERED) < _REMEMBERED
