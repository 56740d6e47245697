"""Facts of the account and its past."""

from sentinel.events.clock import DAY
from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.past.profile import grant_of


@fact("account", "string", keyed=True)
def account(look: Look) -> str | None:
    """Pseudonym of the account."""
    return look.sighting.account


@fact("account.exists", "bool")
def account_exists(look: Look) -> bool:
    """The account is known to the service (false for a name that was only tried)."""
    return look.sighting.account is not None and look.sighting.known_account


@fact("account.tags", "list(string)")
def account_tags(look: Look) -> tuple[str, ...]:
    """Tags the service gave the account, as admin, service, guest, test or kiosk."""
    return look.sighting.tags


@fact("account.warming_up", "bool", past=True)
def account_warming_up(look: Look) -> bool:
    """The trusted past is too short to call anything new (first 3 trusted logins or 14 days)."""
    return look.warming_up


@fact("account.trusted_logins", "int", past=True)
def account_trusted_logins(look: Look) -> int:
    """Trusted logins so far."""
    return look.profile.trusted_logins


@fact("account.days_since_seen", "double", past=True)
def account_days_since_seen(look: Look) -> float | None:
    """Whole days since the account's last sign of life that was judged safe; absent for the first."""
    last = look.profile.last_seen
    # Whole days, so that few combinations of facts are distinct and judging stays cheap.
    return float((look.sighting.time - last) // DAY) if 0 < last <= look.sighting.time else None


@fact("account.active", "bool", past=True)
def account_active(look: Look) -> bool:
    """The last sign of life that was judged safe is less than a day old."""
    last = look.profile.last_seen
    return bool(last) and 0 <= look.sighting.time - last < DAY


@fact("account.age_days", "double")
def account_age_days(look: Look) -> float | None:
    """Days since the account was created, where the service told."""
    created = look.sighting.account_created
    return round((look.sighting.time - created) / DAY, 1) if created is not None else None


@fact("account.familiar", "bool", past=True)
def account_familiar(look: Look) -> bool:
    """Network and device (as far as there is one) are in the account's trusted past; asked of failed tries, too.

    A person's typos come from where they always are, a guesser's do not. False for names that no account has.
    """
    sighting = look.sighting
    unseen = sighting.device_key is None and sighting.device_class is None
    return look.network_familiar and (unseen or look.device_trusted)


@fact("auth.grant", "string", few=True)
def auth_grant(look: Look) -> str:
    """A lasting way in that is used or given out: device_code, api_token, consent, token; or empty."""
    return grant_of(look.sighting) or ""


@fact("auth.grant_new", "bool", past=True, judged=True)
def auth_grant_new(look: Look) -> bool:
    """The account never used or gave out this kind of lasting way in within its trusted past."""
    grant = grant_of(look.sighting)
    return grant is not None and not look.trusts("grant", grant)


@fact("auth.origin_foreign", "bool", past=True)
def auth_origin_foreign(look: Look) -> bool:
    """The client saw a web origin that is none of the service's (`service.origins`; false when none is set)."""
    # Declared as needing the past because it needs the settings, which come with it.
    origin = look.sighting.origin
    if origin is None or not look.origins:
        return False
    return not any(origin == own or (own.startswith("*.") and origin.endswith(own[1:])) for own in look.origins)
