"""One batch through the whole path: recall what it needs, judge item by item, commit at once.

One batch is judged while the one before it is being committed, on what that one will have changed; if it then is not
stored, neither is the next.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from sentinel.alerts.campaigns import KIND as CAMPAIGN
from sentinel.alerts.policy import Raised
from sentinel.errors import StoreError
from sentinel.events.assessment import Assessment
from sentinel.events.clock import utc_day
from sentinel.events.event import CREDENTIAL_CHANGES
from sentinel.events.sighting import Sighting
from sentinel.past.commons import Commons
from sentinel.past.profile import Profile
from sentinel.pipeline.account_risk import AccountRisk, account_risk
from sentinel.pipeline.answers import PERSON, answer_key, apply_answer, got_in, may_confirm, person_key
from sentinel.pipeline.attributes import LastTold, forget_attributes, is_restated, merge_attributes
from sentinel.pipeline.campaign import campaigns_key
from sentinel.pipeline.concluded import Concluded, concludes, newly_fired
from sentinel.pipeline.drift import Drift
from sentinel.pipeline.handles import lookups, with_handles
from sentinel.pipeline.item import Answer, Arrival, Item, NewAttributes, Outcome, TenantSettings
from sentinel.pipeline.judge import Tracks, judge
from sentinel.pipeline.pack import pack_assessment, pack_sighting, pack_windows, unpack_assessment, unpack_sighting
from sentinel.pipeline.restricted import count_failure, restricted_assessment
from sentinel.pipeline.said import tell_operators
from sentinel.pipeline.telling import of_answer, of_arrival
from sentinel.pipeline.usage import Usage
from sentinel.privacy.noise import Noise, discrete_laplace
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import AlertRow, Changes, Past, Record, Store, Wanted

#: Judging yields to the event loop after this many items, so that one batch never blocks other requests for long.
_STRIDE: Final = 16


class Batch:
    """Items judged together, on their way to the disk. ``before`` is the batch that was not there yet when it began."""

    def __init__(self, items: Sequence[Item], before: "Batch | None") -> None:
        self.items = items
        self.before = before
        self.past = Past()
        self.changes = Changes()
        self.outcomes: list[Outcome] = []
        self.failed: BaseException | None = None
        self.ended = asyncio.Event()
        self.began = 0.0  #: for whoever measures

    @property
    def lost(self) -> bool:
        """It was judged on a batch that was not stored, so that it will not be either."""
        return self.before is not None and self.before.failed is not None


class Pipeline:
    """Everything that decides about an event goes through :meth:`process`, one batch at a time."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        settings: Callable[[str], TenantSettings],
        noise: Noise = discrete_laplace,
    ) -> None:
        self.store = store
        self.vault = vault
        self._settings = self._next = settings
        self._of = settings  #: the same for all of a batch
        self._bound = False
        self._told = LastTold()
        self._noise = noise  #: of usage figures; anything but the default is for tests
        self._usage: Usage | None = None
        self._drift: Drift | None = None
        self._commons: dict[str, Commons] | None = None  #: by tenant, as of the latest batch judged
        self._latest: Batch | None = None  #: judged, and not ended yet

    def use(self, settings: Callable[[str], TenantSettings]) -> None:
        """Judge with other settings (rules, thresholds) from the next batch on, never within one."""
        self._next = settings

    async def process(self, items: Sequence[Item]) -> list[Outcome]:
        """Judge ``items`` in order and make what they changed durable; the outcomes come in the same order.

        Raises :class:`sentinel.errors.StoreError` when nothing could be made durable; then nothing has changed.
        """
        return await self.commit(await self.judge(items))

    async def judge(self, items: Sequence[Item]) -> "Batch":
        """Judge ``items``, while the batch before may still be on its way to the disk. :meth:`commit` it next,
        whatever comes: what is judged after it waits for its end."""
        if self._latest is not None and (self._latest.lost or self._settings is not self._next):
            # Nothing can be judged on what is lost: one failure would be followed by another for as long as events
            # come. And other rules may look further back: what they ask the store for must be there.
            await self._latest.ended.wait()
        self._settings = self._next
        # Models may change while a batch is being judged; it goes on with those that it began with.
        self._of = lru_cache(maxsize=None)(self._settings)
        if not self._bound:
            await self.store.bind(self.vault.fingerprint)
            self._bound = True
        items = self._admit(items)
        touched = [
            Tracks(self._of(item.tenant).of(item.sighting).rules, item.sighting, item.tenant)
            if isinstance(item, Arrival)
            else None
            for item in items
        ]
        self._told.trim()
        batch = Batch(items, self._latest)
        newer = batch.before.past if batch.before is not None else None
        batch.past = past = await self.store.recall(self._wanted(items, touched), newer)
        if (usage := self._usage) is None:
            usage = self._usage = Usage(await self.store.tallies(), self.vault.usage, self._noise)
        if (drift := self._drift) is None:
            drift = self._drift = Drift(await self.store.newest_drift(), self.vault.drift)
        if (commons := self._commons) is None:
            stored = await self.store.commons()
            commons = {tenant: Commons(self.vault.commons_key(tenant), rows) for tenant, rows in stored.items()}
            self._commons = commons
        try:
            await self._second_recall(items, past, newer)
            for number, (item, tracks) in enumerate(zip(items, touched, strict=True)):
                batch.outcomes.append(outcome := self._one(item, tracks, past, batch.changes, commons, drift))
                usage.count(item, outcome, past.profiles, self._of(item.tenant).usage, batch.changes)
                if number % _STRIDE == _STRIDE - 1:
                    await asyncio.sleep(0)
            usage.note(batch.changes)
            drift.note(batch.changes)
            for tenant, counts in commons.items():
                for (level, name), row in counts.take_changed().items():
                    batch.changes.commons[tenant, level, name] = row
            self.store.prepare(batch.changes)
        except BaseException:
            if batch.before is not None:
                # What is committed right now would be cached after this, with the traces of what broke off here.
                await batch.before.ended.wait()
            self._forget(batch)
            raise
        # From now on, not from its commit on: the next one may be judged before that has begun.
        self._latest = batch
        return batch

    async def commit(self, batch: "Batch") -> list[Outcome]:
        """Make a judged batch durable, after the one before it; its outcomes.

        Raises :class:`sentinel.errors.StoreError` when it, or the one before, could not be made durable.
        """
        try:
            if batch.before is not None:
                await batch.before.ended.wait()
                if (failed := batch.before.failed) is not None:
                    # It was judged on what is lost.
                    again = failed.retry if isinstance(failed, StoreError) else True
                    raise StoreError(str(failed) or "the events before were not stored", retry=again)
            batch.before = None
            await self.vault.flush()
            await self.store.commit(batch.changes)
        except BaseException as error:
            batch.failed = error
            self._forget(batch)
            raise
        finally:
            batch.ended.set()
            if self._latest is batch:
                self._latest = None
        return batch.outcomes

    def _admit(self, items: Sequence[Item]) -> list[Item]:
        """The items with the handles of their accounts in place of the pseudonyms they came with."""
        keys = self.vault.admit(lookup for item in items for lookup in lookups(item))
        return [with_handles(item, keys) for item in items]

    def _wanted(self, items: Sequence[Item], touched: Sequence[Tracks | None]) -> Wanted:
        wanted = Wanted()
        for item, tracks in zip(items, touched, strict=True):
            if isinstance(item, Arrival):
                assert tracks is not None
                sighting = item.sighting
                wanted.records.add(sighting.key)
                if sighting.concludes:
                    wanted.records.add(sighting.concludes)
                if sighting.account and sighting.known_account:
                    wanted.profiles.add(sighting.account)
                wanted.profiles.add(campaigns_key(item.tenant))
                if acting := _acting(sighting):
                    wanted.profiles.add(acting)
                wanted.tracks.update(tracks.wanted)
                if (
                    item.attributes is not None
                    and sighting.account
                    and self._told.is_news(sighting.account, item.attributes)
                ):
                    wanted.attributes.add(sighting.account)
            elif isinstance(item, Answer):
                wanted.records.update((item.key, answer_key(self.vault.pseudonym, item)))
                if item.by == PERSON:
                    wanted.records.add(person_key(self.vault.pseudonym, item.tenant, item.key, "compromised"))
            else:
                wanted.attributes.add(item.account_key)
        return wanted

    def _forget(self, batch: "Batch") -> None:
        self.store.forget(batch.past)
        self._told.forget()
        self._usage = None
        self._commons = None
        self._drift = None

    async def _second_recall(self, items: Sequence[Item], past: Past, newer: Past | None) -> None:
        """What only a record tells: profiles of the accounts whose events are answered, and attributes where the person
        answers."""
        wanted = Wanted()
        for item in items:
            if isinstance(item, Answer) and (record := past.records.get(item.key)) is not None and record.account:
                wanted.profiles.add(record.account)
                if item.by == PERSON:
                    wanted.attributes.add(record.account)
        wanted.profiles -= past.profiles.keys()
        wanted.attributes -= past.attributes.keys()
        if wanted.profiles or wanted.attributes:
            more = await self.store.recall(wanted, newer)
            past.profiles.update(more.profiles)
            past.attributes.update(more.attributes)

    def _one(
        self,
        item: Item,
        tracks: Tracks | None,
        past: Past,
        changes: Changes,
        commons: dict[str, Commons],
        drift: Drift,
    ) -> Outcome:
        if isinstance(item, Arrival):
            assert tracks is not None
            return self._arrival(item, tracks, past, changes, commons, drift)
        if isinstance(item, NewAttributes):
            self._attributes(item, past, changes)
            return Outcome()
        return self._answer(item, past, changes)

    def _arrival(
        self,
        item: Arrival,
        tracks: Tracks,
        past: Past,
        changes: Changes,
        commons: dict[str, Commons],
        drift: Drift,
    ) -> Outcome:
        sighting = item.sighting
        settings = self._of(item.tenant).of(sighting)
        profile = past.profiles[sighting.account] if sighting.account and sighting.known_account else Profile()
        known = past.records.get(sighting.key)
        if known is not None:
            if known.body != item.body:
                return Outcome(conflict=True, error="this id was used before with another content")
            if profile.restricted:
                return Outcome(assessment=restricted_assessment(item, settings.rules.digest), duplicate=True)
            first = unpack_assessment(known.assessment, item.id, item.account)
            return Outcome(assessment=first, duplicate=True)
        if profile.restricted:
            return self._restricted(item, settings, tracks, past, changes)
        campaigns = past.profiles[campaigns_key(item.tenant)]
        actor = past.profiles[acting] if (acting := _acting(sighting)) else None
        if actor is not None and actor.restricted:
            actor = Profile()  # what is known of that account is not to be used
        concluded = _concluded(item, past)
        if (counts := commons.get(item.tenant)) is None:
            counts = commons[item.tenant] = Commons(self.vault.commons_key(item.tenant))
        drift.look_at(item, profile, counts, settings)
        before = _risk(settings, profile, sighting.time)
        judged = judge(item, settings, profile, campaigns, past.tracks, tracks, concluded, actor, counts)
        fired = newly_fired(judged.assessment, concluded)
        for rule, status in fired:
            day = (utc_day(sighting.time), item.tenant, rule, status)
            changes.fired[day] = changes.fired.get(day, 0) + 1
        record = self._record(item, settings, judged.assessment, judged.windows, trusted=judged.trusted)
        past.records[sighting.key] = record
        changes.records.append(record)
        if sighting.account is not None and sighting.known_account:
            changes.profiles[sighting.account] = profile
        if any(raised.alert.kind == CAMPAIGN for raised in judged.raised):
            changes.profiles[campaigns_key(item.tenant)] = campaigns
        _note_tracks(changes, sighting, tracks, past)
        for raised in judged.raised:
            _note_alert(changes, item, raised)
            if raised.alert.kind == "campaign":
                # The record's own alert is the account's, if it raised one as well.
                changes.campaigns.append((item.tenant, raised.alert.id, sighting.key))
        changes.notices.extend(judged.notices)
        if before is not None:
            after = account_risk(profile, sighting.time, settings.fold.same_news)
            changes.hooks.extend(of_arrival(item, settings, judged.assessment, judged.raised, before, after))
        self._given(item, past, changes)
        return Outcome(assessment=judged.assessment, notices=judged.notices, fired=fired)

    def _restricted(
        self, item: Arrival, settings: TenantSettings, tracks: Tracks, past: Past, changes: Changes
    ) -> Outcome:
        """An event of an account whose processing is restricted: kept, and nothing made of it. Attributes that it
        brings are not taken either: what is contested stays as it was, until somebody puts it right by name."""
        count_failure(item, settings, past.tracks, tracks)
        _note_tracks(changes, item.sighting, tracks, past)
        assessment = restricted_assessment(item, settings.rules.digest)
        record = self._record(item, settings, assessment, {}, trusted=False)
        past.records[record.key] = record
        changes.records.append(record)
        return Outcome(assessment=assessment)

    def _given(self, item: Arrival, past: Past, changes: Changes) -> None:
        """The attributes that an event brought."""
        account = item.sighting.account
        if item.attributes is not None and account is not None:
            given = NewAttributes(tenant=item.tenant, account_key=account, attributes=item.attributes)
            self._attributes(given, past, changes)

    def _record(
        self,
        item: Arrival,
        settings: TenantSettings,
        assessment: Assessment,
        windows: dict[str, int | None],
        *,
        trusted: bool,
    ) -> Record:
        sighting = item.sighting
        # By UTC days, as raw values expire: what came in late is not kept longer than what came in time.
        too_old = item.received is not None and utc_day(item.received) - utc_day(sighting.time) >= settings.raw_days
        return Record(
            key=sighting.key,
            tenant=item.tenant,
            account=sighting.account if sighting.known_account else None,
            time=sighting.time,
            type=sighting.type,
            body=item.body,
            event_id=item.raw.event,
            account_id=item.raw.account,
            raw=item.raw if not too_old else None,
            sighting=pack_sighting(sighting),
            windows=pack_windows(windows),
            assessment=pack_assessment(assessment),
            trusted=trusted,
            alert=assessment.alert,
            restricted=assessment.restricted is True,
        )

    def _answer(self, item: Answer, past: Past, changes: Changes) -> Outcome:
        record = past.records.get(item.key)
        if record is None or record.tenant != item.tenant:
            return Outcome(error="no event with this id is known")
        key = answer_key(self.vault.pseudonym, item)
        if key in past.records:
            return Outcome(duplicate=True)
        sighting = unpack_sighting(record.sighting)
        profile = past.profiles[record.account] if record.account is not None else Profile()
        if item.by == PERSON and item.verdict == "legitimate":
            refused = person_key(self.vault.pseudonym, item.tenant, item.key, "compromised")
            if refused in past.records or sighting.key in profile.compromised:
                return Outcome(duplicate=True)  # somebody said no, and only the service or an admin lifts that
        # What came while the account was restricted stays unused when the restriction is lifted.
        quiet = profile.restricted or record.restricted
        confirms = True
        if record.account is not None and sighting.known_account and not quiet:
            if item.by == PERSON and item.verdict == "legitimate":
                given = past.attributes.get(record.account)
                confirms = not item.former and may_confirm(profile, sighting, record, given, item.time)
            news = sighting.key not in profile.compromised
            settings = self._of(item.tenant)
            before = _risk(settings, profile, item.time)
            record.trusted = changes.trust[record.key] = apply_answer(
                profile,
                sighting,
                record,
                item.verdict,
                by=item.by,
                confirms=confirms,
                hours=settings.trust.hours,
            )
            if before is not None:
                after = account_risk(profile, item.time, settings.fold.same_news)
                changes.hooks.extend(of_answer(item, record, sighting, settings, before, after, counts=confirms))
            changes.profiles[record.account] = profile
            _close(changes, item, record, sighting, confirms=confirms)
            if item.tell and news and item.verdict == "compromised" and got_in(sighting):
                tell_operators(changes, record, sighting)
        past.records[key] = answer = Record(
            key=key,
            tenant=item.tenant,
            account=record.account,
            time=item.time,
            type="feedback",
            body=record.key.encode(),
            event_id=item.event,
            account_id=record.account_id,
            sighting=b"",
            windows=item.by.encode(),
            assessment=item.verdict.encode(),
            trusted=item.by == PERSON and item.verdict == "legitimate" and confirms and not quiet,
            restricted=quiet,
        )
        changes.records.append(answer)
        return Outcome()

    def _attributes(self, item: NewAttributes, past: Past, changes: Changes) -> None:
        if not item.forget and not self._told.is_news(item.account_key, item.attributes):
            return
        current = past.attributes.get(item.account_key)
        merged = forget_attributes(merge_attributes(current, item.attributes), item.forget)
        if current is not None and is_restated(current, merged):
            merged = current
        else:
            past.attributes[item.account_key] = changes.attributes[item.account_key] = merged
        self._told.take(item.account_key, item.attributes, merged)


def _risk(settings: TenantSettings, profile: Profile, time: int) -> AccountRisk | None:
    """The account's risk, where somebody is told how it changes."""
    return account_risk(profile, time, settings.fold.same_news) if settings.hooks else None


def _acting(sighting: Sighting) -> str | None:
    """The account that acted for the person, where it is named."""
    return None if sighting.own else sighting.actor_account


def _concluded(item: Arrival, past: Past) -> Concluded | None:
    """The pending login that the event concludes, if it is one of the same account and not interrupted."""
    record = past.records.get(item.sighting.concludes) if item.sighting.concludes else None
    if record is None or record.account != item.sighting.account or not record.sighting:
        return None
    pending: Sighting = unpack_sighting(record.sighting)
    if not concludes(item.sighting, pending):
        return None
    assessment: Assessment = unpack_assessment(record.assessment, "", None)
    return Concluded(pending, assessment)


def _close(changes: Changes, item: Answer, record: Record, sighting: Sighting, *, confirms: bool) -> None:
    """An answered event's alert is closed. A mail about it that still waits need not go, unless it is owed or the
    answer proves nothing: who reads one mailbox must not keep the mail from the other."""
    if record.alert is None:
        return
    changes.closed[item.tenant, record.alert] = item.verdict if confirms else "answered"
    if confirms and sighting.type not in CREDENTIAL_CHANGES:
        changes.answered[item.tenant, record.alert] = item.time


def _note_tracks(changes: Changes, sighting: Sighting, tracks: Tracks, past: Past) -> None:
    for key in tracks.wanted:
        if (track := past.tracks[key]).unsaved:
            changes.tracks[key] = track
            if sighting.account is not None and sighting.known_account and sighting.account in key[1]:
                changes.owners[key] = sighting.account


def _note_alert(changes: Changes, item: Arrival, raised: Raised) -> None:
    alert = raised.alert
    noted = changes.alerts.get((item.tenant, alert.id))
    changes.alerts[item.tenant, alert.id] = AlertRow(
        id=alert.id,
        tenant=item.tenant,
        account=item.sighting.account if alert.kind != "campaign" else None,
        kind=alert.kind,
        level=alert.level,
        risk=alert.risk,
        first=alert.first,
        last=alert.last,
        events=alert.events,
        rules=list(alert.rules),
        event=noted.event if noted else item.sighting.key,  # a store keeps the first one likewise
    )
