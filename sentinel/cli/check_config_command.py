"""`sentinel check-config`: is the configuration right?"""

import asyncio
from typing import Any

import click

from sentinel.cli.context import Context, json_option, pass_config, print_json
from sentinel.cli.tenants import tuned_in_vain
from sentinel.config import describe_settings
from sentinel.daemon.build import load_ruleset, tenant_settings
from sentinel.daemon.hooks import check_secrets
from sentinel.daemon.mail import brand_trouble, signer_of, smtp_settings
from sentinel.enrich.lists import read_list


@click.command("check-config")
@click.option("--settings", is_flag=True, help="List every setting with default, unit and help instead.")
@json_option
@pass_config
def command(context: Context, settings: bool, as_json: bool) -> int:
    """Check the configuration file, the rules and the lists it names; exit 1 when something is wrong.

    Changes nothing.

    \b
    Example:
      sentinel check-config --config /etc/sentinel/sentinel.toml
    """
    if settings:
        found = describe_settings()
        if as_json:
            print_json(
                [{"key": s.key, "type": s.type, "default": s.default, "unit": s.unit, "help": s.help} for s in found]
            )
        else:
            for setting in found:
                unit = f" [{setting.unit}]" if setting.unit else ""
                click.echo(f"{setting.key} = {setting.default}{unit}\n    {setting.help}")
        return 0
    config = context.config
    rules = load_ruleset(config)
    tenant_settings(config, rules)
    smtp_settings(config)
    signer_of(config)
    check_secrets(config)
    for item in config.geo.lists:
        read_list(item.kind, item.path)
    warnings = asyncio.run(tuned_in_vain(config)) + brand_trouble(config)
    where = str(config.path) if config.path else "defaults, no file"
    summary: dict[str, Any] = {
        "config": where,
        "state": str(config.state),
        "store": config.store_url,
        "listen": str(config.listen),
        "mode": config.decision.mode,
        "rules": len(rules.files),
        "warnings": warnings,
    }
    if as_json:
        print_json(summary)
    else:
        for warning in summary.pop("warnings"):
            click.echo(f"warning: {warning}", err=True)
        click.echo("configuration is good: " + ", ".join(f"{key} {value}" for key, value in summary.items()))
    return 0
