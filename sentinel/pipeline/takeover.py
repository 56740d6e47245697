"""Whether an account may be in other hands: then not everybody who asks in its name is the person."""

from sentinel.alerts.policy import FoldPolicy
from sentinel.events.alert import Notice, alert_id
from sentinel.events.assessment import LEVEL_ORDER
from sentinel.events.sighting import Attributes
from sentinel.past.profile import Profile


def taken_over(profile: Profile, now: int) -> bool:
    """Whether somebody else may be in the account: called compromised, or an open alert of high risk."""
    horizon = now - FoldPolicy().same_news
    return bool(profile.compromised) or any(
        alert.last >= horizon and LEVEL_ORDER[alert.level] >= LEVEL_ORDER["high"] for alert in profile.alerts
    )


def farewell(handle: str, attributes: Attributes, *, tenant: str, time: int) -> Notice:
    """The last mail about an account: it is about to be erased at ``time`` (micros)."""
    return Notice(
        # Of the handle: logs name mails by their ids, and a hash of the account's own id could be found by trying.
        id=alert_id(handle, "credential_change", f"erased.{time}"),
        kind="credential_change",
        tenant=tenant,
        event="",
        account=None,
        time=time,
        risk=0.0,
        level="high",
        decision="notify",
        type="account_erased",
        actor="system",
        addressed=attributes,
    )
