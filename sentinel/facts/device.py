"""Facts of the device."""

from functools import lru_cache
from typing import Final

from sentinel.events.clock import DAY, utc_day
from sentinel.events.sighting import Device
from sentinel.facts.look import Look
from sentinel.facts.registry import fact
from sentinel.facts.releases import major_of, newest_possible

#: Programs by the family names of ua-parser: scripts, libraries for them, and browsers without a window.
#: ``okhttp`` and its like are left out: people's apps are made with them.
_PROGRAMS: Final = frozenset(
    {
        "AHC", "Apache-HttpClient", "axios", "curl", "Go-http-client", "got", "HeadlessChrome", "http.rb", "HTTPie",
        "insomnia", "Jersey", "libwww-perl", "PhantomJS", "PostmanRuntime", "Python aiohttp", "Python Requests",
        "Python-urllib", "Scrapy", "Wget", "WindowsPowerShell",
    }
)  # fmt: skip

_LINUX: Final = frozenset({"Linux", "Ubuntu", "Fedora", "Debian", "CentOS", "Red Hat", "SUSE"})
_NOT_APPLE: Final = _LINUX | {"Windows", "Android", "Chrome OS"}

#: Browsers on systems they were never made for. Only pairs that are certain: Safari's engine runs on Linux under
#: its name (GNOME Web), and a phone asked for the desktop page calls itself a Mac.
_IMPOSSIBLE: Final = {
    "IE": _LINUX | {"Android", "iOS", "Chrome OS"},
    "Mobile Safari": _LINUX | {"Windows", "Chrome OS"},
    "Chrome Mobile iOS": _NOT_APPLE,
    "Firefox iOS": _NOT_APPLE,
}

#: Families that end early on a system: the last major version there (Safari for Windows 2012, old Edge was Windows').
_LAST_ON: Final = {("Safari", "Windows"): 5}
_OLD_EDGE: Final = 79

#: Systems that one device may name by turns: a phone or tablet asked for the desktop page.
_SAME_SYSTEM: Final = ({"iOS", "Mac OS X"}, {"Android", *_LINUX})


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


@fact("device.settling", "bool", past=True, judged=True)
def device_settling(look: Look) -> bool:
    """Not trusted yet, but it logged in flagged below high on an earlier day, and nobody said no."""
    return look.settling(look.device_value, 1)


@fact("device.lingering", "bool", past=True, judged=True)
def device_lingering(look: Look) -> bool:
    """It can never settle, since it was called high once, but it kept coming for as long as settling takes.

    Nobody said no in that time; with a known second factor from a known network it is the person's after all.
    """
    value = look.device_value
    if value is None or not value.barred or value.trusted_at or value.compromised:
        return False
    policy = look.policy
    return len(value.days) >= policy.settle_logins and look.sighting.time >= value.first + policy.settle_days * DAY


@fact("device.class_trusted", "bool", past=True, judged=True)
def device_class_trusted(look: Look) -> bool:
    """Browser family, system and type together are in the trusted past, whatever the device id."""
    return look.device_class_trusted


@fact("device.automated", "bool")
def device_automated(look: Look) -> bool:
    """A known bot, a script or a browser without a window, by its own words."""
    device = look.sighting.device
    return device.type == "bot" or device.browser in _PROGRAMS


@fact("device.impossible", "bool")
def device_impossible(look: Look) -> bool:
    """Browser and system, or the version at the time of the event, cannot be: the agent is made up."""
    device = look.sighting.device
    return device.browser is not None and _impossible(device, utc_day(look.sighting.time))


@fact("device.system_changed", "bool", past=True, judged=True)
def device_system_changed(look: Look) -> bool:
    """This device id had another operating system in its latest trusted login."""
    system = look.sighting.device.os
    value = look.device_value
    if value is None or not value.system or system is None or system == value.system:
        return False
    return not any(system in same and value.system in same for same in _SAME_SYSTEM)


@lru_cache(16_384)
def _impossible(device: Device, day: int) -> bool:
    browser, system, major = device.browser or "", device.os or "", major_of(device.browser_version)
    if system in _IMPOSSIBLE.get(browser, ()):
        return True
    if major is None:
        return False
    if browser == "Edge" and major < _OLD_EDGE and (system in _LINUX or system == "Mac OS X"):
        return True
    last, newest = _LAST_ON.get((browser, system)), newest_possible(browser, (day + 1) * DAY)
    return (last is not None and major > last) or (newest is not None and major > newest)
