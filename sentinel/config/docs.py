"""docs/configuration.md, written from the declarations."""

from typing import Final

from sentinel.config.describe import Section, Setting, describe_sections

EXAMPLE: Final = """\
state  = "/var/lib/sentinel"
listen = "127.0.0.1:8787"

[smtp]
host = "mail.example.org"
port = 587
tls  = "starttls"
from = "Example Security <security@example.org>"
username = "sentinel"     # the password: see Secrets

[service]
name = "Example"
support = "help@example.org"
security_page = "https://example.org/security"

[privacy]
controller = "Example GmbH, Musterweg 1, Musterstadt"
contact = "privacy@example.org"

[decision]
mode = "observe"          # for the first weeks; then "enforce"

[alerts]
operators = ["ops@example.org"]

[tenants.shop]
from = "Example Shop <security@shop.example.org>"
service.name = "Example Shop"
decision.block = 80
"""

_HEAD = f"""\
# Configuration

<!-- Written by scripts/docs.py from the code; change it there. -->

One TOML file, looked for in this order: `sentinel --config FILE`, `$SENTINEL_CONFIG`,
`/etc/sentinel/sentinel.toml`. Without a file the defaults hold. `sentinel check-config` says what is wrong
with it, with line and column. Unknown keys are refused, so a typing error cannot leave a default in force
unseen.

```toml
{EXAMPLE}```

Every setting has a default; write only what differs. Relative paths are relative to the folder of the file.

**Secrets** are never in the file or on a command line. They come from a systemd credential
(`LoadCredential=smtp_password:/etc/credstore/sentinel.smtp_password`), else from a file that belongs to
sentinel's user and that nobody else can read (mode 0600); one that others can read is refused.
"""


def configuration_page() -> str:
    """The whole page, as it must stand in docs/configuration.md."""
    return _HEAD + "".join(map(_section, describe_sections()))


def _section(section: Section) -> str:
    title = "Top level" if not section.key else f"`{_header(section.key)}`"
    text = f"{section.help}\n\n" if section.help else ""
    rows = "".join(map(_row, section.settings))
    return f"\n## {title}\n\n{text}| key | takes | default | meaning |\n|---|---|---|---|\n{rows}" if rows else ""


def _header(key: str) -> str:
    name = key.replace("[]", "")
    return f"[[{name}]]" if key.endswith("[]") else f"[{name}]"


def _row(setting: Setting) -> str:
    name = setting.key.rpartition(".")[2]
    unset = "must be given" if setting.required else "unset"
    default = f"`{setting.default}`" if setting.default else unset
    takes = setting.type.replace("|", "\\|").replace("<", "\\<")
    return f"| `{name}` | {takes} | {default} | {setting.help} |\n"
