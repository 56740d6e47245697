"""The models of an installation: by tenant and kind the one in force, a candidate, and the last ones before.

`models/TENANT/` in the state directory holds a file a model and `state.json`, which says what each of them is. A change
is one rename of that file; models that it does not name are left over, and removed with the next change.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec

from sentinel.errors import Conflict, FileError, SentinelError
from sentinel.files import sync_folder, write_private
from sentinel.models.stored import (
    KINDS,
    MAX_BYTES,
    VERSION,
    Abstains,
    Kind,
    ModelFile,
    Version,
    decode,
    encode,
    last_resort,
)

#: How many that were in force before are kept to go back to.
KEPT: Final = 3

_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STATE: Final = "state.json"
_FILE: Final = re.compile(rf"(?P<kind>{'|'.join(KINDS)})-(?P<version>{VERSION.strip('^$')})\.json")


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Versions of one kind of one tenant. ``None`` in force: the baseline is. ``kept`` are the ones that were in force
    before, the newest first."""

    in_force: Version | None = None
    candidate: Version | None = None
    kept: Annotated[tuple[Version, ...], msgspec.Meta(max_length=KEPT)] = ()

    @property
    def versions(self) -> tuple[str, ...]:
        """All of them, in that order."""
        return tuple(each for each in (self.in_force, self.candidate, *self.kept) if each is not None)


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    impostor: Held = Held()
    novelty: Held = Held()


class Registry:
    """The models under a directory, which is made (mode 0700, files 0600) when the first one comes.

    Whoever writes takes a lock; who reads needs none. Every method raises :class:`FileError` for what cannot be read or
    written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def tenants(self) -> list[str]:
        """Those that have a model of their own, by name."""
        with self._told(self.directory):
            return [name for name in self._folders() if (self.directory / name / _STATE).exists()]

    def held(self, tenant: str, kind: Kind) -> Held:
        """What a tenant has of a kind."""
        held: Held = getattr(self._state(tenant), kind)
        return held

    def path(self, tenant: str, kind: Kind, version: str) -> Path:
        """The file of a model."""
        return self._folder(tenant) / f"{kind}-{version}.json"

    def content(self, tenant: str, kind: Kind, version: str) -> bytes:
        """The bytes of a model's file."""
        path = self.path(tenant, kind, version)
        with self._told(path), path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    def next_version(self, tenant: str, kind: Kind, day: date) -> str:
        """The version of a model that is trained on a day (UTC): the day, or ``DAY.2`` and so on when it is taken."""
        taken = set(self.held(tenant, kind).versions)
        number, version = 1, day.isoformat()
        while version in taken:
            number += 1
            version = f"{day.isoformat()}.{number}"
        return version

    def add(self, file: ModelFile) -> None:
        """Keep a model as the candidate, in the place of the one there was. Raises :class:`Conflict` for a version that
        is there already, or the baseline's."""
        tenant, kind, version = file.tenant, file.kind, file.version
        if tenant is None:
            raise Conflict("the baseline belongs to the product, not to an installation", "tenant")
        with self._changing(tenant, kind) as (held, put):
            if version in held.versions:
                raise Conflict(f"there is a model {version} already; next_version names a free one", "version")
            write_private(self.path(tenant, kind, version), encode(file))
            put(msgspec.structs.replace(held, candidate=version))

    def promote(self, tenant: str, kind: Kind) -> str:
        """Put the candidate in force and keep the one before it; the version. Raises :class:`SentinelError` when there
        is no candidate, or its file is not whole."""
        with self._changing(tenant, kind) as (held, put):
            if held.candidate is None:
                raise SentinelError(f"tenant {tenant} has no {kind} candidate; `sentinel train` makes one")
            found = decode(self.content(tenant, kind, held.candidate))
            if isinstance(found, Abstains):
                raise SentinelError(f"{kind} {held.candidate} stays a candidate: {found.reason}")
            before = () if held.in_force is None else (held.in_force,)
            put(Held(in_force=held.candidate, kept=(*before, *held.kept)[:KEPT]))
            return held.candidate

    def rollback(self, tenant: str, kind: Kind) -> str | None:
        """Put the one in force that was before; its version, ``None``: the baseline. Again, and it goes one further.

        What was in force becomes the candidate when there is none, so that promoting takes it back. Raises
        :class:`SentinelError` when the baseline is in force.
        """
        with self._changing(tenant, kind) as (held, put):
            if held.in_force is None:
                raise SentinelError(f"tenant {tenant} has the {kind} baseline in force; there is nothing before it")
            before, rest = (held.kept[0], held.kept[1:]) if held.kept else (None, ())
            put(Held(in_force=before, candidate=held.candidate or held.in_force, kept=rest))
            return before

    def expiring(self, today: date) -> list[tuple[str, Kind, str]]:
        """What :meth:`expire` would remove."""
        return [
            (tenant, kind, version) for tenant in self._folders() for _, kind, version in self._too_old(tenant, today)
        ]

    def expire(self, today: date) -> list[tuple[str, Kind, str]]:
        """Remove every model that learned from days which are too long ago (UTC), in force or not; what was removed.

        Files are looked at, not what `state.json` says: it may be damaged, or a crash left files that it does not name.
        One tenant's trouble keeps no other's models; it is raised in the end.
        """
        removed: list[tuple[str, Kind, str]] = []
        troubles: list[FileError] = []
        for tenant in self._folders():
            try:
                removed += [(tenant, *each) for each in self._expire(tenant, today)]
            except FileError as error:
                troubles.append(error)
        if troubles:
            raise troubles[0]
        return removed

    def _expire(self, tenant: str, today: date) -> list[tuple[Kind, str]]:
        with self._locked(tenant):
            gone: list[tuple[Kind, str]] = []
            for path, kind, version in self._too_old(tenant, today):
                path.unlink()
                gone.append((kind, version))
            try:
                state = self._state(tenant)
            except FileError:
                return gone
            left = {
                kind: _without(getattr(state, kind), {version for each, version in gone if each == kind})
                for kind in KINDS
            }
            if self._surplus(tenant, state) or gone:
                self._put(tenant, _State(**left))
            return gone

    def _too_old(self, tenant: str, today: date) -> Iterator[tuple[Path, Kind, str]]:
        folder = self._folder(tenant)
        with self._told(folder):
            paths = sorted(folder.iterdir())
        for path in paths:
            if (match := _FILE.fullmatch(path.name)) is None:
                continue
            kind: Kind = match["kind"]  # type: ignore[assignment]  # as the pattern has it
            if today >= last_resort(self.content(tenant, kind, match["version"]), match["version"]):
                yield path, kind, match["version"]

    def _folders(self) -> list[str]:
        with self._told(self.directory):
            if not self.directory.is_dir():
                return []
            return sorted(path.name for path in self.directory.iterdir() if _TENANT.fullmatch(path.name))

    def _folder(self, tenant: str) -> Path:
        if not _TENANT.fullmatch(tenant):
            raise FileError(str(self.directory), "the name of a tenant is letters, digits, '.', '_' and '-'")
        return self.directory / tenant

    def _state(self, tenant: str) -> _State:
        path = self._folder(tenant) / _STATE
        with self._told(path):
            try:
                return msgspec.json.decode(path.read_bytes(), type=_State)
            except FileNotFoundError:
                return _State()
            except msgspec.DecodeError as error:
                raise FileError(str(path), f"damaged: {error}; remove it to begin anew with the baseline") from None

    @contextmanager
    def _locked(self, tenant: str) -> Iterator[Path]:
        """The folder of a tenant, made when it is missing, which nobody else changes meanwhile."""
        folder = self._folder(tenant)
        with self._told(folder):
            # One by one: what `parents` makes on the way gets the umask's mode, and the first is the state directory.
            for each in (self.directory.parent, self.directory, folder):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            descriptor = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield folder

    @contextmanager
    def _changing(self, tenant: str, kind: Kind) -> Iterator[tuple[Held, Callable[[Held], None]]]:
        """What a tenant has of a kind, and how to put something else in its place."""
        with self._locked(tenant):
            state = self._state(tenant)
            held: Held = getattr(state, kind)
            yield held, lambda after: self._put(tenant, msgspec.structs.replace(state, **{kind: after}))

    def _put(self, tenant: str, state: _State) -> None:
        """Put another state in the place of the one there was, and remove the files that it does not name."""
        folder = self._folder(tenant)
        write_private(folder / _STATE, msgspec.json.encode(state))
        for path in self._surplus(tenant, state):
            path.unlink()
        sync_folder(folder)

    def _surplus(self, tenant: str, state: _State) -> list[Path]:
        """Files that a state does not name: models that went, and what a crash left."""
        named = {self.path(tenant, kind, version) for kind in KINDS for version in getattr(state, kind).versions}
        folder = self._folder(tenant)
        return [path for path in folder.iterdir() if path.name != _STATE and path not in named]

    @contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"cannot be read or written: {error.strerror}; run as the owner of the state directory"
            raise FileError(str(path), what) from None


def _without(held: Held, gone: set[str]) -> Held:
    return Held(
        in_force=None if held.in_force in gone else held.in_force,
        candidate=None if held.candidate in gone else held.candidate,
        kept=tuple(version for version in held.kept if version not in gone),
    )
