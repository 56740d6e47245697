"""The composition root: from a configuration to the parts that work together."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sentinel.alerts.policy import FoldPolicy
from sentinel.api.service import Limits
from sentinel.config import Config
from sentinel.daemon.hooks import receivers_of
from sentinel.daemon.models import ModelDesk, model_desk
from sentinel.daemon.tuning import Tuning, marks_of
from sentinel.enrich.address import parse_address
from sentinel.enrich.countries import load_countries
from sentinel.enrich.databases import open_readers
from sentinel.enrich.lists import NetworkList, OperatorLists
from sentinel.enrich.network import NetworkReader
from sentinel.enrich.place import PlaceReader
from sentinel.enrich.sighting import Enricher
from sentinel.errors import SentinelError
from sentinel.events.clock import DAY, HOUR, MINUTE
from sentinel.hooks.receivers import Receivers
from sentinel.models.in_force import ModelsInForce
from sentinel.models.scorer import ModelScorer
from sentinel.past.profile import TrustPolicy
from sentinel.pipeline.batch import Pipeline
from sentinel.pipeline.item import TenantSettings, UsagePolicy
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.scoring import Thresholds
from sentinel.store.protocol import Store


def load_ruleset(config: Config, directories: Sequence[Path] | None = None) -> RuleSet:
    """The packaged rules with the operator's over them, or those of ``directories``, later ones over earlier.

    Raises :class:`sentinel.rules.load.RulesError`.
    """
    return RuleSet(load_rules([packaged_rules(), config.rules.directory] if directories is None else directories))


def rules_or_none(config: Config) -> RuleSet | None:
    """The rules in force, or nothing while the operator's own are broken: nobody's rights wait for those."""
    try:
        return load_ruleset(config)
    except SentinelError:
        return None


def open_lookups(config: Config) -> tuple[PlaceReader, NetworkReader]:
    """Readers of place and network. Raises :class:`FileError`."""
    geo = config.geo
    lists = [(item.kind, item.path) for item in geo.lists]
    marks = marks_of(config)
    places, networks = open_readers(config.state, city=geo.city, asn=geo.asn, anonymous=geo.anonymous, lists=lists)
    networks.marks = marks
    return places, networks


def bare_lookups() -> tuple[PlaceReader, NetworkReader]:
    """Readers without databases: for rule tests, whose events bring their place and network.

    An event cannot say that its address is known for attacks: 198.51.100.240/28 is (docs/rules.md).
    """
    first = int(parse_address("198.51.100.240"))
    listed = NetworkList("listed", [(4, first, first + 15)], frozenset())
    return PlaceReader(None, load_countries()), NetworkReader(None, {}, OperatorLists([listed]))


def build_enricher(pseudonym: Pseudonymizer, lookups: tuple[PlaceReader, NetworkReader]) -> Enricher:
    """The enricher of an installation."""
    return Enricher(pseudonym, *lookups)


def tenant_settings(
    config: Config,
    rules: RuleSet,
    pseudonym: Pseudonymizer | None = None,
    lookup_of: Callable[[str], str | None] | None = None,
    models: ModelDesk | None = None,
    *,
    tell: bool = False,
) -> Callable[[str], TenantSettings]:
    """What judging depends on, by tenant; made once for each, and again when its models changed. Allowlists of accounts
    and devices need ``pseudonym``, and ``lookup_of`` (an account's pseudonym by its handle) where events come with
    handles. Without ``models`` they are those in force now, read when a tenant is first asked for. With ``tell`` hooks
    and streams are told: for who judges what happens now, and not history.

    Raises :class:`FileError` when what is tuned does not fit the rules.
    """
    tuning = Tuning(config, rules, pseudonym, lookup_of)
    desk = models or model_desk(config)
    made: dict[str, tuple[ModelsInForce, TenantSettings]] = {}

    def settings(tenant: str) -> TenantSettings:
        in_force = desk.of(tenant)
        models, found = made.get(tenant, (None, None))
        if found is None or models is not in_force:
            own = msgspec.structs.replace(
                _settings(config.for_tenant(tenant), rules),
                scorer=ModelScorer(in_force),
                hooks=receivers_of(config, tenant) if tell else Receivers(),
            )
            found = tuning.apply(tenant, own)
            made[tenant] = in_force, found
        return found

    return settings


def untuned_settings(config: Config, rules: RuleSet | None = None) -> Callable[[str], TenantSettings]:
    """A tenant's settings without what is tuned: where nothing is judged, or only some of the rules are tried out."""
    chosen = rules or RuleSet(())
    return lambda tenant: _settings(config.for_tenant(tenant), chosen)


def limits_of(config: Config) -> Limits:
    """The limits of requests."""
    http = config.http
    return Limits(body_bytes=http.max_body_bytes, batch=http.max_batch, seconds=http.request_timeout_seconds)


def build_pipeline(config: Config, store: Store, vault: Vault, rules: RuleSet, *, tell: bool = False) -> Pipeline:
    """The pipeline over a store; ``tell`` as for :func:`tenant_settings`."""
    return Pipeline(store, vault, tenant_settings(config, rules, vault.pseudonym, vault.lookup_of, tell=tell))


def _settings(config: Config, rules: RuleSet) -> TenantSettings:
    decision, trust, alerts = config.decision, config.trust, config.alerts
    return TenantSettings(
        rules=rules,
        thresholds=Thresholds(
            mode=decision.mode, notify=decision.notify, challenge=decision.challenge, block=decision.block
        ),
        trust=TrustPolicy(
            warmup_logins=trust.warmup_logins,
            warmup_days=trust.warmup_days,
            settle_days=trust.settle_days,
            settle_logins=trust.settle_logins,
            factor_days=trust.factor_days,
            hours=config.privacy.purpose != "workforce",
        ),
        fold=FoldPolicy(span=alerts.fold_minutes * MINUTE, same_news=trust.settle_days * DAY),
        raw_days=config.retention.raw_days,
        mail_max_age=alerts.mail_max_age_hours * HOUR,
        origins=config.service.origins,
        enforce_share=decision.enforce_share,
        critical_accounts=alerts.critical_accounts and bool(alerts.operators),
        usage=UsagePolicy(config.usage.epsilon, config.usage.min_cell) if config.usage.enabled else None,
    )
