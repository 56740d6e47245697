"""What hooks are told of mails that went out."""

import pytest

from sentinel.daemon.outbox import StoreOutbox
from sentinel.events.alert import OPERATOR_KINDS, Notice
from sentinel.hooks.receivers import Receiver, Receivers
from sentinel.privacy.vault import Vault
from sentinel.store.protocol import Changes
from sentinel.store.sqlite.store import SqliteStore

NOW = 1_795_521_900_000_000


@pytest.mark.parametrize(("kind", "told"), [("campaign", 1), *((kind, 0) for kind in OPERATOR_KINDS)])
async def test_hooks_hear_of_alerts_and_of_nothing_else_that_operators_get(kind: str, told: int) -> None:
    store = SqliteStore(None, Vault.ephemeral())
    outbox = StoreOutbox(store, lambda tenant: Receivers((Receiver(name="auth", types=frozenset({"alert.sent"})),)))
    notice = Notice(
        id="a-1", kind=kind, tenant="default", event="", account=None, time=NOW, risk=90.0, level="critical",
        decision="notify",
    )  # fmt: skip
    await store.commit(Changes(notices=[notice]))
    (mail,) = await outbox.lease(worker="w-1", now=NOW, limit=1, seconds=60)
    await outbox.sent(mail.id, worker="w-1", now=NOW)
    assert sum((await store.hook_counts()).values()) == told
    await store.close()
