"""`sentinel doctor`: is the installation well?"""

import asyncio
import shutil
import stat
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

import click
import msgspec

from sentinel.alerts.address import AddressError, SenderError, check_from
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.tenants import tuned_in_vain
from sentinel.config import Config
from sentinel.daemon.backups import kept_backups, opened_ledger
from sentinel.daemon.build import load_ruleset
from sentinel.daemon.drift import drift_of, findings
from sentinel.daemon.ledger import ledger_trouble
from sentinel.daemon.mail import brand_trouble
from sentinel.daemon.models import in_words, today
from sentinel.daemon.state import open_store, open_vault, prepare_state
from sentinel.enrich.databases import status as database_status
from sentinel.enrich.lists import read_list
from sentinel.errors import SentinelError
from sentinel.events.clock import now, utc_day
from sentinel.models.in_force import Shelf
from sentinel.models.registry import Registry
from sentinel.privacy.retention import overdue_through

#: Below this much free space the store soon stops taking events.
_FREE_BYTES: Final = 1 << 30
#: Address blocks change hands: a year-old database is wrong for one address in ten or so.
_STALE_DAYS: Final = 365


#: Merges told of by number.
_SHOWN: Final = 5
#: A backup older than this, in days, is told.
_OLD_BACKUP: Final = 2


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at: ``good``, ``warn`` or ``bad``, and what to do."""

    name: str
    state: str
    detail: str


@click.command("doctor")
@json_option
@pass_config
@run_async
async def command(context: Context, as_json: bool) -> int:
    """Look at everything the daemon needs, and say what is wrong and what to do; exit 1 when something is bad.

    \b
    Example:
      sentinel doctor
    """
    config = context.config
    checks = []
    for name, look in _CHECKS:
        try:
            checks += await look(config)
        except SentinelError as error:
            checks.append(Check(name=name, state="bad", detail=str(error)))
    if as_json:
        print_json(checks)
    else:
        marks = {
            "good": click.style("good", fg="green"),
            "warn": click.style("warn", fg="yellow"),
            "bad": click.style("bad ", fg="red"),
        }
        for check in checks:
            click.echo(f"{marks[check.state]}  {check.name:<9} {check.detail}")
    return 1 if any(check.state == "bad" for check in checks) else 0


async def _state(config: Config) -> list[Check]:
    prepare_state(config)
    mode = stat.S_IMODE(config.state.stat().st_mode)
    free = shutil.disk_usage(config.state).free
    private = mode == 0o700
    advice = "" if private else "; run chmod 700 on it"
    detail = f"{config.state} has mode {mode:04o}{advice}"
    out = [Check(name="state", state="good" if private else "warn", detail=detail)]
    enough = free >= _FREE_BYTES
    out.append(
        Check(name="disk", state="good" if enough else "warn", detail=f"{free / 1e9:.1f} GB free where the state is")
    )
    return out


async def _key(config: Config) -> list[Check]:
    open_vault(config, writes=True).close()
    detail = "the master key is private and opens the keyring; keep a copy of the key apart from the data"
    return [Check(name="key", state="good", detail=detail)]


async def _store(config: Config) -> list[Check]:
    vault = open_vault(config, writes=True)
    store = open_store(config, vault)
    try:
        await store.check()
        await store.bind(vault.fingerprint)
        mails, keys = await store.mail_counts(), await store.keys()
    finally:
        await store.close()
        vault.close()
    out = [Check(name="store", state="good", detail=f"{config.store_url} takes writes")]
    failed = mails["failed"]
    out.append(Check(name="mails", state="warn" if failed else "good",
                     detail=", ".join(f"{number} {state}" for state, number in mails.items())))  # fmt: skip
    active = sum(not key.revoked for key in keys)
    advice = "" if active else "; `sentinel keys create` makes one"
    out.append(Check(name="keys", state="good" if active else "warn", detail=f"{active} API keys in force{advice}"))
    return out


async def _rights(config: Config) -> list[Check]:
    """The erasure ledger, and merges of accounts of which something is left."""
    vault = open_vault(config, writes=True)
    store = open_store(config, vault)
    try:
        with opened_ledger(config, vault, readonly=True) as ledger:
            trouble = ledger_trouble(config, vault.keyring, ledger)
        left = []
        for merge in vault.keyring.merges():
            if rows := await store.left_of(merge.former.rows):
                left.append(f"number {merge.former.number} into {merge.head.number}: {rows} rows")
    finally:
        await store.close()
        vault.close()
    out = [Check(name="ledger", state="bad" if trouble else "good", detail=trouble or "the erasure ledger is whole")]
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        detail = f"merged accounts of which something could not be taken along: {'; '.join(left[:_SHOWN])}{more}."
        detail += " Start the daemon, it tries again; what is damaged comes back with a backup of the data, or expires"
        out.append(Check(name="merges", state="bad", detail=detail))
    return out


async def _retention(config: Config) -> list[Check]:
    with closing(open_vault(config, writes=True)) as vault:
        days = [day for day, keys in vault.days.items() if keys.raw is not None]
    if not days:
        return [Check(name="retention", state="good", detail="no raw values are kept")]
    age, limit = utc_day(now()) - min(days), config.retention.raw_days
    late = min(days) <= overdue_through(now(), limit)
    advice = (
        "; overdue: is the daemon running, and is the clock right? `sentinel privacy retention` tells" if late else ""
    )
    detail = f"the oldest raw values are {age} days old, kept for {limit}{advice}"
    return [Check(name="retention", state="bad" if late else "good", detail=detail)]


async def _backups(config: Config) -> list[Check]:
    kept = kept_backups(config, now())
    out = []
    for kind, command in (("data", "sentinel backup"), ("keyring", "sentinel backup --keyring")):
        ages = [each.age_days for each in kept if each.kind == kind and each.opens]
        told = f"the newest {kind} backup is {min(ages)} days old" if ages else f"there is no {kind} backup"
        good = bool(ages) and min(ages) <= _OLD_BACKUP
        advice = "" if good else f"; `{command}` makes one"
        out.append(Check(name="backup", state="good" if good else "warn", detail=told + advice))
    return out


async def _rules(config: Config) -> list[Check]:
    rules = load_ruleset(config)
    out = [Check(name="rules", state="good", detail=f"{len(rules.files)} rules, {rules.digest[:19]}")]
    return out + [Check(name="tuning", state="warn", detail=each) for each in await tuned_in_vain(config)]


async def _models(config: Config) -> list[Check]:
    shelf, out = Shelf(Registry(config.state / "models")), []
    for tenant in sorted({"default", *config.tenants, *shelf.registry.tenants()}):
        for each in shelf.look(tenant, today()):
            if each.status in ("in force", "abstains", "missing"):
                wrong = each.status == "abstains"
                advice = "; `sentinel models list` shows what else there is" if wrong else ""
                out.append(Check(name="models", state="warn" if wrong else "good", detail=in_words(each) + advice))
    return out


async def _drift(config: Config) -> list[Check]:
    shelf, out = Shelf(Registry(config.state / "models")), []
    with closing(open_vault(config, writes=True)) as vault:
        store = open_store(config, vault)
        try:
            for tenant in sorted({"default", *config.tenants, *shelf.registry.tenants()}):
                in_force = [each for each in shelf.look(tenant, today()) if each.status == "in force"]
                drifts = await drift_of(store, vault, tenant, in_force, now=now())
                out += [
                    Check(name="drift", state="warn" if each.shifted else "good", detail=each.text)
                    for each in findings(tenant, drifts)
                ]
        finally:
            await store.close()
    return out


async def _geo(config: Config) -> list[Check]:
    geo = config.geo
    out = []
    for entry in database_status(config.state, city=geo.city, asn=geo.asn, anonymous=geo.anonymous):
        if entry.path is None or entry.built is None:
            continue
        age = (datetime.now(UTC).date() - entry.built).days
        old = age > _STALE_DAYS
        advice = "; run `sentinel geo update`" if old else ""
        detail = f"{entry.kind}: {entry.origin}, {age} days old{advice}"
        out.append(Check(name="geo", state="warn" if old else "good", detail=detail))
    for item in geo.lists:
        read_list(item.kind, item.path)
        out.append(Check(name="geo", state="good", detail=f"list of kind {item.kind}: {item.path}"))
    return out


async def _smtp(config: Config) -> list[Check]:
    smtp = config.smtp
    try:
        check_from(str(smtp.from_))
    except (AddressError, SenderError) as error:
        return [Check(name="mail", state="bad", detail=f"smtp.from: {error}")]
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(smtp.host, smtp.port)
        writer.close()
    except (OSError, TimeoutError):
        return [Check(name="mail", state="bad", detail=f"no mail server answers at {smtp.host}:{smtp.port} ([smtp])")]
    return [Check(name="mail", state="good", detail=f"{smtp.host}:{smtp.port} answers; `sentinel mail test` sends one")]


async def _brand(config: Config) -> list[Check]:
    return [Check(name="brand", state="warn", detail=each) for each in brand_trouble(config)]


_CHECKS: Final[tuple[tuple[str, Callable[[Config], Awaitable[list[Check]]]], ...]] = (
    ("state", _state),
    ("key", _key),
    ("store", _store),
    ("rights", _rights),
    ("retention", _retention),
    ("backup", _backups),
    ("rules", _rules),
    ("models", _models),
    ("drift", _drift),
    ("geo", _geo),
    ("mail", _smtp),
    ("brand", _brand),
)
