"""What the audit log is told of a person's rights: after a request was checked, and before anything is done."""

import asyncio
from typing import Final

from sentinel.audit.details import ROW, Details, seal_details
from sentinel.audit.entry import Action, Entry
from sentinel.audit.log import AuditLog
from sentinel.pipeline.request import Request
from sentinel.privacy.vault import Vault

#: What the audit log calls each of them.
_ACTIONS: Final[dict[str, Action]] = {
    "erase": "account.erase",
    "restrict": "account.restrict",
    "lift": "account.lift",
    "object": "account.object",
    "decide": "account.object",
    "merge": "account.merge",
}


class Noting:
    """Writes entries into ``log``; without one, nowhere."""

    def __init__(self, vault: Vault, log: AuditLog | None) -> None:
        self._vault = vault
        self._log = log

    async def note(self, request: Request, outcome: str = "") -> None:
        """Take down what is about to be done, or that nothing is (``outcome``). Raises
        :class:`sentinel.errors.StoreError`; then nothing may be done."""
        if self._log is None:
            return
        # Of a merge both accounts are told: each may be asked for what was done to it.
        accounts = [request.account] if request.into is None else [request.account, request.into]
        await asyncio.to_thread(self._log.append, [self._entry(request, account, outcome) for account in accounts])

    def _entry(self, request: Request, account: str, outcome: str) -> Entry:
        lookup = self._vault.pseudonym("account", request.tenant, account)
        # Of an account never heard of nothing is known that an entry could be found by; marks make it known.
        known = request.what in ("erase", "merge") or bool(outcome)
        key = self._vault.find(lookup) if known else self._vault.admit([lookup])[lookup]
        told: Details = {}
        if request.reason:
            told["reason"] = request.reason  # the person's own words: they go with the account
        if request.decision is not None:
            told["decision"] = request.decision
        if outcome:
            told["outcome"] = outcome
        return Entry(
            time=request.time,
            actor=request.actor or request.by,
            role=request.by,
            action=_ACTIONS[request.what],
            purpose=request.purpose,
            tenant=request.tenant,
            account=key.row(ROW) if key is not None else None,
            sealed=seal_details(key, request.time, told) if key is not None and told else None,
        )
