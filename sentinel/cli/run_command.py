"""`sentinel run`: the daemon."""

import click

from sentinel.cli.context import Context, pass_config


@click.command("run")
@pass_config
def command(context: Context) -> None:
    """Run the daemon until SIGTERM; SIGHUP reloads rules, lists and configuration.

    \b
    Example:
      sentinel --config /etc/sentinel/sentinel.toml run
    """
    from sentinel.daemon import logs
    from sentinel.daemon.daemon import serve

    logs.setup(context.config.log.level)
    serve(context.config)
