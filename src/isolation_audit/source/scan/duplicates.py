"""Duplicates: classes of the tree that have a configured name and are not the configured class; and who imports which.

A name of one word (``Engine``) may mean many things: there the classes must have a method or a parameter of their
constructors in common. Factories and registries that no configuration names are looked for by their names.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from isolation_audit.source.scan.facts import Span
from isolation_audit.source.scan.importers import importers
from isolation_audit.source.scan.reading import contents
from isolation_audit.source.scan.tests import is_of_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.config.model import Config, Target
    from isolation_audit.source.scan.importers import Definition, Importers, Node
    from isolation_audit.source.scan.source import Source

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_DEFINED: Final = re.compile(
    rb"^(?:class|def|async def)[ \t]+(\w*(?:Factory|Registry|factory|registry))\b", re.MULTILINE
)
_ENDS: Final = re.compile(rb"(?:actory|egistry)\b")
_KEYWORDS: Final = {ast.ClassDef: "class ", ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def "}
_TELLING: Final = 3
"""Words of a function's name that say what it gives: ``get_engine_factory``, and not ``get_factory``."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One class, function or alias of a name that others have as well.

    ``others`` are modules with another one and their users' number, the most used first.
    """

    name: str
    path: str
    span: Span
    form: str
    module: str
    users: int
    others: tuple[tuple[str, int], ...] = ()
    means: str = ""
    """Of an alias: what it is."""
    configured: bool = True


def duplicates(source: Source) -> Iterator[Duplicate]:
    """Every class and alias that shares a configured name with another class, and every further factory or registry."""
    homes = _homes(source.config)
    evident = _evident(source) - homes.keys()
    words = {name: name.encode() for name in homes}

    def mentioned(data: bytes) -> set[str]:
        here = {name for name, word in words.items() if word in data}
        return here | (evident & set(_ending(data)) if evident else set())

    read = importers(source, mentioned)
    users = read.users()
    for name, definitions in read.definitions.items():
        if name in homes:
            classes = [one for one in definitions if isinstance(one.node, ast.ClassDef)]
            proper = next((one for one in classes if one.module in homes[name]), classes[0]) if classes else None
            yield from _further(name, classes, proper, users, homes[name])
        else:
            own = [one for one in definitions if not is_of_tests(source.tree.shown(one.path))]
            proper = max(own, key=lambda one: users[one.node.name, one.module], default=None)
            found = _further(name, own, proper, users, {proper.module} if proper else set())
            yield from (replace(one, configured=False) for one in found)
    yield from _aliases(source, read)


def _further(
    name: str,
    definitions: list[Definition],
    proper: Definition | None,
    users: Counter[tuple[str, str]],
    homes: set[str],
) -> Iterator[Duplicate]:
    if proper is None:
        return
    alike = [one for one in definitions if one is proper or _alike(name, one.node, proper.node)]
    for one in alike:
        if one is not proper and one.module not in homes:
            elsewhere = sorted((-users[name, other.module], other.module) for other in alike if other is not one)
            others = tuple([(module, -count) for count, module in elsewhere])
            kind = "class" if isinstance(one.node, ast.ClassDef) else "function"
            form = f"fallback {kind}" if one.fallback else f"{kind} of the same name"
            yield Duplicate(name, one.path, _span(one.node), form, one.module, users[name, one.module], others)


def _aliases(source: Source, read: Importers) -> Iterator[Duplicate]:
    homes, replacements = _homes(source.config), _replacements(source.config)
    for one in read.aliases:
        # The replacement under the old name is what a migrated file says, and what `migrate` itself writes.
        meant = (one.name, one.meant, read.home(one.meant, one.module))
        if one.name in homes and one.name in read.definitions and meant not in replacements:
            span, module = Span(one.line, 0, one.line, 0), source.modules.name(one.path)
            yield Duplicate(one.name, one.path, span, "alias", module, 0, means=f"{one.module}:{one.meant}")


def _evident(source: Source) -> set[str]:
    """Names of factories and registries that more than one file defines."""
    found: Counter[str] = Counter()
    for path, file in source.files.items():
        if file.is_python and not is_of_tests(source.tree.shown(path)):
            try:
                data = contents(path)
            except OSError:
                continue  # the scan has told of it
            if b"actory" in data or b"egistry" in data:
                found.update({one.decode() for one in _DEFINED.findall(data)})
    return {name for name, files in found.items() if files > 1 and _tells(name)}


def _tells(name: str) -> bool:
    return not name[:1].islower() or len(name.strip("_").split("_")) >= _TELLING


def _ending(data: bytes) -> Iterator[str]:
    """The words of a file that end so; a pattern for the whole word would be tried at every letter."""
    for end in _ENDS.finditer(data):
        start = end.start()
        while start and (data[start - 1 : start].isalnum() or data[start - 1] == ord("_")):
            start -= 1
        yield data[start : end.end()].decode("ascii", "replace")


def _homes(config: Config) -> dict[str, set[str]]:
    """By configured name of a class, the modules in which it is configured."""
    targets: list[Target] = [*config.identity.context_types]
    for entry in config.deprecations:
        targets += [entry.target, *([entry.replacement] if entry.replacement is not None else [])]
    for entries in (config.engines, config.emitters, config.factories, config.singletons):
        targets += [one.target for one in entries]
    found: dict[str, set[str]] = {}
    for target in targets:
        name = target.qualname.partition(".")[0]
        if name[:1].isupper():
            found.setdefault(name, set()).add(target.module)
    return found


def _replacements(config: Config) -> set[tuple[str, str, str]]:
    """The names of deprecated classes, each with the name and the module of what replaces it."""
    return {
        (entry.target.qualname.partition(".")[0], new.qualname.partition(".")[0], new.module)
        for entry in config.deprecations
        for new in (entry.replacement, *(origin.replacement for origin in entry.origins))
        if new is not None
    }


def _alike(name: str, one: Node, other: Node) -> bool:
    return len(_WORDS.findall(name)) > 1 or "_" in name or bool(_told(one) & _told(other))


def _told(node: Node) -> set[str]:
    """Public methods and parameters of the constructor."""
    found: set[str] = set()
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if item.name == "__init__":
                found |= {f"{one.arg}=" for one in [*item.args.args[1:], *item.args.kwonlyargs]}
            elif not item.name.startswith("_"):
                found.add(item.name)
    return found


def _span(node: Node) -> Span:
    return Span(
        node.lineno, node.col_offset, node.lineno, node.col_offset + len(_KEYWORDS[type(node)]) + len(node.name)
    )
