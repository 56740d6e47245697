"""Packed forms of what a record keeps. msgpack with arrays for structs: small, typed, and no code in it."""

from typing import Any, Final

import msgspec

from sentinel.events.assessment import Act, Assessment, Finding, Unjudged
from sentinel.events.sighting import Sighting


class _Packed(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """An assessment without event and account, which are sealed apart."""

    time: str
    risk: float | None
    level: str | None
    decision: str
    scope: str
    until: str | None
    act: tuple[list[str], bool, bool]
    findings: list[tuple[str, str, str, str, float, float, dict[str, Any]]]
    alert: str | None
    warming_up: bool
    unjudged: list[tuple[str, list[str], str | None]]
    ruleset: str
    models: dict[str, str]
    would: str | None
    restricted: bool | None
    campaign: str | None = None


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_sighting: Final = msgspec.msgpack.Decoder(Sighting).decode
_decode_windows: Final = msgspec.msgpack.Decoder(dict[str, int | None]).decode
_decode_packed: Final = msgspec.msgpack.Decoder(_Packed).decode


def pack_sighting(sighting: Sighting) -> bytes:
    """A sighting as bytes; :func:`unpack_sighting` gives it back."""
    return _encode(sighting)


def unpack_sighting(data: bytes) -> Sighting:
    """The sighting again."""
    return _decode_sighting(data)


def pack_windows(windows: dict[str, int | None]) -> bytes:
    """Window values by rule and name as bytes; zeros are left out."""
    return _encode(windows) if windows else b""


def unpack_windows(data: bytes) -> dict[str, int | None]:
    """The window values again; a window that is not there was zero or unknown."""
    return _decode_windows(data) if data else {}


def pack_assessment(assessment: Assessment) -> bytes:
    """An assessment as bytes, without event and account."""
    unset = msgspec.UNSET
    return _encode(
        _Packed(
            assessment.time,
            assessment.risk,
            assessment.level,
            assessment.decision,
            assessment.scope,
            None if assessment.until is unset else assessment.until,
            (assessment.act.methods, assessment.act.end_sessions, assessment.act.hold_change),
            [(f.rule, f.title, f.status, f.group, f.risk, f.share, f.evidence) for f in assessment.findings],
            assessment.alert,
            assessment.warming_up,
            [(u.rule, u.missing, u.reason) for u in assessment.unjudged],
            assessment.ruleset,
            assessment.models,
            None if assessment.would is unset else assessment.would,
            None if assessment.restricted is unset else assessment.restricted,
            None if assessment.campaign is unset else assessment.campaign,
        )
    )


def unpack_assessment(data: bytes, event: str, account: str | None) -> Assessment:
    """The assessment again, with the event id and account that it was about."""
    packed = _decode_packed(data)
    unset = msgspec.UNSET
    return Assessment(
        event=event,
        account=account,
        time=packed.time,
        risk=packed.risk,
        level=packed.level,
        decision=packed.decision,
        scope=packed.scope,
        until=unset if packed.until is None else packed.until,
        act=Act(methods=packed.act[0], end_sessions=packed.act[1], hold_change=packed.act[2]),
        findings=[
            Finding(rule=f[0], title=f[1], status=f[2], group=f[3], risk=f[4], share=f[5], evidence=f[6])
            for f in packed.findings
        ],
        alert=packed.alert,
        warming_up=packed.warming_up,
        unjudged=[Unjudged(rule=u[0], missing=u[1], reason=u[2]) for u in packed.unjudged],
        ruleset=packed.ruleset,
        models=packed.models,
        would=unset if packed.would is None else packed.would,
        restricted=unset if packed.restricted is None else packed.restricted,
        campaign=unset if packed.campaign is None else packed.campaign,
    )
