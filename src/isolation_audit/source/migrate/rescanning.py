"""The tree as it would be, scanned before anything is written: what was to go is gone, and nothing new is wrong."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.validation import Invalid
from isolation_audit.source.scan.cache import Cache
from isolation_audit.source.scan.findings import Judge
from isolation_audit.source.scan.parsing import parse
from isolation_audit.source.scan.reading import names_bound, top_level_names
from isolation_audit.source.scan.scanner import read_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from isolation_audit.source.migrate.planning import Plan
    from isolation_audit.source.scan.source import Source

_REFERENCES = ("IA801", "IA802", "IA803", "IA808")


def rescan(plan: Plan) -> None:
    """Scan the tree as it would be, and compare with what the plan says is left.

    Raises:
        Invalid: a file would not parse, a reference would be left or made that the plan does not list, or a name would
            be imported that its module no longer has.
    """
    source = plan.source
    overlay = {change.path: change.after for change in plan.changes}
    paths = [Path(start) for start in source.tree.starts]
    again = read_source(
        source.config, paths, Cache(None, source.config), parse="mentions", jobs=1, overlay=overlay, names=False
    )
    broken = [again.tree.shown(path) for path in overlay if path in again.broken]
    if broken:
        raise Invalid(f"{broken[0]} would not parse")
    _check_references(plan, _counted(again))
    _check_imports(plan)


def _counted(source: Source) -> Counter[tuple[str, str]]:
    """References by file and form."""
    return Counter((one.file, one.form) for one in Judge(source).references() if one.rule in _REFERENCES)


def _check_references(plan: Plan, after: Counter[tuple[str, str]]) -> None:
    allowed = _counted(plan.source)
    for change in plan.changes:
        for place in [place for place in allowed if place[0] == change.shown]:
            del allowed[place]
        allowed.update({(change.shown, form): number for form, number in change.left.items()})
    for (file, form), number in sorted(after.items()):
        if number > allowed[file, form]:
            raise Invalid(f"{file} would still have a reference as {form}")


def _check_imports(plan: Plan) -> None:
    """Every name that a changed file imports, or that is imported from one, has to be there, unless it never was."""
    source = plan.source
    now = _Names(source, {change.path: change.after for change in plan.changes})
    before = _Names(source, {change.path: change.before for change in plan.changes})
    texts = {change.path: change for change in plan.changes}
    for path in source.files:
        change, facts = texts.get(path), source.facts.get(path)
        if change is not None:
            known = set(_imports(change.before))
            wanted = [one for one in _imports(change.after) if one not in known or before.has(one, path)]
        else:
            wanted = [use.path for use in facts.imports if before.has(use.path, path)] if facts else []
        for written in wanted:
            if not now.has(written, path):
                module, _, name = written.partition(":")
                raise Invalid(f"{source.tree.shown(path)} would import {name} from {module}, which has none")


class _Names:
    """The names that modules have; ``contents`` stand for those of files."""

    def __init__(self, source: Source, contents: Mapping[str, bytes]) -> None:
        self._modules = source.modules
        self._contents = contents
        self._known: dict[str, set[str] | None] = {}

    def has(self, written: str, path: str) -> bool:
        """Whether an import (``module:name``) in the file at ``path`` finds what it names; true of other trees."""
        module, _, name = written.partition(":")
        homes = self._modules.find(self._modules.absolute(module, path))
        if not homes or name in ("", "*"):
            return True
        return any(
            self._binds(home, name) or self._modules.find(f"{self._modules.name(home)}.{name}") for home in homes
        )

    def _binds(self, path: str, name: str) -> bool:
        if path not in self._known:
            data = self._contents.get(path)
            self._known[path] = top_level_names(path) if data is None else names_bound(data)
        found = self._known[path]
        return found is None or name in found


def _imports(data: bytes) -> Iterator[str]:
    """What a file imports by name: ``module:name``."""
    for node in ast.walk(parse(data)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{'.' * node.level}{node.module or ''}:{alias.name}"
