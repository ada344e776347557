"""CODEOWNERS: who answers for a file. The last line that matches wins, as on the hosts that read such files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from isolation_audit.source.scan.globs import compile_glob
from isolation_audit.source.scan.reading import contents

_PLACES = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")


class Owners:
    """The CODEOWNERS file nearest above ``base``; without one nobody owns anything."""

    def __init__(self, base: str) -> None:
        self._lines: list[tuple[str, tuple[str, ...]]] = []
        self._prefix = ""
        for folder in (Path(base), *Path(base).parents):
            for place in _PLACES:
                with suppress(OSError):
                    self._lines = list(_read(contents(str(folder / place)).decode("utf-8", "replace")))
                    above = Path(base).relative_to(folder).as_posix()
                    self._prefix = "" if above == "." else above + "/"
                    return
            if (folder / ".git").exists():
                return

    def of(self, file: str) -> tuple[str, ...]:
        """The owners of a file whose path is relative to the base."""
        path = self._prefix + file
        for glob, owners in reversed(self._lines):
            if compile_glob(glob).fullmatch(path):
                return owners
        return ()


def _read(text: str) -> list[tuple[str, tuple[str, ...]]]:
    lines = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and words[0][0] not in "[^!":  # sections of GitLab say nothing of a path
            glob = words[0].lstrip("/")
            if "/" not in words[0].rstrip("/"):
                glob = "**/" + glob
            lines.append((glob, tuple(words[1:])))
    return lines
