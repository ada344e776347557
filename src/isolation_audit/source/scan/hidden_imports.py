"""Hidden imports: a module of the tree could not be imported, and an ``except`` takes something else, silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isolation_audit.analysis.fallbacks import fallbacks
from isolation_audit.source.scan.reading import contents
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
    for path, file in source.files.items():
        if not file.is_python:
            continue
        try:
            data = contents(path)
        except OSError:
            continue  # the scan has told of it
        # Decoding and looking takes ten times as long as this.
        if b"\nexcept" not in data and b"ImportError" not in data and b"NotFoundError" not in data:
            continue
        for one in fallbacks(data.decode("utf-8", "replace")):
            wanted = source.modules.absolute(one.wanted, path)
            # A script imports by another path what its package imports relatively: one file, two names (IA108).
            if one.instead.rpartition(".")[2] != wanted.rpartition(".")[2] and _is_own(source, wanted):
                there = bool(source.modules.find(wanted)) or source.modules.is_folder(wanted)
                if not there or not is_of_tests(source.tree.shown(path)):
                    yield HiddenImport(path, one.line, one.name, wanted, there)


def _is_own(source: Source, wanted: str) -> bool:
    top = wanted.partition(".")[0]
    return bool(top) and (bool(source.modules.find(top)) or source.modules.is_folder(top))
