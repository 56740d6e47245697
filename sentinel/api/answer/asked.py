"""What a link is about, and how it stands: looked up anew with each request, nothing is kept of who looked."""

from typing import Final, Literal

import msgspec

from sentinel.api.service import Service
from sentinel.events.alert import Notice
from sentinel.events.sighting import Attributes
from sentinel.pipeline.answers import got_in, person_key
from sentinel.pipeline.pack import unpack_sighting
from sentinel.privacy.answer_token import Role, digest_of
from sentinel.store.protocol import Record

#: ``open``: not answered; ``yes``: it was them, which counts; ``noted``: likewise, which confirms nothing; ``no``: it
#: was not; ``stands``: the service said that; ``cleared``: the person said so, and the service lifted it.
State = Literal["open", "yes", "noted", "no", "stands", "cleared"]

#: States in which the question is over.
FINAL: Final = frozenset({"no", "stands", "cleared"})


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One link."""

    token: str
    tenant: str
    notice: Notice
    role: Role
    record: Record
    attributes: Attributes | None
    state: State


async def find(service: Service, token: str) -> Asked | None:
    """What a link with our ``token`` is about; ``None`` when it ended, when its account or event is gone, or may not be
    processed: whoever asks learns nothing of which. Raises :class:`sentinel.errors.StoreError`."""
    link = await service.store.answer_link(digest_of(token))
    if link is None or link.expires <= service.clock():
        return None
    account = link.notice.account
    if account is None or (profile := await service.profile_of(account)).restricted:
        return None
    record = await service.store.record(link.notice.event)
    if record is None or record.restricted:
        return None

    async def said(verdict: str) -> Record | None:
        return await service.store.record(person_key(service.vault.pseudonym, link.tenant, record.key, verdict))

    no, yes = await said("compromised"), await said("legitimate")
    held = record.key in profile.compromised
    state: State
    if no is not None:
        # A try that failed holds nothing that could be cleared.
        state = "no" if held or not got_in(unpack_sighting(record.sighting)) else "cleared"
    elif held:
        state = "stands"
    elif yes is not None:
        state = "yes" if yes.trusted else "noted"
    else:
        state = "open"
    return Asked(
        token=token,
        tenant=link.tenant,
        notice=link.notice,
        role=link.role,
        record=record,
        attributes=await service.store.attributes(account),
        state=state,
    )
