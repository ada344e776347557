"""What still builds something deprecated after a migration: checks and annotations have to go on accepting that."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from isolation_audit.source.migrate.calls import Unsafe
from isolation_audit.source.migrate.text import Edit
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from isolation_audit.config.model import Target
    from isolation_audit.source.migrate.places import New, Place
    from isolation_audit.source.migrate.syntax import Syntax
    from isolation_audit.source.scan.facts import Use
    from isolation_audit.source.scan.source import Source

CHECKS = {"isinstance", "issubclass"}
ANNOTATIONS = {"annotation", "return annotation", "string annotation"}
_NEVER_BUILDS = CHECKS | ANNOTATIONS | {"except", "__all__", "patch", "string"}


def still_built(source: Source, places: Mapping[str, Iterable[Place]]) -> set[Target]:
    """The targets that places which stay as they are may build; ``places`` are those of each file."""
    return {
        place.hit.deprecation.target
        for path, ones in places.items()
        for place in ones
        if place.reason and _builds(place, source, path) and _is_reached(place.use, source, path)
    }


def _builds(place: Place, source: Source, path: str) -> bool:
    use = place.use
    if place.hit.kind == "path" or use in source.facts[path].imports:
        return False
    return use.form == "call" if place.hit.kind == "member" else use.form not in _NEVER_BUILDS


def _is_reached(use: Use, source: Source, path: str) -> bool:
    """Whether anybody can come by a place: one in a deprecated module only if others import what it stands in."""
    name = source.modules.name(path)
    if name not in source.deprecated.modules:
        return True
    function = "" if use.function == "<module>" else use.function.partition(".")[0]
    return any(
        module == name and (not function or wanted in (function, "*") or (not wanted and _says(file, function)))
        for file, look in source.looks.items()
        if file != path and look.mention
        for module, wanted in _imported(source, file, look.mention.imported, look.mention.stars)
    )


def _says(file: str, word: str) -> bool:
    """Whether a file that has a module as a whole has this word of it."""
    try:
        return re.search(rb"\b%s\b" % re.escape(word).encode(), contents(file)) is not None
    except OSError:
        return True


def _imported(source: Source, file: str, imported: Iterable[str], stars: Iterable[str]) -> Iterator[tuple[str, str]]:
    for written in (*imported, *(f"{star}:*" for star in stars)):
        module, _, name = written.partition(":")
        module = source.modules.absolute(module, file)
        if name and source.modules.find(f"{module}.{name}"):
            module, name = f"{module}.{name}", ""
        if not (name and source.deprecated.hit(f"{module}.{name}")):  # the class itself is looked at place by place
            yield module, name


def accepts_both(syntax: Syntax, use: Use, new: New) -> bool:
    """Whether a check or an annotation names the replacement already, beside the old class."""
    start, end = syntax.text.range(use.span)
    around = syntax.parent_of(use.span)
    last = None
    while isinstance(around, (ast.BinOp, ast.Tuple)):
        last, around = around, syntax.parents.get(around)
    if last is not None:
        return any(ast.unparse(part) == new.expression for part in ast.walk(last) if isinstance(part, ast.expr))
    written = syntax.string_around(start, end)
    return written is not None and re.search(rf"\b{re.escape(new.expression)}\b", written) is not None


def both(syntax: Syntax, use: Use, new: New) -> list[Edit]:
    """The replacement is accepted beside the old class.

    Raises:
        Unsafe: there is no room for a second class.
    """
    start, end = syntax.text.range(use.span)
    old = syntax.text.text[start:end]
    parent = syntax.parent_of(use.span)
    if use.form in CHECKS and isinstance(parent, ast.Call):
        return [Edit(start, end, f"({old}, {new.expression})")]
    if use.form in CHECKS and isinstance(parent, ast.Tuple):
        return [Edit(end, end, f", {new.expression}")]
    if syntax.text.text[end : end + 1] in ("[", ".", "(") or (use.form in CHECKS and not isinstance(parent, ast.BinOp)):
        raise Unsafe("something still builds the old class, and there is no room for both")
    return [Edit(end, end, f" | {new.expression}")]
