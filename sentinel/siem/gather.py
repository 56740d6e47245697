"""From records to what may be told of them: accounts as the operator wants them called, no raw values, nobody who is
erased, nobody whose processing is restricted."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, Literal

import msgspec

from sentinel.events.clock import to_text
from sentinel.pipeline.pack import unpack_assessment, unpack_sighting
from sentinel.privacy.prefix import PrefixPreserving
from sentinel.privacy.vault import Vault
from sentinel.siem.cursor import Campaign
from sentinel.siem.told import Activity, Seen, Told
from sentinel.store.protocol import Record, Store

Accounts = Literal["id", "pseudonym", "none"]
Addresses = Literal["none", "prefix"]
#: Row id of an account by its own key: once that is destroyed, nothing leads from the name to the account.
_ROW: Final = "siem"
_CAMPAIGN: Final = "campaign"


class Gathered(msgspec.Struct):
    """What there is to tell of some records, in their order; and the campaigns that are open after them."""

    told: list[Seen | Told] = []
    campaigns: set[Campaign] = set()


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that some records belong to: the last of them, and the keys of all."""

    account: str | None = None
    seen: Seen | None = None
    keys: frozenset[str] = frozenset()


class Gather:
    """Reads beside the store. ``tenant``: only of this one; ``name`` of the export, since each has its own key for
    addresses."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        *,
        name: str,
        tenant: str | None = None,
        accounts: Accounts = "pseudonym",
        addresses: Addresses = "none",
    ) -> None:
        self._store, self._vault = store, vault
        self._name, self._tenant = name, tenant
        self._accounts, self._addresses = accounts, addresses
        self._prefix: tuple[str, PrefixPreserving] | None = None

    async def of(self, records: Sequence[Record], open_campaigns: set[Campaign]) -> Gathered:
        """What there is to tell. An alert that several of them joined is told once, as it stands now."""
        found = Gathered(campaigns=set(open_campaigns))
        touched: dict[tuple[str, str], Touched] = {}
        restricted: dict[str, bool] = {}
        for record in records:
            if self._tenant not in (None, record.tenant) or await self._kept_back(record, restricted):
                continue
            if record.type == "feedback":
                about = await self._store.record(record.body.decode())
                if about is not None and about.alert is not None:
                    touched.setdefault((about.tenant, about.alert), Touched(account=self._account(about)))
                continue
            seen = await self._seen(record)
            found.told.append(seen)
            for id in (seen.assessment.alert, seen.assessment.campaign):
                if isinstance(id, str):
                    earlier = touched.get((record.tenant, id), Touched())
                    touched[record.tenant, id] = Touched(
                        account=seen.account, seen=seen, keys=earlier.keys | {record.key}
                    )
        for (tenant, id), how in touched.items():
            row = await self._store.alert(tenant, id)
            if row is None or (row.kind == _CAMPAIGN and how.seen is None):
                continue  # of an account whose processing is restricted; or an answer for one event of many
            activity: Activity = "update"
            if row.state != "open":
                activity = "close"
            elif row.event in how.keys:
                activity = "create"
            if row.kind == _CAMPAIGN:
                found.told.append(Told(alert=row, activity=activity))
                change = found.campaigns.add if row.state == "open" else found.campaigns.discard
                change(Campaign(tenant, id))
            else:
                found.told.append(Told(alert=row, activity=activity, account=how.account, seen=how.seen))
        return found

    async def closed(self, campaigns: set[Campaign]) -> Gathered:
        """Those of open ``campaigns`` that somebody closed, or that are kept no longer: no record tells of that."""
        found = Gathered(campaigns=set(campaigns))
        for each in sorted(campaigns, key=lambda each: each.id):
            row = await self._store.alert(each.tenant, each.id)
            if row is not None and row.state == "open":
                continue
            found.campaigns.discard(each)
            if row is not None:
                found.told.append(Told(alert=row, activity="close"))
        return found

    async def _kept_back(self, record: Record, known: dict[str, bool]) -> bool:
        """Whether the account is restricted, or erased since the record was read."""
        if record.restricted or record.account is None:
            return record.restricted
        if record.account not in known:
            if self._vault.lookup_of(record.account) is None:
                known[record.account] = True
            else:
                profile = await self._store.profile(record.account)
                known[record.account] = profile is not None and profile.restricted
        return known[record.account]

    async def _seen(self, record: Record) -> Seen:
        return Seen(
            event=record.event_id,
            tenant=record.tenant,
            account=self._account(record),
            address=await self._address(record) if self._addresses == "prefix" else None,
            sighting=unpack_sighting(record.sighting),
            assessment=unpack_assessment(record.assessment, record.event_id, record.account_id),
        )

    def _account(self, record: Record) -> str | None:
        # A name that was tried and that no account has may be a password: it has no handle, and is not told.
        if record.account is None or self._accounts == "none":
            return None
        return record.account_id if self._accounts == "id" else self._vault.of(record.account).row(_ROW)

    async def _address(self, record: Record) -> str | None:
        raw = await self._store.raw(record)
        if raw.ip is None:
            return None
        try:
            address = ip_address(raw.ip)
        except ValueError:
            return None
        return str(self._prefix_of(record.time).encrypt(address))

    def _prefix_of(self, time: int) -> PrefixPreserving:
        """A key for each export and month: who knows some addresses learns from them about no other month's."""
        month = to_text(time)[:7]
        if self._prefix is None or self._prefix[0] != month:
            self._prefix = month, PrefixPreserving(self._vault.root.derive(f"siem/{self._name}/{month}"))
        return self._prefix[1]
