"""What OpenSSH's messages say about a try to sign in.

User names in them are the other side's text and may hold anything, also a whole copied message. So each
pattern takes the *last* address where a name comes before it and nothing of the other side's comes after;
messages where that can not be told (a certificate's key id, a changed user name) are not read.
"""

import re
from enum import IntEnum
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple


class Step(IntEnum):
    """The lines one try leaves, in sshd's order. A line belongs to the open try only if its step is later."""

    REFUSED = 1  #: no such account, or one the configuration keeps out
    PAM_HINT = 2  #: a PAM module failed; another may still succeed
    PAM = 3  #: all of PAM failed
    FAILED = 4  #: the method failed
    EXCEEDED = 5  #: too many methods failed
    ENDING = 6  #: sshd ends the connection for that
    CLOSED = 7  #: the connection ended before anybody was in
    ACCEPTED = 8


class Said(NamedTuple):
    """One message.

    ``user`` is ``None`` where the message does not say (PAM on unknown accounts), ``ip`` where it is no
    address.
    """

    step: Step
    user: str | None
    ip: str | None
    port: str | None = None
    reason: str | None = None
    method: str | None = None
    #: Tells why the next line of this process fails, but not from where: no event of its own.
    silent: bool = False


_NAMED: Final = r"(?P<invalid>invalid user |illegal user )?(?P<user>.*)"
_PEER: Final = r"from (?P<ip>\S+) port (?P<port>\d+)"

# The name of somebody who got in is a real account's and what follows may be a key's comment: the first
# address counts.
_ACCEPTED: Final = re.compile(rf"Accepted (?P<method>\S+) for (?P<user>.*?) {_PEER}(?: ssh\d?)?(?:: .*)?$")
_FAILED: Final = re.compile(rf"Failed (?P<method>\S+) for {_NAMED} {_PEER}(?: ssh\d?)?$")
_INVALID: Final = re.compile(r"(?:Invalid|Illegal) user (?P<user>.*) from (?P<ip>\S+?)(?: port (?P<port>\d+))?$")
_REFUSED: Final = re.compile(r"User (?P<user>.*) from (?P<ip>\S+) not allowed because (?P<why>.*)$")
_REFUSED_SILENT: Final = re.compile(r"User (?P<user>.*) not allowed because (?P<why>.*)$")
_ROOT: Final = re.compile(r"ROOT LOGIN REFUSED FROM (?P<ip>\S+)(?: port (?P<port>\d+))?$")
_CLOSED: Final = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) "
    r"(?P<kind>authenticating|invalid) user (?P<user>.*) (?P<ip>\S+) port (?P<port>\d+)"
    r"(?P<many>: Too many authentication failures)?$"
)
_MAXIMUM: Final = re.compile(rf"(?:error: )?maximum authentication attempts exceeded for {_NAMED} {_PEER}(?: ssh\d?)?$")
_PAM: Final = re.compile(r"error: PAM: (?P<why>.+?) for " + _NAMED + r" from (?P<ip>\S+)$")
_PAM_HINT: Final = re.compile(
    r"pam_\w+\(sshd:auth\): authentication failure; logname=\S* uid=\S* euid=\S* tty=\S* ruser=\S*"
    r" rhost=(?P<ip>\S*)\s*(?:user=(?P<user>.*))?$"
)
_REPEATED: Final = re.compile(r"message repeated (?P<times>\d{1,9}) times: \[ ?(?P<message>.*)\]$", re.DOTALL)

#: Every client asks for ``none`` first and offers its keys in turn: a refused one is no guess, and at
#: LogLevel VERBOSE most successful logins have some. The connection's end counts instead if nothing
#: succeeded.
_OFFERS: Final = ("none", "publickey", "hostbased", "gssapi")


def repeated(message: str) -> tuple[int, str]:
    """How often a message was said and the message itself (rsyslog's "message repeated")."""
    if message.startswith("message repeated ") and (match := _REPEATED.match(message)):
        return int(match["times"]), match["message"]
    return 1, message


def understand(message: str) -> Said | None:
    """What a message says about a try; ``None`` for all other messages of sshd."""
    message = message.removesuffix(" [preauth]")
    reader = _READERS.get(message[:4])
    return reader(message) if reader is not None else None


def _accepted(message: str) -> Said | None:
    if match := _ACCEPTED.match(message):
        return _said(Step.ACCEPTED, match, method=match["method"])
    return None


def _failed(message: str) -> Said | None:
    match = _FAILED.match(message)
    if match is None or match["method"].startswith(_OFFERS):
        return None
    reason = "unknown_account" if match["invalid"] else "bad_password"
    return _said(Step.FAILED, match, reason=reason, method=match["method"])


def _invalid(message: str) -> Said | None:
    if match := _INVALID.match(message):
        return _said(Step.REFUSED, match, reason="unknown_account")
    return None


def _refused(message: str) -> Said | None:
    if match := _REFUSED.match(message):
        return Said(Step.REFUSED, _name(match["user"]), address(match["ip"]), reason="policy")
    if match := _REFUSED_SILENT.match(message):
        reason = "locked" if "locked" in match["why"] else "policy"
        return Said(Step.REFUSED, _name(match["user"]), None, reason=reason, silent=True)
    return None


def _root(message: str) -> Said | None:
    if match := _ROOT.match(message):
        return Said(Step.REFUSED, "root", address(match["ip"]), match["port"], "policy")
    return None


def _closed(message: str) -> Said | None:
    match = _CLOSED.match(message)
    if match is None:
        return None
    known = "rate_limited" if match["many"] else "other"
    reason = "unknown_account" if match["kind"] == "invalid" else known
    return _said(Step.ENDING if match["many"] else Step.CLOSED, match, reason=reason)


def _maximum(message: str) -> Said | None:
    if match := _MAXIMUM.match(message):
        return _said(Step.EXCEEDED, match, reason="unknown_account" if match["invalid"] else "rate_limited")
    return None


def _error(message: str) -> Said | None:
    match = _PAM.match(message)
    if match is None:
        return _maximum(message)
    why = match["why"]
    if match["invalid"] or why.startswith("User not known"):
        reason = "unknown_account"
    elif "expired" in why:
        reason = "expired"
    else:
        reason = "bad_password"
    return Said(Step.PAM, _name(match["user"]), address(match["ip"]), reason=reason)


def _hint(message: str) -> Said | None:
    if match := _PAM_HINT.match(message):
        name = match["user"]
        reason = "bad_password" if name else "unknown_account"
        return Said(Step.PAM_HINT, _name(name) if name else None, address(match["ip"]), reason=reason)
    return None


#: By the first four characters, so that the many other messages cost one look-up.
_READERS: Final = {
    "Acce": _accepted,
    "Fail": _failed,
    "Inva": _invalid,
    "Ille": _invalid,
    "User": _refused,
    "ROOT": _root,
    "Conn": _closed,
    "Disc": _closed,
    "maxi": _maximum,
    "erro": _error,
    "pam_": _hint,
}


def _said(step: Step, match: re.Match[str], *, reason: str | None = None, method: str | None = None) -> Said:
    return Said(step, _name(match["user"]), address(match["ip"]), match["port"], reason, method)


@lru_cache(maxsize=16_384)
def address(text: str) -> str | None:
    """The address without its zone; ``None`` for a host name (``UseDNS yes``) or ``UNKNOWN``."""
    text = text.partition("%")[0]
    try:
        ip_address(text)
    except ValueError:
        return None
    return text


_ESCAPE: Final = re.compile(rb"\\(\\|[0-3][0-7]{2})")


def _name(text: str) -> str:
    """The name as typed: sshd writes a backslash twice and bytes beyond ASCII in octal (``strnvis``)."""
    if "\\" not in text:
        return text
    try:
        return _ESCAPE.sub(
            lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)]), text.encode()
        ).decode()
    except UnicodeDecodeError:
        return text
