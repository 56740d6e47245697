"""Facts of the network."""

from sentinel.events.place import ANONYMOUS_KINDS
from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.seen import shortened


@fact("network.known", "bool")
def network_known(look: Look) -> bool:
    """The autonomous system is known."""
    return look.sighting.network.asn is not None


@fact("network.asn", "int")
def network_asn(look: Look) -> int | None:
    """Number of the autonomous system; absent when unknown."""
    return look.sighting.network.asn


@fact("network.organisation", "string")
def network_organisation(look: Look) -> str:
    """Holder of the network; empty when unknown."""
    return look.sighting.network.organisation or ""


@fact("network.kind", "string", few=True)
def network_kind(look: Look) -> str:
    """Kind of network, as residential, mobile, hosting, vpn or tor; empty when unknown."""
    return look.sighting.network.kind or ""


@fact("network.anonymous", "bool")
def network_anonymous(look: Look) -> bool:
    """A network that hides where the person is: vpn, proxy, tor or relay."""
    return look.sighting.network.kind in ANONYMOUS_KINDS


@fact("network.hosting", "bool")
def network_hosting(look: Look) -> bool:
    """A hosting network: machines, seldom people."""
    return look.sighting.network.kind == "hosting"


@fact("network.private", "bool")
def network_private(look: Look) -> bool:
    """A private, loopback, carrier-internal or documentation address."""
    return look.sighting.network.kind == "private"


@fact("network.listed", "bool")
def network_listed(look: Look) -> bool:
    """On one of the operator's lists of bad addresses."""
    return look.sighting.network.listed


@fact("network.office", "bool")
def network_office(look: Look) -> bool:
    """One of the operator's own exits."""
    return look.sighting.network.office


@fact("network.ipv6", "bool")
def network_ipv6(look: Look) -> bool:
    """The address is an IPv6 one (a v4-mapped address is not)."""
    return look.sighting.ipv6


@fact("network.rented", "bool")
def network_rented(look: Look) -> bool:
    """All of the autonomous system's IPv6 space may be one customer's: it is small, or a hosting network.

    Small: it announces at most 4,096 IPv4 addresses. One rented /32 holds 65,536 /48s, so that an attacker
    need never use one twice; an access network of that size has other customers.
    """
    network = look.sighting.network
    return look.sighting.ipv6 and network.asn is not None and (network.small or network.kind == "hosting")


@fact("network.address", "string", keyed=True)
def network_address(look: Look) -> str | None:
    """Pseudonym of the IPv4 address, or of the IPv6 /64."""
    return look.sighting.address


@fact("network.prefix", "string", keyed=True)
def network_prefix(look: Look) -> str | None:
    """Pseudonym of the IPv4 /24, or of the IPv6 /48."""
    return look.sighting.prefix


@fact("network.new", "bool", past=True, judged=True)
def network_new(look: Look) -> bool:
    """The autonomous system is known and not in the account's trusted past."""
    return look.network is not None and not look.network_trusted


@fact("network.trusted", "bool", past=True, judged=True)
def network_trusted(look: Look) -> bool:
    """The autonomous system is in the account's trusted past."""
    return look.network_trusted


@fact("network.familiar", "bool", past=True, judged=True)
def network_familiar(look: Look) -> bool:
    """As network.trusted; where the autonomous system is unknown (private addresses), the /24 or /48 counts."""
    return look.network_familiar


@fact("network.range_familiar", "bool", past=True, judged=True)
def network_range_familiar(look: Look) -> bool:
    """A trusted login came from the same /24 (of IPv6: /48) lately; which ones is kept of the last 16."""
    prefix = look.sighting.prefix
    return prefix is not None and shortened(prefix) in look.profile.seen.get("prefix", {})


@fact("network.kind_trusted", "bool", past=True, judged=True)
def network_kind_trusted(look: Look) -> bool:
    """The kind of network is in the account's trusted past: this person always uses a VPN, say."""
    return look.trusts("network_kind", look.sighting.network.kind)


@fact("network.settling", "bool", past=True, judged=True)
def network_settling(look: Look) -> bool:
    """Not trusted yet, but logged in from flagged below high on two earlier days, and nobody said no."""
    return look.settling(look.value("network", look.network), 2)
