"""Which files are tests, by their names."""

from __future__ import annotations

_FOLDERS = frozenset({"test", "tests", "testing", "test_framework", "fixtures"})


def is_of_tests(shown: str) -> bool:
    """True for what lies in a folder of tests, and for what pytest collects."""
    *folders, name = shown.replace("\\", "/").split("/")
    stem = name.partition(".")[0]
    return not _FOLDERS.isdisjoint(folders) or stem == "conftest" or stem.startswith("test_") or stem.endswith("_test")
