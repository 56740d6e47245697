"""Looking up the place of an address in a MaxMind-format database, whatever its schema."""

from collections.abc import Mapping
from typing import Any, Final

import maxminddb

from sentinel.enrich.address import Address, is_reserved
from sentinel.enrich.cache import AddressCache
from sentinel.enrich.countries import Country
from sentinel.events.place import Place

#: Radius in km when a database gives coordinates without one. City: two vendors' cities differ by 15 km in
#: the median and by 151 km in every fourth case. Region: half the width of a middling state or province.
CITY_KM: Final = 100.0
REGION_KM: Final = 250.0

#: Radius in km of a country that is not in the table.
COUNTRY_KM: Final = 1000.0


class PlaceReader:
    """Places by address. Reads no clock and no network; a lookup that finds nothing gives ``None``."""

    def __init__(self, database: maxminddb.Reader | None, countries: Mapping[str, Country]) -> None:
        """``database`` may be any city or country database; the reader closes it in :meth:`close`."""
        self._database = database
        self._countries = countries
        self._four_only = database is not None and database.metadata().ip_version == 4
        self._cache: AddressCache[Place | None] = AddressCache(self._find)

    def lookup(self, ip: Address) -> Place | None:
        """The place of an address; ``None`` for reserved addresses and those the database does not know."""
        return self._cache.get(ip)

    def country_place(self, country: str) -> Place | None:
        """A country alone: its centre, with a radius of its size. ``None`` for a code that is no country.

        >>> from sentinel.enrich.countries import load_countries
        >>> PlaceReader(None, load_countries()).country_place("MC")
        Place(country='MC', region=None, city=None, lat=43.5, lon=7.5, accuracy_km=50.0)
        """
        centre = self._countries.get(country)
        if centre is None:
            return None
        return Place(country=country, lat=centre.lat, lon=centre.lon, accuracy_km=centre.radius_km)

    def country_name(self, code: str) -> str:
        """The English name of a country; the code itself where it is unknown."""
        country = self._countries.get(code)
        return country.name if country is not None else code

    def radius(self, place: Place) -> float:
        """The accuracy in km to assume of coordinates given without one: by what else is known of the
        place.
        """
        return _default_radius(place.city, place.region, place.country, self._countries)

    def close(self) -> None:
        """Close the database; lookups fail from then on."""
        if self._database is not None:
            self._database.close()

    def _find(self, address: Address) -> Place | None:
        if self._database is None or is_reserved(address) or (self._four_only and address.version == 6):
            return None
        record = self._database.get(address)
        return place_of(record, self._countries) if isinstance(record, dict) else None


def place_of(record: Mapping[str, Any], countries: Mapping[str, Country]) -> Place | None:
    """A record of MaxMind's nested shape, DB-IP's flat one or ipinfo's, as a place.

    A country without coordinates gets its centre. Coordinates outside the globe count as missing.
    """
    country = _code(record)
    region = _region(record)
    city = _text(_names(record.get("city")))
    location = record.get("location")
    at: Mapping[str, Any] = location if isinstance(location, dict) else record
    lat = _degrees(at.get("latitude", at.get("lat")), 90.0)
    lon = _degrees(at.get("longitude", at.get("lng", at.get("lon"))), 180.0)
    radius = at.get("accuracy_radius", at.get("radius"))
    accuracy = _number(radius)
    if lat is None or lon is None:
        lat = lon = accuracy = None
        centre = countries.get(country) if country is not None else None
        if centre is not None:
            lat, lon, accuracy = centre.lat, centre.lon, centre.radius_km
    elif not accuracy:
        accuracy = _default_radius(city, region, country, countries)
    if country is None and lat is None:
        return None
    return Place(country=country, region=region, city=city, lat=lat, lon=lon, accuracy_km=accuracy)


def _code(record: Mapping[str, Any]) -> str | None:
    """The ISO code; where the address is (``country``) before where its block is registered."""
    for key in ("country", "country_code", "registered_country"):
        value = record.get(key)
        code = value.get("iso_code") if isinstance(value, dict) else value
        if isinstance(code, str) and len(code) == 2 and code.isalpha() and code.upper() != "ZZ":
            return code.upper()
    return None


def _region(record: Mapping[str, Any]) -> str | None:
    divisions = record.get("subdivisions")
    if isinstance(divisions, list) and divisions:
        return _text(_names(divisions[0]))
    return _text(record.get("state1") or record.get("region") or record.get("state"))


def _names(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = value.get("names")
    if isinstance(names, dict):
        return names.get("en") or next(iter(names.values()), None)
    return value.get("name") or value.get("iso_code")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    # ipinfo writes numbers as text
    try:
        return float(value) if value is not None and value != "" else None
    except (TypeError, ValueError):
        return None


def _degrees(value: Any, limit: float) -> float | None:
    degrees = _number(value)
    return degrees if degrees is not None and -limit <= degrees <= limit else None


def _default_radius(
    city: str | None, region: str | None, country: str | None, countries: Mapping[str, Country]
) -> float:
    if city is not None:
        return CITY_KM
    if region is not None:
        return REGION_KM
    known = countries.get(country) if country is not None else None
    return known.radius_km if known is not None else COUNTRY_KM
