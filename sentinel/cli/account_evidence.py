"""`sentinel account evidence`: a signed, encrypted copy for a legal claim."""

import io
from pathlib import Path

import click

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looking import account_argument, looking, tenant_option
from sentinel.cli.looks import approved_option
from sentinel.cli.new_file import beside, new_file
from sentinel.cli.span import Moment, Span
from sentinel.config.secrets import read_private
from sentinel.daemon.build import rules_or_none
from sentinel.daemon.export import write_export
from sentinel.events.clock import DAY, now, to_text
from sentinel.export.evidence import Claim, Evidence, encrypt_to, encrypt_with, make_evidence


@click.command("evidence")
@account_argument
@click.option("--to", "recipients", multiple=True, help="Public key of who may read it, age1…; repeat it.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Instead: a file that holds the passphrase to open it with, readable by you alone.",
)
@click.option("--claim", required=True, help="The claim that it is for; stands in the copy and in the audit log.")
@click.option(
    "--keep",
    type=Span(),
    default="365d",
    show_default=True,
    help="How long the recipient may keep it, as 365d, or until a date.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file to write, a new one; - is standard output.",
)
@tenant_option
@approved_option
@json_option
@pass_config
@run_async
async def evidence(
    context: Context,
    account: str,
    recipients: tuple[str, ...],
    passphrase_file: Path | None,
    claim: str,
    keep: int | Moment,
    out: Path,
    tenant: str,
    approved_by: str | None,
    as_json: bool,
) -> int:
    """Write a signed and encrypted copy of what is held of ACCOUNT, for a legal claim (GDPR Art. 17(3)(e)).

    Nothing is kept longer for it: what it is a copy of is destroyed here when due. Tell the recipient the fingerprint
    that is printed by another way than the file takes. docs/export.md says how they open and check it.

    \b
    Example:
      sentinel account evidence u-1 --to age1… --claim "case 12 C 34/26" --out evidence.age
    """
    if bool(recipients) == (passphrase_file is not None):
        raise click.UsageError("give --to or --passphrase-file, one of them")
    made = now()
    until = keep.micros if isinstance(keep, Moment) else made + keep
    about = Claim(
        account=account,
        tenant=tenant,
        purpose=claim,
        made=made,
        keep_until=until,
        controller=str(context.config.for_tenant(tenant).privacy.controller or ""),
    )
    # What is wrong with key, passphrase, claim or date shows before anybody's data is touched.
    _seal(make_evidence(b"", about, secret=bytes(32)), recipients, passphrase_file)
    with new_file(out) as file:
        package = io.BytesIO()
        async with looking(
            context.config, "evidence.export", tenant=tenant, account=account, purpose=claim, approved_by=approved_by
        ) as at:
            await write_export(
                at.store, at.vault, at.log, at.config, tenant, account, package,
                now=at.now, rules=rules_or_none(at.config),
            )  # fmt: skip
            signed = make_evidence(package.getvalue(), about, secret=at.vault.root.derive("evidence"))
        file.write(_seal(signed, recipients, passphrase_file))
    if as_json:
        made_of = {"file": str(out), "fingerprint": signed.fingerprint, "keep_until": to_text(until)}
        print_json(made_of, beside(out))
    else:
        click.echo(f"{out}: signed; key {signed.fingerprint}", file=beside(out))
        click.echo(f"The recipient may keep it until {to_text(until - until % DAY)[:10]}.", file=beside(out))
    return 0


def _seal(signed: Evidence, recipients: tuple[str, ...], passphrase_file: Path | None) -> bytes:
    if passphrase_file is None:
        return encrypt_to(signed, recipients)
    return encrypt_with(signed, read_private(passphrase_file).splitlines()[0])
