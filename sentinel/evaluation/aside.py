"""Judging what did not happen: nothing of it is left in the past that it was judged against."""

from sentinel.past.commons import Commons
from sentinel.past.profile import Profile, decode_profile, encode_profile
from sentinel.past.windows import Track
from sentinel.pipeline.item import Arrival, TenantSettings
from sentinel.pipeline.judge import Judged, Tracks
from sentinel.pipeline.replay import Replay
from sentinel.store.protocol import TrackKey


class Aside(Replay):
    """A replay over another one's past, copied where it is touched: its own events see each other, the other none."""

    def __init__(self, under: Replay) -> None:
        super().__init__(under.settings)
        self._under = under

    def settings_of(self, arrival: Arrival) -> TenantSettings:
        """See :class:`Replay`."""
        return self._under.settings_of(arrival)

    def profile(self, key: str | None) -> Profile:
        """See :class:`Replay`."""
        if key is None:
            return Profile()
        if key not in self.profiles:
            self.profiles[key] = decode_profile(encode_profile(self._under.profile(key)))
        return self.profiles[key]

    def commons_of(self, tenant: str) -> Commons:
        """See :class:`Replay`: those of the other one, which learn nothing here."""
        return self._under.commons_of(tenant).aside()

    def recall(self, touched: Tracks) -> dict[TrackKey, Track]:
        """See :class:`Replay`."""
        if any(key not in self.tracks for key in touched.wanted):
            past = self._under.recall(touched)
            for key in touched.wanted:
                if key not in self.tracks:
                    self.tracks[key] = past[key].copy()
        return self.tracks

    def keep(self, arrival: Arrival, judged: Judged, tracks: dict[TrackKey, Track]) -> None:
        """See :class:`Replay`. Profiles and tracks are the copies already; nobody answers."""
