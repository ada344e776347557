"""``activate`` and ``deactivate``: the .pth that makes ISOLATION_AUDIT=1 work in this environment."""

from __future__ import annotations

import click

from isolation_audit.cli import pth
from isolation_audit.exceptions import UsageError


@click.command()
def activate() -> None:
    """Let ISOLATION_AUDIT=1 switch the auditor on in every Python process of this environment."""
    try:
        path = pth.install()
    except OSError as error:
        raise UsageError(
            f"can't write {pth.pth_file()}: {error.strerror}; activate needs a writable environment"
        ) from None
    click.echo(f"wrote {path}")
    click.echo("From now on ISOLATION_AUDIT=1 audits a process of this environment; without it, nothing is loaded.")


@click.command()
def deactivate() -> None:
    """Undo `activate`."""
    try:
        existed = pth.remove()
    except OSError as error:
        raise UsageError(f"can't remove {pth.pth_file()}: {error.strerror}") from None
    click.echo(f"removed {pth.pth_file()}" if existed else "was not active in this environment")
