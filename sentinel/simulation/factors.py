"""A person's second factor: when the service asks for it, slips with it, and moving it to another phone."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from sentinel.simulation.lines import DAY

#: The service remembers a device that passed for so long.
_REMEMBERED: Final = 30 * DAY
#: Wrong codes, and pushes not answered in time, before the one that passes.
_SLIPS: Final = {"totp": 0.03, "sms": 0.03, "push": 0.04, "webauthn": 0.01}
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
        self._drift = roll.choice((0, 0, 0, 0, -1, 1))

    def asked(self, at: float, device_id: str, base: dict[str, Any]) -> Iterator[tuple[float, dict[str, Any]]]:
        """Challenges that failed before the one that the login sums up."""
        if self.method is None or self._remembers(at, device_id) or self._roll.random() >= _SLIPS[self.method]:
            return
        for _ in range(self._roll.choice((1, 1, 1, 2))):
            outcome = "timeout" if self.method == "push" else "failure"
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

    def renew(self, *, moved: bool) -> Iterator[dict[str, Any]]:
        """Enrolling one, the first or the next; ``moved``: the former one is taken off."""
        before, self._number = self._id, self._number + 1
        method = self.method
        self.method = method = method or "totp"
        yield {"type": "mfa_enrolled", "mfa": {"method": method, "device_id": self._id}}
        if moved:
            yield {"type": "mfa_removed", "mfa": {"method": method, "device_id": before}}

    @property
    def _id(self) -> str:
        return f"f-{self._account}-{self._number}"

    def _remembers(self, at: float, device_id: str) -> bool:
        return at - self._passed.get(device_id, -_REMEMBERED) < _REMEMBERED
