"""`sentinel mail`: see a mail, send a test."""

import sys
import time
from email.message import EmailMessage

import click

from sentinel.alerts.compose import compose
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.cli.context import Context, pass_config, run_async
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.mail import identity_of, mailer_of
from sentinel.errors import SentinelError
from sentinel.events.alert import KINDS


@click.group("mail")
def command() -> None:
    """See how alert mails look, and send a test."""


@command.command("preview")
@click.option("--kind", type=click.Choice(KINDS), default="suspicious_sign_in", show_default=True, help="Which alert.")
@click.option("--format", "form", type=click.Choice(["text", "html", "eml"]), default="text", show_default=True,
              help="Which part to print; eml is the whole mail.")  # fmt: skip
@tenant_option("Whose identity the mail has.")
@pass_config
def preview(context: Context, kind: str, form: str, tenant: str) -> int:
    """Print a sample mail about a made-up person.

    \b
    Example:
      sentinel mail preview --kind new_sign_in --format html > mail.html
    """
    message = _sample(context, kind, tenant, "ada@example.org")
    if form == "eml":
        sys.stdout.buffer.write(message.as_bytes())
        return 0
    part = message.get_body(("plain",) if form == "text" else ("html",))
    assert part is not None  # every alert mail has both
    if form == "text":
        click.echo(f"Subject: {message['Subject']}\n")
    click.echo(part.get_content())
    return 0


@command.command("test")
@click.argument("recipient")
@tenant_option("Whose identity the mail has.")
@pass_config
@run_async
async def test(context: Context, recipient: str, tenant: str) -> int:
    """Send a sample mail through the configured mail server and say what became of it.

    \b
    Example:
      sentinel mail test admin@example.org
    """
    message = _sample(context, "new_sign_in", tenant, recipient)
    mailer = mailer_of(context.config)
    try:
        result = await mailer.send(message, recipient)
    finally:
        await mailer.close()
    smtp = context.config.smtp
    if result.status != "sent":
        raise SentinelError(f"not sent through {smtp.host}:{smtp.port} ({smtp.tls}): {result.status}, {result.reason}")
    click.echo(f"sent through {smtp.host}:{smtp.port}")
    return 0


def _sample(context: Context, kind: str, tenant: str, recipient: str) -> EmailMessage:
    attributes = sample_attributes() if kind != "campaign" else None
    identity = identity_of(context.config, tenant)
    return compose(sample(kind), attributes, identity, recipient=recipient, now=time.time_ns() // 1000)
