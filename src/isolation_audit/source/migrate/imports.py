"""The imports of one file: which names they bind, which of them go, and which come in their place."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.calls import Unsafe
from isolation_audit.source.migrate.edits import import_edits

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.source.migrate.places import New, Place
    from isolation_audit.source.migrate.syntax import Import, Syntax
    from isolation_audit.source.migrate.text import Edit
    from isolation_audit.source.scan.deprecated import Hit
    from isolation_audit.source.scan.facts import Facts, Use


@dataclass(slots=True)
class Imports:
    """Those of one file. ``new`` says what replaces a hit, ``meant`` what an import gives, if that is deprecated."""

    facts: Facts
    syntax: Syntax
    is_package: bool
    new: Callable[[Hit], New]
    meant: Callable[[Use], Hit | None]
    replaced: list[Use] = field(default_factory=list)
    """Those that have gone."""

    def bound(self, number: int) -> str:
        """The name that an import binds; empty where its place is not known."""
        use = self.facts.imports[number]
        if use.span not in self.syntax.aliases:
            return ""
        alias, statement = self.syntax.aliases[use.span]
        return alias.asname or (alias.name if isinstance(statement, ast.ImportFrom) else alias.name.partition(".")[0])

    def given(self, use: Use) -> New | None:
        """What replaces the very thing that is imported; None for a module on the way to it."""
        hit = self.meant(use)
        if hit is None or hit.kind not in ("target", "factory", "path"):
            return None
        try:
            return self.new(hit)
        except Unsafe:  # a module that is deprecated itself, most often
            return None

    def through(self, number: int, places: list[Place]) -> list[Place]:
        """The places that need an import."""
        use = self.facts.imports[number]
        return [place for place in places if number in place.use.through or place.use == use]

    def hold_same_names(self, places: list[Place], pinned: set[str]) -> bool:
        """The old thing and the new can't share one name: where the old one is still needed, everything that goes
        through it is left. Whether there was any.
        """
        held = False
        for number, use in enumerate(self.facts.imports):
            through = self.through(number, places)
            if not any(place.edits for place in through) or not self._is_needed(number, through, pinned):
                continue
            clashing = {self.new(place.hit).name for place in through if place.edits} & {self.bound(number)}
            for place in through if clashing and use.path else ():
                place.leave(place.reason or "the replacement has the same name, and the old one is still needed")
                held = True
        return held

    def _is_needed(self, number: int, through: list[Place], pinned: set[str]) -> bool:
        left = any(place.reason or place.keeps_old for place in through)
        return left or not pinned.isdisjoint({self.bound(number), "*"})

    def edits(self, places: list[Place], needed: set[str], pinned: set[str]) -> list[Edit]:
        """The edits of all import statements; ``needed`` are names that others take from this file."""
        # With what each statement is to import stands the line up to which it has to be there.
        dropped: dict[Import, set[ast.alias]] = {}
        fresh: dict[Import, dict[tuple[New, str], int]] = {}
        for number, use in enumerate(self.facts.imports):
            through = self.through(number, places)
            if not use.path or use.span not in self.syntax.aliases or all(place.reason for place in through):
                continue
            alias, statement = self.syntax.aliases[use.span]
            bound, given = self.bound(number), self.given(use)
            wanted = fresh.setdefault(statement, {})
            first = min((place.use.span.line for place in through if place.edits), default=1 << 30)
            used = {
                (new, new.name): first
                for place in through
                if place.edits and not place.keeps_name
                for new in [self.new(place.hit).imported_whole]
            }
            exported = self._is_exported(bound, needed)
            can_give = given is not None and given.is_top_level and isinstance(statement, ast.ImportFrom)
            if (
                self._is_needed(number, through, pinned)
                or (exported and not can_give)
                or (given is None and self._is_read(use, bound, through))
            ):
                wanted.update(used)
                continue
            dropped.setdefault(statement, set()).add(alias)
            self.replaced.append(use)
            keeps_name = any(place.hit.kind == "path" or place.keeps_name for place in through)
            if given is not None and (exported or keeps_name):
                wanted[given.imported_whole, bound] = 0 if exported else statement.lineno
            elif given is not None and not used:
                used[given.imported_whole, given.name] = first
            wanted.update(used)
        return self._written(fresh, dropped)

    def _written(
        self, fresh: dict[Import, dict[tuple[New, str], int]], dropped: dict[Import, set[ast.alias]]
    ) -> list[Edit]:
        edits: list[Edit] = []
        added: dict[tuple[New, str], list[Import]] = {}
        going = {alias for aliases in dropped.values() for alias in aliases}
        for statement in sorted(fresh, key=lambda one: one.lineno):
            lines = []
            for (new, bound), first in fresh[statement].items():
                if self.syntax.is_bound(statement, first, new.imported(bound), going) or any(
                    self.syntax.is_before(other, statement) for other in added.get((new, bound), ())
                ):
                    continue
                added.setdefault((new, bound), []).append(statement)
                lines.append(new.imported(bound))
            if lines or statement in dropped:
                edits += import_edits(self.syntax, statement, dropped.get(statement, set()), lines)
        return edits

    def _is_exported(self, bound: str, needed: set[str]) -> bool:
        return not needed.isdisjoint({bound, "*"}) or bound in (self.facts.exported or ()) or self.is_package

    def _is_read(self, use: Use, bound: str, changed: list[Place]) -> bool:
        """Whether a module's name is used for more than what is rewritten."""
        besides = self.syntax.beside(use.span) if use.form == "import" else set()
        return self.syntax.reads(bound, [self.syntax.text.range(place.use.span) for place in changed], besides)
