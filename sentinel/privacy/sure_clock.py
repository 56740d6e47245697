"""Whether the clock may be believed when it says that something is old enough to be destroyed.

What is destroyed early is gone, so a clock alone is no reason. Senders have clocks of their own: the newest time that
an event brought over HTTP, plus what a clock that only counts has counted since, has surely passed. The clock is
believed while it is less than a day ahead of that and not behind it. A machine that was off for days is doubted until
the first events come; a clock that was set is doubted until events or a person bear it out.
"""

from typing import Final

from sentinel.events.clock import HOUR, MINUTE, to_text

#: So far the clock may be ahead of what has surely passed (micros). What goes at 23:00 goes, by the senders' clocks,
#: not before 01:00 of the same day: never before that day begins.
AHEAD: Final = 22 * HOUR
#: So far it may be behind: clocks that are set right move by minutes (micros).
BEHIND: Final = HOUR
#: A doubted clock must stand for so long before events bear it out (micros). After a start it is at its worst, and a
#: sender on the same machine is wrong with it, until both are set right over the network.
SETTLING: Final = 10 * MINUTE
#: Doubted for so long, it is an error (micros): until then events may bear it out, and whoever reads ``/readyz`` must
#: not keep them away.
PATIENCE: Final = 24 * HOUR


class SureClock:
    """See the module. ``sure`` is a moment that has surely passed, ``clock`` what the clock says, ``ticks`` a clock
    that nobody sets; all in micros. Nothing here reads any of them."""

    def __init__(self, sure: int, clock: int, ticks: int) -> None:
        self._sure, self._at = sure, ticks
        self._since: int | None = None
        self.believes(clock, ticks)

    def sure(self, ticks: int) -> int:
        """What has surely passed by now."""
        return self._sure + ticks - self._at

    def believes(self, clock: int, ticks: int) -> bool:
        """Whether the clock is believed."""
        ahead = clock - self.sure(ticks)
        if -BEHIND <= ahead <= AHEAD:
            self._since = None
        elif self._since is None:
            self._since = ticks
        return self._since is None

    def witness(self, event: int, clock: int, ticks: int) -> None:
        """An event was accepted whose sender says that it is of ``event``."""
        if self.believes(clock, ticks):
            if event > self.sure(ticks):
                # No further than the clock: a sender's clock may be ahead by some minutes.
                self._set(min(event, clock), ticks)
        elif self._since is not None and ticks - self._since >= SETTLING and -BEHIND <= clock - event <= AHEAD:
            self._set(min(event, clock), ticks)

    def confirm(self, clock: int, ticks: int) -> None:
        """A person says that the clock is right."""
        self._set(clock, ticks)

    def doubt(self, clock: int, ticks: int) -> tuple[str, bool]:
        """Why the clock is not believed (empty: it is), and whether that has lasted so long that it is an error."""
        if self.believes(clock, ticks):
            return "", False
        assert self._since is not None
        sure = self.sure(ticks)
        where = f"ahead of {to_text(sure)}, the newest that is sure" if clock > sure else f"behind {to_text(sure)}"
        text = (
            f"the clock says {to_text(clock)}, which is far {where}: nothing expires until events with this date come,"
            " or somebody runs: sentinel privacy retention"
        )
        return text, ticks - self._since >= PATIENCE

    def _set(self, sure: int, ticks: int) -> None:
        self._sure, self._at, self._since = sure, ticks, None
