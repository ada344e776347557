"""Carries a plan out, group by group: journal, replace, check; whatever goes wrong restores the group."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.files import Meanwhile
from isolation_audit.source.migrate.journal import Foreign, Journal, JournalEntry, runs
from isolation_audit.source.migrate.rescanning import rescan
from isolation_audit.source.migrate.validation import Checks, Invalid
from isolation_audit.source.scan.confined import Confined

if TYPE_CHECKING:
    from isolation_audit.source.migrate.planning import Change, Plan


@dataclass(slots=True)
class Result:
    """What became of a plan: files that changed, groups that were restored with the reason, files others changed."""

    run: str
    changed: list[str] = field(default_factory=list)
    refused: list[tuple[list[str], str]] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What the checks say of groups that changed."""


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
        after = {_place(plan, change): change for change in group}
        checks.before(plan, group)
        entries = journal.begin(number, {place: (change.before, change.after) for place, change in after.items()})
    except (Invalid, OSError) as error:
        result.refused.append((names, _said(error)))
        return
    try:
        for entry in entries:
            _put(journal, entry, after[entry.root, entry.path])
        remark = checks.after(plan, group)
        _check_settled(journal, entries)
        result.foreign += journal.done(number, entries)
    except BaseException as error:
        result.foreign += journal.restore(entries)
        journal.undone(number, str(error))
        if not isinstance(error, (Invalid, OSError)):
            journal.end()
            raise
        result.refused.append((names, _said(error)))
        return
    result.changed += names
    if remark:
        result.remarks.append(remark)


def _put(journal: Journal, entry: JournalEntry, change: Change) -> None:
    try:
        journal.put(entry, change.after)
    except Meanwhile:
        raise Invalid(f"{change.shown} was changed by somebody else meanwhile") from None


def _check_settled(journal: Journal, entries: list[JournalEntry]) -> None:
    if changed := journal.changed_since(entries):
        raise Invalid(f"{changed} was changed by somebody else meanwhile")


def _place(plan: Plan, change: Change) -> tuple[str, str]:
    """The folder that a file is in by right, and the way to it from there: a link is not replaced, what it leads to is.

    Raises:
        Invalid: it is a link that leads out of all folders that were named.
    """
    for root in plan.source.tree.roots:
        inside = Confined(root).inside(change.path)
        if inside is not None:
            return root, inside
    raise Invalid(f"{change.shown} leads out of the tree")


def _said(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


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
        journal.back(number)
        others = journal.restore(entries)
        foreign += others
        left = {one.path for one in others}
        files += [entry.whole for entry in entries if entry.whole not in left]
        if others:
            journal.done(number, ())
        else:
            journal.undone(number, "rolled back")
    return files, foreign
