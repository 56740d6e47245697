"""`sentinel privacy verify-erasure`: whether an erasure left nothing."""

import click
import msgspec

from sentinel.cli.context import Context, json_option, pass_config, print_json, run_async
from sentinel.cli.looking import looking
from sentinel.cli.looks import purpose_option
from sentinel.daemon.erasure_proof import Proof, prove
from sentinel.privacy.ledger import BACKUP_DAYS


@click.command("verify-erasure")
@click.argument("receipt")
@purpose_option
@json_option
@pass_config
@run_async
async def verify_erasure(context: Context, receipt: str, purpose: str, as_json: bool) -> int:
    """Check that the erasure with this RECEIPT left nothing: no key, no row in the store, nothing readable elsewhere.

    Exit 1 when something is left, when it is not finished, or when no erasure has this receipt.

    \b
    Example:
      sentinel privacy verify-erasure r-0123456789abcdef0123456789abcdef
    """
    async with looking(context.config, "erasure.verify", tenant=None, purpose=purpose) as at:
        proof = await prove(at.config, at.vault, at.store, at.log, receipt)
    if as_json:
        print_json(msgspec.structs.asdict(proof) | {"holds": proof.holds})
    else:
        click.echo(_told(proof))
    return 0 if proof.holds else 1


def _told(proof: Proof) -> str:
    lines = [f"begun {proof.begun}"]
    if proof.finished is None:
        lines.append("NOT finished: the daemon finishes it when it starts")
    else:
        lines.append(f"finished {proof.finished}: nothing was left")
    if proof.rows_left is None:
        lines.append(
            f"looked again: no; after {BACKUP_DAYS} days the row ids are forgotten too, since no backup that could hold"
            " such rows may be restored"
        )
        return "\n".join(lines)
    lines.append(f"key: {'destroyed' if proof.key_destroyed else 'STILL THERE'}")
    lines.append(f"rows in the store: {proof.rows_left or 'none'}")
    lines.append(f"entries in the audit log: {proof.audit_entries}; they lead to nobody, their details open for nobody")
    lines.append(
        f"backups older than the erasure: {proof.backups_before} of data in backup.directory, which hold no key,"
        f" {proof.keyring_backups_before} of keys; restoring one erases again; all are gone by {proof.backups_until}"
    )
    return "\n".join(lines)
