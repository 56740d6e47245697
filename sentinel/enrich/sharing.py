"""Events to be shown to others: what identifies is a pseudonym of that one export, and no key is left to undo it.

Who shared an address, a network, a device or a session still does, so that rules find what they found before.
Addresses are prefix-preserving pseudonyms (:mod:`sentinel.privacy.prefix`); of places the country stays, of networks
number and kind, which are looked up first, since a pseudonym cannot be. Names, addresses for mail and everything that
no rule reads are left out. User agents stay as they are: they say which browser, and one that only one person has says
who; whoever shares such a file weighs that.
"""

from msgspec.structs import replace

from sentinel.enrich.address import parse_address
from sentinel.enrich.network import NetworkReader
from sentinel.enrich.place import PlaceReader
from sentinel.events.event import Client, Event, Feedback, GivenNetwork, GivenPlace
from sentinel.privacy.keys import Secret
from sentinel.privacy.prefix import PrefixPreserving
from sentinel.privacy.pseudonyms import Pseudonymizer


class Sharing:
    """One export. Its ``secret`` is thrown away with it."""

    def __init__(self, secret: Secret, places: PlaceReader, networks: NetworkReader) -> None:
        self._of = Pseudonymizer(secret)
        self._address = PrefixPreserving(secret.derive("prefix"))
        self._places, self._networks = places, networks

    def event(self, event: Event) -> Event:
        """The event as others may see it."""
        return replace(
            event,
            id=self._name("event", event.id),
            account=self._name("account", event.account),
            ip=str(self._address.encrypt(parse_address(event.ip))) if event.ip is not None else None,
            place=self._place(event),
            network=self._network(event),
            device_id=self._name("device", event.device_id),
            session_id=self._name("session", event.session_id),
            client=Client(ja4=self._name("ja4", event.client.ja4)) if event.client and event.client.ja4 else None,
            mfa=replace(event.mfa, device_id=self._name("factor", event.mfa.device_id)) if event.mfa else None,
            actor_account=self._name("account", event.actor_account),
            concludes=self._name("event", event.concludes),
            email=None,
            previous_email=None,
            name=None,
            locale=None,
            account_created=None,
            rtt_ms=None,
            extra=None,
        )

    def feedback(self, feedback: Feedback) -> Feedback:
        """The answer as others may see it."""
        return replace(feedback, event=self._of("event", "", feedback.event))

    def _name(self, domain: str, value: str | None) -> str | None:
        return self._of(domain, "", value) if value is not None else None

    def _place(self, event: Event) -> GivenPlace | None:
        country = event.place.country if event.place is not None else None
        if country is None and event.ip is not None and (found := self._places.lookup(parse_address(event.ip))):
            country = found.country
        return GivenPlace(country=country) if country is not None else None

    def _network(self, event: Event) -> GivenNetwork | None:
        given = event.network or GivenNetwork()
        asn, kind = given.asn, given.kind
        if event.ip is not None and (asn is None or kind is None):
            found = self._networks.lookup(parse_address(event.ip))
            asn, kind = asn if asn is not None else found.asn, kind or found.kind
        return GivenNetwork(asn=asn, kind=kind) if asn is not None or kind is not None else None
