"""The entry point: `sentinel --config FILE COMMAND`; --config may stand before or after the command."""

import sys
from collections.abc import Sequence

import click

from sentinel import __version__
from sentinel.cli.context import Context, pass_config
from sentinel.errors import SentinelError, SourceError

_COMMANDS = (
    "run",
    "demo",
    "assess",
    "import",
    "rules",
    "facts",
    "explain",
    "account",
    "alerts",
    "campaigns",
    "incident",
    "usage",
    "report",
    "siem",
    "simulate",
    "train",
    "evaluate",
    "models",
    "keys",
    "audit",
    "backup",
    "restore",
    "keyring",
    "mail",
    "hooks",
    "geo",
    "privacy",
    "check-config",
    "doctor",
)


class _Lazy(click.Group):
    """Imports a command's module only when it is used: `sentinel --help` needs no CEL and no HTTP."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        module = import_module(f"sentinel.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sentinel")
@pass_config
def cli(context: Context) -> None:
    """Watch the accounts of a service: score login events, mail people when something is wrong, forget.

    \b
    Example:
      sentinel demo
      sentinel --config /etc/sentinel/sentinel.toml run
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 good, 1 the thing checked is bad, 2 wrong use."""
    try:
        code = cli.main(args=arguments and list(arguments), prog_name="sentinel", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SourceError as error:
        click.echo(f"sentinel: {error}", err=True)
        sys.exit(2)
    except SentinelError as error:
        click.echo(f"sentinel: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error worth a trace.
        sys.stderr.close()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
