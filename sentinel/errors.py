"""Errors that sentinel raises on purpose. Each says what is wrong, where, and what to do."""


class SentinelError(Exception):
    """Base of every error that is meant for a person; its text is complete and holds no personal data."""


class FieldError(SentinelError):
    """A value in a posted event or request is not what was expected.

    ``field`` is the dotted path of the field (``mfa.method``), ``expected`` says what it takes.
    """

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}" if field else expected)
        self.field = field
        self.expected = expected


class FileError(SentinelError):
    """A file an operator wrote is wrong: a rule, the configuration, a list.

    ``path`` names the file, ``key`` the dotted key, ``line`` and ``column`` count from 1 (0: unknown).
    """

    def __init__(self, path: str, message: str, *, key: str = "", line: int = 0, column: int = 0) -> None:
        where = path
        if line:
            where += f":{line}"
            if column:
                where += f":{column}"
        super().__init__(f"{where}: {key + ': ' if key else ''}{message}")
        self.path = path
        self.key = key
        self.line = line
        self.column = column
        self.message = message


class StoreError(SentinelError):
    """The store could not do what was asked; nothing was changed. ``retry`` says whether trying again may help."""

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry


class Conflict(SentinelError):  # noqa: N818  # what it is, not that it is an error
    """It does not go with what is there already. ``field`` is the dotted path of what is in the way."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Overloaded(SentinelError):  # noqa: N818  # likewise
    """The daemon cannot take more right now; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceError(SentinelError):
    """The input as a whole can not be read so: a missing option or column, not one bad line."""
