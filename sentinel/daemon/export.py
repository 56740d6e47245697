"""Everything that is held of one account, from the store into the archive that the person gets."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import IO, Final

from sentinel.audit.details import ROW
from sentinel.audit.log import AuditLog
from sentinel.config import Config
from sentinel.daemon.build import rules_or_none, untuned_settings
from sentinel.events.clock import SECOND, now, to_text
from sentinel.export.data import AnswerData, Held, Information, Look, WindowData
from sentinel.export.gather import account_data, alert_data, answer_data, event_data, hook_data, mail_data, rights_data
from sentinel.export.gather_profile import Names, profile_data
from sentinel.export.package import Manifest, Package
from sentinel.facts import FACTS
from sentinel.past.profile import Profile
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting, unpack_windows
from sentinel.privacy.vault import Vault
from sentinel.rules.ruleset import RuleSet
from sentinel.store.protocol import Record, Store, WindowKept
from sentinel.store.rows import track_number

#: More than an account ever has.
_ALL: Final = 1_000_000


async def write_export(
    store: Store,
    vault: Vault,
    log: AuditLog,
    config: Config,
    tenant: str,
    account: str,
    file: IO[bytes],
    *,
    now: int,
    language: str | None = None,
    rules: RuleSet | None = None,
) -> Manifest:
    """Write the archive of an account to ``file``; its audit entry is the caller's to write before.

    The page is in ``language`` (one of :data:`sentinel.export.text.LANGUAGES`), else in the person's. ``rules`` tell
    what counts are of. Of an account never heard of it is an archive of the same form that says so. Raises
    :class:`sentinel.errors.StoreError`.
    """
    key = vault.find(vault.pseudonym("account", tenant, account))
    package = Package({name: fact.meaning for name, fact in FACTS.items()})
    held = Held(
        made=to_text(now), tenant=tenant, information=information(config, tenant), account=account_data(account, None)
    )
    if key is not None:
        names, answers = await _add_events(store, key.handle, package)
        profile = await store.profile(key.handle)
        known = profile or Profile()
        policy = untuned_settings(config)(tenant).trust
        alerts = await store.alerts(tenant, account=key.handle, limit=_ALL, hidden=True)
        looks = []
        for own in (*vault.former(key), key):
            looks += await asyncio.to_thread(log.show, account=own.row(ROW), limit=_ALL)
        looks.sort(key=lambda look: look.seq)
        attributes = await store.attributes(key.handle)
        refused = await store.refused(key.handle, attributes.email) if attributes and attributes.email else 0
        held = Held(
            made=held.made,
            tenant=tenant,
            information=held.information,
            account=account_data(account, attributes, refused),
            rights=rights_data(known),
            profile=profile_data(known, names, policy, at=now) if profile is not None else None,
            alerts=[alert_data(alert) for alert in alerts],
            mails=[mail_data(mail) for mail in await store.mails_of(key.handle)],
            hooks=[hook_data(hook) for hook in await store.hooks_of(key.handle)],
            answers=answers,
            looks=[
                Look(time=to_text(look.time), role=look.role, action=look.action, purpose=look.purpose)
                for look in looks
            ],
            windows=_windows(await store.windows_of(key.handle), vault, tenant, key.handle, rules),
        )
    languages: Sequence[str] | None = (language,) if language is not None else None
    return await asyncio.to_thread(package.write, file, held, languages)


def exporter(
    store: Store, vault: Vault, log: AuditLog, config: Callable[[], Config]
) -> Callable[[str, str, IO[bytes], str | None], Awaitable[Manifest]]:
    """:func:`write_export` of an installation, by tenant, account, file and language; ``config`` is that in force."""

    async def export(tenant: str, account: str, file: IO[bytes], language: str | None) -> Manifest:
        of = config()
        # Read for each, as the command does: a tenth of a second, in a process that mostly keeps no rules.
        rules = await asyncio.to_thread(rules_or_none, of)
        return await write_export(
            store, vault, log, of, tenant, account, file, now=now(), language=language, rules=rules
        )

    return export


def information(config: Config, tenant: str) -> Information:
    """What Art. 15(1) wants told, as it is configured for a tenant."""
    of = config.for_tenant(tenant)
    return Information(
        controller=str(of.privacy.controller or ""),
        contact=str(of.privacy.contact or ""),
        authority=str(of.privacy.authority or ""),
        recipients=str(of.privacy.recipients or ""),
        siem=any(each.tenant in (None, tenant) for each in of.siem.values()),
        service=str(of.service.name),
        raw_days=config.retention.raw_days,
        mode=of.decision.mode,
        notify=of.decision.notify,
        challenge=of.decision.challenge,
        block=of.decision.block,
    )


def _windows(
    kept: Sequence[WindowKept], vault: Vault, tenant: str, handle: str, rules: RuleSet | None
) -> list[WindowData]:
    """The counts that are kept by the account; those of rules that are not in force any more have no name."""
    names: dict[int, tuple[str, int]] = {}
    for series in rules.series if rules is not None else ():
        stream = (series.where.identity if series.where else "", *series.by)
        readers = [
            f"{file.compiled.rule.id}.{window.name.removeprefix('windows.')}"
            for file in (rules.files if rules is not None else ())
            for window in file.compiled.windows
            if window.stream == stream
        ]
        if series.by == ("account",):
            name = track_number(vault.track_key, (series.id, (tenant, handle)))
            names[name] = ", ".join(readers), series.keep // 2 // SECOND
    found = []
    for window in kept:
        series_name, over = names.get(window.name, ("", 0))
        found.append(
            WindowData(
                series=series_name,
                by=["account"],
                over=over,
                entries=window.entries,
                first=to_text(window.first),
                last=to_text(window.last),
            )
        )
    return sorted(found, key=lambda each: (each.series, each.first or ""))


async def _add_events(store: Store, handle: str, package: Package) -> tuple[Names, list[AnswerData]]:
    """Add all events; returns the names that they tell and the answers given about them."""
    names, answers = Names(), []
    async for record in store.history(handle):
        if record.type == "feedback":
            answers.append(answer_data(record))
        else:
            await _add(store, record, names, package)
    return names, answers


async def _add(store: Store, record: Record, names: Names, package: Package) -> None:
    raw = await store.raw(record)
    sighting = unpack_sighting(record.sighting)
    names.learn(sighting, raw)
    assessment = unpack_assessment(record.assessment, record.event_id, record.account_id)
    windows = unpack_windows(record.windows)
    package.add(event_data(sighting, raw, assessment, windows, trusted=record.trusted))
