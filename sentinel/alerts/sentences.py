"""The sentences of alert mails that do not depend on the mail: reasons, outcomes, factors.

Each is one whole sentence or noun that can be translated by itself; none is glued together from parts.
"""

from typing import Final


def mark(text: str) -> str:
    """Marks a text for the message catalogues; ``make messages`` collects it."""
    return text


_TRAVEL = mark("The place is too far from your last sign-in to have been reached in the time between.")
_NEW_DEVICE = mark("We have not seen this device with your account before.")
_NEW_COUNTRY = mark("We have not seen your account used from this country before.")
_NEW_NETWORK = mark("We have not seen your account used from this network before.")
_PLACE = mark("The place is far from where your account is usually used.")
_ANONYMOUS = mark("It came through a network that hides where somebody is, such as a VPN, a proxy or Tor.")
_HOSTING = mark("It came from a data centre, where people's own devices are rarely found.")
_LISTED = mark("It came from an address that is known for attacks.")
_BRUTE = mark("There were many failed sign-ins to your account in a short time.")
_SPRAY = mark("The same source tried the passwords of many accounts.")
_DISTRIBUTED = mark("Many different sources tried to guess your password.")
_SUCCESS = mark("It succeeded after a series of failed sign-ins.")
_PUSH = mark("Many requests to confirm a sign-in were sent to you. Somebody may hope that you confirm one.")
_PUSH_DENIED = mark("A request to confirm a sign-in was denied or reported.")
_GUESSING = mark("Somebody tried many second-factor codes.")
_REPLAY = mark("A code from your authenticator app was used a second time.")
_DRIFT = mark("The code came from an authenticator app whose clock was unusually far off.")
_REMOVED = mark("A second factor was removed from a device or network that we do not know as yours.")
_ADDED = mark("A second factor was added from a device or network that we do not know as yours.")
_DOWNGRADE = mark("A weaker second factor was used than the one you usually use.")
_BACKUP = mark("A backup code was used instead of the usual second factor.")
_RECOVERY = mark("Your account was recovered from somewhere new, and then used or changed from there.")
_HELPDESK = mark("Support staff let somebody back in shortly before it was used or changed from somewhere new.")
_CHANGED = mark("What lets you in, or how we reach you, was changed.")
_LEAKED = mark("The password is in a list of passwords that were stolen elsewhere.")
_PROXY = mark("The sign-in page that was used may have been a copy of the real one.")
_DEVICE_CODE = mark("Somebody was let in by a code that was confirmed on another device.")
_DORMANT = mark("Your account had not been used for a long time.")
_HOUR = mark("It happened at an hour at which your account is not usually used.")
_AUTOMATED = mark("It came from a program rather than from a person's browser or app.")
_MISMATCH = mark("The device did not look like what it said it was.")
_SHARED = mark("The same device or network was used with many different accounts.")
_MOVED = mark("A session that was already open moved to another device or network.")
_PASSWORD = mark("The right password was entered, but the second factor was refused.")
_MODEL = mark("It does not look like your usual sign-ins.")

#: By a rule's ``message`` key, and by its id for rules that name no key this table knows.
REASONS: Final[dict[str, str]] = {
    "travel": _TRAVEL,
    "impossible_travel": _TRAVEL,
    "new_device": _NEW_DEVICE,
    "new_country": _NEW_COUNTRY,
    "new_network": _NEW_NETWORK,
    "atypical_place": _PLACE,
    "anonymous_network": _ANONYMOUS,
    "hosting_network": _HOSTING,
    "listed_address": _LISTED,
    "brute_force": _BRUTE,
    "brute_force_account": _BRUTE,
    "brute_force_address": _SPRAY,
    "spray": _SPRAY,
    "password_spray": _SPRAY,
    "slow_spray": _SPRAY,
    "credential_stuffing": _SPRAY,
    "account_enumeration": _SPRAY,
    "distributed_guessing": _DISTRIBUTED,
    "success_after_attack": _SUCCESS,
    "shared_success": _SHARED,
    "push_bombing": _PUSH,
    "push_denied": _PUSH_DENIED,
    "second_factor_guessing": _GUESSING,
    "totp_replay": _REPLAY,
    "totp_drift": _DRIFT,
    "second_factor_removed": _REMOVED,
    "second_factor_added": _ADDED,
    "second_factor_downgrade": _DOWNGRADE,
    "backup_code": _BACKUP,
    "backup_code_used": _BACKUP,
    "recovery_takeover": _RECOVERY,
    "helpdesk_takeover": _HELPDESK,
    "credential_changed": _CHANGED,
    "leaked_password": _LEAKED,
    "phishing_proxy": _PROXY,
    "device_code": _DEVICE_CODE,
    "device_code_login": _DEVICE_CODE,
    "dormant": _DORMANT,
    "dormant_account": _DORMANT,
    "unusual_hour": _HOUR,
    "automated_agent": _AUTOMATED,
    "agent_mismatch": _MISMATCH,
    "shared_device": _SHARED,
    "session_moved": _MOVED,
    "password_known": _PASSWORD,
    "model_likelihood": _MODEL,
    "model_impostor": _MODEL,
    "model_novelty": _MODEL,
}

#: What became of it, as far as the service said so.
OUTCOMES: Final[dict[str, str]] = {
    "success": mark("it succeeded"),
    "failure": mark("it failed"),
    "blocked": mark("it was refused"),
    "pending": mark("it was not finished when we noticed it"),
}

#: How risky it was, for operators.
LEVELS: Final[dict[str, str]] = {
    "low": mark("low"),
    "medium": mark("medium"),
    "high": mark("high"),
    "critical": mark("critical"),
}

#: Who did what the person did not do.
ACTORS: Final[dict[str, str]] = {
    "admin": mark("support staff or an administrator"),
    "system": mark("the service itself"),
}

FACTORS: Final[dict[str, str]] = {
    "totp": mark("authenticator app"),
    "webauthn": mark("security key or passkey"),
    "push": mark("confirmation in an app"),
    "sms": mark("text message"),
    "voice": mark("phone call"),
    "email": mark("e-mail"),
    "backup_code": mark("backup code"),
}
