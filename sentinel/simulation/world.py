"""Where the simulated people live and travel: countries, their clocks, and who goes where."""

from typing import Final, NamedTuple


class Home(NamedTuple):
    """A country people live in: share of the population, clocks by longitude, language, where they go."""

    weight: float
    zones: tuple[tuple[float, str], ...]  #: (western edge in degrees, IANA zone), from the east to the west
    locale: str
    neighbours: tuple[str, ...]


def _one(weight: float, zone: str, locale: str, *neighbours: str) -> Home:
    return Home(weight, ((-180.0, zone),), locale, neighbours)


HOMES: Final[dict[str, Home]] = {
    "DE": _one(16, "Europe/Berlin", "de-DE", "AT", "NL", "FR", "PL", "IT", "DK"),
    "FR": _one(12, "Europe/Paris", "fr-FR", "ES", "IT", "BE", "GB", "DE"),
    "GB": _one(12, "Europe/London", "en-GB", "ES", "FR", "IE", "PT", "NL"),
    "NL": _one(5, "Europe/Amsterdam", "nl-NL", "BE", "DE", "FR", "GB"),
    "IT": _one(6, "Europe/Rome", "it-IT", "FR", "AT", "CH", "GR"),
    "ES": _one(6, "Europe/Madrid", "es-ES", "PT", "FR", "IT", "MA"),
    "PL": _one(5, "Europe/Warsaw", "pl-PL", "DE", "CZ", "HR", "IT"),
    "SE": _one(3, "Europe/Stockholm", "sv-SE", "DK", "NO", "FI", "ES"),
    "US": Home(
        16,
        (
            (-85.5, "America/New_York"),
            (-101.0, "America/Chicago"),
            (-114.0, "America/Denver"),
            (-180.0, "America/Los_Angeles"),
        ),
        "en-US",
        ("CA", "MX"),
    ),
    "CA": Home(
        4,
        ((-90.0, "America/Toronto"), (-104.0, "America/Winnipeg"), (-180.0, "America/Vancouver")),
        "en-CA",
        ("US", "MX"),
    ),
    "BR": _one(5, "America/Sao_Paulo", "pt-BR", "AR", "CL", "PT"),
    "IN": _one(5, "Asia/Kolkata", "en-IN", "AE", "TH", "SG"),
    "JP": _one(3, "Asia/Tokyo", "ja-JP", "KR", "TH", "SG"),
    "AU": Home(
        2,
        ((141.0, "Australia/Sydney"), (129.0, "Australia/Adelaide"), (-180.0, "Australia/Perth")),
        "en-AU",
        ("NZ", "SG", "TH"),
    ),
}

#: Long journeys go here, whoever travels.
FAR: Final = ("US", "TH", "JP", "AE", "MX", "TR", "EG", "GR", "PT", "ES", "ZA", "CA", "BR", "AU", "IN", "SG")

#: Where attackers with any address in the world sit, beside the countries above.
ELSEWHERE: Final = ("RU", "CN", "NG", "VN", "ID", "UA", "RO", "PK", "BD", "KE")

COUNTRIES: Final = frozenset({*HOMES, *FAR, *ELSEWHERE, *(code for home in HOMES.values() for code in home.neighbours)})


def zone_of(country: str, longitude: float) -> str:
    """The IANA zone of a place in a home country.

    >>> zone_of("US", -118.0)
    'America/Los_Angeles'
    """
    return next(zone for west, zone in HOMES[country].zones if longitude >= west)
