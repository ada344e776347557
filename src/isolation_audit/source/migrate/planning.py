"""What a migration would do: which places of which files change, which are left, and what belongs together."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.remaining import still_built
from isolation_audit.source.migrate.rewriting import FileRewriter
from isolation_audit.source.scan.findings import Judge
from isolation_audit.source.scan.globs import matches
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.source.migrate.places import Place
    from isolation_audit.source.scan.source import Source

_DEEPEST = 20
Export = tuple[str, str]
"""A file's path, and a name that others import from it."""


@dataclass(frozen=True, slots=True)
class Manual:
    """A place that is left to a person, and why."""

    file: str
    line: int
    form: str
    target: str
    reason: str


@dataclass(slots=True)
class Change:
    """One file, before and after."""

    path: str
    shown: str
    before: bytes
    after: bytes
    places: int
    phase: str | None
    owners: tuple[str, ...]
    left: Counter[str]
    """References that stay, by form."""


@dataclass(slots=True)
class Plan:
    """All changes, in groups that only make sense together, and all places that are left to people."""

    source: Source
    groups: list[list[Change]] = field(default_factory=list)
    manual: list[Manual] = field(default_factory=list)

    @property
    def changes(self) -> list[Change]:
        """The files that change, by name."""
        return sorted((change for group in self.groups for change in group), key=lambda change: change.shown)


def make_plan(source: Source, wanted: Callable[[str], bool], most: int | None = None) -> Plan:
    """Plan the migration of the files that ``wanted`` names (by their shown path), ``most`` files at most."""
    return _Planner(source, wanted).plan(most)


class _Planner:
    def __init__(self, source: Source, wanted: Callable[[str], bool]) -> None:
        self._source = source
        self._judge = Judge(source)
        self._wanted = wanted
        self._rewriters: dict[str, FileRewriter] = {}
        self._importers: dict[Export, set[str]] = defaultdict(set)
        self._pinned: set[Export] = set()
        self._patched: set[Export] = set()

    def plan(self, most: int | None) -> Plan:
        source = self._source
        for path, facts in source.facts.items():
            if facts.uses or facts.imports:
                with suppress(OSError):  # it has gone since
                    self._rewriters[path] = FileRewriter(source, self._judge, path, contents(path))
        self._find_importers()
        for path, rewriter in self._rewriters.items():
            rewriter.settle(selected=self._wanted(source.tree.shown(path)))
        self._find_patched()
        built = still_built(source, {path: rewriter.places for path, rewriter in self._rewriters.items()})
        for rewriter in self._rewriters.values():
            rewriter.accept_both(built)
        self._pin()
        changes = {}
        plan = Plan(source)
        for path, rewriter in self._rewriters.items():
            needed = {name for file, name in self._importers if file == path}
            pinned, patched = (
                {name for file, name in exports if file == path} for exports in (self._pinned, self._patched)
            )
            after = rewriter.rewritten(needed, pinned, patched)
            if after is not None and after != rewriter.before:
                changes[path] = self._change(path, rewriter, after)
            plan.manual += self._manual(path, rewriter)
        plan.groups = self._grouped(changes, most)
        plan.manual.sort(key=lambda one: (one.file, one.line))
        return plan

    def _find_importers(self) -> None:
        """Who takes which name from whom, one step at a time."""
        for path, rewriter in self._rewriters.items():
            for place in rewriter.places:
                for export in self._hops(place, path):
                    self._importers[export].add(path)

    def _hops(self, place: Place, path: str) -> list[Export]:
        """The names of other files that a place goes through."""
        return [hop for hop in self._hops_of(place.use.path, path, 0) if hop[0] != path]

    def _hops_of(self, written: str, path: str, depth: int) -> list[Export]:
        modules = self._source.modules
        if written.startswith('"'):
            module, _, rest = written[1:].replace(":", ".").partition(".")
        else:
            module, _, rest = written.partition(":")
            if not module:
                return []
            module = modules.absolute(module, path)
        while rest and modules.find(f"{module}.{rest.partition('.')[0]}"):
            first, _, rest = rest.partition(".")
            module = f"{module}.{first}"
        name, _, more = rest.partition(".")
        hops = [(file, name) for file in modules.find(module) if name]
        for file in modules.find(module) if more and depth < _DEEPEST else ():
            # The name is that of a module, or of a class: who gives what is asked of it?
            for given in dict(self._source.facts[file].exports).get(name, ()) if file in self._source.facts else ():
                hops += self._hops_of(f"{given}.{more}".replace(":.", ":"), file, depth + 1)
        return hops

    def _find_patched(self) -> None:
        """Names that tests replace in a module. Who takes them from there each time has to find the test's."""
        places = [(place, rewriter, path) for path, rewriter in self._rewriters.items() for place in rewriter.places]
        for place, _rewriter, path in places:
            if place.use.form == "patch" and place.hit.kind != "member":
                self._patched.update(self._hops(place, path)[-1:])
        for place, rewriter, path in places:
            is_late = place.edits and place.use.form != "patch" and rewriter.is_late(place)
            if is_late and not self._patched.isdisjoint(self._hops(place, path)[-1:]):
                place.leave("tests replace the name that it goes through")

    def _pin(self) -> None:
        """A name stays what it is where a place that is not rewritten takes it from there, however far away."""
        waiting = [
            export
            for path, rewriter in self._rewriters.items()
            for place in rewriter.places
            if place.reason or place.keeps_old
            for export in self._hops(place, path)
        ]
        while waiting:
            export = waiting.pop()
            if export in self._pinned:
                continue
            self._pinned.add(export)
            file, name = export
            if rewriter := self._rewriters.get(file):
                waiting += [hop for place in rewriter.giving(name) for hop in self._hops(place, file)]

    def _change(self, path: str, rewriter: FileRewriter, after: bytes) -> Change:
        shown = self._source.tree.shown(path)
        phases = self._source.config.scan.phases
        phase = next((name for name, globs in phases if matches(shown, globs)), None)
        places = sum(not place.reason for place in rewriter.places)
        owners = self._judge.owners_of(shown)
        return Change(path, shown, rewriter.before, after, places, phase, owners, rewriter.left())

    def _manual(self, path: str, rewriter: FileRewriter) -> list[Manual]:
        shown = self._source.tree.shown(path)
        if not self._wanted(shown):
            return []
        return [
            Manual(shown, place.use.span.line, place.use.form, str(place.hit.deprecation.target), place.reason)
            for place in rewriter.places
            if place.reason
        ]

    def _grouped(self, changes: dict[str, Change], most: int | None) -> list[list[Change]]:
        """Files that take a changed name from one another change together."""
        leader = {path: path for path in changes}

        def lead(path: str) -> str:
            while leader[path] != path:
                path = leader[path]
            return path

        for (file, _name), importers in self._importers.items():
            if file in changes:
                for path in importers & changes.keys():
                    leader[lead(path)] = lead(file)
        groups: dict[str, list[Change]] = defaultdict(list)
        for path in sorted(changes):
            groups[lead(path)].append(changes[path])
        kept, room = [], len(changes) if most is None else most
        for group in sorted(groups.values(), key=lambda group: group[0].shown):
            if len(group) <= room:
                kept.append(group)
                room -= len(group)
        return kept
