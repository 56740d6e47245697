"""Headers and parts that all mails have, whoever writes their words."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import css_inline
import msgspec

from sentinel.alerts.address import check_address, check_from
from sentinel.alerts.identity import Identity
from sentinel.alerts.values import atom
from sentinel.events.clock import to_datetime


class Picture(msgspec.Struct, frozen=True):
    """A picture within a mail; the HTML shows it as ``cid:`` and its ``name``."""

    name: str
    content: bytes
    subtype: str


class Draft(msgspec.Struct, frozen=True):
    """A mail with the id of its notice. The same mail is the same bytes, whoever writes it and how often."""

    id: str
    to: Address
    sender: Address
    digest: str

    @classmethod
    def to_recipient(cls, id: str, identity: Identity, recipient: str) -> "Draft":
        """Raises :class:`sentinel.alerts.address.AddressError` for a recipient that is not one plain address, and
        :class:`sentinel.alerts.address.SenderError` for such a sender."""
        to, sender = check_address(recipient), check_from(identity.from_header)
        return cls(id, to, sender, sha256(f"{id}\x1f{to.addr_spec}".encode()).hexdigest())

    def picture_name(self, what: str) -> str:
        """The Content-ID of a picture."""
        return f"{what}.{self.digest[:16]}@{self.sender.domain}"

    def written(
        self, subject: str, text: str, *, now: int, html: str | None = None, picture: Picture | None = None
    ) -> EmailMessage:
        """The mail, dated ``now`` (micros). The CSS of ``html`` is inlined; ``picture`` belongs to it."""
        message = EmailMessage(policy=SMTP)
        message["From"] = self.sender
        message["To"] = self.to
        message["Subject"] = subject
        message["Date"] = format_datetime(to_datetime(now))
        message["Message-ID"] = f"<{atom(self.id)}.{self.digest[:16]}@{self.sender.domain}>"
        # RFC 3834, and its counterpart for servers that do not read it: no out-of-office replies.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(text, cte="quoted-printable")
        if html is None:
            return message
        message.add_alternative(_inliner().inline(html), subtype="html", cte="quoted-printable")
        # The library's own boundaries are random.
        message.set_boundary(f"=_{self.digest[:32]}")
        if picture is not None:
            part: Any = message.get_body(("html",))
            cid = f"<{picture.name}>"
            part.add_related(picture.content, "image", picture.subtype, cid=cid, disposition="inline")
            part.set_boundary(f"=_{self.digest[32:]}")
        return message


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    # Many mail programs drop <style>; those that keep it need what cannot be inlined: dark mode.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, keep_link_tags=False)
