"""Time zones by name, as people's accounts have them."""

import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

# Names that zoneinfo may find although they are no zone of a person but this machine's own.
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory", "leapseconds"})
_ZONE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")


@lru_cache(1024)
def find_zone(name: str | None) -> ZoneInfo | None:
    """The time zone called ``name``; ``None`` for what is no zone. Never opens a file outside the zone
    data."""
    if name is None or name in _NO_ZONES or not _ZONE_NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not a zone, a folder of zones, unknown
        return None
