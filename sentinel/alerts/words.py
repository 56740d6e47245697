"""Times, places, numbers and devices in the words of a mail to a person, in that person's language."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_name
from babel.numbers import format_decimal

from sentinel.alerts.clean import clean
from sentinel.alerts.sentences import ACTORS, FACTORS, LEVELS, OUTCOMES, REASONS
from sentinel.events.alert import Notice
from sentinel.events.clock import to_datetime
from sentinel.events.place import Place
from sentinel.events.sighting import Device
from sentinel.events.zone import find_zone
from sentinel.language import Language, language

#: A list of reasons longer than this is not read.
MAX_REASONS: Final = 5
#: Above this radius a city's name would say more than is known: kilometres, about the 75th percentile of
#: how far two data vendors' cities lie apart.
MAX_CITY_RADIUS: Final = 150.0
#: English of no region: the day before the month and 24 hours, which no reader takes for another date.
_ENGLISH: Final = Locale.parse("en_150")

#: Systems that agents call by another name than people do.
_SYSTEMS: Final = {"Mac OS X": "macOS", "Chrome OS": "ChromeOS"}


class Words:
    """Words in one language; dates, numbers and names of countries and zones are those of its locale (CLDR)."""

    def __init__(self, spoken: Language | None = None) -> None:
        self.language = spoken or language("en")
        self.locale = _ENGLISH if str(self.language.locale) == "en" else self.language.locale

    def say(self, text: str) -> str:
        """An English text in this language."""
        return self.language.say(text)

    def when(self, micros: int, timezone: str | None) -> str:
        """A time in the person's zone, with the zone's name and offset; in UTC when the zone is unknown or no zone.

        >>> Words().when(1_795_521_900_000_000, "Europe/Berlin")
        '24 November 2026, 13:05 (Central European Standard Time, UTC+01:00)'
        """
        zone = find_zone(timezone)
        moment = to_datetime(micros).astimezone(zone) if zone else to_datetime(micros)
        return self.say("%(date)s, %(time)s (%(zone)s)") % {
            "date": format_date(moment, "long", locale=self.locale),
            "time": format_time(moment, "short", tzinfo=moment.tzinfo, locale=self.locale),
            "zone": self._zone(moment, zone),
        }

    def _zone(self, moment: datetime, zone: ZoneInfo | None) -> str:
        if zone is None or zone.key == "UTC":
            return "UTC"
        offset = f"UTC{moment:%z}"
        offset = f"{offset[:-2]}:{offset[-2:]}"
        name = get_timezone_name(moment, width="long", locale=self.locale)
        # A zone that is only an offset has no other name.
        return offset if name.endswith(offset[3:]) else f"{name}, {offset}"

    def place(self, place: Place) -> str | None:
        """Roughly where, or ``None`` when nothing is known that has a name. No name needs an article or a case.

        >>> Words().place(Place("DE", None, "Berlin"))
        'near Berlin, Germany'
        """
        country = self._country(place.country)
        # Somebody who sent a place meant it; a looked-up one far off is better said as its country.
        city = clean(place.city) if (place.accuracy_km or 0.0) <= MAX_CITY_RADIUS else None
        region = clean(place.region)
        if city and country:
            return self.say("near %(city)s, %(country)s") % {"city": city, "country": country}
        if city:
            return self.say("near %(city)s") % {"city": city}
        if region and country:
            return f"{region}, {country}"
        return country

    def where(self, place: Place, organisation: str | None) -> str:
        """The place and the holder of the network, or that they are unknown."""
        name, network = self.place(place), clean(organisation)
        if name and network:
            return self.say("%(place)s, from the network of %(network)s") % {"place": name, "network": network}
        if network:
            return self.say("place unknown, from the network of %(network)s") % {"network": network}
        return name or self.say("place unknown")

    def device(self, device: Device) -> str:
        """The device as its browser and system.

        >>> Words().device(Device(browser="Firefox", os="Windows"))
        'Firefox on Windows'
        """
        browser, system = clean(device.browser, limit=40), clean(device.os, limit=40)
        system = _SYSTEMS.get(system or "", system)
        if device.type == "bot":
            if browser:
                return self.say("an automated program (%(program)s)") % {"program": browser}
            return self.say("an automated program")
        if browser and system:
            return self.say("%(browser)s on %(system)s") % {"browser": browser, "system": system}
        if browser:
            return self.say("%(browser)s on a system we could not recognise") % {"browser": browser}
        if system:
            return self.say("a device with %(system)s") % {"system": system}
        return self.say("a device we could not recognise")

    def number(self, value: float) -> str:
        """A whole number with the locale's grouping.

        >>> Words().number(1280)
        '1,280'
        """
        return format_decimal(f"{value:.0f}", locale=self.locale)

    def outcome(self, outcome: str) -> str:
        """What became of it."""
        return self.say(OUTCOMES.get(outcome, OUTCOMES["pending"]))

    def level(self, level: str) -> str:
        """A level of risk in words."""
        return self.say(LEVELS[level]) if level in LEVELS else ""

    def actor(self, actor: str) -> str:
        """Who did it for the person: an account of the service's own people, or the service by itself."""
        return self.say(ACTORS.get(actor, ACTORS["system"]))

    def factor(self, method: str | None) -> str | None:
        """A second factor by the name people know it by; ``None`` when there was none."""
        if method is None or method == "none":
            return None
        return self.say(FACTORS[method]) if method in FACTORS else clean(method)

    def reasons(self, notice: Notice) -> list[str]:
        """Why the mail is written, strongest first, each sentence once.

        The rule's own message wins, then a sentence known for its id, then its title.
        """
        found: dict[str, None] = {}
        for index in range(max(len(notice.reasons), len(notice.titles), len(notice.messages))):
            known = REASONS.get(_at(notice.messages, index)) or REASONS.get(_at(notice.reasons, index))
            sentence = self.say(known) if known else self._title(_at(notice.titles, index))
            if sentence:
                found[sentence] = None
        return list(found)[:MAX_REASONS]

    def titles(self, notice: Notice) -> list[str]:
        """The titles of the rules, for operators."""
        titles = (self._title(title) for title in notice.titles)
        return list(dict.fromkeys(title for title in titles if title))[:MAX_REASONS]

    def _title(self, title: str) -> str | None:
        """A rule's title; those of the rules that come along are in the catalogues."""
        cleaned = clean(title, limit=160)
        return self.say(cleaned) if cleaned else None

    def _country(self, code: str | None) -> str | None:
        return None if code is None else self.locale.territories.get(code) or clean(code, limit=8)


def _at(values: tuple[str, ...], index: int) -> str:
    return values[index] if index < len(values) else ""
