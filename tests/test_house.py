"""The house of the tests: what pytest needs of the names of their files, which no run of a single folder shows."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent


def test_no_two_test_files_have_one_name() -> None:
    """Test files are imported by their bare names; of two with one name, pytest refuses to collect the second."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in TESTS.rglob("test_*.py"):
        places[file.name].append(file.relative_to(TESTS).as_posix())
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}
