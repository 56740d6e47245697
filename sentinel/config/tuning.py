"""What an admin tunes: settings for a part of the events, mutes, and the entries of allowlists.

``[[tuning]]`` and ``[mute.NAME]`` stand in the configuration, allowlists are files of their own (allow.py).
docs/tuning.md tells how they work together.
"""

import re
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from sentinel.config.declare import measured, text
from sentinel.config.values import CountryCode, Exact, NetworkName, OneLine, Until

#: Names of entries: they are kept with the events they name, so they are short and plain.
ENTRY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_Risk = Annotated[float, Meta(ge=0, le=100)]
_Share = Annotated[float, Meta(ge=0, le=1)]


class DecisionChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of `[decision]` that the entry changes; what is left out stays as it is without the entry."""

    mode: Annotated[Literal["enforce", "observe"] | None, text("As in `[decision]`.", default="as without")] = None
    notify: Annotated[_Risk | None, measured("risk", "As in `[decision]`.")] = None
    challenge: Annotated[_Risk | None, measured("risk", "As in `[decision]`.")] = None
    block: Annotated[_Risk | None, measured("risk", "As in `[decision]`.")] = None
    enforce_share: Annotated[_Share | None, measured("share of the accounts", "As in `[decision]`.")] = None


class RuleChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What the entry changes of the rule `NAME`; a change of anything else is a local rule file."""

    status: Annotated[
        Literal["live", "shadow", "off"] | None,
        text("`shadow`: shown, never part of the risk. `off`: not judged.", default="as the rule has it"),
    ] = None
    risk: Annotated[_Risk | None, measured("risk", "The rule's risk, in place of its own.")] = None
    params: Annotated[
        dict[str, Any], text("Parameters of the rule; those left out stay.", default="as the rule has them")
    ] = {}


class TuningEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings for a part of the events. An entry holds where all its selectors do; where several set the same key,
    the one with more selectors wins, and of equals the later in the file.
    """

    tenant: Annotated[OneLine | None, text("Only this tenant's events.")] = None
    service: Annotated[Exact | None, text("Only events of this `service`.")] = None
    tag: Annotated[Exact | None, text("Only accounts with this tag (`account_tags` of the event).")] = None
    decision: Annotated[DecisionChange, text("What changes of `[decision]`.")] = DecisionChange()
    rules: Annotated[dict[str, RuleChange], text("What changes of single rules.")] = {}


class MuteEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that cries wolf, shown in shadow until a date: a rule, a source of events, or a rule about a source.
    `NAME` is yours to choose. What is muted is not scored and tells nobody.
    """

    reason: Annotated[OneLine, text("Why; shown by `explain` and `rules list`.")]
    until: Annotated[
        Until, text("When it ends, by the time of the event: a date (its end, UTC) or a date and time with an offset.")
    ]
    tenant: Annotated[OneLine | None, text("Only for this tenant.")] = None
    rules: Annotated[tuple[OneLine, ...], text("Ids of the rules; empty: all, and then `networks` must be given.")] = ()
    networks: Annotated[
        tuple[NetworkName, ...], text("Only events from here: CIDR, address, `AS64500` or a kind of network.")
    ] = ()


class AllowEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Events that are known to be all right. Every given list must name the event; within a list one item suffices."""

    reason: Annotated[OneLine, text("Why; shown by `explain`.")]
    until: Annotated[Until | None, text("When it ends, by the time of the event.")] = None
    tenant: Annotated[OneLine | None, text("Only for this tenant.")] = None
    rules: Annotated[tuple[OneLine, ...], text("Only findings of these rules; empty: of all.")] = ()
    networks: Annotated[tuple[NetworkName, ...], text("CIDR, address, `AS64500` or a kind of network.")] = ()
    accounts: Annotated[tuple[Exact, ...], text("Account ids, as in events.")] = ()
    tags: Annotated[tuple[Exact, ...], text("Account tags.")] = ()
    countries: Annotated[tuple[CountryCode, ...], text("Countries (ISO 3166-1 alpha-2).")] = ()
    devices: Annotated[tuple[Exact, ...], text("Device ids, as in events.")] = ()
    agents: Annotated[tuple[Exact, ...], text("User agents, the whole text as in events.")] = ()
