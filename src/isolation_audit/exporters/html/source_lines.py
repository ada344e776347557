"""Lines of source beside a finding: of the application's own files, as they were when it was seen."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.texts import printable

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST: Final = 2_000_000
_AROUND: Final = 2
"""Lines before and after the one that is meant."""

_WIDEST: Final = 200
_TAB: Final = 4
_FILES: Final = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file; ``meant`` marks the one that the finding names."""

    number: int
    text: str
    meant: bool


class SourceLines:
    """Reads Python files below ``root``, and nothing else: a report from elsewhere may name any file.

    A file that has been written since the finding was seen may say something else on that line by now: it is counted
    in ``changed`` and not shown.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._files: dict[str, tuple[float, list[str]] | None] = {}
        self.changed: set[str] = set()

    def around(self, file: str, number: int, seen: float) -> tuple[Line, ...]:
        """The lines around one; empty where they can't be shown."""
        held = self._held(file)
        if held is None or not held[1] or not 1 <= number <= len(held[1]):
            return ()
        written, lines = held
        if written > seen:
            self.changed.add(file)
            return ()
        first, last = max(1, number - _AROUND), min(len(lines), number + _AROUND)
        shown = dedent("\n".join(_shown(lines[at - 1]) for at in range(first, last + 1))).split("\n")
        return tuple([Line(at, line, at == number) for at, line in enumerate(shown, first)])

    def line(self, file: str, number: int, seen: float) -> str:
        """One line without its indentation; empty where it can't be shown."""
        return next((one.text.strip() for one in self.around(file, number, seen) if one.meant), "")

    def _held(self, file: str) -> tuple[float, list[str]] | None:
        if file not in self._files:
            self._files[file] = self._read(file) if len(self._files) < _FILES else None
        return self._files[file]

    def _read(self, file: str) -> tuple[float, list[str]] | None:
        try:
            path = (self._root / file).resolve()
            about = path.stat()
            if not (path.is_relative_to(self._root) and path.suffix == ".py" and stat.S_ISREG(about.st_mode)):
                return None
            if about.st_size > _LARGEST or any(part.endswith("-packages") for part in path.parts):
                return None
            return about.st_mtime, path.read_text(encoding="utf-8", errors="replace").split("\n")
        except (OSError, ValueError, RuntimeError):  # a name with a NUL; a link that leads to itself
            return None


def _shown(text: str) -> str:
    plain = printable(text.rstrip("\r").expandtabs(_TAB))
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 3] + "..."
