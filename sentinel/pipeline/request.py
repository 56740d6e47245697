"""What can be asked for an account, and what comes of it."""

from typing import Final, Literal

import msgspec

#: Longest reason of a request, in characters.
REASON_LENGTH: Final = 500


class Request(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True, tag="right"):
    """What is asked for an account. ``by`` is the role of who asks (``person``, ``service``, ``operator``), ``actor``
    its name for the audit log; ``time`` in micros.

    ``session`` is the session in which the person asks; ``decision`` decides an objection; ``into`` is the account to
    merge into. ``reason`` stays with the account, ``purpose`` stands in the audit log.
    """

    what: Literal["erase", "restrict", "lift", "object", "decide", "merge"]
    tenant: str
    account: str
    time: int
    by: Literal["person", "service", "operator"] = "service"
    actor: str = ""
    reason: str = ""
    session: str | None = None
    decision: Literal["upheld", "rejected"] | None = None
    into: str | None = None
    purpose: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True):
    """What came of a request. ``receipt`` proves an erasure (`sentinel privacy verify-erasure`); ``restricted`` says
    how the account stands now, ``since`` since when (micros). Without ``changed`` there was nothing to do."""

    receipt: str | None = None
    restricted: bool = False
    since: int = 0
    objection: Literal["open", "upheld", "rejected"] | None = None
    told: bool = False  #: a mail to the person's former address went into the outbox first
    backups_until: int = 0  #: when the last backup that may hold what was erased cannot be restored any more (micros)
    changed: bool = True
