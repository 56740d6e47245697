"""Which network an address belongs to, and of what kind it is."""

from collections.abc import Mapping
from typing import Any, Final

import iporigin
import maxminddb

from sentinel.enrich.address import Address, is_reserved
from sentinel.enrich.cache import AddressCache
from sentinel.enrich.lists import OperatorLists
from sentinel.enrich.marks import Marks
from sentinel.events.place import NETWORK_KINDS, Network

_PRIVATE: Final = Network(kind="private")

#: When several sources (lists, flags of a database) name several kinds, the one that hides most stands.
_STRONGEST_FIRST: Final[tuple[str, ...]] = (
    "tor", "vpn", "relay", "proxy", "satellite", "mobile", "hosting", "business", "residential",
)  # fmt: skip

#: Flags of an anonymous-IP database in the same order. A residential proxy hides the person like any other
#: proxy.
_FLAGS: Final = (
    ("is_tor_exit_node", "tor"),
    ("is_anonymous_vpn", "vpn"),
    ("is_public_proxy", "proxy"),
    ("is_residential_proxy", "proxy"),
    ("is_hosting_provider", "hosting"),
    ("is_anonymous", "proxy"),
)

#: Kinds of ``iporigin`` in our words. A crawler and a CDN's edge are machines in a data centre.
_ORIGIN_KINDS: Final[Mapping[str, str]] = {
    iporigin.TOR: "tor",
    iporigin.VPN: "vpn",
    iporigin.HOSTING: "hosting",
    iporigin.CDN: "hosting",
    iporigin.BOT: "hosting",
}


class NetworkReader:
    """Networks by address. Reads no clock and no network.

    The kind comes, strongest first, from: the operator's lists; the anonymous-IP database; ``iporigin``
    where it says Tor, VPN or relay; the table of operators where it says mobile or satellite; ``iporigin``
    otherwise; the table of operators. Reserved addresses are ``private`` unless a list names them (an office
    behind a VPN).
    """

    def __init__(
        self,
        asns: maxminddb.Reader | None,
        operators: Mapping[int, str],
        lists: OperatorLists | None = None,
        anonymous: maxminddb.Reader | None = None,
        large: frozenset[int] = frozenset(),
        marks: Marks | None = None,
    ) -> None:
        """``asns`` is an ASN database, ``anonymous`` an anonymous-IP one, ``operators`` ASN -> kind.

        ``large`` are the autonomous systems that many people share; without any, none is called small.
        """
        #: The operator's allowlists and mutes by address.
        self.marks = marks or Marks()
        self._asns = asns
        self._anonymous = anonymous
        self._large = large
        self._operators = operators
        self._lists = lists if lists is not None else OperatorLists()
        self._cache: AddressCache[Network] = AddressCache(self._find)

    def lookup(self, ip: Address) -> Network:
        """What is known of the address's network; the kind is ``None`` where nothing is."""
        return self._cache.get(ip)

    def kind_of_asn(self, asn: int) -> str | None:
        """The kind of an autonomous system by the table of operators alone, for senders that give only the
        ASN.
        """
        return self._operators.get(asn)

    def is_small(self, asn: int) -> bool:
        """Whether few people share the autonomous system; see :func:`sentinel.enrich.operators.load_large`."""
        return bool(self._large) and asn not in self._large

    def close(self) -> None:
        """Close the databases; lookups fail from then on."""
        for database in (self._asns, self._anonymous):
            if database is not None:
                database.close()

    def _find(self, address: Address) -> Network:
        reserved = is_reserved(address)
        record = {} if reserved else _record(self._asns, address)
        asn, organisation = asn_of(record)
        named = self._lists.kinds(address, asn)
        kind = next((kind for kind in _STRONGEST_FIRST if kind in named), None)
        if kind is None:
            kind = "private" if reserved else self._kind(address, asn)
        listed, office = "listed" in named, "office" in named
        if kind == "private" and not listed and not office:
            return _PRIVATE
        small = asn is not None and self.is_small(asn)
        return Network(asn=asn, organisation=organisation, kind=kind, listed=listed, office=office, small=small)

    def _kind(self, address: Address, asn: int | None) -> str | None:
        flagged = anonymous_kind(_record(self._anonymous, address))
        if flagged is not None:
            return flagged
        origin = origin_kind(iporigin.classify(address))  # type: ignore[no-untyped-call]
        operator = self._operators.get(asn) if asn is not None else None
        if origin in ("tor", "vpn", "relay"):
            return origin
        if operator in ("mobile", "satellite", "vpn"):
            return operator
        return origin or operator


def origin_kind(origin: iporigin.Origin) -> str | None:
    """``iporigin``'s answer in our words; private relays are told from VPNs by their provider's name."""
    kind = _ORIGIN_KINDS.get(origin.kind)
    return "relay" if kind is not None and "relay" in origin.provider.casefold() else kind


def asn_of(record: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """Number and organisation from a record of MaxMind's shape or a flat one (``asn`` as 64500 or
    ``AS64500``).
    """
    number = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(number, str):
        digits = number.upper().removeprefix("AS")
        number = int(digits) if digits.isascii() and digits.isdigit() else None
    name = record.get("autonomous_system_organization") or record.get("as_name") or record.get("name")
    valid = isinstance(number, int) and 0 < number < 1 << 32
    return (number if valid else None), (name if isinstance(name, str) and name else None)


def anonymous_kind(record: Mapping[str, Any]) -> str | None:
    """The kind an anonymous-IP record says; ``None`` where no flag is set."""
    return next((kind for flag, kind in _FLAGS if record.get(flag) is True), None)


def _record(database: maxminddb.Reader | None, address: Address) -> Mapping[str, Any]:
    if database is None or (address.version == 6 and database.metadata().ip_version == 4):
        return {}
    record = database.get(address)
    return record if isinstance(record, dict) else {}


assert set(_STRONGEST_FIRST) == set(NETWORK_KINDS) - {"private"}
