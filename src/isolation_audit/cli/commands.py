"""All commands, each in a file of its own."""

from __future__ import annotations

from importlib import import_module

import click

from isolation_audit._version import __version__

_COMMANDS = {
    "activate": (
        "activation",
        "Let ISOLATION_AUDIT=1 switch the auditor on in every Python process of this environment.",
    ),
    "check": (
        "check",
        "Resolve every target of the configuration, and compare its paths with the signatures and annotations.",
    ),
    "compare": ("compare", "Compare the reports BEFORE and AFTER; exit 1 if something got worse."),
    "compat": (
        "compat",
        "Compare the constructors and public members of OLD and NEW; exit 1 if callers of OLD would notice.",
    ),
    "deactivate": ("activation", "Undo `activate`."),
    "demo": (
        "demo",
        "Run the example chat with both engines under the auditor, and compare what clients and auditor counted.",
    ),
    "explain": ("explain", "Tell what a finding rests on, what would have explained it, and where its data came in."),
    "gate": ("gate", "Exit 1, with the reasons, if what was audited must not go on."),
    "grafana": (
        "grafana",
        "Write dashboards, alerts, provisioning and runbooks for Prometheus, Alertmanager and Grafana into DIR.",
    ),
    "investigate": (
        "investigate",
        "Tell which users could have seen whose data, from when to when, first in which run, and by which way.",
    ),
    "migrate": (
        "migrate",
        "Rewrite the Python source below PATHS to the replacements; exit 1 if something is left to do.",
    ),
    "progress": (
        "progress",
        "How far the migration is, in the source and at run time; exit 1 if there is more than the ratchet allows.",
    ),
    "rules": ("rules", "List all rules, or show the page of the rule CODE."),
    "run": ("run", "Run PROGRAM (a script, -m MODULE, or a command) and all its Python processes under the auditor."),
    "show": ("show", "Show coverage, findings and summary of a run that goes on or has ended, or write them to files."),
    "why-not": ("explain", "Tell why exits that name others are, or are not, findings."),
    "scan": ("scan", "Find what is deprecated in the Python source below PATHS, and names that mean several things."),
}
"""The file that each command is in, and the first sentence of its help, so that a list of commands imports none."""


class _Commands(click.Group):
    """Imports a command when it is asked for, so that none pays for what another needs."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = import_module(f"isolation_audit.cli.{_COMMANDS[name][0]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(context)])


# The bare names are for click: it suggests one of them where what was asked for is none.
@click.group(
    cls=_Commands,
    commands=[click.Command(name) for name in _COMMANDS],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="isolation-audit")
def cli() -> None:
    """See at run time when one user's events, objects or data reach another user."""


def invoke() -> int:
    """Run the command that ``sys.argv`` asks for; gives the exit code."""
    try:
        code: int = cli.main(standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return code
