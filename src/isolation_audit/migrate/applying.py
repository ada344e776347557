"""Carries a plan out, group by group: journal, replace, check; whatever goes wrong restores the group."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.migrate.journal import Foreign, Journal, runs
from isolation_audit.migrate.rescanning import rescan
from isolation_audit.migrate.validation import Checks, Invalid

if TYPE_CHECKING:
    from isolation_audit.migrate.planning import Change, Plan


@dataclass(slots=True)
class Result:
    """What became of a plan: files that changed, groups that were restored with the reason, files others changed."""

    run: str
    changed: list[str] = field(default_factory=list)
    refused: list[tuple[list[str], str]] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)


def apply_plan(plan: Plan, checks: Checks) -> Result:
    """Change the files of a plan. Each group has all its new contents afterwards, or all its old ones.

    Raises:
        Invalid: the tree as a whole would not be what the plan says; nothing was changed.
    """
    rescan(plan)
    base = Path(plan.source.tree.base)
    journal = Journal.create(base)
    result = Result(journal.name)
    for number, group in enumerate(plan.groups):
        _apply(plan, journal, number, group, checks, result)
    journal.end()
    return result


def _apply(plan: Plan, journal: Journal, number: int, group: list[Change], checks: Checks, result: Result) -> None:
    names = [change.shown for change in group]
    try:
        for change in group:
            checks.compile(change)
            _check_unchanged(change)
        # A link is not replaced by a file: what it leads to is.
        real = {str(Path(change.path).resolve()): change for change in group}
        entries = journal.begin(number, {path: (change.before, change.after) for path, change in real.items()})
    except (Invalid, OSError) as error:
        result.refused.append((names, str(error)))
        return
    try:
        for entry in entries:
            journal.put(entry, real[entry.path].after)
        checks.after(plan, group)
    except BaseException as error:
        result.foreign += journal.restore(entries)
        journal.undone(number, str(error))
        if not isinstance(error, (Invalid, OSError)):
            journal.end()
            raise
        result.refused.append((names, str(error)))
        return
    journal.done(number)
    result.changed += names


def _check_unchanged(change: Change) -> None:
    if Path(change.path).read_bytes() != change.before:
        raise Invalid(f"{change.shown} has changed since it was read")


def recover(base: Path) -> tuple[list[str], list[Foreign]]:
    """Undo what interrupted migrations left half done."""
    files, foreign = [], []
    for run in runs(base):
        if not run.is_over:
            undone, others = run.recover()
            files += undone
            foreign += others
    return files, foreign


def roll_back(journal: Journal) -> tuple[list[str], list[Foreign]]:
    """Give all files of a run their old contents; gives those files, and those that others changed since."""
    files, foreign = [], []
    for number, entries in journal.groups("done"):
        others = journal.restore(entries)
        foreign += others
        left = {one.path for one in others}
        files += [entry.path for entry in entries if entry.path not in left]
        if not others:
            journal.undone(number, "rolled back")
    return files, foreign
