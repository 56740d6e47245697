"""Campaigns: what operators hear of. One attack is one campaign, whatever rules see it and however many it hits.

A campaign is known by its *keys*: the values that the windows are kept by which gave it away, say a network, a
user agent, an attacked account. An event that shares any key with an open campaign belongs to it and lends it
its other keys: so the rules for an address and for spraying, tripped by one network, are one story. Pure; by
event time.
"""

from typing import Final

import msgspec

from sentinel.alerts.policy import FoldPolicy, Raised
from sentinel.events.alert import OpenAlert, alert_id
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.clock import DAY

KIND: Final = "campaign"
#: Open campaigns remembered of one tenant; the one that was silent longest goes first.
MAX_OPEN: Final = 64
#: Keys remembered of one campaign: the first ones, by which the others were found.
MAX_KEYS: Final = 16
#: Campaigns that one rule may open within the folding span. What comes after joins the newest: an attack from
#: a thousand sources that share nothing else is one attack, and a thousand mails hide it.
MAX_OF_A_RULE: Final = 16


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """What an event tells of a campaign. ``rules`` are those that held, from the strongest down.

    ``span`` is the longest window that decided (micros): a slow attack is still the same one after hours of
    silence. ``same_as`` is the campaign of the pending login that the event concludes, ``tell`` is false for
    what came in too late to mail about, or as history.
    """

    event: str
    time: int
    level: str
    risk: float
    rules: tuple[str, ...]
    keys: tuple[str, ...]
    span: int = 0
    same_as: str | None = None
    tell: bool = True


def open_or_join(campaigns: list[OpenAlert], sign: Sign, policy: FoldPolicy) -> Raised:
    """Join an open campaign or open one; ``campaigns`` is changed in place.

    A higher level than the open campaign's opens another: one id is at most one mail (CONTRACT §2). Told again
    after a day, or after the window's span if that is longer.
    """
    matching = [campaign for campaign in campaigns if _shares(campaign, sign)]
    going_on = [campaign for campaign in matching if _goes_on(campaign, sign, policy)] or _flood(
        campaigns, sign, policy
    )
    found = max(going_on, key=lambda item: (LEVEL_ORDER[item.level], -item.first), default=None)
    if found is not None and LEVEL_ORDER[sign.level] <= LEVEL_ORDER[found.level]:
        if found.id != sign.same_as:
            found.events += 1
            found.folded += 1
        found.last = max(found.last, sign.time)
        found.first = min(found.first, sign.time)
        found.risk = max(found.risk, sign.risk)
        found.rules = list(dict.fromkeys([*found.rules, *sign.rules]))
        found.contexts = list(dict.fromkeys([*found.contexts, *sign.keys]))[:MAX_KEYS]
        news = sign.tell and not found.told
        found.told |= sign.tell
        return Raised(found, news=news)
    earlier = 0
    for campaign in matching:
        earlier, campaign.folded = earlier + campaign.folded, 0
    inherited = [key for campaign in going_on for key in campaign.contexts]
    opened = OpenAlert(
        id=alert_id(None, KIND, sign.event),
        kind=KIND,
        level=sign.level,
        risk=sign.risk,
        first=sign.time,
        last=sign.time,
        rules=list(sign.rules),
        told=sign.tell,
        contexts=list(dict.fromkeys([*sign.keys, *inherited]))[:MAX_KEYS],
    )
    still = [campaign for campaign in campaigns if campaign.last > sign.time - policy.same_news]
    still.sort(key=lambda campaign: campaign.last)
    campaigns[:] = [*still[-(MAX_OPEN - 1) :], opened]
    return Raised(opened, news=sign.tell, earlier=earlier)


def _shares(campaign: OpenAlert, sign: Sign) -> bool:
    return campaign.id == sign.same_as or not set(sign.keys).isdisjoint(campaign.contexts)


def _goes_on(campaign: OpenAlert, sign: Sign, policy: FoldPolicy) -> bool:
    if campaign.id == sign.same_as:
        return True
    silent = max(policy.span, min(sign.span, DAY))
    near = campaign.first - silent < sign.time < campaign.last + silent
    return near and abs(sign.time - campaign.first) < max(DAY, policy.span, sign.span)


def _flood(campaigns: list[OpenAlert], sign: Sign, policy: FoldPolicy) -> list[OpenAlert]:
    """The newest campaign of the sign's leading rule, when that has opened too many."""
    recent = [
        campaign
        for campaign in campaigns
        if campaign.rules[:1] == list(sign.rules[:1]) and abs(sign.time - campaign.first) < policy.span
    ]
    return recent[-1:] if len(recent) >= MAX_OF_A_RULE else []
