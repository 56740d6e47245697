"""Which login concludes a pending one (CONTRACT §1, "Step-up")."""

from typing import Final

import msgspec

from sentinel.events.assessment import Assessment
from sentinel.events.clock import MINUTE
from sentinel.events.sighting import Sighting


class Concluded(msgspec.Struct, frozen=True):
    """The pending login that an event concludes: how it was seen and what was said of it."""

    sighting: Sighting
    assessment: Assessment


#: A pending login that nobody concludes within this time is interrupted (CONTRACT §1).
PENDING_SPAN: Final = 15 * MINUTE


def concludes(sighting: Sighting, pending: Sighting) -> bool:
    """Whether ``sighting`` tells how the login ``pending`` ended: same account, not interrupted yet."""
    return (
        sighting.concludes == pending.key
        and sighting.account == pending.account
        and (sighting.type, pending.type, pending.outcome) == ("login", "login", "pending")
        and 0 <= sighting.time - pending.time <= PENDING_SPAN
    )


def newly_fired(assessment: Assessment, concluded: Concluded | None) -> tuple[tuple[str, str], ...]:
    """Rules that held for the event and their status; those that stand from the pending login were counted with it."""
    if not assessment.findings:
        return ()
    stands = {finding.rule for finding in concluded.assessment.findings} if concluded else ()
    return tuple((finding.rule, finding.status) for finding in assessment.findings if finding.rule not in stands)
