"""Accounts: attributes, risk, alerts."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from sentinel.api.handling import answer, read_body
from sentinel.api.path import account_of, limit_of
from sentinel.api.service import Service
from sentinel.errors import FieldError
from sentinel.events.clock import to_datetime, to_micros, to_text
from sentinel.events.event import Text, explain
from sentinel.events.limits import check_size, check_time
from sentinel.events.sighting import Attributes
from sentinel.pipeline.account_risk import account_risk
from sentinel.pipeline.attributes import check_attributes
from sentinel.pipeline.item import Call, NewAttributes
from sentinel.pipeline.restricted import RESTRICTED
from sentinel.store.protocol import AlertRow, ApiKey


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes of an account as the service sets them; what is left out stays as it was."""

    email: Text | None = None
    previous_email: Text | None = None
    email_verified: bool | None = None
    contact_email: Text | None = None  #: a second contact, for accounts that are themselves the mailbox
    locale: Text | None = None
    timezone: Text | None = None
    name: Text | None = None
    account_tags: Annotated[list[Text], Meta(max_length=64)] = []
    account_created: Annotated[datetime, Meta(tz=True)] | None = None


_decode = msgspec.json.Decoder(AccountBody).decode


async def put_account(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Set attributes; the answer has them all, or those given where a look needs a second person."""
    account = account_of(request)
    body = await read_body(request, service)
    try:
        given = _decode(body)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldError("", f"not a JSON object: {error}") from None
    _check(given)
    now = service.clock()
    attributes = Attributes(
        account=account,
        email=given.email,
        previous_email=given.previous_email,
        email_verified=given.email_verified,
        locale=given.locale,
        timezone=given.timezone,
        name=given.name,
        tags=tuple(given.account_tags),
        created=to_micros(given.account_created) if given.account_created else None,
        as_of=now,
        contact_email=given.contact_email,
    )
    check_attributes(attributes)
    await service.looked(key, "account.rectify", service.handle_of(key.tenant, account))
    call = Call(key.name, now)
    await service.intake.submit(
        [
            NewAttributes(
                tenant=key.tenant,
                account_key=service.enricher.account_key(key.tenant, account),
                attributes=attributes,
                call=call,
            )
        ],
        inline=True,
    )
    if service.second_person(key.tenant):
        return answer(_show(account, attributes))
    return answer(await _shown(service, account, service.handle_of(key.tenant, account)))


async def get_account(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """The attributes; an account never heard of is answered alike, with nothing known."""
    account = account_of(request)
    handle = service.handle_of(key.tenant, account)
    await service.looked(key, "account.show", handle, person=True)
    return answer(await _shown(service, account, handle))


async def get_risk(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """How risky the account is right now, why, and since when: the open alerts of the last days."""
    account = account_of(request)
    handle = service.handle_of(key.tenant, account)
    await service.looked(key, "account.risk", handle)
    profile = await service.profile_of(handle)
    if profile.restricted:
        return answer(
            {
                "account": account,
                "risk": None,
                "level": None,
                "reasons": [RESTRICTED],
                "since": None,
                "restricted": True,
            }
        )
    found = account_risk(profile, service.clock(), service.settings(key.tenant).fold.same_news)
    return answer(
        {
            "account": account,
            "risk": found.risk,
            "level": found.level,
            "reasons": list(found.reasons),
            "since": to_text(found.since) if found.since is not None else None,
        }
    )


async def get_account_alerts(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """The account's alerts, newest first."""
    account, limit = account_of(request), limit_of(request)
    handle = service.handle_of(key.tenant, account)
    await service.looked(key, "account.alerts", handle, person=True)
    rows = await service.store.alerts(key.tenant, account=handle, limit=limit) if handle is not None else []
    return answer({"alerts": [show_alert(row) | {"account": account} for row in rows]})


async def get_alerts(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Alerts of all accounts, newest first."""
    await service.looked(key, "alerts.list")
    return answer({"alerts": await _listed(request, service, key, None)})


async def get_campaigns(request: web.Request, service: Service, key: ApiKey) -> web.Response:
    """Attacks on many accounts, newest first."""
    return answer({"campaigns": await _listed(request, service, key, "campaign")})


async def _listed(request: web.Request, service: Service, key: ApiKey, kind: str | None) -> list[dict[str, Any]]:
    rows = await service.store.alerts(key.tenant, kind=kind, limit=limit_of(request))
    out = []
    for row in rows:
        record = await service.store.record(row.event) if row.account is not None else None
        account = record.account_id if record is not None else None
        out.append(show_alert(row) | {"account": account})
    return out


def show_alert(row: AlertRow) -> dict[str, Any]:
    """An alert as the API shows it."""
    return {
        "alert": row.id,
        "account": None,
        "kind": row.kind,
        "level": row.level,
        "risk": row.risk,
        "since": to_text(row.first),
        "last": to_text(row.last),
        "events": row.events,
        "rules": row.rules,
        "state": row.state,
    }


def _check(given: AccountBody) -> None:
    for name in given.__struct_fields__:
        check_size(name, getattr(given, name))
    for position, tag in enumerate(given.account_tags):
        check_size(f"account_tags[{position}]", tag)
    if given.account_created is not None:
        try:
            check_time(given.account_created)
        except FieldError as error:
            raise FieldError("account_created", error.expected) from None


def _show(account: str, attributes: Attributes | None, *, refused: bool = False) -> dict[str, Any]:
    known = attributes or Attributes(account=account)
    return {
        "account": account,
        "email": known.email,
        "previous_email": known.previous_email,
        "email_verified": known.email_verified,
        "email_refused": refused,
        "contact_email": known.contact_email,
        "locale": known.locale,
        "timezone": known.timezone,
        "name": known.name,
        "account_tags": list(known.tags),
        "account_created": to_datetime(known.created) if known.created is not None else None,
    }


async def _shown(service: Service, account: str, handle: str | None) -> dict[str, Any]:
    if (await service.profile_of(handle)).restricted:
        return _show(account, None) | {"restricted": True}
    known = await service.store.attributes(handle) if handle is not None else None
    refused = handle and known and known.email and await service.store.refused(handle, known.email)
    return _show(account, known, refused=bool(refused))
