"""Mail addresses: one plain address or none at all."""

import re
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Final

from sentinel.errors import SentinelError

#: RFC 5321 section 4.5.3.1, in octets.
_MAX_LOCAL: Final = 64
_MAX_ADDRESS: Final = 254

# A dot-atom (RFC 5322 section 3.2.3), with letters and digits of other scripts (RFC 6531). Quoted local
# parts are left out on purpose: they carry spaces, commas and angle brackets, and nobody's real address
# needs them.
_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class AddressError(SentinelError):
    """A mail address is not one plain address. The text never holds the address."""


class SenderError(SentinelError):
    """The sender that the operator set is wrong; no mail can go out until it is mended."""


def check_address(text: str) -> Address:
    """``text`` as an address, its domain in ASCII (an international one becomes its ``xn--`` form).

    Takes ``local@domain`` and nothing around it: no display name, no second address, no white space, no
    quoted local part, no address literal. Raises :class:`AddressError`.
    """
    local, at, domain = text.rpartition("@")
    # "=?" would start an encoded word (RFC 2047): the header classes decode it, line breaks included.
    good = bool(at) and len(text) <= 2 * _MAX_ADDRESS and "=?" not in local and _LOCAL.fullmatch(local)
    if not good or len(local.encode()) > _MAX_LOCAL:
        raise AddressError("not a plain mail address: expected local@domain with nothing around it")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        ascii_domain = ""
    if not _DOMAIN.fullmatch(ascii_domain) or len(local.encode()) + 1 + len(ascii_domain) > _MAX_ADDRESS:
        raise AddressError("not a plain mail address: the part after the @ is no domain name")
    return Address(username=local, domain=ascii_domain)


def check_from(header: str) -> Address:
    """A sender as the operator wrote it: ``Example Security <security@example.org>``.

    Raises :class:`SenderError`.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in header):
        raise SenderError("smtp.from: holds a control character; expected Name <local@domain>")
    if "=?" in header:
        raise SenderError("smtp.from: holds an encoded word (=?...?=); write the name as it is, in UTF-8")
    found = getaddresses([header])
    if len(found) != 1:
        raise SenderError("smtp.from: expected one address, as Name <local@domain>")
    name, address = found[0]
    try:
        checked = check_address(address)
    except AddressError as error:
        raise SenderError(f"smtp.from: {error}") from None
    if not checked.username.isascii():
        raise SenderError("smtp.from: the part before the @ must be ASCII, else many servers refuse it")
    return Address(display_name=name, username=checked.username, domain=checked.domain)
