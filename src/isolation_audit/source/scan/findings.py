"""From a source that was read to findings: which rule, where, in which words."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isolation_audit.model.rules import Severity
from isolation_audit.source.scan.duplicates import duplicates
from isolation_audit.source.scan.facts import Span
from isolation_audit.source.scan.forms import BUILT, STRINGS, classified, worded
from isolation_audit.source.scan.globs import matches
from isolation_audit.source.scan.hidden_imports import hidden_imports
from isolation_audit.source.scan.owners import Owners
from isolation_audit.source.scan.registry import stale_lines
from isolation_audit.source.scan.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.config.model import Deprecation, Target
    from isolation_audit.source.scan.deprecated import Hit
    from isolation_audit.source.scan.duplicates import Duplicate
    from isolation_audit.source.scan.facts import Arguments, Facts, Use
    from isolation_audit.source.scan.hidden_imports import HiddenImport
    from isolation_audit.source.scan.source import Source


_SHOWN = 4
"""Other definitions of a name that a finding lists."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One finding of a scan. ``file`` is relative to the base; ``span`` is None where a whole file is meant."""

    rule: str
    severity: Severity
    form: str
    message: str
    help: str
    file: str
    span: Span | None
    function: str = "<module>"
    deprecation: Deprecation | None = None
    name: str = ""
    """The dotted name of what is referred to, as it is defined."""
    guard: str = ""
    arguments: Arguments | None = None
    returns: tuple[str, ...] = ()
    """The targets that a factory of several returns."""
    awaitable: bool = False
    phase: str | None = None
    owners: tuple[str, ...] = ()

    @property
    def line(self) -> int:
        """From 1; 1 for a whole file."""
        return self.span.line if self.span else 1


class Judge:
    """Turns what a scan has read into references, place by place."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._owners = Owners(source.tree.base)

    def findings(self, *, names: bool) -> list[Reference]:
        """References and, where they are wanted, names that mean several things: all of them, by file and place."""
        return sorted([*self.references(), *(self.names() if names else ())], key=_place)

    def references(self) -> list[Reference]:
        """What refers to something deprecated."""
        source = self._source
        found = [*self._unreadable(), *self._old_files(), *self._registry()]
        for path, facts in source.facts.items():
            found += self._of_file(path, facts)
        for path, look in source.looks.items():
            found += self._settings(path)
            for line in look.conflicts:
                found.append(self._at(path, line, "IA804", "conflict marker", "a merge conflict begins here"))
        for path, (line, reason) in source.broken.items():
            if path in source.looks and source.looks[path].conflicts:
                continue  # that it does not parse is told by its conflict
            message = f"not read, because it does not parse: {reason}" if line else f"not read: {reason}"
            found.append(self._at(path, line, "IA807", "unparsable", message))
        return found

    # References

    def _of_file(self, path: str, facts: Facts) -> Iterator[Reference]:
        through: dict[int, Hit] = {}
        seen: set[tuple[str, Target, Span]] = set()
        for use in facts.uses:
            for name, hit in self.hits(use, path):
                for number in use.through:
                    through.setdefault(number, hit)
                if hit.deprecation.target.qualname == "" and use.form not in STRINGS:
                    continue  # of a deprecated module the imports are told, not every use
                key = (use.form, hit.deprecation.target, use.span)  # it may have several names
                if key not in seen and not self.is_own(use, path, hit):
                    seen.add(key)
                    yield self._use(path, use, name, hit)
            if way := self.way(use.path, path):
                for number in use.through:
                    through.setdefault(number, way)
        for number, use in enumerate(facts.imports):
            if use.path:
                yield from self._import(path, use, through.get(number))
        yield from self._factories(path, facts)

    def hits(self, use: Use, path: str) -> Iterator[tuple[str, Hit]]:
        """What a use has to do with deprecations, by the names that it may mean."""
        names = sorted(self._source.resolver.resolve(use.path, path))
        way = self.way(use.path, path) if use.form in STRINGS else None
        if way and not any(map(self._source.deprecated.hit, names)):
            yield self._dotted(use.path, path), way
        for name in names:
            if hit := self._source.deprecated.hit(name):
                yield name, hit
            elif use.form in ("import_module", "__import__"):
                # Of what is taken from a module imported by name nothing may be known.
                for entry in self._source.deprecated.entries:
                    if entry.target.module == name and entry.target not in self._source.deprecated.migrated:
                        yield name, self._source.deprecated.whole(entry)

    def way(self, written: str, path: str) -> Hit | None:
        """What is old about the way that a path takes, where the thing itself is not deprecated (any more)."""
        source = self._source
        if written.endswith(":*"):
            names = source.resolver.exported(written[:-2], path)
            ways = (source.deprecated.path(self._dotted(written[:-1] + name, path)) for name in names)
        else:
            ways = (source.deprecated.path(one) for one in [self._dotted(written, path)])
        own = f"{source.modules.name(path)}."  # a deprecated package uses itself
        return next((hit for hit in ways if hit and not (hit.module and own.startswith(f"{hit.module}."))), None)

    def _dotted(self, written: str, path: str) -> str:
        """A path as it is written, dotted and absolute."""
        if written.startswith('"'):
            return written[1:].replace(":", ".")
        module, _, rest = written.partition(":")
        return f"{self._source.modules.absolute(module, path)}.{rest}".rstrip(".") if module else ""

    def is_own(self, use: Use, path: str, hit: Hit) -> bool:
        """Whether the thing names itself: in its own body, or in its module otherwise than by building it."""
        target = hit.deprecation.target
        if path not in self._source.modules.find(target.module):
            return self._is_part(path, hit)
        inside = f"{use.function}.".startswith(f"{target.qualname}.")
        return inside or use.form not in BUILT

    def _is_part(self, path: str, hit: Hit) -> bool:
        """Whether a file is in the deprecated package itself: with it, it goes."""
        target = hit.deprecation.target
        return not target.qualname and self._source.modules.name(path).startswith(f"{target.module}.")

    def _use(self, path: str, use: Use, name: str, hit: Hit) -> Reference:
        rule, form = classified(use, hit)
        return self._reference(path, rule, form, name, hit, use)

    def _import(self, path: str, use: Use, through: Hit | None) -> Iterator[Reference]:
        source = self._source
        if use.path.endswith(":*"):
            exported = source.resolver.exported(use.path[:-2], path)
            names = {name for meant in exported.values() for name in meant}
            found = self._meant(use.path[:-1], path) or self._deprecated_of(names)
        else:
            found = self._meant(use.path, path)
            if not found and through is not None:
                found = {str(through.deprecation.target).replace(":", "."): through}
        if not found and (way := self.way(use.path, path)):
            found = {self._dotted(use.path, path): way}
        for name, hit in list(found.items())[:1]:
            module = hit.module or hit.deprecation.target.module
            if path not in source.modules.find(module) and not self._is_part(path, hit):
                yield self._reference(path, "IA801", use.form, name, hit, use)

    def _factories(self, path: str, facts: Facts) -> Iterator[Reference]:
        """Functions that return what is deprecated or something else: who calls them can't know."""
        source = self._source
        for factory in facts.factories:
            built: dict[Target, None] = {}
            names = [name for written in factory.returns for name in sorted(source.resolver.resolve(written, path))]
            for name in names:
                if target := source.deprecated.built(name):
                    built.setdefault(target)
            entry = next((entry for entry in source.deprecated.entries if entry.target in built), None)
            if entry is not None and len(built) > 1:
                returns = (*map(str, built),)
                message = f"factory of several engines: {factory.function} returns {_listed(returns)}"
                found = self._finding(
                    self._shown(path), factory.span, "IA809", "factory", message, entry, function=factory.function
                )
                yield replace(found, returns=returns)

    def _meant(self, written: str, path: str) -> dict[str, Hit]:
        return self._deprecated_of(self._source.resolver.resolve(written, path))

    def _deprecated_of(self, names: Iterable[str]) -> dict[str, Hit]:
        return {name: hit for name in sorted(names) if (hit := self._source.deprecated.hit(name))}

    def _settings(self, path: str) -> Iterator[Reference]:
        source = self._source
        for line, column, text in source.looks[path].settings:
            span = _span(line, column, len(text))
            for name in sorted(source.resolver.resolve('"' + text, path)):
                if hit := source.deprecated.hit(name) or self.way('"' + text, path):
                    yield self._reference(path, "IA802", "settings file", name, hit, None, span)

    # Files

    def _unreadable(self) -> Iterator[Reference]:
        for thing in self._source.tree.unreadable:
            yield self._finding(thing.shown, None, "IA807", "unreadable", f"not read: {thing.reason}")
        for path, look in self._source.looks.items():
            if look.unreadable:
                yield self._finding(self._shown(path), None, "IA807", "unreadable", f"not read: {look.unreadable}")

    def _old_files(self) -> Iterator[Reference]:
        source = self._source
        for entry in source.deprecated.entries:
            own = [] if entry.target.qualname else source.modules.find(entry.target.module)
            for path, file in source.files.items():
                if path in own or (entry.files and matches(file.shown, entry.files)):
                    message = f"{posixpath.basename(file.shown)} should be gone{_because(entry)}"
                    yield self._finding(file.shown, None, "IA805", "file", message, entry)

    def _registry(self) -> Iterator[Reference]:
        document = self._source.config.scan.registry
        for stale in stale_lines(self._source):
            shown = self._shown(str(document))
            yield self._finding(shown, _span(stale.line, 0, 0), "IA806", "registry", stale.reason)

    def names(self) -> Iterator[Reference]:
        """Classes, functions and aliases that share a name with another one, and fallbacks that take one silently."""
        yield from (self._duplicate(one) for one in duplicates(self._source))
        yield from (self._hidden(one) for one in hidden_imports(self._source))

    def _duplicate(self, one: Duplicate) -> Reference:
        if one.means:
            message = f"the name {one.name} stands for {one.means} here"
        else:
            others = ", ".join(f"{module} ({_files(count)})" for module, count in one.others[:_SHOWN])
            others += f" and {len(one.others) - _SHOWN} more" if len(one.others) > _SHOWN else ""
            message = f"another {one.name}, imported by {_files(one.users)}; there is one in {others}"
        rule = "IA810" if one.configured else "IA811"
        found = self._finding(self._shown(one.path), one.span, rule, one.form, message, function=one.name)
        return replace(found, severity=Severity.NOTE) if one.means else found

    def _hidden(self, one: HiddenImport) -> Reference:
        why = "which hides why that fails" if one.there else "and there is no such module"
        message = f"{one.name} is taken here where it can't be imported from {one.wanted}, {why}"
        found = self._finding(
            self._shown(one.path), _span(one.line, 0, 0), "IA812", "fallback", message, function=one.name
        )
        return replace(found, severity=Severity.NOTE) if one.there else found

    # Words

    def _reference(
        self, path: str, rule: str, form: str, name: str, hit: Hit, use: Use | None, span: Span | None = None
    ) -> Reference:
        entry = hit.deprecation
        shown = name.rpartition(".")[2] if hit.kind != "target" else str(entry.target)
        said = f"{shown} of {entry.target}" if hit.kind == "member" else shown
        said += " is deprecated"
        if hit.kind == "path":
            old = hit.constructor or entry.target
            way = f"goes through {hit.module}, which is deprecated"
            said = f"{name} {way}" if hit.module else f"{old} is an old path of something new"
        help_text = RULES[rule].help
        if hit.way.replacement is not None:
            how = "await " if hit.way.awaited and rule == "IA803" else ""
            help_text = f"use {how}{hit.way.replacement}"
        return self._finding(
            self._shown(path), span or (use.span if use else None), rule, form,
            f"{worded(form)}: {said}{_because(entry)}", entry, use=use, name=name, help_text=help_text,
        )  # fmt: skip

    def _at(self, path: str, line: int, rule: str, form: str, message: str) -> Reference:
        return self._finding(self._shown(path), _span(line, 0, 0) if line else None, rule, form, message)

    def _finding(  # noqa: PLR0913 - by keyword, one call says all
        self,
        file: str,
        span: Span | None,
        rule: str,
        form: str,
        message: str,
        entry: Deprecation | None = None,
        *,
        use: Use | None = None,
        function: str = "<module>",
        name: str = "",
        help_text: str = "",
    ) -> Reference:
        return Reference(
            rule=rule,
            severity=RULES[rule].severity,
            form=form,
            message=message,
            help=help_text or RULES[rule].help,
            file=file,
            span=span,
            function=use.function if use else function,
            deprecation=entry,
            name=name,
            guard=use.guard if use else "",
            arguments=use.arguments if use else None,
            awaitable=use.awaitable if use else False,
            phase=self._phase(file),
            owners=self._owners.of(file),
        )

    def owners_of(self, file: str) -> tuple[str, ...]:
        """Who answers for a file, by its path relative to the base."""
        return self._owners.of(file)

    def _phase(self, file: str) -> str | None:
        phases = self._source.config.scan.phases
        return next((phase for phase, globs in phases if matches(file, globs)), None)

    def _shown(self, path: str) -> str:
        return self._source.tree.shown(path)


def _place(one: Reference) -> tuple[str, int, int, str]:
    return one.file, one.span.line if one.span else 0, one.span.column if one.span else 0, one.rule


def _span(line: int, column: int, length: int) -> Span:
    return Span(line, column, line, column + length)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _because(entry: Deprecation) -> str:
    reason = f": {entry.reason}" if entry.reason else ""
    return reason + (f" (until {entry.deadline.isoformat()})" if entry.deadline else "")
