"""What a stored event left in its account's past, without judging it again."""

from sentinel.events.sighting import Sighting
from sentinel.past.profile import Profile
from sentinel.past.remember import Verdict, remember
from sentinel.pipeline.act import doubts_push
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.pack import unpack_assessment
from sentinel.scoring import decide
from sentinel.store.protocol import Record


def verdict_of(record: Record, sighting: Sighting, settings: TenantSettings) -> Verdict:
    """What judging said of a stored event, as far as the past is concerned; by today's thresholds."""
    assessment = unpack_assessment(record.assessment, "", None)
    flagged = decide(assessment.risk or 0.0, settings.of(sighting).thresholds) != "allow"
    doubt = doubts_push([finding for finding in assessment.findings if finding.status == "live"])
    return Verdict(flagged=flagged, level=assessment.level or "low", push_doubt=doubt)


def remember_record(profile: Profile, record: Record, sighting: Sighting, settings: TenantSettings) -> bool:
    """Enter a stored event into ``profile`` (in place); returns whether it joined the trusted past."""
    if not sighting.known_account:
        return False
    return remember(profile, sighting, verdict_of(record, sighting, settings), settings.trust)
