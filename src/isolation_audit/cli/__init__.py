"""The command line: finds the command, and turns users' mistakes into one line."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from isolation_audit.cli import run_options
from isolation_audit.cli.say import say
from isolation_audit.exceptions import ConfigError, IsolationAuditError

USAGE_ERROR = 2


def main() -> None:
    """Entry point of the ``isolation-audit`` command."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal or file that can't show a bullet or a line of a table gets a question mark, not a traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.exit(_command())
    except IsolationAuditError as error:
        from isolation_audit.analysis.texts import shown

        for line in error.problems if isinstance(error, ConfigError) else [str(error)]:
            say(shown(line), who="error: ")
        sys.exit(USAGE_ERROR)
    except KeyboardInterrupt:
        say("interrupted", who="")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has left; nothing of ours is worth a traceback.
        sys.stderr.close()
        sys.exit(141)


def _command() -> int:
    asked = run_options.read(sys.argv[2:]) if sys.argv[1:2] == ["run"] else None
    if asked is not None:
        from isolation_audit.cli.supervise import supervise

        return supervise(asked)
    from isolation_audit.cli.commands import invoke

    return invoke()
