"""A report as text and as HTML: equal in content. Pure."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from sentinel.report.figures import NAMED, Report
from sentinel.report.plot import svg

_CLOSING: Final = "Figures of everybody together; no account is in them. Days are UTC. docs/report.md says more."
_GB: Final = 1e9
_MB: Final = 1e6


def subject(report: Report) -> str:
    """One line: whose report, of which time, and what matters most."""
    return f"{report.service}: {headline(report).split('.')[0].lower()}, {report.since} to {report.until}"


def headline(report: Report) -> str:
    """What somebody who reads nothing else should know."""
    said = [_some(report.attacks, "attack") if report.attacks else "No attacks"]
    if report.critical_accounts:
        said[0] += f", {_some(report.critical_accounts, 'account')} at critical"
    if open_ := sum(each.state == "open" for each in report.campaigns):
        said.append(f"{_some(open_, 'campaign')} not closed (`sentinel campaigns list`)")
    if report.mails.failed:
        said.append(f"{_some(report.mails.failed, 'mail')} could not be sent (`sentinel doctor`)")
    if report.drift_shifted:
        said.append("Logins moved from what the models learned from")
    if not report.retention.on_time:
        said.append("Data that had to be gone is still there (`sentinel doctor`)")
    return ". ".join(said) + "."


def text(report: Report) -> str:
    """The report as plain text."""
    return _environment().get_template("report.txt").render(_values(report)).strip() + "\n"


def html(report: Report, *, picture: str | None = None) -> str:
    """The report as a page; ``picture`` is the address of its plot. Without one, the plot is in the page itself."""
    values = _values(report)
    drawn = svg(report).replace("<svg ", '<svg class="picture" ', 1) if picture is None else None
    # Both are made here from numbers and constants.
    values["picture"] = Markup(drawn) if drawn is not None else _image(picture, report) if picture else ""  # noqa: S704
    return _environment(escaped=True).get_template("report.html").render(values)


def _image(address: str | None, report: Report) -> Markup:
    alt = f"Logins by day, of {report.logins} in all; flagged ones and mails sent below"
    return Markup('<img class="picture" src="{}" width="440" alt="{}">').format(address, alt)


def _values(report: Report) -> dict[str, Any]:
    share = 100 * report.flagged / report.logins if report.logins else 0.0
    return {
        "report": report,
        "service": report.service,
        "subject": subject(report),
        "since": report.since,
        "until": report.until,
        "headline": headline(report),
        "look": headline(report).count(".") > 1,
        "share": f"{share:.1f} %" if share >= 0.1 or not share else "under 0.1 %",
        "fired": [each for each in report.rules if each.fired][:NAMED],
        "noisy": report.noisy[:NAMED],
        "retention": _retention(report),
        "size": _size(report.store_bytes),
        "number": lambda number: f"{number:,}",
        "closing": _CLOSING,
    }


def _size(count: int) -> str:
    return f"{count / _GB:.1f} GB" if count >= _GB else f"{count / _MB:.1f} MB"


def _retention(report: Report) -> str:
    kept = report.retention
    oldest = f"The oldest raw values are of {kept.oldest_raw}" if kept.oldest_raw else "There are no raw values"
    late = "Expiry is on time" if kept.on_time else "What had to be gone is still there"
    return f"{oldest}; they are kept for {_some(kept.raw_days, 'day')} at most. {late}."


def _some(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


@lru_cache(maxsize=2)
def _environment(*, escaped: bool = False) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=escaped, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["commands"] = _commands
    return environment


def _commands(text: str) -> Markup:
    """What stands in backticks, as code."""
    parts = text.split("`")
    return Markup("").join(  # every other part is one
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )
