"""The report of an installation: figures out of store, keys and models; and having it sent once a week."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from typing import Final

from sentinel.alerts.compose import Identity
from sentinel.config import Config
from sentinel.daemon.drift import drift_of, findings, summary
from sentinel.daemon.models import today
from sentinel.daemon.retention import is_overdue, oldest_raw
from sentinel.daemon.state import store_path
from sentinel.errors import SentinelError
from sentinel.events.alert import CRITICAL_ACCOUNT, FLOOD, REPORT, Notice
from sentinel.events.clock import DAY, now, to_text, utc_day
from sentinel.models.in_force import Shelf
from sentinel.models.registry import Registry
from sentinel.pipeline.pack import unpack_assessment
from sentinel.privacy.vault import Vault
from sentinel.report.figures import NAMED, Answers, Campaign, Day, Mails, Report, Retention, RuleFigures
from sentinel.report.mail import critical_mail, report_mail
from sentinel.report.week import last_time, report_id
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.store.protocol import AlertRow, Changes, Store

_log: Final = logging.getLogger("sentinel.report")
#: Seconds between two looks at whether the weekly report is due.
_ROUND: Final = 60.0
_WEEK: Final = 7
#: More alerts than a report's time ever has.
_ALL: Final = 1_000_000
_ROLES: Final = {"person": "the person", "service": "the service", "operator": "an operator"}


async def make_report(
    config: Config, store: Store, vault: Vault, *, until: int, days: int, tenant: str | None = None
) -> Report:
    """The report of the ``days`` UTC days before ``until`` (micros), and of the part of its own day before it; of one
    tenant or of all. Raises :class:`SentinelError`."""
    last = utc_day(until - 1)
    first = utc_day(until) - days
    since = first * DAY
    tenants = [tenant] if tenant is not None else sorted({"default", *config.tenants, *await store.tenants()})
    counts = {each.day: each for each in await store.counts_by_day(since=first, tenant=tenant) if each.day <= last}
    mails = await store.mails_by_day(since=first, tenant=tenant)
    by_state = Counter[str]()
    for (day, state), number in mails.items():
        by_state[state] += number if day <= last else 0
    alerts = [row for each in tenants for row in await store.alerts(each, limit=_ALL) if since <= row.last < until]
    campaigns = [row for row in alerts if row.kind == "campaign" and FLOOD not in row.rules]
    titles = _titles(config)
    rules, answers = await _rules(store, tenant, since, until, titles)
    kinds = Counter(row.kind for row in alerts if row.kind != "campaign")
    shifted, drift = await _drift(config, store, vault, tenants, until)
    oldest = oldest_raw(vault)
    return Report(
        service=str(config.for_tenant(tenant).service.name if tenant is not None else config.service.name),
        made=to_text(until),
        since=_date(first),
        until=_date(last),
        tenants=tenants,
        events=sum(each.events for each in counts.values()),
        days=[
            Day(
                date=_date(day),
                logins=counts[day].logins if day in counts else 0,
                flagged=counts[day].flagged if day in counts else 0,
                mails=mails.get((day, "sent"), 0),
            )
            for day in range(first, last + 1)
        ],
        campaigns=[_campaign(row, titles) for row in sorted(campaigns, key=_weight)[:NAMED]],
        campaigns_more=max(0, len(campaigns) - NAMED),
        alerts=dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
        critical_accounts=len({row.account for row in alerts if row.account is not None and row.level == "critical"}),
        rules=rules,
        rules_more=max(0, sum(each.fired > 0 for each in rules) - NAMED),
        answers=answers,
        mails=Mails(
            sent=by_state["sent"],
            failed=by_state["failed"],
            unaddressed=by_state["unaddressed"],
            folded=by_state["folded"],
            answered=by_state["answered"],
            waiting=(await store.mail_counts())["pending"],
        ),
        drift=drift,
        drift_shifted=shifted,
        retention=Retention(
            oldest_raw=_date(oldest) if oldest is not None else None,
            raw_days=config.retention.raw_days,
            on_time=not is_overdue(vault, until, config.retention.raw_days),
        ),
        store_bytes=_size(config),
    )


class OperatorMails:
    """Writes the mails to operators that are no alerts (:class:`sentinel.alerts.delivery.ForOperators`). A report is
    made when it is sent, by the courier, so that judging does not wait for it."""

    def __init__(self, config: Config, store: Store, vault: Vault) -> None:
        self._config, self._store, self._vault = config, store, vault
        self._made: tuple[str, Report] | None = None

    async def __call__(self, notice: Notice, identity: Identity, *, recipient: str, now: int) -> EmailMessage:
        """See the protocol."""
        if notice.kind == CRITICAL_ACCOUNT:
            return critical_mail(notice, identity, recipient=recipient, now=now)
        # The same for every operator.
        if self._made is None or self._made[0] != notice.id:
            until = utc_day(notice.time) * DAY
            made = await make_report(self._config, self._store, self._vault, until=until, days=_WEEK)
            self._made = notice.id, made
        return await asyncio.to_thread(report_mail, self._made[1], notice, identity, recipient=recipient, now=now)


async def report_weekly(store: Store, config: Callable[[], Config], wake: Callable[[], None]) -> None:
    """Have the report sent every week, for as long as the daemon runs. What was missed while it did not run is made up
    for; the mail's id is that of the week, so that there is one, whatever is started how often."""
    asked = ""
    while True:
        try:
            asked = await ask_for_report(store, config(), asked, now=now(), wake=wake)
        except SentinelError as error:
            _log.error("the weekly report is not in the outbox, trying again: %s", error)
        await asyncio.sleep(_ROUND)


async def ask_for_report(store: Store, config: Config, asked: str, *, now: int, wake: Callable[[], None]) -> str:
    """Put the newest report that is due into the outbox, unless it is the one ``asked`` for before; returns its id."""
    when = config.alerts.report
    if not when or not config.alerts.operators:
        return asked
    time = last_time(now, when.weekday, when.minute)
    id = report_id(time)
    if id == asked:
        return asked
    oldest = await store.page(0, limit=1)
    if not oldest.last or any(record.time >= time for _, record in oldest.records):
        return asked  # nothing had happened by then
    notice = Notice(
        id=id, kind=REPORT, tenant="default", event="", account=None, time=time, risk=0.0, level="low",
        decision="allow",
    )  # fmt: skip
    await store.commit(Changes(notices=[notice]))
    wake()
    return id


async def _rules(
    store: Store, tenant: str | None, since: int, until: int, titles: dict[str, str]
) -> tuple[list[RuleFigures], list[Answers]]:
    """Rules by how often they held, and answers by who gave them."""
    fired: dict[str, int] = Counter()
    status: dict[str, str] = {}
    for (day, rule, how), number in (await store.fired(since=utc_day(since), tenant=tenant)).items():
        if day * DAY < until:
            fired[rule] += number
            status[rule] = "live" if "live" in (how, status.get(rule)) else how
    verdicts: dict[str, str] = {}
    given: dict[str, Counter[str]] = {}
    async for answer in store.history(type="feedback", since=since):
        if tenant in (None, answer.tenant) and answer.time < until:
            verdict = answer.assessment.decode()
            verdicts[answer.body.decode()] = verdict
            given.setdefault(answer.windows.decode(), Counter())[verdict] += 1
    answered: dict[str, Counter[str]] = {}
    for key, verdict in verdicts.items():
        record = await store.record(key)
        if record is not None:
            for finding in unpack_assessment(record.assessment, "", None).findings:
                answered.setdefault(finding.rule, Counter())[verdict] += 1
    found = [
        RuleFigures(
            rule=rule,
            title=titles.get(rule, rule),
            status=status.get(rule, "live"),
            fired=fired.get(rule, 0),
            legitimate=answered.get(rule, Counter())["legitimate"],
            compromised=answered.get(rule, Counter())["compromised"],
        )
        for rule in {*fired, *answered}
    ]
    answers = [
        Answers(by=_ROLES.get(by, by), legitimate=counts["legitimate"], compromised=counts["compromised"])
        for by, counts in sorted(given.items())
    ]
    return sorted(found, key=lambda each: (-each.fired, each.rule)), answers


async def _drift(config: Config, store: Store, vault: Vault, tenants: list[str], until: int) -> tuple[bool, str]:
    shelf = Shelf(Registry(config.state / "models"))
    said = []
    for tenant in tenants:
        in_force = [each for each in shelf.look(tenant, today()) if each.status == "in force"]
        said += findings(tenant, await drift_of(store, vault, tenant, in_force, now=until))
    return any(each.shifted for each in said), summary(said)


def _titles(config: Config) -> dict[str, str]:
    """Titles of the rules; while the operator's own are broken, of those that came along."""
    try:
        files = load_rules([packaged_rules(), config.rules.directory])
    except SentinelError:
        files = load_rules([packaged_rules()])
    return {file.compiled.rule.id: file.compiled.rule.title for file in files}


def _campaign(row: AlertRow, titles: dict[str, str]) -> Campaign:
    title = titles.get(row.rules[0], row.rules[0]) if row.rules else "An attack"
    return Campaign(
        id=row.id, tenant=row.tenant, title=title, level=row.level, first=_date(utc_day(row.first)),
        last=_date(utc_day(row.last)), events=row.events, state=row.state,
    )  # fmt: skip


def _weight(row: AlertRow) -> tuple[bool, float, int]:
    """Open ones first, then the worst, then the largest."""
    return row.state != "open", -row.risk, -row.events


def _size(config: Config) -> int:
    path = store_path(config)
    if path is None:
        return 0
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(each.stat().st_size for each in files if each.exists())


def _date(day: int) -> str:
    return to_text(day * DAY)[:10]
