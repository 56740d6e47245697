"""Times, places and devices in the words of a mail to a person."""

import json
from functools import lru_cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Final

from sentinel.alerts.clean import clean
from sentinel.alerts.sentences import ACTORS, FACTORS, OUTCOMES, REASONS, mark
from sentinel.events.alert import Notice
from sentinel.events.clock import to_datetime
from sentinel.events.place import Place
from sentinel.events.sighting import Device
from sentinel.events.zone import find_zone

#: A list of reasons longer than this is not read.
MAX_REASONS: Final = 5
#: Above this radius a city's name would say more than is known: kilometres, about the 75th percentile of
#: how far two data vendors' cities lie apart.
MAX_CITY_RADIUS: Final = 150.0

_MONTHS: Final = (
    mark("January"),
    mark("February"),
    mark("March"),
    mark("April"),
    mark("May"),
    mark("June"),
    mark("July"),
    mark("August"),
    mark("September"),
    mark("October"),
    mark("November"),
    mark("December"),
)
#: Countries whose English name takes "the" in running text.
# fmt: off
_WITH_ARTICLE: Final = frozenset(
    {
        "AE", "AX", "BQ", "BS", "CC", "CD", "CF", "CG", "CK", "DO", "FK",
        "FO", "GB", "GM", "IM", "IO", "KM", "KY", "MH", "MP", "MV", "NL",
        "PH", "SB", "SC", "TC", "TF", "UM", "US", "VA", "VG", "VI",
    }
)
# fmt: on


class Words:
    """Words in one language. ``translations`` is a message catalogue; the default leaves English as it is."""

    def __init__(self, translations: NullTranslations | None = None) -> None:
        self.translations = translations or NullTranslations()
        self._say = self.translations.gettext

    def when(self, micros: int, timezone: str | None) -> str:
        """A time in the person's zone, named; in UTC when the zone is unknown or no zone at all.

        >>> Words().when(1_795_521_900_000_000, "Europe/Berlin")
        '24 November 2026, 13:05 (Europe/Berlin)'
        """
        zone = find_zone(timezone)
        moment = to_datetime(micros).astimezone(zone) if zone else to_datetime(micros)
        name = zone.key if zone else "UTC"
        if moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset():
            # The hour that the clocks went through twice: only the offset tells which one it was.
            name = f"{name}, UTC{moment:%z}"
        return self._say("%(day)d %(month)s %(year)d, %(time)s (%(zone)s)") % {
            "day": moment.day,
            "month": self._say(_MONTHS[moment.month - 1]),
            "year": moment.year,
            "time": f"{moment:%H:%M}",
            "zone": name,
        }

    def place(self, place: Place) -> str | None:
        """Roughly where, or ``None`` when nothing is known that has a name.

        >>> Words().place(Place("DE", None, "Berlin"))
        'near Berlin, Germany'
        """
        country = self._country(place.country)
        # Somebody who sent a place meant it; a looked-up one far off is better said as its country.
        city = clean(place.city) if (place.accuracy_km or 0.0) <= MAX_CITY_RADIUS else None
        region = clean(place.region)
        if city and country:
            return self._say("near %(city)s, %(country)s") % {"city": city, "country": country}
        if city:
            return self._say("near %(city)s") % {"city": city}
        if region and country:
            return self._say("in %(region)s, %(country)s") % {"region": region, "country": country}
        if country and place.country in _WITH_ARTICLE:
            return self._say("in the %(country)s") % {"country": country}
        if country:
            return self._say("in %(country)s") % {"country": country}
        return None

    def where(self, place: Place, organisation: str | None) -> str:
        """The place and the holder of the network, or that they are unknown."""
        name, network = self.place(place), clean(organisation)
        if name and network:
            values = {"place": name, "network": network}
            return self._say("%(place)s, from the network of %(network)s") % values
        if network:
            return self._say("place unknown, from the network of %(network)s") % {"network": network}
        return name or self._say("place unknown")

    def device(self, device: Device) -> str:
        """The device as its browser and system.

        >>> Words().device(Device(browser="Firefox", os="Windows"))
        'Firefox on Windows'
        """
        browser, system = clean(device.browser, limit=40), clean(device.os, limit=40)
        if device.type == "bot":
            if browser:
                return self._say("an automated program (%(program)s)") % {"program": browser}
            return self._say("an automated program")
        if browser and system:
            return self._say("%(browser)s on %(system)s") % {"browser": browser, "system": system}
        if browser:
            return self._say("%(browser)s on a system we could not recognise") % {"browser": browser}
        if system:
            return self._say("a device with %(system)s") % {"system": system}
        return self._say("a device we could not recognise")

    def outcome(self, outcome: str) -> str:
        """What became of it."""
        return self._say(OUTCOMES.get(outcome, OUTCOMES["pending"]))

    def actor(self, actor: str) -> str:
        """Who did it for the person: an account of the service's own people, or the service by itself."""
        return self._say(ACTORS.get(actor, ACTORS["system"]))

    def factor(self, method: str | None) -> str | None:
        """A second factor by the name people know it by; ``None`` when there was none."""
        if method is None or method == "none":
            return None
        return self._say(FACTORS[method]) if method in FACTORS else clean(method)

    def reasons(self, notice: Notice) -> list[str]:
        """Why the mail is written, strongest first, each sentence once.

        The rule's own message wins, then a sentence known for its id, then its title.
        """
        found: dict[str, None] = {}
        for index in range(max(len(notice.reasons), len(notice.titles), len(notice.messages))):
            known = REASONS.get(_at(notice.messages, index)) or REASONS.get(_at(notice.reasons, index))
            sentence = self._say(known) if known else clean(_at(notice.titles, index), limit=160)
            if sentence:
                found[sentence] = None
        return list(found)[:MAX_REASONS]

    def titles(self, notice: Notice) -> list[str]:
        """The titles of the rules, for operators."""
        titles = (clean(title, limit=160) for title in notice.titles)
        return list(dict.fromkeys(title for title in titles if title))[:MAX_REASONS]

    def _country(self, code: str | None) -> str | None:
        if code is None:
            return None
        name = country_names().get(code)
        return self._say(name) if name else clean(code, limit=8)


def _at(values: tuple[str, ...], index: int) -> str:
    return values[index] if index < len(values) else ""


@lru_cache(maxsize=1)
def country_names() -> dict[str, str]:
    """English country names by ISO 3166-1 alpha-2 code; empty where the data is not installed (codes are
    shown)."""
    source = files("sentinel").joinpath("data/geo/countries.json")
    try:
        return {code: entry["name"] for code, entry in json.loads(source.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
