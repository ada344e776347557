"""One file: which of its places can be rewritten, and its text afterwards."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.calls import Mapping, Unsafe
from isolation_audit.source.migrate.edits import call_edits
from isolation_audit.source.migrate.imports import Imports
from isolation_audit.source.migrate.places import New, Place, new_of
from isolation_audit.source.migrate.remaining import ANNOTATIONS, CHECKS, accepts_both, both
from isolation_audit.source.migrate.signatures import signature_of
from isolation_audit.source.migrate.syntax import Syntax
from isolation_audit.source.migrate.text import Edit, SourceText
from isolation_audit.source.scan.forms import classified

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.config.model import Target
    from isolation_audit.source.scan.deprecated import Hit
    from isolation_audit.source.scan.facts import Facts, Use
    from isolation_audit.source.scan.findings import Judge
    from isolation_audit.source.scan.source import Source

_CHECKS = CHECKS | {"except"}
_RENAMED = _CHECKS | ANNOTATIONS
_REASONS = {
    "star import": "a star import gives no name to rewrite; import what is needed by name",
    "getattr": "it is taken by getattr",
    "import_module": "what is taken from a module imported by name can't be seen",
    "__import__": "what is taken from a module imported by name can't be seen",
    "string": "what is done with a name in a string can't be seen",
    "partial": "the arguments of the later call can't be seen",
    "value": "what is done with the class can't be seen",
    "default": "what is done with the class can't be seen",
    "decorator": "a decorator calls it with arguments that can't be seen",
}


class FileRewriter:
    """Settles each place of a file, then the imports between them."""

    def __init__(self, source: Source, judge: Judge, path: str, data: bytes) -> None:
        self._source = source
        self._path = path
        self.before = data
        self._facts: Facts = source.facts[path]
        self.places: list[Place] = []
        self._placed: set[Use] = set()
        self._syntax: Syntax | None = None
        self._imports: Imports | None = None
        self._unsettled: set[str] = set()
        self._judge = judge
        for use in self._facts.uses:
            for _name, hit in judge.hits(use, path):
                if not judge.is_own(use, path, hit):
                    self._add(use, hit)
        for number, use in enumerate(self._facts.imports):
            if use.path and (
                use.form == "star import" or not any(number in place.use.through for place in self.places)
            ):
                found = self._imported(use) or self._old_way_through(number)
                if found is not None:
                    self._add(use, found)

    def _old_way_through(self, number: int) -> Hit | None:
        """What is taken by an old path from a module that is imported as a whole."""
        ways = (self._judge.way(use.path, self._path) for use in self._facts.uses if number in use.through)
        return next((hit for hit in ways if hit), None)

    def _imported(self, use: Use) -> Hit | None:
        resolver = self._source.resolver
        if use.path.endswith(":*"):
            names = [name for meant in resolver.exported(use.path[:-2], self._path).values() for name in meant]
        else:
            names = list(resolver.resolve(use.path, self._path))
        found = next((hit for name in sorted(names) if (hit := self._source.deprecated.hit(name))), None)
        return found or self._judge.way(use.path, self._path)

    def _add(self, use: Use, hit: Hit) -> None:
        if use not in self._placed:
            self._placed.add(use)
            self.places.append(Place(use, hit))

    # Places

    def settle(self, *, selected: bool) -> None:
        """Find the edits of each place, or the reason why it has none."""
        if not self.places:
            return
        try:
            self._syntax = Syntax(SourceText(self.before))
        except (SyntaxError, ValueError, LookupError):
            selected = False
        else:
            self._unsettled = self._syntax.unsettled()
            package = self._path.endswith("/__init__.py")
            self._imports = Imports(self._facts, self._syntax, package, self._new, self._imported)
        for place in self.places:
            if not selected:
                place.reason = "the file was not asked for" if self._syntax else "the file can't be read as text"
                continue
            try:
                place.edits = tuple(self._edits(place))
            except Unsafe as unsafe:
                place.reason = str(unsafe)
        if self._imports:
            while self._imports.hold_same_names(self.places, set()):
                pass

    @property
    def _known(self) -> Imports:
        if self._imports is None:
            raise Unsafe("the file can't be read as text")
        return self._imports

    @property
    def _parsed(self) -> Syntax:
        if self._syntax is None:
            raise Unsafe("the file can't be read as text")
        return self._syntax

    def _edits(self, place: Place) -> Iterable[Edit]:
        use, hit = place.use, place.hit
        new = self._new(hit)
        if use.trouble:
            raise Unsafe(use.trouble)
        if use.form == "star import":
            raise Unsafe(_REASONS["star import"])
        if hit.kind == "path":
            return self._old_way(use, new)
        if hit.kind in ("method", "factory"):
            self._check_constructor(use, hit)
        self._check_names(use)
        if use.form == "__all__" or use in self._facts.imports:
            return ()
        if hit.kind == "member" and use.form != "patch":
            raise Unsafe("an attribute of the class may not be there in the replacement")
        if use.path.startswith('"'):
            return self._string(place, new)
        if not use.through:
            raise Unsafe(_REASONS.get(use.form, "no import by name leads to it"))
        if self._taken(new):
            raise Unsafe(f"the name {new.name} means something else in this file")
        return self._named(place, new)

    def _check_names(self, use: Use) -> None:
        own = [number for number, one in enumerate(self._facts.imports) if one == use]
        numbers = [*use.through, *own]
        is_tried = own and use.guard == "try" and use.function != "<module>"
        if is_tried and all(set(own).isdisjoint(other.use.through) for other in self.places):
            raise Unsafe("nothing uses it: it finds out whether the old module is there")
        if not self._unsettled.isdisjoint(map(self._bound, numbers)):
            raise Unsafe("its name is deleted, global or nonlocal somewhere in the file")

    def _old_way(self, use: Use, new: New) -> Iterable[Edit]:
        """An import of something new by its old path: it keeps the name that the file has for it."""
        if use not in self._facts.imports:
            raise Unsafe("it names the old path of something that is bound to its replacement already")
        if use.path.endswith(":") or not new.is_top_level:
            raise Unsafe("what is taken from the old module is bound to its replacement already")
        return ()

    def _check_constructor(self, use: Use, hit: Hit) -> None:
        if hit.origin is None:
            if use in self._facts.imports or use.form == "__all__":
                raise Unsafe("it imports a constructor of its own")
            raise Unsafe("it is built by another constructor, whose arguments are not described")
        if use.form not in ("call", "patch", "__all__") and use not in self._facts.imports:
            raise Unsafe(_REASONS.get(use.form, "what is done with the constructor can't be seen"))

    def _new(self, hit: Hit) -> New:
        entry = hit.way
        if entry.replacement is None:
            raise Unsafe("no replacement is configured")
        if hit.module or not entry.target.qualname or not entry.replacement.qualname:
            raise Unsafe("it is a whole module; what its names have become is not described")
        if self._path in self._source.modules.find(entry.replacement.module):
            raise Unsafe("it stands in the module of the replacement")
        if self._path in self._source.modules.find(entry.target.module):
            raise Unsafe("it stands in the module of what is deprecated")
        return new_of(entry.replacement)

    def _taken(self, new: New) -> bool:
        meant = self._source.resolver.resolve(f"{new.module}:{new.name}", "")
        for alias, statement in self._parsed.aliases.values():
            if (alias.asname or alias.name) == new.name:
                module = "." * getattr(statement, "level", 0) + (getattr(statement, "module", None) or "")
                names = self._source.resolver.resolve(f"{module}:{alias.name}", self._path)
                if names != meant and not any(self._becomes(name, new) for name in names):
                    return True
        return self._parsed.binds(new.name)

    def _becomes(self, name: str, new: New) -> bool:
        """Whether what has this dotted name is replaced by ``new``, which may have the same last name."""
        hit = self._source.deprecated.hit(name)
        return hit is not None and hit.way.replacement is not None and self._new(hit).is_of(new)

    def _is_told_apart(self, new: New) -> bool:
        """Whether the file has a check for the replacement already: two checks for one class leave one branch dead."""
        meant = self._source.resolver.resolve(f"{new.module}:{new.expression}", "")
        return any(
            self._source.resolver.resolve(written, self._path) == meant for written in self._parsed.checked_classes()
        )

    def _named(self, place: Place, new: New) -> Iterable[Edit]:
        """A place that names the class by a name of the file."""
        use, syntax = place.use, self._parsed
        start, end = syntax.text.range(use.span)
        if use.form == "call":
            call = syntax.call_of(use.span)
            if call is None:
                raise Unsafe("its call can't be found")
            entry, old = place.hit.way, place.hit.constructor or place.hit.deprecation.target
            modules = self._source.modules
            new_signature = signature_of(entry.replacement, modules) if entry.replacement else None
            mapping = Mapping(entry, signature_of(old, modules), new_signature, not modules.find(old.module))
            return call_edits(syntax, call, new.callee, mapping, awaitable=use.awaitable)
        if use.form in _RENAMED and accepts_both(syntax, use, new):
            raise Unsafe("it accepts the replacement already, beside the old class")
        if use.form in _CHECKS and self._is_told_apart(new):
            raise Unsafe("the file tells it apart from its replacement")
        if use.form in _RENAMED or use.form == "patch":
            return [Edit(start, end, new.expression)]
        if use.form == "subclass":
            self._check_subclass(syntax, use)
            return [Edit(start, end, new.expression)]
        if use.form == "alias":
            parent = syntax.parent_of(use.span)
            targets = parent.targets if isinstance(parent, ast.Assign) else [getattr(parent, "target", None)]
            if syntax.class_around(use.span) or not all(isinstance(target, ast.Name) for target in targets):
                raise Unsafe("what is done with the attribute can't be seen")
            return [Edit(start, end, new.expression)]
        raise Unsafe(_REASONS.get(use.form, f"it is used as {use.form}"))

    @staticmethod
    def _check_subclass(syntax: Syntax, use: Use) -> None:
        around = syntax.class_around(use.span)
        for node in ast.walk(around) if around else ():
            if isinstance(node, ast.FunctionDef) and node.name in ("__init__", "__new__"):
                raise Unsafe("the subclass has a constructor of its own")
        if around is None:
            raise Unsafe("its class can't be found")
        if not any(syntax.span(base) == use.span for base in around.bases):
            raise Unsafe("the base is an expression")
        if syntax.builds(around):
            raise Unsafe("the subclass is built in this file, with the arguments of the old constructor")

    def _string(self, place: Place, new: New) -> Iterable[Edit]:
        """A dotted name in a string: rewritten where it says the old definition itself and is patched."""
        use, syntax = place.use, self._parsed
        if use.form != "patch":
            raise Unsafe(_REASONS["string"])
        target = place.hit.constructor or place.hit.deprecation.target
        written, old = use.path[1:], f"{target.module}.{target.qualname}"
        if written.replace(":", ".") != old and not written.replace(":", ".").startswith(old + "."):
            return ()  # it follows the module that it names
        start, end = syntax.text.range(use.span)
        literal = syntax.text.text[start:end]
        if literal.count(written) != 1:
            raise Unsafe("it stands in a string of several parts")
        place_in = start + literal.index(written)
        name = new.callee if place.hit.constructor else new.expression
        return [Edit(place_in, place_in + len(old), f"{new.module}.{name}")]

    # The whole file

    def accept_both(self, built: set[Target]) -> None:
        """Let checks and annotations accept what is still built, beside its replacement."""
        for place in self.places:
            checked = place.use.form in CHECKS | ANNOTATIONS and not place.use.path.startswith('"')
            if place.edits and checked and place.hit.deprecation.target in built:
                new = self._new(place.hit)
                try:
                    place.edits, place.keeps_old = tuple(both(self._parsed, place.use, new)), True
                except Unsafe as unsafe:
                    place.leave(str(unsafe))

    def giving(self, name: str) -> list[Place]:
        """The places through which the file gives ``name`` to others: an import of it, an alias of it."""
        found = []
        for place in self.places:
            numbers = [number for number, use in enumerate(self._facts.imports) if use == place.use]
            through = {*place.use.through, *numbers}
            through_star = place.use.form == "star import"
            if through_star or any(self._bound(number) == name for number in through) or place.use.form == "alias":
                found.append(place)
        return found

    def _bound(self, number: int) -> str:
        return self._imports.bound(number) if self._imports else ""

    def is_late(self, place: Place) -> bool:
        """Whether a place takes the class from a module each time, and so sees what a test has put there."""
        return any(self._known.given(self._facts.imports[number]) is None for number in place.use.through)

    def rewritten(self, needed: set[str], pinned: set[str], patched: set[str]) -> bytes | None:
        """The file afterwards; ``needed`` are names that others take from it, ``pinned`` those that must stay, and
        ``patched`` those that tests replace.
        """
        if self._syntax is None or not any(not place.reason for place in self.places):
            return None
        self._hold_back(pinned)
        self._keep_promises()
        self._keep_names(patched, pinned)
        while self._known.hold_same_names(self.places, pinned):
            self._hold_back(pinned)
        edits = [edit for place in self.places if not place.reason for edit in place.edits]
        edits += self._known.edits(self.places, needed, pinned)
        return self._syntax.text.edited(edits)

    def left(self) -> Counter[str]:
        """References that the rewritten file still has, by their form in findings."""
        places = [place for place in self.places if place.use not in self._facts.imports]
        found = Counter(classified(place.use, place.hit)[1] for place in places if not place.edits or place.keeps_old)
        replaced = self._imports.replaced if self._imports else []
        found.update(use.form for use in self._facts.imports if use.path and use not in replaced)
        return found

    def _hold_back(self, pinned: set[str]) -> None:
        """An alias of the class changes only if everything that is built through it does."""
        syntax = self._parsed
        for place in self.places:
            if place.use.form != "alias" or place.reason:
                continue
            parent = syntax.parent_of(place.use.span)
            targets = parent.targets if isinstance(parent, ast.Assign) else [getattr(parent, "target", None)]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            left = {self._root(other) for other in self.places if other.reason}
            if "*" in pinned or names & (pinned | left):
                place.leave("something that is built through this name is left as it is")

    def _keep_promises(self) -> None:
        """A function that goes on building the old class goes on saying so."""
        for place in self.places:
            if place.edits and "annotation" in place.use.form:
                body = self._parsed.promised_by(self._parsed.text.range(place.use.span))
                if body and any(other.reason and self._is_built(other, body) for other in self.places):
                    place.leave("the function builds something that is left as it is")

    def _keep_names(self, patched: set[str], pinned: set[str]) -> None:
        """What goes through a name that tests replace goes on doing so: all of it, or nothing."""
        for number, use in enumerate(self._facts.imports):
            through = [place for place in self.places if number in place.use.through]
            bound = self._bound(number)
            if bound not in patched or not any(place.edits for place in through):
                continue
            given, news = self._known.given(use), {place.use: self._new(place.hit) for place in through if place.edits}
            goes_on = given is not None and given.is_top_level and pinned.isdisjoint({bound, "*"})
            same = all(given is not None and new.is_of(given) for new in news.values())
            if not goes_on or not same or any(place.reason for place in through):
                for place in through:
                    place.leave(place.reason or "tests replace the name that it goes through")
                continue
            for place in through:
                if place.edits and bound != news[place.use].name:
                    place.edits, place.keeps_name = (*self._named(place, news[place.use].called(bound)),), True

    def _is_built(self, place: Place, body: tuple[int, int]) -> bool:
        start, end = self._parsed.text.range(place.use.span)
        return place.use.form == "call" and body[0] <= start and end <= body[1]

    def _root(self, place: Place) -> str:
        start, end = self._parsed.text.range(place.use.span)
        return self._parsed.text.text[start:end].partition(".")[0].strip()
