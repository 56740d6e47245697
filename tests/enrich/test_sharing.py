"""Events for others to see: nothing that identifies is left, and who belonged together still does."""

from ipaddress import ip_address

from sentinel.daemon.build import bare_lookups
from sentinel.enrich.sharing import Sharing
from sentinel.events.event import canonical, decode_event, decode_feedback
from sentinel.privacy.keys import Secret
from tests.builders import event

FULL = {
    "ip": "192.0.2.7", "user_agent": "Sample/1.0", "device_id": "secret-device", "session_id": "secret-session",
    "email": "secret@example.org", "previous_email": "secret.old@example.org", "name": "Secret Person",
    "locale": "fr", "client": {"ja4": "secret-ja4", "accept_language": "secret-language"},
    "mfa": {"method": "totp", "device_id": "secret-factor", "outcome": "success"}, "concludes": "secret-before",
    "actor": "admin", "actor_account": "secret-admin", "extra": {"note": "secret-note"}, "rtt_ms": 12.5,
    "place": {"country": "FR", "city": "Secretville", "lat": 48.9, "lon": 2.4},
    "network": {"asn": 64496, "organisation": "Secret Office", "kind": "business"},
}  # fmt: skip


def sharing() -> Sharing:
    return Sharing(Secret.ephemeral(), *bare_lookups())


def test_nothing_that_identifies_is_left() -> None:
    given = event(id="secret-event", account="secret-account", **FULL)
    shown = sharing().event(given)
    text = canonical(shown).decode()
    assert "ecret" not in text
    assert "192.0.2.7" not in text
    assert decode_event(text.encode()) == shown
    assert shown.place is not None
    assert (shown.place.country, shown.place.city, shown.place.lat) == ("FR", None, None)
    assert shown.network is not None
    assert (shown.network.asn, shown.network.kind, shown.network.organisation) == (64496, "business", None)
    assert (shown.time, shown.outcome, shown.mfa.method if shown.mfa else None) == (given.time, "success", "totp")


def test_who_belonged_together_still_does() -> None:
    one = sharing()
    a, b, c = (one.event(event(id=f"e-{ip}", ip=ip, device_id="laptop")) for ip in ("192.0.2.7", "192.0.2.9", "::1"))
    assert a.account == b.account == c.account != "u-1"
    assert a.device_id == b.device_id
    assert len({a.id, b.id, c.id}) == 3
    assert a.ip is not None and b.ip is not None  # noqa: PT018
    assert (int(ip_address(a.ip)) ^ int(ip_address(b.ip))) >> 4 == 0  # they share 28 bits, as before
    answered = one.feedback(decode_feedback(b'{"type":"feedback","time":"2026-01-01T00:00:00Z","event":"e-::1",'
                                            b'"verdict":"legitimate"}'))  # fmt: skip
    assert answered.event == c.id


def test_two_exports_cannot_be_laid_side_by_side() -> None:
    first, second = (sharing().event(event(ip="192.0.2.7")) for _ in range(2))
    assert (first.account, first.ip, first.id) != (second.account, second.ip, second.id)
    assert first.account != second.account
