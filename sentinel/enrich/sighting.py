"""From event to sighting: the raw address, agent and ids go no further than this."""

from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from sentinel.enrich.address import Address, address_bytes, parse_address, prefix_bytes
from sentinel.enrich.device import describe
from sentinel.enrich.marks import Marks
from sentinel.events.clock import to_micros
from sentinel.events.event import ATTEMPT_REASONS, CREDENTIAL_CHANGES, Event, GivenNetwork, GivenPlace
from sentinel.events.place import ANONYMOUS_KINDS, Network, Place
from sentinel.events.sighting import Attributes, Factor, Raw, Sighting
from sentinel.privacy.pseudonyms import Pseudonymizer

#: Types that are judged like a login when they succeed (CONTRACT §1, "What is judged how").
_JUDGED_TYPES = CREDENTIAL_CHANGES | {"login", "session_seen", "token_created", "consent_granted"}


#: Addresses remembered with all that is known of them, about 600 bytes each.
ADDRESSES: Final = 32_768
#: User agents, fingerprints and languages remembered with their pseudonyms, about 400 bytes each.
SHARED: Final = 8192


class Places(Protocol):
    """Looks places up; see :class:`sentinel.enrich.place.PlaceReader`."""

    def lookup(self, ip: Address) -> Place | None: ...

    def country_place(self, country: str) -> Place | None: ...


class Networks(Protocol):
    """Looks networks up; see :class:`sentinel.enrich.network.NetworkReader`."""

    marks: Marks

    def lookup(self, ip: Address) -> Network: ...

    def kind_of_asn(self, asn: int) -> str | None: ...

    def is_small(self, asn: int) -> bool: ...


class _Seen(NamedTuple):
    """What an address is: its pseudonyms, and what the databases say."""

    address: str | None
    prefix: str | None
    place: Place | None
    network: Network
    ipv6: bool
    marks: tuple[str, ...] = ()


_NO_PLACE: Final = Place()
_NOWHERE: Final = _Seen(None, None, None, Network(), ipv6=False)


class Enricher:
    """Turns events into sightings. The readers may be replaced while running (new databases)."""

    def __init__(self, pseudonym: Pseudonymizer, places: Places, networks: Networks) -> None:
        self.pseudonym = pseudonym
        # Many people have the same browser: its pseudonym is made once.
        self._shared = lru_cache(SHARED)(pseudonym)
        self.use(places, networks)

    def use(self, places: Places, networks: Networks) -> None:
        """Look up in other databases from now on."""
        self.places = places
        self.networks = networks
        # People come back from the same address: one look instead of two look-ups and two pseudonyms.
        self._seen = lru_cache(ADDRESSES)(self._look_up)

    def event_key(self, tenant: str, event: str) -> str:
        """The key of an event's record."""
        return self.pseudonym("event", tenant, event)

    def account_key(self, tenant: str, account: str) -> str:
        """The key of an account."""
        return self.pseudonym("account", tenant, account)

    def body_hash(self, tenant: str, body: bytes) -> bytes:
        """What tells a second post of the same content from another content under the same id."""
        return self.pseudonym("body", tenant, body).encode()

    def sight(self, tenant: str, event: Event) -> Sighting:
        """The sighting of a checked event that has an id."""
        assert event.id is not None
        of, shared = self.pseudonym, self._shared
        outcome = event.ended
        failed = outcome in ("failure", "blocked")
        own = event.actor == "self"
        known = event.reason != "unknown_account"
        seen = self._seen(tenant, event.ip) if event.ip is not None else _NOWHERE
        client, auth, mfa = event.client, event.auth, event.mfa
        factor = Factor()
        if mfa is not None:
            key = of("factor", tenant, mfa.device_id) if mfa.device_id else None
            factor = Factor(mfa.method, key, mfa.outcome, mfa.counter)
        resistant = (factor.method == "webauthn" and factor.outcome == "success") or (
            auth is not None and (auth.phishing_resistant is True or auth.method == "passkey")
        )
        return Sighting(
            tenant=tenant,
            key=self.event_key(tenant, event.id),
            time=to_micros(event.time),
            type=event.type,
            outcome=outcome,
            reason=event.reason,
            account=of("account" if known else "tried", tenant, event.account) if event.account else None,
            known_account=known,
            attempt=outcome == "blocked" or (outcome == "failure" and _is_attempt(event.reason)),
            judged=own and known and event.type in _JUDGED_TYPES and (not failed or event.password_ok),
            own=own,
            password_ok=event.password_ok,
            password_breached=event.password_breached,
            address=seen.address,
            prefix=seen.prefix,
            place=seen.place or _NO_PLACE if event.place is None else self._place(event.place, seen.place),
            network=seen.network if event.network is None else self._network(event.network, seen.network),
            device_key=of("device", tenant, event.device_id) if event.device_id else None,
            device=describe(event.user_agent),
            agent=shared("agent", tenant, event.user_agent) if event.user_agent else None,
            ja4=shared("ja4", tenant, client.ja4) if client and client.ja4 else None,
            language=shared("language", tenant, client.accept_language) if client and client.accept_language else None,
            session=of("session", tenant, event.session_id) if event.session_id else None,
            service=event.service,
            auth_method=auth.method if auth else None,
            idp=auth.idp if auth else None,
            phishing_resistant=resistant,
            origin=_host(auth.origin) if auth and auth.origin else None,
            factor=factor,
            actor=event.actor,
            actor_account=of("account", tenant, event.actor_account) if event.actor_account else None,
            concludes=self.event_key(tenant, event.concludes) if event.concludes else None,
            enforced=event.enforced,
            rtt_ms=event.rtt_ms,
            timezone=event.timezone,
            tags=tuple(event.account_tags),
            account_created=to_micros(event.account_created) if event.account_created else None,
            ipv6=seen.ipv6,
            marks=seen.marks,
        )

    def _look_up(self, tenant: str, text: str) -> "_Seen":
        ip = parse_address(text)
        return _Seen(
            self.pseudonym("address", tenant, address_bytes(ip)),
            self.pseudonym("prefix", tenant, prefix_bytes(ip)),
            self.places.lookup(ip),
            self.networks.lookup(ip),
            ip.version == 6,
            self.networks.marks.of(tenant, ip),
        )

    def _place(self, given: GivenPlace, found: Place | None) -> Place:
        if given.lat is not None:
            country = given.country or (found.country if found else None)
            # Travel is judged in hundreds of kilometres; anything finer would say where a person lives.
            lat, lon = round(given.lat, 1), round(given.lon or 0.0, 1)
            return Place(country, given.region, given.city, lat, lon, given.accuracy_km)
        if given.country is not None and (found is None or found.country != given.country):
            # The sender knows better where this is: what was looked up belongs to another country.
            found = self.places.country_place(given.country)
        found = found or Place()
        if _elsewhere(given.region, found.region) or _elsewhere(given.city, found.city):
            # Within the country, but not where the address seemed to be: only the country's centre is left.
            found = (found.country and self.places.country_place(found.country)) or Place(found.country)
        return Place(
            given.country or found.country,
            given.region or found.region,
            given.city or found.city,
            found.lat,
            found.lon,
            given.accuracy_km if given.accuracy_km is not None else found.accuracy_km,
        )

    def _network(self, given: GivenNetwork, found: Network) -> Network:
        if given.asn is not None and given.asn != found.asn:
            # What was looked up belongs to another network; lists and exits go by the address itself.
            kind = found.kind if found.kind in ANONYMOUS_KINDS else self.networks.kind_of_asn(given.asn)
            found = Network(given.asn, None, kind, found.listed, found.office, self.networks.is_small(given.asn))
        return Network(
            given.asn if given.asn is not None else found.asn,
            given.organisation or found.organisation,
            given.kind or found.kind,
            found.listed,
            found.office,
            found.small,
        )


def raw_of(event: Event) -> Raw:
    """The raw values to seal.

    A name that was only tried is not kept: people type passwords there (CONTRACT §1).
    """
    assert event.id is not None
    account = event.account if event.reason != "unknown_account" else None
    return Raw(
        event=event.id,
        account=account,
        ip=event.ip,
        user_agent=event.user_agent,
        device_id=event.device_id,
        session_id=event.session_id,
        mfa_device_id=event.mfa.device_id if event.mfa else None,
        ja4=event.client.ja4 if event.client else None,
        accept_language=event.client.accept_language if event.client else None,
        actor_account=event.actor_account,
    )


def attributes_of(event: Event) -> Attributes | None:
    """The account attributes that the event carries, if any."""
    if event.account is None or event.reason == "unknown_account":
        return None
    given = (
        event.email,
        event.previous_email,
        event.email_verified,
        event.locale,
        event.timezone,
        event.name,
    )
    if not any(value is not None for value in given) and not event.account_tags and event.account_created is None:
        return None
    return Attributes(
        account=event.account,
        email=event.email,
        previous_email=event.previous_email,
        email_verified=event.email_verified,
        locale=event.locale,
        timezone=event.timezone,
        name=event.name,
        tags=tuple(event.account_tags),
        created=to_micros(event.account_created) if event.account_created else None,
        as_of=to_micros(event.time),
    )


def _elsewhere(given: str | None, found: str | None) -> bool:
    return given is not None and found is not None and given != found


def _is_attempt(reason: str | None) -> bool:
    # A failure without a reason is somebody trying, as far as anybody can tell.
    return reason is None or reason in ATTEMPT_REASONS


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin if "//" in origin else f"//{origin}").hostname
    except ValueError:
        return None
