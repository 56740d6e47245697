"""A store made by the real pipeline from events whose values are marked, so that they can be looked for."""

from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from tests.pipeline.installation import AWAY, TOLD, Installation, login

__all__ = ["AWAY", "MARKED", "events", "fill", "login", "values"]

#: Documentation networks: what 10,000 events can have of IPv4 addresses.
_V4 = ("192.0.2", "198.51.100", "203.0.113")

#: Fields whose values are marked.
MARKED = ("id", "account", "ip", "user_agent", "device_id", "session_id", "email", "name")


def events(number: int) -> Iterator[dict[str, Any]]:
    """So many logins of half as many people, every third over IPv4; all that identifies is marked."""
    for at in range(number):
        mark = f"{at * 2654435761 % (1 << 32):08x}"
        address = IPv6Address(0x20010DB8 << 96 | int(mark, 16) << 48 | at * 40503 << 16 | int(mark[:4], 16))
        if at % 3 == 0:
            address = f"{_V4[at % 9 // 3]}.{at // 9 % 256}"  # type: ignore[assignment]  # either, as a text
        yield login(
            at, id=f"event-{mark}-canary", account=f"account-{at // 2 * 7919:08}", ip=str(address),
            user_agent=f"Sample/1.0 (canary {mark}) Marked/2.0", device_id=f"device-{mark}-canary",
            session_id=f"session-{mark}-canary", email=f"person-{mark}@example.org",
            name=f"Made-up Person {at // 2 * 7919:08}",
        )  # fmt: skip


def values(number: int) -> list[str]:
    """What must not be found of :func:`events`."""
    return list(dict.fromkeys(event[name] for event in events(number) for name in MARKED))


async def fill(folder: Path, number: int) -> Installation:
    """An installation in ``folder`` that judged and stored the events; its write-ahead log is not copied yet."""
    installation = Installation(folder, hooks=TOLD)
    outcomes = await installation.run(events(number))
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    return installation
