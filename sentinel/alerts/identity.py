"""Who a mail is from, as the operator set it."""

from pathlib import Path

import msgspec

from sentinel.alerts.brand import COLOUR, COLOUR_DARK, Logo


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who the mail is from, as the operator set it for a tenant.

    ``from_header`` is ``Name <local@domain>``; ``support`` says how to reach people who can help, ``review`` whom to
    ask that a person looks at a refusal (GDPR Art. 22(3)), ``security_page`` where in the service the settings are, in
    words ("Settings, then Security"), ``reset_page`` where a new password is set: a web address is shown as text, never
    as a link. ``locale`` is the language of people whose own is not known or not spoken, and of operators.
    ``answer_base`` is where the "was this you?" page is served, without a slash at its end.
    """

    service_name: str
    from_header: str
    support: str | None = None
    review: str | None = None
    security_page: str | None = None
    reset_page: str | None = None
    imprint: str | None = None
    locale: str = "en"
    answer_base: str | None = None
    colour: str = COLOUR  #: ``#rrggbb``; white text stands on it
    colour_dark: str = COLOUR_DARK  #: for dark mode; dark text stands on it
    logo: Logo | None = None
    templates: Path | None = None  #: folder of the operator's own templates
