"""`sentinel account erase`, `restrict`, `lift`, `object`, `rectify`: what changes an account."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import click

from sentinel.cli.actor import operator
from sentinel.cli.asking import have_done
from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looking import Value, account_argument, tenant_option
from sentinel.cli.looks import purpose_option
from sentinel.errors import FieldError
from sentinel.events.clock import now, to_micros, to_text
from sentinel.events.limits import check_time
from sentinel.events.sighting import Attributes
from sentinel.pipeline.attributes import check_attributes
from sentinel.pipeline.questions import RECTIFIABLE, Question, Rectify
from sentinel.pipeline.request import Answer, Request

_reason: Final = click.option("--reason", default="", help="Why; kept with the account, and in the person's export.")


def _change(function: Callable[..., Any]) -> Callable[..., Any]:
    """What every change takes: --tenant, --purpose, --json, --config."""
    for decorate in (run_async, pass_config, json_option, purpose_option, tenant_option):
        function = decorate(function)
    return function


@click.command("erase")
@account_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@_change
async def erase(context: Context, account: str, yes: bool, tenant: str, purpose: str, as_json: bool) -> int:
    """Erase everything that is held of ACCOUNT, at once and for good (GDPR Art. 17).

    Its key is destroyed first: nothing of it can be read from then on, nor in backups of the data. When somebody seems
    to have taken the account over, its address hears of it first. The receipt proves the erasure; it says nothing of
    whom. Events that the service sends later begin a new past.

    \b
    Example:
      sentinel account erase u-1 --yes
    """
    if not yes:
        if not _at_terminal():
            raise click.UsageError("there is no terminal to ask at: confirm with --yes")
        typed = click.prompt("Everything of this account goes for good. Type its id to erase it", err=True)
        if typed != account:
            raise click.UsageError("that is another id; nothing was erased")
    answer = await _have_done(context, _request("erase", account, tenant, purpose))
    if answer is None:
        return 1
    until = to_text(answer.backups_until)[:10]
    if as_json:
        print_json({"receipt": answer.receipt, "told": answer.told, "backups_until": until})
        return 0
    click.echo(f"erased; receipt {answer.receipt}")
    click.echo(f"To prove it: sentinel privacy verify-erasure {answer.receipt}")
    click.echo(f"Backups: those of data hold no key to it, restoring any erases it again; all are gone by {until}.")
    if answer.told:
        click.echo("Somebody may have taken the account over: a mail about the erasure goes to its address first.")
    return 0


@click.command("restrict")
@account_argument
@_reason
@_change
async def restrict(context: Context, account: str, reason: str, tenant: str, purpose: str, as_json: bool) -> int:
    """Only keep what comes of ACCOUNT from now on (GDPR Art. 18): nothing is scored, learned, mailed or shown.

    \b
    Example:
      sentinel account restrict u-1 --reason "says that the address is not theirs"
    """
    return await _mark(context, _request("restrict", account, tenant, purpose, reason), as_json)


@click.command("lift")
@account_argument
@_reason
@_change
async def lift(context: Context, account: str, reason: str, tenant: str, purpose: str, as_json: bool) -> int:
    """Lift the restriction of ACCOUNT. Tell the person first (GDPR Art. 18(3)).

    While an objection is open or was upheld it stays: decide that one (`sentinel account object --decide`).

    \b
    Example:
      sentinel account lift u-1
    """
    return await _mark(context, _request("lift", account, tenant, purpose, reason), as_json)


@click.command("object")
@account_argument
@click.option("--decide", type=click.Choice(["upheld", "rejected"]), help="Decide the objection that is open.")
@_reason
@_change
async def object_(
    context: Context, account: str, decide: str | None, reason: str, tenant: str, purpose: str, as_json: bool
) -> int:
    """Enter an objection for ACCOUNT, or decide it (GDPR Art. 21). Until then, and when upheld, it is restricted.

    Make sure that who asks is the person: with an objection a thief would blind the watch.

    \b
    Example:
      sentinel account object u-1 --reason "letter of 3 November"
      sentinel account object u-1 --decide rejected --reason "security of all accounts outweighs it"
    """
    request = _request("object" if decide is None else "decide", account, tenant, purpose, reason, decision=decide)
    return await _mark(context, request, as_json)


@click.command("rectify")
@account_argument
@click.option("--email", type=Value(), help="The right e-mail address; the former one is told of changes for 30 days.")
@click.option("--email-verified", type=bool, help="Whether the service has checked it (true or false).")
@click.option("--contact-email", type=Value(), help="The right second contact, for accounts that are mailboxes.")
@click.option("--name", type=Value(), help="The right name.")
@click.option("--locale", type=Value(), help="The right language, as de-AT.")
@click.option("--timezone", type=Value(), help="The right time zone, as Europe/Vienna.")
@click.option("--tag", "tags", type=Value(), multiple=True, help="The right account tags, all of them; repeat it.")
@click.option("--created", help="When the account was made, as 2026-01-31T09:00:00Z.")
@click.option(
    "--forget",
    multiple=True,
    type=click.Choice(list(RECTIFIABLE)),
    help="What is wrong and not to be known any more; repeat it. previous_email: the former address was not theirs.",
)
@_change
async def rectify(
    context: Context, account: str, forget: tuple[str, ...], tenant: str, purpose: str, as_json: bool, **given: Any
) -> int:
    """Put attributes of ACCOUNT right (GDPR Art. 16); what is not given stays.

    Correct them in the service as well: what it sends next replaces them again. What events tell of the past is not
    changed: it is what was seen.

    \b
    Example:
      sentinel account rectify u-1 --email ada@example.org --forget previous_email
    """
    time = now()
    attributes = Attributes(
        account=account,
        email=given["email"],
        email_verified=given["email_verified"],
        name=given["name"],
        locale=given["locale"],
        timezone=given["timezone"],
        tags=given["tags"],
        created=_created(given["created"]),
        contact_email=given["contact_email"],
        as_of=time,
    )
    try:
        check_attributes(attributes)
    except FieldError as error:
        raise click.UsageError(f"--{error}") from None
    if attributes == Attributes(account=account, as_of=time) and not forget:
        raise click.UsageError("nothing was given to put right; see --help")
    question = Rectify(
        tenant=tenant,
        account=account,
        time=time,
        attributes=attributes,
        forget=tuple(RECTIFIABLE[name] for name in dict.fromkeys(forget)),
        actor=operator(),
        purpose=purpose,
    )
    if await _have_done(context, question) is None:
        return 1
    if as_json:
        print_json({"done": True})
    else:
        click.echo("put right")
    return 0


def _at_terminal() -> bool:
    return sys.stdin.isatty()


COMMANDS: Final = (erase, restrict, lift, object_, rectify)


def _request(
    what: str, account: str, tenant: str, purpose: str, reason: str = "", *, decision: str | None = None
) -> Request:
    return Request(
        what=what,  # type: ignore[arg-type]  # one of them
        tenant=tenant,
        account=account,
        time=now(),
        by="operator",
        actor=operator(),
        reason=reason,
        decision=decision,  # type: ignore[arg-type]  # click checked it
        purpose=purpose,
    )


async def _have_done(context: Context, asked: Question) -> Answer | None:
    answer = await have_done(context.config, asked, lambda text: click.echo(text, err=True))
    if answer is None:
        click.echo("kept; whoever judges into this store next will carry it out", err=True)
    return answer


async def _mark(context: Context, asked: Request, as_json: bool) -> int:
    answer = await _have_done(context, asked)
    if answer is None:
        return 1
    since = to_text(answer.since) if answer.restricted else None
    if as_json:
        told = {"restricted": answer.restricted, "since": since, "objection": answer.objection}
        print_json(told | {"changed": answer.changed} if asked.what == "lift" else told)
        return 0
    if not answer.changed:
        click.echo("was not restricted; nothing was changed")
    else:
        click.echo(f"restricted since {since}" if answer.restricted else "not restricted")
    if answer.objection is not None:
        click.echo(f"objection: {answer.objection}")
    return 0


def _created(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        check_time(moment.replace(tzinfo=moment.tzinfo or UTC))
    except (ValueError, FieldError):
        raise click.UsageError("--created: expected a time as 2026-01-31T09:00:00Z") from None
    return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
