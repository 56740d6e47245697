"""What the audit log keeps of one look or change."""

from typing import Final, Literal, get_args

import msgspec

from sentinel.errors import FieldError

#: What can be done. docs/audit.md says what each means; a name that was used once is never given another meaning.
Action = Literal[
    "account.show",
    "account.export",
    "account.rectify",
    "account.erase",
    "account.restrict",
    "account.lift",
    "account.object",
    "account.merge",
    "account.risk",
    "account.alerts",
    "alerts.list",
    "alerts.show",
    "alerts.close",
    "campaigns.list",
    "campaigns.show",
    "campaigns.close",
    "event.explain",
    "event.import",
    "event.verdict",
    "assessment.show",
    "evidence.export",
    "incident.export",
    "siem.send",
    "erasure.verify",
    "ledger.mend",
    "lookup.approve",
    "privacy.scan",
    "history.evaluate",
    "models.train",
    "rules.backtest",
    "keys.create",
    "keys.revoke",
    "retention.run",
    "backup.make",
    "backup.restore",
    "keyring.rotate",
    "hooks.replay",
    "hooks.rotate",
    "audit.show",
    "audit.prune",
    "audit.repair",
]
#: Who acts: an application through its API key, a person at the command line or console, the person whom the data is
#: about, or sentinel itself.
Role = Literal["service", "operator", "person", "system"]

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
ROLES: Final[tuple[Role, ...]] = get_args(Role)

#: Longest purpose, in characters: a sentence, not a file.
PURPOSE_LENGTH: Final = 200
_NAME_LENGTH: Final = 200
#: Longest sealed details, in bytes.
_SEALED_LENGTH: Final = 64 * 1024
_LAST_MICROS: Final = 2**63 - 1


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One look or change, to be written down. Raises :class:`FieldError` when a value is not as described.

    ``time`` is in micros. ``actor`` is the name of an API key, the operating system's name of who ran a command,
    ``person`` or ``system``. ``tenant`` is None where the whole installation is meant. ``account`` is the account's row
    id, which says nothing without the account's key; ``sealed`` are details under that key. Nothing here names
    the account in the clear, and ``purpose`` must not either.
    """

    time: int
    actor: str
    role: Role
    action: Action
    purpose: str = ""
    tenant: str | None = None
    account: str | None = None
    sealed: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.time <= _LAST_MICROS:
            raise FieldError("time", "expected micros since 1970")
        if self.action not in ACTIONS:
            raise FieldError("action", f"expected one of {', '.join(ACTIONS)}")
        if self.role not in ROLES:
            raise FieldError("role", f"expected one of {', '.join(ROLES)}")
        if len(self.purpose) > PURPOSE_LENGTH or not self.purpose.isprintable():
            raise FieldError("purpose", f"expected one line of at most {PURPOSE_LENGTH} printable characters")
        for name, value in (("actor", self.actor), ("tenant", self.tenant), ("account", self.account)):
            if value is not None and not (0 < len(value) <= _NAME_LENGTH and value.isprintable()):
                raise FieldError(name, f"expected 1 to {_NAME_LENGTH} printable characters")
        if self.sealed is not None and len(self.sealed) > _SEALED_LENGTH:
            raise FieldError("sealed", f"expected at most {_SEALED_LENGTH} bytes")


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it was found in the log. ``seq`` counts from 1 and is never used twice.

    Characters that cannot be printed are replaced: the file may have been tampered with. ``action`` may be one
    that a newer sentinel wrote.
    """

    seq: int
    time: int
    tenant: str | None
    actor: str
    role: str
    action: str
    purpose: str
    account: str | None
    sealed: bytes | None
