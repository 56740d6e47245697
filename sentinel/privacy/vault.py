"""The vault: everything that turns accounts into row ids and values into sealed bytes, and back.

One process makes keys, the one that judges; what it made is durable (:meth:`Vault.flush`) before anything sealed with
it is. Others only read: they look again when the keyring has changed.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sentinel.errors import StoreError
from sentinel.privacy.account_key import AccountKey
from sentinel.privacy.keyring import DayKeys, Keyring, TakenError
from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.privacy.sealer import Sealer
from sentinel.privacy.sealers import DaySealers, Sealers

_T = TypeVar("_T")
#: Keys of accounts held open, about 600 bytes each.
ACCOUNTS: Final = 50_000
#: What is sealed: ``raw`` and ``record`` under the account's key and a day's, so that they go with either.
Purpose = Literal["own", "raw", "record"]
_RANDOM: Final = 8
#: Handle of what is nobody's: no pseudonym looks like it.
_NOBODY: Final = ":"
#: Under which the keyring keeps the day up to which no raw values are kept any more.
_RAW_THROUGH: Final = "raw_through"


class Vault:
    """See the module. ``writes`` says whether keys may be made here."""

    def __init__(self, keyring: Keyring, *, writes: bool = True, accounts: int = ACCOUNTS) -> None:
        self.keyring = keyring
        root = keyring.root
        self.pseudonym = Pseudonymizer(root)
        self.root = root
        #: Says which installation this is without giving anything of it away; the store is bound to it.
        self.fingerprint = root.derive("installation")[:16]
        self._writes = writes
        self._limit = accounts
        self._common = AccountKey(0, "", root.derive("common"), _NOBODY)
        self.windows = DaySealers(root, "windows")  #: seal entries, which are many accounts' together, by day of expiry
        self.usage = DaySealers(root, "usage")  #: seal the figures of a day that is not over
        self.drift = DaySealers(root, "drift")  #: seal the counts of drift of a day
        self.answer_key = root.derive("answer")  #: makes the tokens of links in mails (:mod:`answer_token`)
        self.form_key = root.derive("answer form")  #: vouches for forms of the page that those links lead to
        self.track_key = root.derive("tracks")  #: of the names that windows are found by
        refs = Cipher(algorithms.AES(root.derive("refs")), modes.ECB())  # noqa: S305  # one block each, half of it random
        self._to_ref, self._from_ref = refs.encryptor(), refs.decryptor()
        self._chances: list[bytes] = []
        self._lookups: dict[str, AccountKey] = {}
        self._handles: dict[str, AccountKey] = {}
        self._numbers: dict[int, AccountKey] = {}
        self._sealers = Sealers()
        self._opened: dict[str, int] = {}  #: numbers by handle, where keys are held by number alone
        self._aliases: dict[str, set[str]] = {}  #: by handle: lookups and handles of accounts that went into this one
        self._new: dict[str, AccountKey] = {}  #: by lookup; not durable yet
        self._new_days: dict[int, DayKeys] = {}
        self._days = keyring.days()
        self._raw_through = self._stored_raw_through = int(keyring.value(_RAW_THROUGH) or -1)
        self._next = keyring.last_number() + 1
        self._version = keyring.version()
        self._writer = ThreadPoolExecutor(1, "keyring-writer") if keyring.path is not None and writes else None

    @classmethod
    def ephemeral(cls) -> "Vault":
        """Keys that die with the process, for commands that keep nothing."""
        return cls(Keyring(None, Secret.ephemeral()))

    # Accounts

    def admit(self, lookups: Iterable[str]) -> dict[str, AccountKey]:
        """The keys of accounts, by lookup; those never seen before get one. An account that went into another one has
        that one's."""
        if len(self._lookups) > self._limit:
            self._shrink()
        found: dict[str, AccountKey] = {}
        missing = []
        for lookup in dict.fromkeys(lookups):
            if (key := self._lookups.get(lookup)) is not None:
                found[lookup] = key
            else:
                missing.append(lookup)
        if missing:
            for lookup, key in self.keyring.heads("lookup", missing).items():
                found[lookup] = self._name(lookup, key)
            new = [lookup for lookup in missing if lookup not in found]
            if new:
                # Two processes may make keys, for two stores of one installation.
                self._next = max(self._next, self.keyring.last_number() + 1)
            found.update((lookup, self._make(lookup)) for lookup in new)
        return found

    def find(self, lookup: str) -> AccountKey | None:
        """The key of an account, if there is one; of one that went into another, that one's (its ``lookup`` is then
        not the one asked for)."""
        self._refresh()
        key = self._lookups.get(lookup)
        if key is None and (key := self.keyring.heads("lookup", [lookup]).get(lookup)) is not None:
            self._name(lookup, key)
        return key

    def guest(self, lookup: str) -> AccountKey:
        """A key for an account that is only asked about; it is never kept."""
        return self._hold(AccountKey(0, lookup, self.keyring.new_key()))

    def of(self, handle: str | None) -> AccountKey:
        """The key behind a handle; the installation's own for ``None`` and for documents that are nobody's
        (``campaigns:TENANT``). An account that went into another one is that one. Raises :class:`StoreError` when the
        account was erased."""
        if handle is None:
            return self._common
        key = self._handles.get(handle)
        if key is None:
            if ":" in handle:
                return self._hold(AccountKey(0, handle, self.root.derive(handle), handle))
            self._refresh()
            key = self.keyring.heads("handle", [handle]).get(handle)
            if key is not None:
                self._alias(handle, key.handle, key)
                self._handles[handle] = self._hold(key)
        if key is None:
            raise StoreError("the account's key is not there: the account was erased", retry=False)
        return key

    def commons_key(self, tenant: str) -> bytes:
        """Of the names under which a tenant's counts of everybody are kept."""
        return self.root.derive(f"commons/{tenant}")

    def lookup_of(self, handle: str) -> str | None:
        """The pseudonym that an account came with; ``None`` when no account has this handle."""
        try:
            return self.of(handle).lookup
        except StoreError:
            return None

    def ref(self, key: AccountKey) -> bytes:
        """From a row back to its account, for who holds the keys: one AES block of the account's number and chance,
        so that no two rows look alike."""
        if not self._chances:
            drawn = self.keyring.draw(512 * _RANDOM)
            self._chances = [drawn[at : at + _RANDOM] for at in range(0, len(drawn), _RANDOM)]
        return self._to_ref.update(key.number.to_bytes(8, "big") + self._chances.pop())

    def owners(self, refs: Sequence[bytes | None]) -> list[AccountKey | None]:
        """The accounts whose keys open rows: the installation's own where a row has none, ``None`` for erased ones."""
        self._refresh()
        numbers = [int.from_bytes(self._from_ref.update(ref)[:8], "big") if ref else 0 for ref in refs]
        if missing := [number for number in dict.fromkeys(numbers) if number and number not in self._numbers]:
            if len(self._numbers) > self._limit:
                self._shrink()
                missing = [number for number in dict.fromkeys(numbers) if number and number not in self._numbers]
            for key in self.keyring.accounts("number", missing):
                # By number only: the handle of an account that went into another one leads to that one.
                self._numbers[key.number], self._opened[key.handle] = key, key.number
        return [self._numbers.get(number) if number else self._common for number in numbers]

    def former(self, key: AccountKey) -> list[AccountKey]:
        """The keys of the accounts that went into this one."""
        return [merge.former for merge in self.keyring.merges(key.number)] if key.number else []

    async def merge(self, former: AccountKey, head: AccountKey, note: bytes) -> None:
        """From now on ``former`` is ``head``, whichever name or handle it is asked for by; durable when this returns.
        See :meth:`Keyring.merge`."""
        await self.flush()
        await self.run(lambda: self.keyring.merge(former.number, head.number, note))
        names = {former.lookup, former.handle, *self._aliases.pop(former.handle, ())}
        for name in names & self._lookups.keys():
            self._lookups[name] = head
        for name in names & self._handles.keys():
            self._handles[name] = head
        self._aliases.setdefault(head.handle, set()).update(names)
        self._opened[former.handle] = former.number

    @contextmanager
    def visiting(self, after: int, size: int) -> Iterator[list[AccountKey]]:
        """The next ``size`` accounts by number, for who walks through all: what was not in memory does not stay.
        Accounts that went into others are left out: they have nothing, and their keys stay as long as those."""
        keys = self.keyring.page(after, size, former=False)
        strange = [key for key in keys if key.handle not in self._handles]
        for key in strange:
            self._hold(key)
        try:
            yield keys
        finally:
            for key in strange:
                self._handles.pop(key.handle, None)
                self._lookups.pop(key.lookup, None)
                self._numbers.pop(key.number, None)
                self._sealers.drop(key)

    def forget(self, handles: Iterable[str]) -> None:
        """Erased: nothing of their keys stays in memory."""
        for handle in handles:
            self._numbers.pop(self._opened.pop(handle, 0), None)
            for name in self._aliases.pop(handle, ()):
                self._lookups.pop(name, None)
                self._handles.pop(name, None)
            key = self._handles.pop(handle, None)
            if key is not None and key.handle == handle:
                self._lookups.pop(key.lookup, None)
                self._numbers.pop(key.number, None)
                self._new.pop(key.lookup, None)
        self._sealers.clear()

    # Sealing

    def sealer(self, key: AccountKey, purpose: Purpose, day: int = 0) -> Sealer | None:
        """What seals and opens an account's values of a purpose: ``raw`` and ``record`` of a UTC day, else ``own``.
        ``None`` when the day's key was destroyed."""
        if purpose == "own":
            return key.own or self._sealers.own(key)
        if key.day == day and (sealer := key.raw if purpose == "raw" else key.record) is not None:
            return sealer
        keys = self._day(day)
        if purpose == "record":
            return self._sealers.record(key, day, keys.record)
        return self._sealers.raw(key, day, keys.raw) if keys.raw is not None else None

    def opener(self, key: AccountKey, purpose: Purpose, day: int) -> Sealer | None:
        """What opens an account's values of a day; ``None`` when the day's key was destroyed, and none is made."""
        return self.sealer(key, purpose, day) if day in self.days else None

    @property
    def days(self) -> dict[int, DayKeys]:
        """The keys of all days that have some."""
        self._refresh()
        return self._days

    async def destroy_days(self, *, raw_through: int, records_through: int) -> tuple[int, int]:
        """See :meth:`Keyring.destroy_days`. They are gone from memory before anything else runs, and what is still to
        come of days up to ``raw_through`` is kept without raw values. For when nothing is judged."""

        def destroy() -> tuple[int, int]:
            if stored != raw_through:
                self.keyring.put_value(_RAW_THROUGH, str(raw_through).encode())
            return self.keyring.destroy_days(raw_through=raw_through, records_through=records_through)

        stored, self._raw_through = self._stored_raw_through, raw_through
        for days in (self._days, self._new_days):
            left = [(day, keys) for day, keys in days.items() if day > records_through]
            days.clear()
            days.update((day, keys if day > raw_through else DayKeys(None, keys.record)) for day, keys in left)
        self._sealers.clear()
        try:
            gone = await self.run(destroy)
        except StoreError:
            self._days = self.keyring.days() | self._new_days  # to be tried again
            raise
        self._stored_raw_through = raw_through
        return gone

    def keep_no_raw(self, through: int) -> None:
        """What is still to come of days up to ``through`` is kept without raw values, until :meth:`destroy_days`."""
        self._raw_through = max(self._raw_through, through)

    def _day(self, day: int) -> DayKeys:
        keys = self._days.get(day)
        if keys is None:
            if not self._writes:
                raise StoreError("the day's key was destroyed: what it sealed is expired", retry=False)
            if (keys := self.keyring.days().get(day)) is not None:
                self._days[day] = keys  # another process made it
                return keys
            raw = self.keyring.new_key() if day > self._raw_through else None
            keys = self._days[day] = self._new_days[day] = DayKeys(raw, self.keyring.new_key())
        return keys

    # Making keys durable

    async def flush(self) -> None:
        """Make new keys durable; before anything sealed with them is. Raises :class:`StoreError`."""
        if not self._new and not self._new_days:
            return
        accounts, days = list(self._new.values()), dict(self._new_days)
        try:
            await self.run(lambda: self.keyring.write(accounts, days))
        except TakenError:
            # What was sealed with ours is not stored; from now on the others' keys are ours.
            self.forget([key.handle for key in self._new.values()])
            self._new_days.clear()
            self._days = self.keyring.days()
            raise
        for key in accounts:
            self._new.pop(key.lookup, None)
        for day in days:
            self._new_days.pop(day, None)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Do something that waits for the disk beside the loop, in order with :meth:`flush`."""
        if self._writer is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def close(self) -> None:
        """Give the keyring back."""
        if self._writer is not None:
            self._writer.shutdown()
        self.keyring.close()

    def _make(self, lookup: str) -> AccountKey:
        if not self._writes:
            raise StoreError("only the process that judges makes keys", retry=False)
        key = AccountKey(self._next, lookup, self.keyring.new_key())
        self._next += 1
        self._new[lookup] = key
        return self._name(lookup, key)

    def _name(self, lookup: str, key: AccountKey) -> AccountKey:
        self._alias(lookup, key.lookup, key)
        self._lookups[lookup] = key
        return self._hold(key)

    def _alias(self, name: str, own: str, key: AccountKey) -> None:
        if name != own:
            self._aliases.setdefault(key.handle, set()).add(name)

    def _hold(self, key: AccountKey) -> AccountKey:
        self._handles[key.handle] = key
        if key.number:
            self._numbers[key.number] = key
        return key

    def _shrink(self) -> None:
        self._lookups.clear()
        self._handles.clear()
        self._numbers.clear()
        self._opened.clear()
        self._aliases.clear()
        for lookup, key in self._new.items():
            self._name(lookup, key)

    def _refresh(self) -> None:
        """Where keys are only read: what another process erased must not be opened here any more."""
        if self._writes or (version := self.keyring.version()) == self._version:
            return
        self._version = version
        self._shrink()
        self._sealers.clear()
        self._days = self.keyring.days()
