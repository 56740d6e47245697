"""From what an admin wrote to what judging uses: tuning entries, mutes and allowlists, checked against the rules."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from sentinel.config import Config
from sentinel.config.allow import read_allow
from sentinel.config.tuning import DecisionChange, TuningEntry
from sentinel.config.values import NetworkName
from sentinel.enrich.lists import NetworkList
from sentinel.enrich.marks import Marked, Marks
from sentinel.errors import FileError
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.tuned import Entry, Tuned
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.rules.exempt import Exemption, Exemptions
from sentinel.rules.load import RuleFile
from sentinel.rules.rule import Rule
from sentinel.rules.ruleset import RuleSet
from sentinel.rules.tuning import ChangedRules, RuleChange, TuningError, unknown_rule


class Tuning:
    """All that is tuned. Raises :class:`FileError` when an entry does not fit the rules.

    Without ``pseudonym`` it can only be checked: entries that name accounts, devices or agents need it.
    """

    def __init__(
        self,
        config: Config,
        rules: RuleSet,
        pseudonym: Pseudonymizer | None = None,
        lookup_of: Callable[[str], str | None] | None = None,
    ) -> None:
        """``lookup_of`` gives an account's pseudonym by its handle, where events come with handles."""
        self._config = config
        self._pseudonym = pseudonym
        self._lookup_of = lookup_of
        self._changed = ChangedRules(rules.files)
        self._known = list(self._changed.files)
        self._allowed = read_allow(config.rules.allow_directory)
        # The more selectors, the later, and so the stronger; the sort keeps the order of equals.
        self._entries = sorted(
            ((entry, self._entry(number, entry)) for number, entry in enumerate(config.tuning)),
            key=lambda pair: sum(each is not None for each in (pair[0].tenant, pair[0].service, pair[0].tag)),
        )
        for name, mute in config.mute.items():
            self._check(mute.rules, lambda message, *key, name=name: config.error(message, "mute", name, *key))
        for allowed in self._allowed:
            self._check(allowed.entry.rules, allowed.error)

    def apply(self, tenant: str, settings: TenantSettings) -> TenantSettings:
        """A tenant's settings with everything that is tuned."""
        exemptions = [*self._mutes(tenant), *self._allowances(tenant)]
        if exemptions:
            settings = msgspec.structs.replace(settings, exempt=Exemptions(exemptions, self._lookup_of))
        entries = [made for entry, made in self._entries if entry.tenant in (None, tenant)]
        if not entries and settings.enforce_share >= 1:
            return settings
        return msgspec.structs.replace(settings, tuned=Tuned(settings, entries, self._changed))

    def rule(self, id: str, rules: RuleSet, tenant: str, service: str | None, tags: tuple[str, ...]) -> RuleFile | None:
        """A rule as it is for events of a service on accounts with these tags; ``None`` when there is none."""
        entries = [made for entry, made in self._entries if entry.tenant in (None, tenant)]
        return Tuned(TenantSettings(rules=rules), entries, self._changed).rule(id, service, tags)

    def mutes(self) -> dict[str, list[str]]:
        """By rule, the mutes that name it, in words: for people who look at all tenants at once."""
        found: dict[str, list[str]] = {}
        for name, mute in self._config.mute.items():
            where = f" (from {', '.join(mute.networks)})" if mute.networks else ""
            where += f" (tenant {mute.tenant})" if mute.tenant else ""
            for id in mute.rules:
                found.setdefault(str(id), []).append(f"muted by {name} until {mute.until}: {mute.reason}{where}")
        return found

    def notes(self, tenant: str, rule: Rule) -> list[str]:
        """The mutes and allowlist entries that may let findings of a rule pass, in words."""
        allowed = [
            Exemption(kind="allow", name=each.name, reason=each.entry.reason, until=each.entry.until,
                      rules=frozenset(map(str, each.entry.rules)))
            for each in self._allowed
            if each.entry.tenant in (None, tenant)
        ]  # fmt: skip
        return [entry.words for entry in (*self._mutes(tenant), *allowed) if entry.covers(rule)]

    def _entry(self, number: int, entry: TuningEntry) -> Entry:
        source = f"{self._config.path or 'configuration'} [[tuning]] {number + 1}"
        changes: dict[str, RuleChange] = {}
        for id, given in entry.rules.items():
            key = ("tuning", number, "rules", id)
            if id not in self._changed.files:
                raise self._config.error(unknown_rule(id, self._known), *key)
            change = RuleChange(source=source, status=given.status, risk=given.risk, params=given.params)
            try:
                self._changed.get(id, [change])
            except TuningError as error:
                raise self._config.error(error.message, *key, *error.key) from None
            changes[id] = change
        return Entry(
            service=entry.service,
            tag=entry.tag,
            thresholds=_thresholds(entry.decision),
            share=entry.decision.enforce_share,
            rules=changes,
        )

    def _check(self, rules: Sequence[str], error: Callable[..., FileError]) -> None:
        for number, id in enumerate(rules):
            if id not in self._known:
                raise error(unknown_rule(id, self._known), "rules", number)

    def _mutes(self, tenant: str) -> Iterable[Exemption]:
        for name, mute in self._config.mute.items():
            if mute.tenant in (None, tenant):
                yield Exemption(
                    kind="mute",
                    name=name,
                    reason=mute.reason,
                    until=mute.until,
                    rules=frozenset(map(str, mute.rules)),
                    **_networks(mute.networks),
                )

    def _allowances(self, tenant: str) -> Iterable[Exemption]:
        for allowed in self._allowed:
            entry = allowed.entry
            if entry.tenant in (None, tenant):
                yield Exemption(
                    kind="allow",
                    name=allowed.name,
                    reason=entry.reason,
                    until=entry.until,
                    rules=frozenset(map(str, entry.rules)),
                    accounts=self._keyed("account", tenant, entry.accounts),
                    tags=frozenset(map(str, entry.tags)),
                    countries=frozenset(map(str, entry.countries)),
                    devices=self._keyed("device", tenant, entry.devices),
                    agents=self._keyed("agent", tenant, entry.agents),
                    **_networks(entry.networks),
                )

    def _keyed(self, domain: str, tenant: str, values: Sequence[str]) -> frozenset[str]:
        if values and self._pseudonym is None:
            raise ValueError("entries that name accounts, devices or agents need the installation's pseudonyms")
        return frozenset(self._pseudonym(domain, tenant, str(value)) for value in values if self._pseudonym)


def marks_of(config: Config) -> Marks:
    """What is to be marked where addresses are still known. Raises :class:`FileError`."""
    return Marks([*_marked("mute", config.mute.items()), *_marked("allow", _by_name(config))])


def _by_name(config: Config) -> Iterable[tuple[str, Any]]:
    return [(allowed.name, allowed.entry) for allowed in read_allow(config.rules.allow_directory)]


def _marked(kind: str, entries: Iterable[tuple[str, Any]]) -> Iterable[Marked]:
    for name, entry in entries:
        spans = [span for network in entry.networks if (span := network.span) is not None]
        if spans:
            yield Marked(f"{kind}:{name}", entry.tenant, NetworkList("listed", spans, frozenset()))


def _networks(networks: Sequence[NetworkName]) -> dict[str, Any]:
    return {
        "marked": any(network.span is not None for network in networks),
        "asns": frozenset(asn for network in networks if (asn := network.asn) is not None),
        "kinds": frozenset(kind for network in networks if (kind := network.kind) is not None),
    }


def _thresholds(change: DecisionChange) -> dict[str, Any]:
    given = {name: getattr(change, name) for name in ("mode", "notify", "challenge", "block")}
    return {name: value for name, value in given.items() if value is not None}
