"""The command line. Each command is a file; this one ties them together and turns users' mistakes into one line."""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

from isolation_audit._version import __version__
from isolation_audit.cli.activation import activate, deactivate
from isolation_audit.cli.check import check
from isolation_audit.cli.compare import compare
from isolation_audit.cli.compat import compat
from isolation_audit.cli.demo import demo
from isolation_audit.cli.gate import gate
from isolation_audit.cli.migrate import migrate
from isolation_audit.cli.progress import progress
from isolation_audit.cli.rules import rules
from isolation_audit.cli.run import run
from isolation_audit.cli.scan import scan
from isolation_audit.exceptions import IsolationAuditError

USAGE_ERROR = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="isolation-audit")
def cli() -> None:
    """See at run time when one user's events, objects or data reach another user."""


for command in (run, demo, check, scan, migrate, progress, compare, compat, gate, rules, activate, deactivate):
    cli.add_command(command)


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
