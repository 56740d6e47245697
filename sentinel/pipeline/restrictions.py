"""Which accounts are restricted now: what is stored of them is kept, and used for nothing (GDPR Art. 18)."""

from sentinel.store.protocol import Record, Store


class Restrictions:
    """Asks the store once for each account. For whoever goes through history to learn or to measure."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, bool] = {}

    async def hold(self, record: Record) -> bool:
        """Whether a record is not to be used: it came while its account was restricted, or that one is by now. Raises
        :class:`sentinel.errors.StoreError`."""
        if record.restricted:
            return True
        if record.account is None:
            return False
        known = self._known.get(record.account)
        if known is None:
            profile = await self._store.profile(record.account)
            known = self._known[record.account] = profile is not None and profile.restricted
        return known
