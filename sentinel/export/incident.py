"""The report of a personal data breach to the supervisory authority (GDPR Art. 33), as far as sentinel knows it.

The clock of 72 hours runs from the first verdict ``compromised``: from then on the controller was aware. It is a period
in hours, so it does not stop on weekends or holidays (Regulation 1182/71, Art. 3(4)). What only people can say (likely
consequences, measures) stays a blank.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sentinel.errors import SentinelError
from sentinel.events.clock import HOUR, to_text
from sentinel.export.data import Information

#: The time to report in (Art. 33(1)).
CLOCK: Final = 72 * HOUR

#: Categories of data that an account's takeover may have touched, in words.
CATEGORIES: Final = {
    "account": "account data: name, e-mail address, language",
    "credentials": "what lets people in: passwords, second factors, tokens",
    "sessions": "open sessions and what could be seen through them",
    "sign_ins": "records of sign-ins: times, addresses, devices, rough places",
    "contact": "how people are reached: e-mail address or phone number were changed",
}


class IncidentError(SentinelError):
    """There is nothing to report on."""


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """One account that somebody else was in. Times are micros: of the verdict, of the first and last affected event.

    ``restricted``: its processing is (Art. 18). It is counted, since Art. 33(3)(a) wants the number and the duty to
    notify is no choice of the controller's; it stands in the list, since Art. 34 may want the person told; and nothing
    else of it is shown.
    """

    account: str
    compromised: int
    first: int
    last: int
    records: int = 0
    categories: tuple[str, ...] = ()
    campaign: str | None = None
    restricted: bool = False


class AffectedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The same in the report. Of a restricted account all but the account is null."""

    account: str
    restricted: bool
    compromised: str | None = None
    first: str | None = None
    last: str | None = None
    records: int | None = None
    categories: list[str] | None = None
    campaign: str | None = None


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """An attack on several accounts."""

    id: str
    accounts: int
    first: str
    last: str


class IncidentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known. ``known_since`` starts the clock, ``deadline`` ends it; ``hours_left`` may be negative.

    ``accounts`` names people: it is for the controller, the authority gets numbers. ``accounts_restricted`` of those in
    the numbers have their processing restricted; they stand last, without details.
    """

    schema: int = 1
    made: str
    controller: str
    contact: str
    authority: str
    accounts_concerned: int
    accounts_restricted: int
    records_approximate: int
    known_since: str
    deadline: str
    hours_left: float
    began: str
    ended: str
    categories: dict[str, int]
    campaigns: list[Campaign]
    accounts: list[AffectedAccount]


def incident_report(affected: Iterable[Affected], information: Information, *, made: int) -> IncidentReport:
    """The report on ``affected`` as of ``made`` (micros). An account may come up more than once.

    Raises :class:`IncidentError` when there is none.
    """
    entries = sorted(affected, key=lambda each: (each.compromised, each.account))
    if not entries:
        raise IncidentError("no event was called compromised in that time, so there is nothing to report; see --since")
    known = entries[0].compromised
    touched = Counter(name for account in _by_account(entries) for name in account)
    return IncidentReport(
        made=to_text(made),
        controller=information.controller,
        contact=information.contact,
        authority=information.authority,
        accounts_concerned=len({each.account for each in entries}),
        accounts_restricted=len({each.account for each in entries if each.restricted}),
        records_approximate=sum(each.records for each in entries),
        known_since=to_text(known),
        deadline=to_text(known + CLOCK),
        hours_left=round((known + CLOCK - made) / HOUR, 1),
        began=to_text(min(each.first for each in entries)),
        ended=to_text(max(each.last for each in entries)),
        categories=dict(sorted(touched.items())),
        campaigns=_campaigns(entries),
        accounts=[
            *(_listed(each) for each in entries if not each.restricted),
            *(
                AffectedAccount(account=account, restricted=True)
                for account in sorted({each.account for each in entries if each.restricted})
            ),
        ],
    )


def _listed(each: Affected) -> AffectedAccount:
    return AffectedAccount(
        account=each.account,
        restricted=False,
        compromised=to_text(each.compromised),
        first=to_text(each.first),
        last=to_text(each.last),
        records=each.records,
        categories=sorted(each.categories),
        campaign=each.campaign,
    )


def report_json(report: IncidentReport) -> bytes:
    """The report for programs and for the controller's own file, with the accounts."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def report_markdown(report: IncidentReport) -> str:
    """The report to fill in and send, in the order of Art. 33(3); it names no account."""
    left = report.hours_left
    clock = f"{left:g} hours are left" if left >= 0 else f"it ended {-left:g} hours ago: say below why it is late"
    unset = "____________________"
    categories = [f"- {CATEGORIES.get(name, _inline(name))}: {count}" for name, count in report.categories.items()]
    campaigns = [f"| {_inline(each.id)} | {each.accounts} | {each.first} | {each.last} |" for each in report.campaigns]
    lines = [
        "# Personal data breach: notification under Art. 33 GDPR",
        "",
        f"Made {report.made}. All times are UTC. Blanks (____) are for the controller to fill in.",
        "",
        "## The clock",
        "",
        f"- Known since: {report.known_since} (first verdict `compromised`)",
        f"- To be notified by: {report.deadline} (72 hours; weekends and holidays count)",
        f"- At the time of this report {clock}.",
        f"- Reasons, if it is later than that (Art. 33(1)): {unset}",
        "",
        "## Who reports",
        "",
        f"- Controller: {_inline(report.controller) or unset}",
        f"- Data protection officer or contact (Art. 33(3)(b)): {_inline(report.contact) or unset}",
        f"- To the authority: {_inline(report.authority) or unset}",
        "",
        "## What happened (Art. 33(3)(a))",
        "",
        "Somebody else got into accounts of the service.",
        "",
        f"- From {report.began} to {report.ended}, by the events known",
        f"- People concerned: {report.accounts_concerned} (one account is counted as one person)",
        *(
            [f"- Of these, {report.accounts_restricted} have their processing restricted (Art. 18)"]
            if report.accounts_restricted
            else []
        ),
        f"- Records concerned: about {report.records_approximate}",
        "",
        "Categories of data, with the number of accounts:",
        "",
        *(categories or [f"- {unset}"]),
    ]
    if campaigns:
        lines += ["", "Attacks on several accounts:", "", "| attack | accounts | first | last |", "|---|---|---|---|"]
        lines += campaigns
    lines += [
        *("", "## Likely consequences (Art. 33(3)(c))", "", unset),
        *("", "## Measures taken or proposed (Art. 33(3)(d))", "", unset),
        *("", "## Were the people told (Art. 34)", "", f"- When and how, or why not: {unset}"),
        *("", "What is not known yet may follow without undue delay (Art. 33(4)).", ""),
    ]
    return "\n".join(lines)


def _by_account(entries: Sequence[Affected]) -> list[set[str]]:
    """The categories of each account."""
    found: dict[str, set[str]] = {}
    for each in entries:
        found.setdefault(each.account, set()).update(each.categories)
    return list(found.values())


def _campaigns(entries: Sequence[Affected]) -> list[Campaign]:
    found: dict[str, list[Affected]] = {}
    for each in entries:
        if each.campaign is not None:
            found.setdefault(each.campaign, []).append(each)
    return [
        Campaign(
            id=id,
            accounts=len({each.account for each in those}),
            first=to_text(min(each.first for each in those)),
            last=to_text(max(each.last for each in those)),
        )
        for id, those in sorted(found.items())
    ]


def _inline(text: str) -> str:
    """``text`` as one line that Markdown takes for text."""
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#" else each for each in " ".join(text.split()))
