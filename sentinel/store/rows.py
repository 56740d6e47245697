"""How what is kept looks as rows: found by names that only the account's key gives, sealed under it.

Both stores keep the same rows. In the clear stay: tenant, UTC day, type, state, counts, and keyed names.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from sentinel.errors import StoreError
from sentinel.events.alert import OPERATOR_KINDS, Notice
from sentinel.events.clock import DAY, utc_day
from sentinel.events.hook import HookEvent
from sentinel.events.sighting import Attributes, Raw
from sentinel.past.profile import Profile, decode_profile, encode_profile
from sentinel.past.windows import Entry, decode_entries, encode_entries
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.answer_token import ROLES, Role, digest_of, expiry_of, kept_until, make_token
from sentinel.privacy.sealer import BLOCK, Sealer, pack, pad, unpack, unpad
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import AlertRow, AnswerLink, MailKept, Record, TrackKey, WindowKept

_json: Final = msgspec.json.Encoder().encode
#: What documents are filled up to multiples of, in bytes: a profile grows with every device and session.
_BLOCKS: Final = {"profile": 1024, "attributes": BLOCK}


class _Kept(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is sealed of a record: everything that tells one person's event from another's."""

    time: int
    event_id: str
    account_id: str | None
    sighting: bytes
    windows: bytes
    assessment: bytes
    alert: str | None = None
    restricted: bool = False


class _KeptAlert(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed of an alert."""

    id: str
    account: str | None
    level: str
    risk: float
    first: int
    last: int
    events: int
    rules: list[str]


class EventRow(NamedTuple):
    """A record as a row. ``owner`` is the account's row id of that day, ``ref`` leads back to the account."""

    key: str
    tenant: str
    owner: str | None
    ref: bytes | None
    day: int
    type: str
    body: bytes
    raw: bytes | None
    record: bytes
    trusted: bool
    alert: str | None


class AlertKept(NamedTuple):
    """An alert as a row; ``event`` is the key of its first event."""

    key: str
    tenant: str
    owner: str | None
    ref: bytes | None
    kind: str
    day: int
    event: str
    sealed: bytes
    state: str


class Rows:
    """Makes rows and reads them."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    # Records

    def event(self, record: Record) -> EventRow:
        """A record as a row."""
        key, day = self.vault.of(record.account), utc_day(record.time)
        raw, row = None, _event(record.key, record.tenant, record.type)
        if record.raw is not None and (sealer := self.vault.sealer(key, "raw", day)) is not None:
            # The ids are kept with the record, for longer.
            raw = sealer.seal(pad(pack(msgspec.structs.replace(record.raw, event="", account=None))), row)
        kept = _Kept(
            record.time, record.event_id, record.account_id, record.sighting, record.windows, record.assessment,
            record.alert, record.restricted,
        )  # fmt: skip
        sealer = _must(self.vault.sealer(key, "record", day))
        owned = key.number > 0
        return EventRow(
            record.key, record.tenant, key.row(day) if owned else None, self.vault.ref(key) if owned else None, day,
            record.type, record.body, raw, sealer.seal(pad(pack(kept)), row), record.trusted,
            self.alert_key(record.tenant, record.alert) if record.alert is not None else None,
        )  # fmt: skip

    def records(self, rows: Sequence[Sequence[Any]]) -> list[Record]:
        """Records of rows (:class:`EventRow`, without ``raw``), in their order. Those of erased accounts and of expired
        days are left out: nothing of them can be read."""
        found = []
        for row, owner in zip(rows, self.vault.owners([row[3] for row in rows]), strict=True):
            if owner is None:
                continue
            if (sealer := self.vault.opener(owner, "record", row[4])) is None:
                continue
            kept = unpack(unpad(sealer.open(row[8], _event(row[0], row[1], row[5]))), _Kept)
            found.append(
                Record(
                    key=row[0],
                    tenant=row[1],
                    account=owner.handle if owner.number else None,
                    time=kept.time,
                    type=row[5],
                    body=row[6],
                    event_id=kept.event_id,
                    account_id=kept.account_id,
                    sighting=kept.sighting,
                    windows=kept.windows,
                    assessment=kept.assessment,
                    trusted=bool(row[9]),
                    alert=kept.alert,
                    restricted=kept.restricted,
                )
            )
        return found

    def raw(self, record: Record, sealed: bytes | None, ref: bytes | None) -> Raw:
        """The raw values of a record, whose row leads to the account by ``ref``; the ids alone when the others have
        expired."""
        ids = Raw(event=record.event_id, account=record.account_id)
        if sealed is None:
            return ids
        # By the row, not by the record: the account may have gone into another one since the record was read.
        (owner,) = self.vault.owners([ref])
        sealer = self.vault.opener(owner, "raw", utc_day(record.time)) if owner is not None else None
        if sealer is None:
            return ids
        values = unpack(unpad(sealer.open(sealed, _event(record.key, record.tenant, record.type))), Raw)
        return msgspec.structs.replace(values, event=ids.event, account=ids.account)

    # Profiles, attributes

    def profile_row(self, handle: str) -> str:
        """What a profile is found by."""
        return self.vault.of(handle).row("profile")

    def profile(self, handle: str, profile: Profile) -> tuple[str, bytes]:
        """A profile as a row."""
        return self._own(handle, "profile", encode_profile(profile))

    def open_profile(self, handle: str, sealed: bytes) -> Profile:
        """The profile again."""
        return self.open_profile_of(self.vault.of(handle), sealed)

    def open_profile_of(self, key: AccountKey, sealed: bytes) -> Profile:
        """The same by the account's own key, though it went into another account."""
        return decode_profile(self._open_own(key, "profile", sealed))

    def attributes_row(self, handle: str) -> str:
        """What an account's attributes are found by."""
        return self.vault.of(handle).row("attributes")

    def attributes(self, handle: str, attributes: Attributes) -> tuple[str, bytes]:
        """Attributes as a row."""
        return self._own(handle, "attributes", pack(attributes))

    def open_attributes(self, handle: str, sealed: bytes) -> Attributes:
        """The attributes again."""
        return self.open_attributes_of(self.vault.of(handle), sealed)

    def open_attributes_of(self, key: AccountKey, sealed: bytes) -> Attributes:
        """The same by the account's own key, though it went into another account."""
        return unpack(self._open_own(key, "attributes", sealed), Attributes)

    def _own(self, handle: str, kind: str, data: bytes) -> tuple[str, bytes]:
        key = self.vault.of(handle)
        row = key.row(kind)
        return row, _must(self.vault.sealer(key, "own")).seal(pad(data, _BLOCKS[kind]), f"{kind}/{row}")

    def _open_own(self, key: AccountKey, kind: str, sealed: bytes) -> bytes:
        return unpad(_must(self.vault.sealer(key, "own")).open(sealed, f"{kind}/{key.row(kind)}"))

    # Windows

    def track_name(self, key: TrackKey) -> int:
        """A track's name: 64 bits of a keyed hash. Among a million the chance that any two share one is below 1e-7."""
        return track_number(self.vault.track_key, key)

    def track(
        self, key: TrackKey, entries: list[Entry], owner: str | None, expires: int
    ) -> tuple[int, str | None, int, bytes]:
        """Entries of a track as a row: name, owner, expiry, sealed entries. ``owner`` is the account it is kept by, if
        any; ``expires`` (micros) stays with the row, since it tells the day whose key seals it."""
        name = self.track_name(key)
        row = self.vault.of(owner).row("windows") if owner is not None else None
        return name, row, expires, self.seal_entries(name, expires, encode_entries(entries))

    def seal_entries(self, name: int, expires: int, entries: bytes) -> bytes:
        """Encoded entries of a track sealed, for the row with this name and expiry."""
        return self.vault.windows(expires // DAY).seal(entries, f"{name}/{expires}")

    def encoded_entries(self, name: int, expires: int, sealed: bytes) -> bytes:
        """They again."""
        return self.vault.windows(expires // DAY).open(sealed, f"{name}/{expires}")

    def open_entries(self, name: int, expires: int, sealed: bytes) -> list[Entry]:
        """The entries themselves."""
        return decode_entries(self.encoded_entries(name, expires, sealed))

    def windows_row(self, handle: str) -> str:
        """What the tracks that are kept by an account are found by."""
        return self.vault.of(handle).row("windows")

    def windows_kept(self, rows: Sequence[Sequence[Any]]) -> list[WindowKept]:
        """How many entries tracks have, and from when, of rows (name, expiry, sealed entries)."""
        times: dict[int, list[int]] = {}
        for name, expires, sealed in rows:
            times.setdefault(name, []).extend(entry[0] for entry in self.open_entries(name, expires, sealed))
        return [
            WindowKept(name=name, entries=len(found), first=min(found), last=max(found))
            for name, found in times.items()
            if found
        ]

    # Alerts and mails

    def alert_key(self, tenant: str, alert: str) -> str:
        """What an alert is found by."""
        return self.vault.pseudonym("alert", tenant, alert)

    def alerts_row(self, handle: str) -> str:
        """What an account's alerts are found by."""
        return self.vault.of(handle).row("alerts")

    def alert(self, alert: AlertRow) -> AlertKept:
        """An alert as a row."""
        key = self.vault.of(alert.account)
        name = self.alert_key(alert.tenant, alert.id)
        row = f"alert/{name}/{alert.tenant}/{alert.kind}"
        kept = _KeptAlert(
            alert.id, alert.account, alert.level, alert.risk, alert.first, alert.last, alert.events, alert.rules
        )
        owned = key.number > 0
        return AlertKept(
            name, alert.tenant, key.row("alerts") if owned else None, self.vault.ref(key) if owned else None,
            alert.kind, utc_day(alert.last), alert.event, self._seal_own(key, pack(kept), row), alert.state,
        )  # fmt: skip

    def alerts(self, rows: Sequence[Sequence[Any]]) -> list[AlertRow]:
        """Alerts of rows (:class:`AlertKept`); those of erased accounts are left out."""
        found = []
        for row, owner in zip(rows, self.vault.owners([row[3] for row in rows]), strict=True):
            if owner is None:
                continue
            kept = unpack(self._must_open(owner, row[7], f"alert/{row[0]}/{row[1]}/{row[4]}"), _KeptAlert)
            found.append(
                AlertRow(
                    id=kept.id, tenant=row[1], account=kept.account, kind=row[4], level=kept.level, risk=kept.risk,
                    first=kept.first, last=kept.last, events=kept.events, rules=kept.rules, event=row[6], state=row[8],
                )
            )  # fmt: skip
        return found

    def address_name(self, address: str) -> str:
        """What a mail address that was refused is known by."""
        return self.vault.pseudonym("mail-address", "", address.casefold())

    def mails_row(self, handle: str) -> str:
        """What an account's mails are found by."""
        return self.vault.of(handle).row("mails")

    def notice(self, notice: Notice) -> tuple[str, str | None, bytes | None, bytes]:
        """A mail as a row: key of the alert, owner, ref, sealed notice."""
        key = self.vault.of(notice.account)
        name = self.alert_key(notice.tenant, notice.id)
        owned = key.number > 0
        return (
            name,
            key.row("mails") if owned else None,
            self.vault.ref(key) if owned else None,
            self._seal_own(key, pack(notice), f"mail/{name}"),
        )

    def open_notice(self, name: str, ref: bytes | None, sealed: bytes) -> Notice | None:
        """The notice again; nothing when its account was erased."""
        (owner,) = self.vault.owners([ref])
        return unpack(self._must_open(owner, sealed, f"mail/{name}"), Notice) if owner is not None else None

    def mails(self, mails: Sequence[Sequence[Any]], alerts: Sequence[Sequence[Any]]) -> list[MailKept]:
        """Mails of rows (key of the alert, ref, sealed notice or nothing, state, time) beside the account's alerts.

        What a mail that is done with said is gone; its alert still tells the kind.
        """
        known = {row[0]: alert for row in alerts for alert in self.alerts([row])}
        found = []
        for key, ref, sealed, state, time in mails:
            alert = known.get(key)
            notice = self.open_notice(key, ref, sealed) if sealed is not None else None
            if notice is not None:
                kept = MailKept(kind=notice.kind, state=state, time=time or notice.time, alert=notice.id)
            elif alert is not None:
                kept = MailKept(kind=alert.kind, state=state, time=time or alert.first, alert=alert.id)
            else:
                kept = MailKept(kind="", state=state, time=time)
            found.append(kept)
        return found

    # Hooks

    def hooks_row(self, handle: str) -> str:
        """What an account's hooks are found by."""
        return self.vault.of(handle).row("hooks")

    def hook(self, event: HookEvent, target: str) -> tuple[str, str, str, str, str | None, bytes | None, int, bytes]:
        """An event for a target as a row: name, tenant, target, type, owner, ref, UTC day, sealed event."""
        key = self.vault.of(event.account)
        name = self.vault.pseudonym("hook", event.tenant, f"{event.type}/{event.about}")
        owned = key.number > 0
        return (
            name, event.tenant, target, event.type, key.row("hooks") if owned else None,
            self.vault.ref(key) if owned else None, utc_day(event.time), self.seal_hook(event, target, name),
        )  # fmt: skip

    def seal_hook(self, event: HookEvent, target: str, name: str) -> bytes:
        """What an event says, sealed for the row of that name."""
        return self._seal_own(self.vault.of(event.account), pack(event), f"hook/{target}/{name}")

    def open_hook(self, target: str, name: str, ref: bytes | None, sealed: bytes) -> HookEvent | None:
        """The event again; nothing when its account was erased."""
        (owner,) = self.vault.owners([ref])
        if owner is None:
            return None
        return unpack(self._must_open(owner, sealed, f"hook/{target}/{name}"), HookEvent)

    # Links in mails

    def links(self, notice: Notice) -> list[tuple[bytes, str, str, bytes, Role, int, bytes]]:
        """The links of a mail as rows: digest, tenant, owner, ref, role, expiry, sealed notice. What is no account's
        has none, nor what is told of one that is being erased, nor what only operators are told."""
        key = self.vault.of(notice.account)
        if not key.number or notice.addressed is not None or notice.kind in OPERATOR_KINDS:
            return []
        rows = []
        for role in ROLES:
            digest = digest_of(make_token(self.vault.answer_key, notice.tenant, notice.id, role))
            rows.append((
                digest, notice.tenant, key.row("answers"), self.vault.ref(key), role,
                kept_until(notice.time, notice.kind, role), self.link_notice(digest, notice),
            ))  # fmt: skip
        return rows

    def link_notice(self, digest: bytes, notice: Notice) -> bytes:
        """What a link is about, sealed."""
        return self._seal_own(self.vault.of(notice.account), pack(notice), f"answer/{digest.hex()}")

    def open_link(self, row: Sequence[Any]) -> AnswerLink | None:
        """The link again, of a row (digest, tenant, ref, role, until when it is kept, sealed notice); nothing when its
        account was erased."""
        digest, tenant, ref, role, _, sealed = row
        (owner,) = self.vault.owners([ref])
        if owner is None:
            return None
        notice = unpack(self._must_open(owner, sealed, f"answer/{digest.hex()}"), Notice)
        return AnswerLink(tenant=tenant, notice=notice, role=role, expires=expiry_of(notice.time, notice.kind, role))

    # Questions of commands

    def question(self, data: bytes) -> Callable[[int], bytes]:
        """What seals a command's question for the row with an id, which is only known once the row is there."""
        sealer = _must(self.vault.sealer(self.vault.of(None), "own"))
        return lambda id: sealer.seal(pad(data), f"asked/{id}/question")

    def answer(self, id: int, data: bytes) -> bytes:
        """The answer to a question, sealed."""
        return self._seal_own(self.vault.of(None), data, f"asked/{id}/answer")

    def open_question(self, id: int, column: str, sealed: bytes) -> bytes:
        """A ``question`` or ``answer`` (``column``) again."""
        return self._must_open(self.vault.of(None), sealed, f"asked/{id}/{column}")

    def _seal_own(self, key: AccountKey, data: bytes, row: str) -> bytes:
        return _must(self.vault.sealer(key, "own")).seal(pad(data), row)

    def _must_open(self, key: AccountKey, sealed: bytes, row: str) -> bytes:
        return unpad(_must(self.vault.sealer(key, "own")).open(sealed, row))


def _event(key: str, tenant: str, type: str) -> str:
    """The identity of a record's row: what of it is in the clear and never changes. Account and day are in the keys."""
    return f"{key}/{tenant}/{type}"


def _must(sealer: Sealer | None) -> Sealer:
    if sealer is None:
        raise StoreError("the key of what is to be sealed is gone", retry=False)
    return sealer


@lru_cache(maxsize=65_536)
def track_number(secret: bytes, key: TrackKey) -> int:
    """See :meth:`Rows.track_name`."""
    return int.from_bytes(blake2b(_json(key), digest_size=8, key=secret).digest(), "big", signed=True)
