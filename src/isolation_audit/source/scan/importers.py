"""Who defines some names, and which files import each: read off the bytes of a tree; files that define are parsed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from isolation_audit.source.scan.parsing import Unparsable, parse
from isolation_audit.source.scan.reading import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.source.scan.source import Source

# A pattern that begins with plain letters is found many times faster than one that begins with a line.
_IMPORT: Final = re.compile(rb"from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n\\#]*(?:\\\r?\n[^\n\\#]*)*)")
_NAMED: Final = re.compile(rb"(\w+)(?:\s+as\s+(\w+))?")
_HOPS: Final = 8
"""Modules that a name is followed through."""

Node = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Definition:
    """A class or a function of a module; ``fallback`` where it is there because an import has failed."""

    path: str
    module: str
    node: Node
    fallback: bool


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a file, the module and the name of what it means, and the line."""

    path: str
    name: str
    module: str
    meant: str
    line: int


@dataclass(slots=True)
class Importers:
    """What the bytes of the tree say of some names."""

    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    given: dict[tuple[str, str], str] = field(default_factory=dict)
    """(module, name) -> the module that the name is imported from there."""
    imports: list[tuple[str, str, str]] = field(default_factory=list)
    """The importing file, the name, and the module."""
    aliases: list[Alias] = field(default_factory=list)

    def users(self) -> Counter[tuple[str, str]]:
        """Files that import a name, by the name and the module that defines it."""
        users = {(path, name, self.home(name, module)) for path, name, module in self.imports}
        return Counter((name, module) for _path, name, module in users)

    def home(self, name: str, module: str) -> str:
        """The module that defines what this name of this module stands for."""
        for _ in range(_HOPS):
            known = any(one.module == module for one in self.definitions.get(name, ()))
            if (module, name) not in self.given or known:
                break
            module = self.given[module, name]
        return module


def importers(source: Source, mentioned: Callable[[bytes], set[str]]) -> Importers:
    """Read the tree; ``mentioned`` says which of the names a file's bytes have."""
    read = Importers()
    for path, file in source.files.items():
        if not file.is_python:
            continue
        try:
            data = contents(path)
        except OSError:
            continue  # the scan has told of it
        here = mentioned(data)
        if here:
            _imports(read, source, path, data, here)
            if any(keyword + name.encode() in data for name in here for keyword in (b"class ", b"def ")):
                _definitions(read, source, path, data, here)
    return read


def _imports(read: Importers, source: Source, path: str, data: bytes, names: set[str]) -> None:
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
                line = data.count(b"\n", 0, found.start()) + 1
                read.aliases.append(Alias(path, given, module, name, line))


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


def _definitions(read: Importers, source: Source, path: str, data: bytes, names: set[str]) -> None:
    try:
        tree = parse(data)
    except Unparsable:
        return  # the scan has told of it
    for node, fallback in _top(tree.body, fallback=False):
        if node.name in names:
            module = source.modules.name(path)
            read.definitions.setdefault(node.name, []).append(Definition(path, module, node, fallback))


def _top(body: list[ast.stmt], *, fallback: bool) -> Iterator[tuple[Node, bool]]:
    """What a module itself defines, also under conditions; whether each is there where an import has failed."""
    for node in body:
        if isinstance(node, Node):
            yield node, fallback
        elif isinstance(node, (ast.If, ast.With)):
            yield from _top([*node.body, *getattr(node, "orelse", [])], fallback=fallback)
        elif isinstance(node, ast.Try):
            yield from _top([*node.body, *node.orelse, *node.finalbody], fallback=fallback)
            for handler in node.handlers:
                yield from _top(handler.body, fallback=True)
