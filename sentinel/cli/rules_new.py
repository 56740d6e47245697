"""`sentinel rules new`: a commented file to start a rule from."""

from pathlib import Path
from typing import Final

import click

from sentinel.cli.context import Context, pass_config
from sentinel.errors import SentinelError
from sentinel.rules.load import packaged_rules
from sentinel.rules.rule import RULE_ID

#: Passes `rules check` and `rules test` as it is, in shadow, so that nobody is bothered while it is written.
TEMPLATE: Final = (
    '''\
# A rule: when it holds for an event, it is a finding. The file's name is the rule's id.
# `sentinel facts` lists what it can read; docs/rules.md says what each key means.
# Then: sentinel rules check FILE, sentinel rules test FILE, sentinel rules backtest --rules FILE.

title      = "Ten logins of one account within five minutes"
status     = "shadow"                     # shadow: shown and counted, never part of the risk. Then: live
applies_to = ["login"]                    # the types of events it judges

# The condition, in CEL. What the event itself tells comes first: where that is false, no window is counted.
when       = """event.outcome == "success" && windows.logins >= params.min_logins"""

risk       = "params.risk"                # 0 to 100: a number, or an expression that gives one
# group    = "place"                      # rules that see the same evidence share a group: its strongest counts
audience   = "account"                    # who hears of it: account | operator | none
alert      = "suspicious_sign_in"         # which kind of mail
tags       = ["attack.t1078"]             # MITRE ATT&CK technique
runbook    = "What to do when it holds: ask the person whether a program of theirs logs in again and again."
falsepositives = ["A mail program that opens a session for every folder"]

[params]                                  # numbers to tune, read as params.NAME
risk       = 30
min_logins = 10

[windows.logins]                          # a sliding window, read as windows.logins; leave it out if not needed
count = "events"                          # or: distinct = "network.address"
where = '''
    + """'''event.type == "login" && event.outcome == "success"'''"""
    + """
by    = ["account"]                       # kept for each account; also network.prefix, device.id, ...
over  = "5m"                              # s, m, h or d; at most 30d

# At least one case that fires and one that stays silent; better one on each side of every threshold.
[[test]]
name  = "the tenth within five minutes"
given = [
  { time = 2026-01-04T09:00:00Z }, { time = 2026-01-04T09:00:20Z }, { time = 2026-01-04T09:00:40Z },
  { time = 2026-01-04T09:01:00Z }, { time = 2026-01-04T09:01:20Z }, { time = 2026-01-04T09:01:40Z },
  { time = 2026-01-04T09:02:00Z }, { time = 2026-01-04T09:02:20Z }, { time = 2026-01-04T09:02:40Z },
]
event = { time = 2026-01-04T09:04:00Z }
fires = true
risk  = 30

[[test]]
name  = "nine are not ten"
given = [
  { time = 2026-01-04T09:00:00Z }, { time = 2026-01-04T09:00:20Z }, { time = 2026-01-04T09:00:40Z },
  { time = 2026-01-04T09:01:00Z }, { time = 2026-01-04T09:01:20Z }, { time = 2026-01-04T09:01:40Z },
  { time = 2026-01-04T09:02:00Z }, { time = 2026-01-04T09:02:20Z },
]
event = { time = 2026-01-04T09:04:00Z }
fires = false
"""
)


@click.command("new")
@click.argument("rule")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it [default: the local rules of the configuration].",
)
@pass_config
def new(context: Context, rule: str, directory: Path | None) -> int:
    """Write a commented file to start the rule RULE from.

    It is in shadow and passes its own tests as it is written. An existing file is left alone.

    \b
    Example:
      sentinel rules new night_shift --dir /etc/sentinel/rules
    """  # fmt: skip
    if not RULE_ID.fullmatch(rule):
        raise click.UsageError(f"{rule!r}: a rule's id is lower case letters, digits and _, beginning with a letter")
    if (packaged_rules() / f"{rule}.toml").exists():
        raise SentinelError(
            f"{rule} comes with the product; to change it, write only the keys you change into a file of its name"
        )
    path = (directory or context.config.rules.directory) / f"{rule}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise SentinelError(f"{path}: is there already; it is left as it is") from None
    except OSError as error:
        raise SentinelError(f"{path}: cannot be written: {error.strerror}; --dir names another place") from None
    click.echo(f"{path}\nnext: sentinel rules test {path}")
    return 0
