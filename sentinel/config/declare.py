"""How a setting is declared: its help, and for a number its unit and limits."""

from msgspec import Meta


def text(meaning: str, default: str = "") -> Meta:
    """Help for a setting; ``default`` words a default that no literal can show."""
    return Meta(description=meaning, extra={"default": default} if default else None)


def number(unit: str, lowest: float, highest: float, meaning: str) -> Meta:
    """Help for a number, its unit and the lowest and highest value it may have."""
    return Meta(description=meaning, ge=lowest, le=highest, extra={"unit": unit})


def measured(unit: str, meaning: str) -> Meta:
    """Help for a number that may be left out and whose limits are its type's: msgspec takes none for ``… | None``."""
    return Meta(description=meaning, extra={"unit": unit})
