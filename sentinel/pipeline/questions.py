"""What a command asks of whoever judges into the store: rights of the person, and attributes put right.

The daemon answers what was left in the store (:mod:`sentinel.daemon.questions`); a command that holds the store's lock
does it itself. Either way the audit log knows of it before it is done: :class:`Rights` writes what is asked of it.
"""

import asyncio
from typing import Final, Literal

import msgspec

from sentinel.audit.details import ROW, Details, seal_details
from sentinel.audit.entry import Entry
from sentinel.audit.log import AuditLog
from sentinel.errors import Overloaded, SentinelError
from sentinel.events.sighting import Attributes
from sentinel.pipeline.item import NewAttributes
from sentinel.pipeline.request import Answer, Request
from sentinel.pipeline.rights import Rights
from sentinel.pipeline.verdicts import Submit
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.vault import Vault

#: Attributes that can be put right or forgotten, by the names that events have for them.
RECTIFIABLE: Final = {
    "email": "email",
    "previous_email": "previous_email",
    "email_verified": "email_verified",
    "contact_email": "contact_email",
    "locale": "locale",
    "timezone": "timezone",
    "name": "name",
    "account_tags": "tags",
    "account_created": "created",
}


class Rectify(msgspec.Struct, frozen=True, kw_only=True, array_like=True, omit_defaults=True, tag="rectify"):
    """Put attributes right: those of ``attributes`` that are known replace what stands, those in ``forget`` (fields of
    :class:`Attributes`) are not known any more. The rest is as in :class:`Request`.
    """

    tenant: str
    account: str
    time: int
    attributes: Attributes
    forget: tuple[str, ...] = ()
    by: Literal["person", "service", "operator"] = "operator"
    actor: str = ""
    purpose: str = ""


Question = Request | Rectify


class Reply(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What came of a question: an answer, or in words why there is none."""

    answer: Answer | None = None
    error: str = ""


class Refused(SentinelError):  # noqa: N818  # what it is, not that it is an error
    """Whoever judges could not do what was asked; the text says why."""


encode_question: Final = msgspec.msgpack.Encoder().encode
_decode_question: Final = msgspec.msgpack.Decoder(Question).decode
_encode_reply: Final = msgspec.msgpack.Encoder().encode
_decode_reply: Final = msgspec.msgpack.Decoder(Reply).decode


def read_reply(reply: bytes) -> Answer:
    """The answer to a question. Raises :class:`Refused`."""
    found = _decode_reply(reply)
    if found.answer is None:
        raise Refused(found.error)
    return found.answer


def refuse(error: str) -> bytes:
    """The reply that something went wrong."""
    return _encode_reply(Reply(error=error))


async def answer_question(question: bytes, rights: Rights, submit: Submit, vault: Vault, log: AuditLog) -> bytes:
    """Do what was asked and reply; also when it cannot be done. Raises :class:`Overloaded` when it is to be tried again
    later, by this process or by the next that judges."""
    try:
        answer = await carry_out_question(_decode_question(question), rights, submit, vault, log)
    except Overloaded:
        raise
    except SentinelError as error:
        return refuse(str(error))
    except msgspec.MsgspecError:
        return refuse("the question was not understood: command and daemon are of different versions")
    return _encode_reply(Reply(answer))


async def carry_out_question(asked: Question, rights: Rights, submit: Submit, vault: Vault, log: AuditLog) -> Answer:
    """Write the audit entry, then do what was asked. Raises :class:`SentinelError`."""
    if isinstance(asked, Request):
        return await rights.exercise(asked)
    lookup = vault.pseudonym("account", asked.tenant, asked.account)
    (key,) = vault.admit([lookup]).values()
    # It waits for the disk, and maybe for others who write to the log.
    await asyncio.to_thread(log.append, [_entry(asked, key)])
    item = NewAttributes(tenant=asked.tenant, account_key=lookup, attributes=asked.attributes, forget=asked.forget)
    (outcome,) = await submit([item])
    if outcome.error is not None:
        raise Refused(outcome.error)
    return Answer()


def _entry(asked: Rectify, key: AccountKey) -> Entry:
    names = {field: name for name, field in RECTIFIABLE.items()}
    # What was changed, in names; no value of the person's.
    details: Details = {
        "given": [name for field, name in names.items() if getattr(asked.attributes, field) not in (None, ())],
        "forgotten": [names.get(field, field) for field in asked.forget],
    }
    return Entry(
        time=asked.time,
        actor=asked.actor or asked.by,
        role=asked.by,
        action="account.rectify",
        purpose=asked.purpose,
        tenant=asked.tenant,
        account=key.row(ROW),
        sealed=seal_details(key, asked.time, details),
    )
