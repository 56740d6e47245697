"""Facts of the device."""

from sentinel.facts.look import Look
from sentinel.facts.registry import fact


@fact("device.known", "bool")
def device_known(look: Look) -> bool:
    """There is a device id, or the user agent names a browser or system."""
    return look.sighting.device_key is not None or look.sighting.device_class is not None


@fact("device.id", "string", keyed=True)
def device_id(look: Look) -> str | None:
    """Pseudonym of the device id."""
    return look.sighting.device_key


@fact("device.identified", "bool")
def device_identified(look: Look) -> bool:
    """The sender gave a device id."""
    return look.sighting.device_key is not None


@fact("device.agent", "string", keyed=True)
def device_agent(look: Look) -> str | None:
    """Pseudonym of the whole user agent string."""
    return look.sighting.agent


@fact("device.agent_known", "bool")
def device_agent_known(look: Look) -> bool:
    """The sender gave a user agent."""
    return look.sighting.agent is not None


@fact("device.browser", "string")
def device_browser(look: Look) -> str:
    """Browser family; empty when unknown."""
    return look.sighting.device.browser or ""


@fact("device.os", "string")
def device_os(look: Look) -> str:
    """Operating system family; empty when unknown."""
    return look.sighting.device.os or ""


@fact("device.type", "string")
def device_type(look: Look) -> str:
    """desktop, mobile, tablet, bot or other; empty when unknown."""
    return look.sighting.device.type or ""


@fact("device.new", "bool", past=True, judged=True)
def device_new(look: Look) -> bool:
    """The device is known and not in the account's trusted past.

    By its id; without one by browser family, system and type, so that an upgrade is not a new device.
    """
    sighting = look.sighting
    return (sighting.device_key is not None or sighting.device_class is not None) and not look.device_trusted


@fact("device.trusted", "bool", past=True, judged=True)
def device_trusted(look: Look) -> bool:
    """The device is in the account's trusted past (by id; without one by browser, system and type)."""
    return look.device_trusted


@fact("device.familiar", "bool", past=True, judged=True)
def device_familiar(look: Look) -> bool:
    """Browser, system, type and network are in the trusted past: a new id is more likely a lost cookie."""
    return look.device_class_trusted and look.network_trusted
