"""The house: what no run of a single folder shows."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"
PACKAGE = "isolation_audit"
LONGEST = 400


def test_no_two_test_files_have_one_name() -> None:
    """Test files are imported by their bare names; of two with one name, pytest refuses to collect the second."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in TESTS.rglob("test_*.py"):
        places[file.name].append(file.relative_to(TESTS).as_posix())
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}


def modules() -> dict[str, Path]:
    """The files of the package by the names under which they are imported."""
    return {
        ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (SOURCE / PACKAGE).rglob("*.py")
    }


def test_no_file_needs_itself_in_the_end() -> None:
    """Imports for types count as well: who reads one file of a circle has to read them all."""
    known = modules()
    needs: dict[str, set[str]] = {name: set() for name in known}
    for name, file in known.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in known:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                needs[name] |= (inner & known.keys()) or {node.module}
    assert sum(map(len, needs.values())) > len(needs)
    TopologicalSorter({name: found - {name} for name, found in needs.items()}).prepare()  # a circle is a CycleError


def test_no_file_is_too_long() -> None:
    lines = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in modules().items()}
    assert {name: length for name, length in lines.items() if length > LONGEST} == {}
