"""Hidden imports: a module of the tree could not be imported, and an ``except`` takes something else, silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isolation_audit.source.scan.tests import is_of_tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.source.scan.source import Source


@dataclass(frozen=True, slots=True)
class HiddenImport:
    """In ``line`` of a file ``name`` is bound, because it could not be imported from ``wanted``.

    ``there`` where the tree has that module.
    """

    path: str
    line: int
    name: str
    wanted: str
    there: bool


def hidden_imports(source: Source) -> Iterator[HiddenImport]:
    """Every fallback for something that is the tree's own; of other libraries, that is how they are made optional."""
    for path in source.files:
        names = source.names.get(path)
        for one in () if names is None else names.fallbacks:
            wanted = source.modules.absolute(one.wanted, path)
            # A script imports by another path what its package imports relatively: one file, two names (IA108).
            if one.instead.rpartition(".")[2] != wanted.rpartition(".")[2] and _is_own(source, wanted):
                there = bool(source.modules.find(wanted)) or source.modules.is_folder(wanted)
                if not there or not is_of_tests(source.tree.shown(path)):
                    yield HiddenImport(path, one.line, one.name, wanted, there)


def _is_own(source: Source, wanted: str) -> bool:
    top = wanted.partition(".")[0]
    return bool(top) and (bool(source.modules.find(top)) or source.modules.is_folder(top))
