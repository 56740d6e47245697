"""Facts of the event itself."""

from sentinel.facts.look import Look
from sentinel.facts.registry import fact


@fact("event.type", "string")
def event_type(look: Look) -> str:
    """Type of the event, as login or mfa_removed."""
    return look.sighting.type


@fact("event.outcome", "string")
def event_outcome(look: Look) -> str:
    """How it ended: success, failure, blocked or pending."""
    return look.sighting.outcome


@fact("event.reason", "string")
def event_reason(look: Look) -> str:
    """Why it failed, as bad_password; empty when it did not fail or the sender did not say."""
    return look.sighting.reason or ""


@fact("event.attempt", "bool")
def event_attempt(look: Look) -> bool:
    """A failure that is somebody trying: not interrupted, expired, disabled or against the house's policy."""
    return look.sighting.attempt


@fact("event.judged", "bool")
def event_judged(look: Look) -> bool:
    """Place, network, device and habit rules apply: it succeeded, is pending, or the password was right."""
    return look.sighting.judged


@fact("event.own", "bool")
def event_own(look: Look) -> bool:
    """The person did it, not an admin or the system."""
    return look.sighting.own


@fact("event.actor", "string")
def event_actor(look: Look) -> str:
    """Who did it: self, admin or system."""
    return look.sighting.actor


@fact("event.service", "string")
def event_service(look: Look) -> str:
    """Which application; empty when the sender did not say."""
    return look.sighting.service or ""


@fact("event.password_ok", "bool")
def event_password_ok(look: Look) -> bool:
    """The password was right although the login did not succeed."""
    return look.sighting.password_ok


@fact("event.password_breached", "bool")
def event_password_breached(look: Look) -> bool:
    """The service found the password in a breach list."""
    return look.sighting.password_breached


@fact("event.rtt_ms", "double")
def event_rtt_ms(look: Look) -> float | None:
    """Round-trip time measured by the service, in milliseconds."""
    return look.sighting.rtt_ms


@fact("auth.method", "string")
def auth_method(look: Look) -> str:
    """How the first factor was proved, as password or passkey; empty when unknown."""
    return look.sighting.auth_method or ""


@fact("auth.phishing_resistant", "bool")
def auth_phishing_resistant(look: Look) -> bool:
    """A passkey or webauthn factor succeeded, or the sender says so."""
    return look.sighting.phishing_resistant


@fact("auth.confirmed", "bool", past=True)
def auth_confirmed(look: Look) -> bool:
    """A phishing-resistant factor that is long trusted vouches for this login."""
    return look.confirmed


@fact("client.ja4", "string", keyed=True)
def client_ja4(look: Look) -> str | None:
    """Pseudonym of the TLS client fingerprint."""
    return look.sighting.ja4


@fact("client.ja4_known", "bool")
def client_ja4_known(look: Look) -> bool:
    """The sender gave a TLS client fingerprint."""
    return look.sighting.ja4 is not None
