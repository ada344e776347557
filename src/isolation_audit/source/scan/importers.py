"""Who defines some names, and which files import each: what all files of a tree say of them, put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from isolation_audit.source.scan.importing import Defined
    from isolation_audit.source.scan.source import Source

_HOPS: Final = 8
"""Modules that a name is followed through."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a module defines."""

    path: str
    module: str
    what: Defined


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


def importers(source: Source, names: frozenset[str]) -> Importers:
    """Put together what the files say of these names."""
    read = Importers()
    for path in source.files:
        found = source.imports.get(path)
        if found is None:
            continue
        own = source.modules.name(path)
        for one in found.imports:
            module = source.modules.absolute(one.module, path)
            if one.name in names:
                read.imports.append((path, one.name, module))
            if one.given in names and one.name == one.given:
                read.given[own, one.given] = module
            elif one.given in names and one.line:
                read.aliases.append(Alias(path, one.given, module, one.name, one.line))
        for what in found.defined:
            read.definitions.setdefault(what.name, []).append(Definition(path, own, what))
    return read
