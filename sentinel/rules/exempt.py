"""What is let pass: allowlists and mutes. A finding they cover is shown in shadow and never scored. Pure."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from sentinel.events.clock import to_text
from sentinel.events.sighting import Sighting
from sentinel.rules.rule import Rule

#: What people are owed a notice of whatever the risk (CONTRACT §2): only an entry that names the rule lets it pass.
_OWED = "credential_change"


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. Every condition that is given must name the event; within one, any of its values does.

    ``marked``: some of the networks are CIDRs, which are found where the address is still known; the sighting's
    ``marks`` then hold :attr:`id`. ``accounts``, ``devices`` and ``agents`` are keyed pseudonyms.
    """

    kind: Literal["allow", "mute"]
    name: str
    reason: str
    until: int | None = None  #: micros of event time; ``None``: no end
    rules: frozenset[str] = frozenset()  #: empty: all
    marked: bool = False
    asns: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """Unique among all entries: ``allow:NAME`` or ``mute:NAME``."""
        return f"{self.kind}:{self.name}"

    @property
    def words(self) -> str:
        """For people: what it is, until when and why."""
        end = f" until {to_text(self.until)}" if self.until is not None else ""
        return f"{'allowed' if self.kind == 'allow' else 'muted'} by {self.name}{end}: {self.reason}"

    def names(self, sighting: Sighting, account: str | None) -> bool:
        """Whether it is about this event, of the account with this pseudonym."""
        if self.until is not None and sighting.time >= self.until:
            return False
        if (self.marked or self.asns or self.kinds) and not self._names_network(sighting):
            return False
        return (
            (not self.accounts or account in self.accounts)
            and (not self.tags or not self.tags.isdisjoint(sighting.tags))
            and (not self.countries or sighting.place.country in self.countries)
            and (not self.devices or sighting.device_key in self.devices)
            and (not self.agents or sighting.agent in self.agents)
        )

    def covers(self, rule: Rule) -> bool:
        """Whether it lets findings of ``rule`` pass."""
        return rule.id in self.rules if self.rules else rule.alert != _OWED

    def _names_network(self, sighting: Sighting) -> bool:
        network = sighting.network
        return network.asn in self.asns or network.kind in self.kinds or (self.marked and self.id in sighting.marks)


class Exemptions:
    """All entries of one tenant, found by what they name, so that a thousand devices cost no more than one."""

    def __init__(self, entries: Iterable[Exemption], account: Callable[[str], str | None] | None = None) -> None:
        """``account`` gives the pseudonym of an account by its handle."""
        self._account = account
        self.entries = tuple(entries)
        self._by_key: dict[str, list[Exemption]] = {}
        self._rest: list[Exemption] = []
        for entry in self.entries:
            keys: Iterable[str] = entry.accounts or entry.devices or entry.agents
            if not keys and entry.marked and not entry.asns and not entry.kinds:
                keys = (entry.id,)
            for key in keys:
                self._by_key.setdefault(key, []).append(entry)
            if not keys:
                self._rest.append(entry)

    def naming(self, sighting: Sighting) -> tuple[Exemption, ...]:
        """The entries that are about this event."""
        account = sighting.account
        if account is not None and self._account is not None and sighting.known_account:
            account = self._account(account)
        found = [entry for entry in self._rest if entry.names(sighting, account)]
        if self._by_key:
            for key in (account, sighting.device_key, sighting.agent, *sighting.marks):
                if key is not None and (keyed := self._by_key.get(key)) is not None:
                    found += [entry for entry in keyed if entry.names(sighting, account)]
        return tuple(found)
