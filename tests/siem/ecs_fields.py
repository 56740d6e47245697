FIELDS: dict[str, str] = {}
ALLOWED: dict[str, set[str]] = {}
