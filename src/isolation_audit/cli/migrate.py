"""``migrate``: rewrite references to what is deprecated: a diff by default, with ``--apply`` files, with a way back."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isolation_audit.analysis.texts import printable
from isolation_audit.cli.scan import cache_of, check_phases, loaded
from isolation_audit.exceptions import UsageError
from isolation_audit.source.scan.globs import matches

if TYPE_CHECKING:
    from isolation_audit.config import Config
    from isolation_audit.source.migrate.applying import Result
    from isolation_audit.source.migrate.journal import Foreign
    from isolation_audit.source.migrate.planning import Change, Plan


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="The configuration file (default: looked for)."
)
@click.option("--apply", "applying", is_flag=True, help="Change the files, instead of showing the changes.")
@click.option("--rollback", metavar="RUN", help="Give files their contents from before RUN, or before the `last`.")
@click.option("--phase", "phases", multiple=True, help="Only files of this phase (scan.phases); may be repeated.")
@click.option("--owner", "owners", multiple=True, help="Only files of this owner (CODEOWNERS); may be repeated.")
@click.option("--shard-by", type=click.Choice(["owner"]), help="Write one patch an owner into the folder of --output.")
@click.option("--output", type=click.Path(path_type=Path), help="The folder of the patches of --shard-by.")
@click.option("--max-files", type=click.IntRange(min=1), help="Change so many files at most; groups stay together.")
@click.option(
    "--check", "command", default="", help="A command that each group must pass; it may have {files} and {tests}."
)
@click.option("--smoke", is_flag=True, help="Import each changed module, in a process of its own.")
@click.option("--python", default=sys.executable, help="The Python that the code has to compile with (default: ours).")
@click.option("--allow-dirty", is_flag=True, help="Also change files with changes that are not committed.")
def migrate(  # noqa: PLR0913, PLR0917 - one parameter an option
    paths: tuple[Path, ...],
    config_path: Path | None,
    rollback: str | None,
    phases: tuple[str, ...],
    owners: tuple[str, ...],
    shard_by: str | None,
    output: Path | None,
    max_files: int | None,
    command: str,
    python: str,
    *,
    applying: bool,
    smoke: bool,
    allow_dirty: bool,
) -> None:
    """Rewrite the Python source below PATHS to the replacements; exit 1 if something is left to do.

    Shows a diff, and places that are left to people with the reason. Without PATHS, the folder of the configuration.
    """
    from isolation_audit.source.migrate.lock import only_one
    from isolation_audit.source.migrate.validation import Checks
    from isolation_audit.source.scan.source import base_folder

    config = loaded(config_path)
    check_phases(config, phases)
    if bool(shard_by) != (output is not None) or (shard_by and applying):
        raise UsageError("--shard-by and --output go together, without --apply")
    base = base_folder(config)
    if rollback is not None:
        with only_one(base):
            _say_recovered(base)
            _roll_back(base, rollback)
        return
    if not applying:
        _show(_plan(config, base, paths, phases, owners, max_files), output)
        return
    with only_one(base):
        _say_recovered(base)
        plan = _plan(config, base, paths, phases, owners, max_files)
        _refuse_dirty(plan, allowed=allow_dirty)
        _apply(plan, Checks(python=python, smoke=smoke, command=command))


def _plan(
    config: Config,
    base: Path,
    paths: tuple[Path, ...],
    phases: tuple[str, ...],
    owners: tuple[str, ...],
    most: int | None,
) -> Plan:
    from isolation_audit.source.migrate.planning import make_plan
    from isolation_audit.source.scan.cache import Cache
    from isolation_audit.source.scan.owners import Owners
    from isolation_audit.source.scan.scanner import read_source

    source = read_source(config, paths or (base,), Cache(cache_of(base), config), parse="mentions", names=False)
    known = Owners(source.tree.base)

    def wanted(file: str) -> bool:
        phase = next((name for name, globs in config.scan.phases if matches(file, globs)), None)
        return (not phases or phase in phases) and (not owners or not {*owners}.isdisjoint(known.of(file)))

    return make_plan(source, wanted, most)


def _show(plan: Plan, output: Path | None) -> None:
    if output is None:
        for change in plan.changes:
            # A pipe or a file gets the patch as it has to be applied, a terminal nothing that it would obey.
            diff = _diff(change)
            click.echo("\n".join(map(_line, diff.split("\n"))) if sys.stdout.isatty() else diff, nl=False)
    else:
        _write_patches(plan, output)
    _say_manual(plan)
    files = len(plan.changes)
    click.echo(f"{_files(files)} to change, {_places(len(plan.manual))} left to you", err=True)
    sys.exit(1 if plan.changes or plan.manual else 0)


def _write_patches(plan: Plan, output: Path) -> None:
    patches: dict[str, str] = {}
    for change in plan.changes:
        owner = change.owners[0] if change.owners else "nobody"
        patches[owner] = patches.get(owner, "") + _diff(change)
    from isolation_audit.source.scan.outputs import write_output

    try:
        for owner, patch in patches.items():
            file = output / (owner.strip("@").replace("/", "-") + ".patch")
            write_output(file, patch, Path(plan.source.tree.base))
            click.echo(printable(str(file)))
    except OSError as error:
        raise UsageError(f"can't write to {output}: {error.strerror}") from None


def _diff(change: Change) -> str:
    from isolation_audit.source.migrate.text import SourceText

    before, after = (SourceText(data).text.splitlines(keepends=True) for data in (change.before, change.after))
    lines = difflib.unified_diff(before, after, _quoted(f"a/{change.shown}"), _quoted(f"b/{change.shown}"))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _refuse_dirty(plan: Plan, *, allowed: bool) -> None:
    from isolation_audit.source.migrate.repository import uncommitted

    dirty = [] if allowed else uncommitted(plan.changes)
    if dirty:
        more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
        raise UsageError(
            f"{', '.join(dirty[:3])}{more} would change and are not committed; commit them, or add --allow-dirty"
        )


def _apply(plan: Plan, checks: object) -> None:
    from isolation_audit.source.migrate.applying import apply_plan
    from isolation_audit.source.migrate.validation import Checks, Invalid

    result: Result | None = None
    try:
        if plan.groups and isinstance(checks, Checks):
            result = apply_plan(plan, checks)
    except Invalid as invalid:
        raise UsageError(f"nothing was changed: {invalid}") from None
    except OSError as error:
        raise UsageError(f"stopped: {error}; what is half done is restored by the next --apply") from None
    _say_manual(plan)
    for name in result.changed if result else ():
        click.echo(f"changed {printable(name)}")
    for remark in result.remarks if result else ():
        click.echo(printable(f"note: {remark}"), err=True)
    for names, reason in result.refused if result else ():
        click.echo(printable(f"restored {', '.join(names)}: {reason}"), err=True)
    _say_foreign(Path(plan.source.tree.base), result.foreign if result else [])
    changed = len(result.changed) if result else 0
    click.echo(f"{_files(changed)} changed, {_places(len(plan.manual))} left to you", err=True)
    if result and result.changed:
        click.echo(f"to go back: isolation-audit migrate --rollback {result.run}", err=True)
    sys.exit(1 if plan.manual or (result and (result.refused or result.foreign)) else 0)


def _roll_back(base: Path, name: str) -> None:
    from isolation_audit.source.migrate.applying import roll_back
    from isolation_audit.source.migrate.journal import run_named

    files, foreign = roll_back(run_named(base, name))
    for file in files:
        click.echo(f"restored {_shown(base, file)}")
    _say_foreign(base, foreign)
    sys.exit(1 if foreign else 0)


def _say_recovered(base: Path) -> None:
    from isolation_audit.source.migrate.applying import recover

    files, foreign = recover(base)
    for file in files:
        click.echo(f"restored {_shown(base, file)}: an earlier migration was interrupted", err=True)
    _say_foreign(base, foreign)


def _say_foreign(base: Path, foreign: list[Foreign]) -> None:
    for one in foreign:
        more = f"; another version of theirs is kept beside it, as {printable(one.kept)}" if one.kept else ""
        click.echo(f"left alone {_shown(base, one.path)}: it was changed since by somebody else{more}", err=True)


def _say_manual(plan: Plan) -> None:
    for place in plan.source.tree.not_followed:
        click.echo(f"note: {printable(place)} is a link to a folder outside of the tree: not followed", err=True)
    for one in plan.manual:
        words = f"{one.file}:{one.line}: left to you ({one.form} of {one.target}): {one.reason}"
        click.echo(printable(words), err=True)


def _shown(base: Path, file: str) -> str:
    return printable(file.removeprefix(f"{os.path.realpath(base)}/"))


def _line(line: str) -> str:
    return "\t".join(map(printable, line.split("\t")))


def _quoted(name: str) -> str:
    """The name of a file for the head of a patch; as git writes it, in octal, where it would not stay on its line."""
    if printable(name) == name and not {*name} & {'"', "\\"}:
        return name
    return (
        '"'
        + "".join(chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\{one:03o}" for one in os.fsencode(name))
        + '"'
    )


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"


def _places(number: int) -> str:
    return f"{number} place{'' if number == 1 else 's'}"
