"""The checked configuration that the rest of sentinel gets."""

from pathlib import Path

import msgspec

from sentinel.config.settings import Settings
from sentinel.errors import FileError
from sentinel.toml_source import Key, TomlFile, dotted


class Config(Settings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings, and the ``path`` of the file they came from (None: defaults only). Paths are absolute.

    ``text`` is what the file said then; it may say something else by now.
    """

    path: Path | None = None
    text: str = ""

    @property
    def store_url(self) -> str:
        """The store's address with a SQLite file made absolute: ``sqlite:/var/lib/sentinel/sentinel.db``."""
        scheme, _, rest = self.store.partition(":")
        if scheme != "sqlite" or rest == ":memory:":
            return str(self.store)
        return f"sqlite:{self.state / rest}"

    @property
    def backup_directory(self) -> Path:
        """The folder of the backups."""
        return self.backup.directory or self.state / "backups"

    @property
    def backup_keys(self) -> Path:
        """The file with the keys of keyring backups."""
        return self.backup.keys or self.state / "backup.keys"

    def for_tenant(self, name: str) -> "Config":
        """The configuration as one tenant has it; a tenant without a table of its own has the common one."""
        tenant = self.tenants.get(name)
        if tenant is None:
            return self
        return msgspec.structs.replace(
            self,
            smtp=msgspec.structs.replace(self.smtp, from_=tenant.from_ or self.smtp.from_),
            service=tenant.service,
            brand=tenant.brand,
            decision=tenant.decision,
            alerts=tenant.alerts,
            privacy=tenant.privacy,
        )

    def error(self, message: str, *key: Key) -> FileError:
        """An error about a key of the file, found when its parts were put together."""
        if self.path is None:
            return FileError("the configuration", message, key=dotted(*key))
        return TomlFile.read(self.path).error(message, *key)
