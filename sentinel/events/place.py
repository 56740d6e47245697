"""Where an event came from: the place and the network, as given by the sender or looked up."""

from typing import Final

import msgspec

#: Kinds of network (CONTRACT §1). Names follow the contract, never a data provider's.
NETWORK_KINDS: Final = (
    "residential",
    "mobile",
    "business",
    "hosting",
    "vpn",
    "proxy",
    "tor",
    "relay",
    "satellite",
    "private",
)

#: Kinds behind which a person hides: the address says nothing about where the person is.
ANONYMOUS_KINDS: Final = frozenset({"vpn", "proxy", "tor", "relay"})

#: Kinds that anybody can rent or use for free, in any country: through them anybody comes from anywhere.
RENTED_KINDS: Final = frozenset({"hosting", "vpn", "tor", "proxy"})


class Place(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A rough place on earth.

    ``country`` is ISO 3166-1 alpha-2, ``lat`` and ``lon`` are degrees (WGS 84), ``accuracy_km`` is the
    radius in kilometres within which the true place lies with good probability. Any part may be unknown.
    """

    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_km: float | None = None


class Network(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """The network an address belongs to.

    ``asn`` is the autonomous system number, ``organisation`` its holder's name, ``kind`` one of
    :data:`NETWORK_KINDS` (``None``: unknown). ``listed`` says that the address is on a list of known bad
    addresses, ``office`` that the operator named it as one of their own exits. ``small`` says that few people
    share the autonomous system.
    """

    asn: int | None = None
    organisation: str | None = None
    kind: str | None = None
    listed: bool = False
    office: bool = False
    small: bool = False
