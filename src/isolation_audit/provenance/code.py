"""Names that stand in the application's code: they are nobody's data, and come from no unit of work.

The files of the application are read as text, once, and only when a finding depends on it. Nothing is parsed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import CodeType
from typing import Final

from isolation_audit.analysis.frames import is_installed

_FILES: Final = 300
_LARGEST: Final = 500_000
_DEPTH: Final = 4
_assignment: Final = re.compile(
    r"^[A-Za-z_][\w, ]*(?::[^=\n]+)?=\s*(?=[\[{(\"'brf]|dict\(|list\(|set\()(?:.*\n(?:(?:[ \t)\]}].*)?\n)*)",
    re.MULTILINE,
).findall
"""Statements that give a module's name some data, up to the next line that begins at the margin."""


class StaticTexts:
    """The data that modules of the application are written with."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def all(self) -> str:
        """The text of such statements in every module of the application that is loaded."""
        for name, module in list(sys.modules.items()):
            if name not in self._texts and len(self._texts) < 10 * _FILES:
                own = name.partition(".")[0] == "isolation_audit"
                self._texts[name] = "" if own else _data(getattr(module, "__file__", None))
        return "\0".join(filter(None, self._texts.values()))


def constants(code: CodeType | None, depth: int = _DEPTH) -> list[str]:
    """The texts that a function and those inside it are written with."""
    if code is None or not depth:
        return []
    found: list[str] = []
    waiting = list(code.co_consts)
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            found.append(value)
        elif type(value) in (tuple, frozenset):
            waiting += value
        elif type(value) is CodeType:
            found += constants(value, depth - 1)
    return found


def _data(file: object) -> str:
    if type(file) is not str or not file.endswith(".py") or is_installed(file):
        return ""
    path = Path(file)
    if path.name.startswith(("test_", "conftest.")) or path.stem.endswith("_test"):
        return ""  # tests are written with the names of those who ask
    try:
        if path.stat().st_size > _LARGEST:
            return ""
        text = path.read_text("utf-8", "replace")
    except OSError:
        return ""
    return "\0".join(_assignment(text))
