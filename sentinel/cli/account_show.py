"""`sentinel account show`: what is known of an account, on a page of a terminal."""

from collections import deque
from typing import Any, Final

import click
import msgspec

from sentinel.api.accounts import show_alert
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looking import Looking, account_argument, looking, tenant_option
from sentinel.cli.looks import approved_option, purpose_option
from sentinel.daemon.build import untuned_settings
from sentinel.daemon.second_person import needs_second
from sentinel.events.clock import to_text
from sentinel.export.gather import account_data, moment, rights_data
from sentinel.export.gather_profile import Names, profile_data
from sentinel.export.shown import visible
from sentinel.past.profile import Profile
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting
from sentinel.store.protocol import Record

#: What of a profile is shown: kinds of value whose names are words.
_KNOWN: Final = ("countries", "networks", "device_kinds")


@click.command("show")
@account_argument
@click.option(
    "--limit", type=click.IntRange(0, 10_000), default=20, show_default=True, help="At most so many events and alerts."
)
@tenant_option
@purpose_option
@approved_option
@json_option
@pass_config
@run_async
async def show(
    context: Context,
    account: str,
    limit: int,
    tenant: str,
    purpose: str,
    approved_by: str | None,
    as_json: bool,
) -> int:
    """Show what is known of ACCOUNT: attributes, rights, what counts as usual, alerts, the newest events.

    No address and no device id is shown: those are in the export. Of a restricted account, attributes and rights
    alone. With [privacy] purpose = "workforce" no events and nothing learned from them.

    \b
    Example:
      sentinel account show u-1 --purpose "ticket 7"
    """
    async with looking(
        context.config, "account.show", tenant=tenant, account=account, purpose=purpose, approved_by=approved_by
    ) as at:
        shown = await _shown(at, tenant, account, limit)
    if as_json:
        print_json(shown)
    else:
        _print(shown)
    return 0


async def _shown(at: Looking, tenant: str, account: str, limit: int) -> dict[str, Any]:
    """The same parts for every account, also one never heard of."""
    handle = at.key.handle if at.key is not None else None
    attributes = await at.store.attributes(handle) if handle is not None else None
    refused = await at.store.refused(handle, attributes.email) if handle and attributes and attributes.email else 0
    profile = (await at.store.profile(handle) if handle is not None else None) or Profile()
    hidden = _hidden(at, tenant, profile)
    shown: dict[str, Any] = {
        "tenant": tenant,
        "attributes": msgspec.structs.asdict(account_data(account, attributes, refused)),
        "rights": msgspec.structs.asdict(rights_data(profile)),
        "not_shown": hidden,
        "known": {},
        "alerts": [],
        "events": [],
    }
    if not profile.restricted and handle is not None and limit:
        rows = await at.store.alerts(tenant, account=handle, limit=limit)
        shown["alerts"] = [show_alert(row) | {"account": account} for row in rows]
    if not hidden:
        shown["known"] = _known(at, tenant, profile)
        if handle is not None:
            newest: deque[Record] = deque(maxlen=limit)
            async for record in at.store.history(handle):
                if record.type != "feedback":
                    newest.append(record)
            shown["events"] = [_event(record) for record in reversed(newest)]
    return shown


def _hidden(at: Looking, tenant: str, profile: Profile) -> str:
    """Why events are not shown; empty when they are."""
    if profile.restricted:
        return "the processing of this account is restricted"
    if needs_second(at.config, tenant):
        return "these people work here: their events are not looked through"
    return ""


def _known(at: Looking, tenant: str, profile: Profile) -> dict[str, Any]:
    data = profile_data(profile, Names(), untuned_settings(at.config)(tenant).trust, at=at.now)
    known: dict[str, Any] = {
        kind: [
            {"name": value.name, "first": value.first, "last": value.last, "trusted": value.trusted}
            for value in getattr(data, kind)
        ]
        for kind in _KNOWN
    }
    return known | {"trusted_logins": profile.trusted_logins, "last_seen": moment(profile.last_seen)}


def _event(record: Record) -> dict[str, Any]:
    sighting = unpack_sighting(record.sighting)
    assessment = unpack_assessment(record.assessment, record.event_id, record.account_id)
    device = sighting.device
    return {
        "event": record.event_id,
        "time": to_text(record.time),
        "type": sighting.type,
        "outcome": sighting.outcome,
        "country": sighting.place.country,
        "network": sighting.network.organisation,
        "device": ", ".join(part for part in (device.browser, device.os, device.type) if part) or None,
        "risk": assessment.risk,
        "decision": assessment.decision,
        "rules": [finding.rule for finding in assessment.findings],
    }


def _print(shown: dict[str, Any]) -> None:
    """Lines for a person; what others chose (names, agents) cannot speak to the terminal."""
    for name, value in shown["attributes"].items():
        if value not in (None, []):
            click.echo(f"{name}: {_text(value)}")
    rights = shown["rights"]
    click.echo(f"restricted: {'since ' + rights['restricted_since'] if rights['restricted'] else 'no'}")
    click.echo(f"objection: {rights['objection']}")
    for each in rights["decisions"]:
        reason = f"  {visible(each.reason)}" if each.reason else ""
        click.echo(f"  {each.time}  {each.right} {each.decision}{reason}")
    for kind in _KNOWN:
        for value in shown["known"].get(kind, []):
            trusted = "trusted" if value["trusted"] else "not trusted"
            click.echo(f"{kind}: {visible(value['name'])}  {trusted}  last {value['last']}")
    for alert in shown["alerts"]:
        click.echo(
            f"alert: {alert['alert']}  {alert['kind']}  {alert['level']}  {alert['state']}  {alert['last']}"
            f"  {','.join(alert['rules'])}"
        )
    for event in shown["events"]:
        seen = "  ".join(visible(event[name]) for name in ("country", "network", "device") if event[name])
        click.echo(
            f"event: {event['time']}  {visible(event['event'])}  {event['type']} {event['outcome']}  {seen}"
            f"  {event['decision']}  {','.join(event['rules'])}"
        )
    if shown["not_shown"]:
        click.echo(f"events: not shown: {shown['not_shown']}")


def _text(value: Any) -> str:
    return visible(", ".join(value) if isinstance(value, list) else str(value))
