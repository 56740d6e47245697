"""What a command does when nobody else judges into the store, beginning with what a daemon left half done."""

from contextlib import closing
from pathlib import Path

import pytest

from sentinel.cli.asking import have_done
from sentinel.config import load
from sentinel.daemon.build import bare_lookups, build_enricher, build_pipeline, load_ruleset
from sentinel.daemon.state import open_ledger, open_store, open_vault, prepare_state
from sentinel.errors import StoreError
from sentinel.events.event import convert_event
from sentinel.pipeline.edge import arrive
from sentinel.pipeline.request import Request
from sentinel.pipeline.rights import Rights
from tests.pipeline.installation import START, login

NOW = int(START.timestamp() * 1_000_000)


async def test_a_merge_that_is_finished_takes_along_what_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sentinel.toml"
    file.write_text(f'state = "{tmp_path}/state"\nrules.directory = "none"\nrules.allow_directory = "none"\n')
    config = load(file)
    prepare_state(config)

    async def full(*_: object, **__: object) -> int:
        raise StoreError("the disk is full")

    with closing(open_vault(config, writes=True)) as vault, closing(open_ledger(config, vault)) as ledger:
        store = open_store(config, vault)
        pipeline = build_pipeline(config, store, vault, load_ruleset(config))
        enricher = build_enricher(vault.pseudonym, bare_lookups())
        failed = [login(number, outcome="failure") for number in range(3)]
        events = [*failed, login(5, account="u-2")]
        await pipeline.process([arrive(enricher, "default", convert_event(event)) for event in events])
        former = vault.find(enricher.account_key("default", "u-1"))
        assert former is not None
        counted = sum(each.entries for each in await store.windows_of(former.handle))
        assert counted > 0
        rights = Rights(store, vault, ledger, alone=lambda work: work())
        with monkeypatch.context() as patched:
            patched.setattr(store, "reown", full)
            with pytest.raises(StoreError):
                await rights.exercise(Request(what="merge", tenant="default", account="u-1", into="u-2", time=NOW))
        await store.close()

    await have_done(config, Request(what="restrict", tenant="default", account="u-9", time=NOW), lambda text: None)

    with closing(open_vault(config)) as vault:
        store = open_store(config, vault)
        head = vault.find(vault.pseudonym("account", "default", "u-2"))
        assert head is not None
        assert sum(each.entries for each in await store.windows_of(head.handle)) >= counted
        await store.close()
