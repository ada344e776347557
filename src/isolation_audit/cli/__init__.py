"""The command line. Each command is a file; this one ties them together and turns users' mistakes into one line."""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper

import click

from isolation_audit._version import __version__
from isolation_audit.exceptions import IsolationAuditError

USAGE_ERROR = 2

_FILES = {
    name: name for name in ("check", "compare", "compat", "demo", "gate", "migrate", "progress", "rules", "run", "scan")
} | dict.fromkeys(("activate", "deactivate"), "activation")
"""The file that each command is in."""


class _Commands(click.Group):
    """Imports a command when it is asked for, so that none pays for what another needs."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(_FILES)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        # What is no command's name is told with those that look like it, so that all of them have to be known.
        for wanted in (name,) if name in _FILES else _FILES:
            self.add_command(getattr(import_module(f"{__name__}.{_FILES[wanted]}"), wanted))
        return self.commands.get(name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="isolation-audit")
def cli() -> None:
    """See at run time when one user's events, objects or data reach another user."""


def main() -> None:
    """Entry point of the ``isolation-audit`` command."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal or file that can't show a bullet or a line of a table gets a question mark, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except IsolationAuditError as error:
        for line in str(error).splitlines():
            click.echo(f"error: {line}", err=True)
        sys.exit(USAGE_ERROR)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has left; nothing of ours is worth a traceback.
        sys.stderr.close()
        sys.exit(141)
