"""Exports to SIEMs as the configuration wants them: sinks, cursors, and what is read for them."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from sentinel.config import Config
from sentinel.config.sections import SiemSettings
from sentinel.privacy.vault import Vault
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.siem.cursor import CursorFile
from sentinel.siem.gather import Gather
from sentinel.siem.sending import Sending
from sentinel.siem.sinks import NdjsonFile, Sink, StandardOutput
from sentinel.siem.syslog import Certificates, Syslog
from sentinel.siem.told import Rulebook
from sentinel.store.protocol import Store


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an export stands: records that are kept and were not sent, at most ``behind``."""

    name: str
    to: str
    format: str
    sent_to: int
    behind: int
    begins_anew: bool


@contextmanager
def sending(config: Config, name: str, store: Store, vault: Vault, rules: Rulebook) -> Iterator[Sending]:
    """The export called ``name``, held against other processes. Raises :class:`sentinel.errors.FileError`."""
    settings = config.siem[name]
    place = CursorFile(config.state, name)
    gather = Gather(
        store,
        vault,
        name=name,
        tenant=settings.tenant,
        accounts=settings.accounts,
        addresses=settings.addresses,
    )
    with place.held():
        sink = _sink(settings)
        try:
            yield Sending(store, gather, sink, place, rules, format=settings.format)
        finally:
            sink.close()


def rulebook(config: Config) -> Rulebook:
    """Titles and techniques of the rules in force. Raises :class:`sentinel.rules.load.RulesError`."""
    rules = [file.compiled.rule for file in load_rules([packaged_rules(), config.rules.directory])]
    return Rulebook({rule.id: (rule.title, rule.tags) for rule in rules})


async def standing(config: Config, name: str, store: Store) -> Standing:
    """How far an export is. Raises :class:`sentinel.errors.SentinelError`."""
    settings = config.siem[name]
    cursor = CursorFile(config.state, name).read()
    found = await cursor.found_in(store)
    return Standing(
        name=name,
        to=str(settings.to),
        format=settings.format,
        sent_to=found.number,
        behind=max(0, await store.newest_number() - found.number),
        begins_anew=not found.points,
    )


def _sink(settings: SiemSettings) -> Sink:
    match settings.to.kind:
        case "stdout":
            return StandardOutput()
        case "file":
            return NdjsonFile(settings.to.path)
        case _:
            own = Certificates(ca=settings.ca, certificate=settings.certificate, key=settings.key)
            return Syslog(settings.to, own)
