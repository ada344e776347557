"""Finding the configuration file. Imports next to nothing: ``isolation-audit run`` looks before the program starts."""

from __future__ import annotations

import os
from pathlib import Path as FilePath

CONFIG_VARIABLE = "ISOLATION_AUDIT_CONFIG"
DEPTH_VARIABLE = "ISOLATION_AUDIT_DEPTH"
STORE_VARIABLE = "ISOLATION_AUDIT_STORE"
NO_FILE = "-"
"""What ISOLATION_AUDIT_CONFIG says in processes that are audited without a configuration file."""

FILE_NAME = "isolation-audit.toml"
LARGEST_FILE = 1024 * 1024
PYPROJECT = "pyproject.toml"
TABLE = ("tool", "isolation_audit")


def find_config(start: FilePath | str | None = None) -> FilePath | None:
    """The configuration file to use, or None.

    ISOLATION_AUDIT_CONFIG names it outright. Else the nearest folder counts, from ``start`` (the working folder) up,
    that has an ``isolation-audit.toml``, or a ``pyproject.toml`` with a table ``[tool.isolation_audit]``; the former
    wins where both are.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        return FilePath(named).absolute()
    try:
        folder = FilePath(start or ".").absolute()
    except OSError:  # the working folder is gone
        return None
    for place in (folder, *folder.parents):
        if _is_file(place / FILE_NAME):
            return place / FILE_NAME
        if _is_file(place / PYPROJECT) and _concerns_us(place / PYPROJECT):
            return place / PYPROJECT
    return None


def _concerns_us(pyproject: FilePath) -> bool:
    """Whether a pyproject.toml has our table; a broken or misspelled one counts, so that loading it can say so."""
    try:
        with pyproject.open("rb") as file:
            text = file.read(LARGEST_FILE + 1).decode("utf-8", "replace")
    except OSError:
        return False
    if "isolation" not in text:
        return False
    import tomllib  # most folders have no file that needs it

    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return "[tool.isolation_audit" in text
    tool = document.get("tool")
    return isinstance(tool, dict) and any(name.replace("-", "_") == TABLE[1] for name in tool)


def _is_file(path: FilePath) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
