"""Duplicates: classes of the tree that have a configured name and are not the configured class; and who imports which.

Files are looked through as bytes; those that define such a name are parsed. A name of one word (``Engine``) may mean
many things: there the classes must have a method or a parameter of their constructors in common.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from isolation_audit.source.scan.facts import Span
from isolation_audit.source.scan.parsing import Unparsable, parse
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.config.model import Config, Target
    from isolation_audit.source.scan.source import Source

# A pattern that begins with plain letters is found many times faster than one that begins with a line.
_IMPORT: Final = re.compile(rb"from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n\\#]*(?:\\\r?\n[^\n\\#]*)*)")
_NAMED: Final = re.compile(rb"(\w+)(?:\s+as\s+(\w+))?")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_HOPS: Final = 8
"""Modules that a name is followed through."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One class, or alias, of a configured name.

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


@dataclass(slots=True)
class _Class:
    """A definition."""

    path: str
    module: str
    node: ast.ClassDef
    fallback: bool


@dataclass(slots=True)
class _Read:
    """What the bytes of the tree say."""

    classes: dict[str, list[_Class]] = field(default_factory=dict)
    given: dict[tuple[str, str], str] = field(default_factory=dict)
    """(module, name) -> the module that the name is imported from there."""
    imports: list[tuple[str, str, str]] = field(default_factory=list)
    """The importing file, the name, and the module."""
    aliases: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    """The file, the name, the module and the name of what it means, and the line."""


def duplicates(source: Source) -> Iterator[Duplicate]:
    """Every class and alias that shares a configured name with another class."""
    homes = _homes(source.config)
    read = _read(source, frozenset(homes))
    users = _users(read)
    for name, classes in read.classes.items():
        proper = next((one for one in classes if one.module in homes[name]), classes[0])
        alike = [one for one in classes if one is proper or _alike(name, one.node, proper.node)]
        for one in alike:
            if one is not proper and one.module not in homes[name]:
                elsewhere = sorted((-users[name, other.module], other.module) for other in alike if other is not one)
                others = tuple((module, -count) for count, module in elsewhere)
                form = "fallback class" if one.fallback else "class of the same name"
                count = users[name, one.module]
                yield Duplicate(name, one.path, _span(one.node), form, one.module, count, others)
    replacements = _replacements(source.config)
    for path, name, module, meant, line in read.aliases:
        # The replacement under the old name is what a migrated file says, and what `migrate` itself writes.
        if name in read.classes and (name, meant, _home(read, meant, module)) not in replacements:
            span = Span(line, 0, line, 0)
            yield Duplicate(name, path, span, "alias", source.modules.name(path), 0, means=f"{module}:{meant}")


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


def _read(source: Source, names: frozenset[str]) -> _Read:
    read, words = _Read(), {name: name.encode() for name in names}
    for path, file in source.files.items():
        if not file.is_python:
            continue
        try:
            data = contents(path)
        except OSError:
            continue  # the scan has told of it
        here = {name for name, word in words.items() if word in data}
        if here:
            _imports(read, source, path, data, here)
            if any(b"class " + words[name] in data for name in here):
                _classes(read, source, path, data, here)
    return read


def _imports(read: _Read, source: Source, path: str, data: bytes, names: set[str]) -> None:
    own = source.modules.name(path)
    for indent, found in _statements(data):
        module = source.modules.absolute(found[1].decode(), path)
        for one in _NAMED.finditer(re.sub(rb"#[^\n]*", b"", found[2])):
            name, given = one[1].decode(), (one[2] or one[1]).decode()
            if name in names:
                read.imports.append((path, name, module))
            if given in names and name == given:
                read.given[own, given] = module
            elif given in names and not indent:
                read.aliases.append((path, given, module, name, data.count(b"\n", 0, found.start()) + 1))


def _statements(data: bytes) -> Iterator[tuple[bytes, re.Match[bytes]]]:
    """``from`` statements, with the blanks before them."""
    place = 0
    while (found := _IMPORT.search(data, place)) is not None:
        indent = data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        if indent.strip(b" \t"):
            place = found.start() + 1
        else:
            yield indent, found
            place = found.end()


def _classes(read: _Read, source: Source, path: str, data: bytes, names: set[str]) -> None:
    try:
        tree = parse(data)
    except Unparsable:
        return  # the scan has told of it
    for node, fallback in _top(tree.body, fallback=False):
        if node.name in names:
            module = source.modules.name(path)
            read.classes.setdefault(node.name, []).append(_Class(path, module, node, fallback))


def _top(body: list[ast.stmt], *, fallback: bool) -> Iterator[tuple[ast.ClassDef, bool]]:
    """Classes of a module itself, also under conditions; whether each is there where an import has failed."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node, fallback
        elif isinstance(node, (ast.If, ast.With)):
            yield from _top([*node.body, *getattr(node, "orelse", [])], fallback=fallback)
        elif isinstance(node, ast.Try):
            yield from _top([*node.body, *node.orelse, *node.finalbody], fallback=fallback)
            for handler in node.handlers:
                yield from _top(handler.body, fallback=True)


def _users(read: _Read) -> Counter[tuple[str, str]]:
    """Files that import a name, by the name and the module that has the class."""
    users = {(path, name, _home(read, name, module)) for path, name, module in read.imports}
    return Counter((name, module) for _path, name, module in users)


def _home(read: _Read, name: str, module: str) -> str:
    """The module that has the class which this name of this module stands for."""
    for _ in range(_HOPS):
        if (module, name) not in read.given or any(one.module == module for one in read.classes.get(name, ())):
            break
        module = read.given[module, name]
    return module


def _alike(name: str, one: ast.ClassDef, other: ast.ClassDef) -> bool:
    return len(_WORDS.findall(name)) > 1 or bool(_told(one) & _told(other))


def _told(node: ast.ClassDef) -> set[str]:
    """Public methods and parameters of the constructor."""
    found: set[str] = set()
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if item.name == "__init__":
                found |= {f"{one.arg}=" for one in [*item.args.args[1:], *item.args.kwonlyargs]}
            elif not item.name.startswith("_"):
                found.add(item.name)
    return found


def _span(node: ast.ClassDef) -> Span:
    return Span(node.lineno, node.col_offset, node.lineno, node.col_offset + len("class ") + len(node.name))
