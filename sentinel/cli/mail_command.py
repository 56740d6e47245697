"""`sentinel mail`: see a mail, send a test."""

import sys
import tempfile
import time
import webbrowser
from email.message import EmailMessage
from pathlib import Path

import click
import msgspec

from sentinel.alerts.compose import compose, page_of
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.alerts.smtp import Mailer
from sentinel.cli.context import Context, pass_config, run_async
from sentinel.cli.tenants import tenant_option
from sentinel.daemon.mail import identity_of, smtp_settings
from sentinel.errors import SentinelError
from sentinel.events.alert import KINDS
from sentinel.language import negotiate


@click.group("mail")
def command() -> None:
    """See how alert mails look, and send a test."""


@command.command("preview")
@click.option("--kind", type=click.Choice(KINDS), default="suspicious_sign_in", show_default=True, help="Which alert.")
@click.option("--locale", help="Language and region of the reader, as fr-CA; else that of the service.")
@click.option("--format", "form", type=click.Choice(["text", "html", "eml"]), default="text", show_default=True,
              help="Which part to print; eml is the whole mail.")  # fmt: skip
@click.option("--open", "show", is_flag=True, help="Show the HTML in a browser, from a private file.")
@tenant_option("Whose identity the mail has.")
@pass_config
def preview(context: Context, kind: str, locale: str | None, form: str, show: bool, tenant: str) -> int:
    """Print a sample mail about a made-up person.

    \b
    Example:
      sentinel mail preview --kind new_sign_in --locale fr-CA
      sentinel mail preview --kind attack --open
    """
    message = _sample(context, kind, tenant, "ada@example.org", locale)
    if show:
        path = _page_of(message)
        if not webbrowser.open(path.as_uri()):
            raise SentinelError(f"no browser could be started here; the mail is in {path}")
        click.echo(path)
        return 0
    if form == "eml":
        sys.stdout.buffer.write(message.as_bytes())
        return 0
    part = message.get_body(("plain",) if form == "text" else ("html",))
    assert part is not None  # every alert mail has both
    if form == "text":
        click.echo(f"Subject: {message['Subject']}\n")
    click.echo(part.get_content())
    return 0


def _page_of(message: EmailMessage) -> Path:
    """A file, for this user only, with the HTML and the logo in it."""
    # Made with mode 0600; the browser reads it after this command has ended, so it stays.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="sentinel-mail-", suffix=".html", delete=False
    ) as file:
        file.write(page_of(message))
    return Path(file.name)


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
    mailer = Mailer(smtp_settings(context.config))
    try:
        result = await mailer.send(message, recipient)
    finally:
        await mailer.close()
    smtp = context.config.smtp
    if result.status != "sent":
        raise SentinelError(f"not sent through {smtp.host}:{smtp.port} ({smtp.tls}): {result.status}, {result.reason}")
    click.echo(f"sent through {smtp.host}:{smtp.port}")
    return 0


def _sample(context: Context, kind: str, tenant: str, recipient: str, locale: str | None = None) -> EmailMessage:
    """A sample of a mail to somebody who reads ``locale``; an operator's if it is a campaign."""
    identity = identity_of(context.config, tenant)
    attributes = sample_attributes(locale) if kind != "campaign" else None
    if attributes is None:
        identity = msgspec.structs.replace(identity, locale=negotiate(locale, identity.locale).code)
    answer_url = f"{identity.answer_base}/answer/sample" if identity.answer_base else None
    now = time.time_ns() // 1000
    return compose(sample(kind), attributes, identity, recipient=recipient, now=now, answer_url=answer_url)
