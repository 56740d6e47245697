"""`sentinel demo`: see it work."""

import asyncio
import logging

import click
from rich.console import Console


@click.command("demo")
@click.option("--seconds", type=click.FloatRange(0), help="End after this long (default: when stopped).")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8787,
    show_default=True,
    help="HTTP port; another one when it is taken.",
)
def command(seconds: float | None, port: int) -> int:
    """Run the daemon with a catch-all mail server and realistic traffic with attacks in it.

    Needs no configuration and keeps nothing but the mails.

    \b
    Example:
      sentinel demo
    """
    from sentinel.demo.run import run

    logging.getLogger("mail.log").setLevel(logging.ERROR)
    asyncio.run(run(Console(soft_wrap=True), seconds=seconds, port=port))
    return 0
