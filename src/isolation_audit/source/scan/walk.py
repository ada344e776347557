"""The files of a tree: each once, whatever links lead to it, and what could not be read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isolation_audit.exceptions import UsageError
from isolation_audit.source.scan.confined import holds
from isolation_audit.source.scan.globs import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PYTHON = (".py", ".pyi", ".pyw")
SETTINGS = (".toml", ".cfg", ".ini", ".yaml", ".yml", ".json", ".conf", ".env")
_BINARY = (
    ".7z", ".avi", ".avif", ".bin", ".bmp", ".bz2", ".class", ".db", ".dll", ".dylib", ".eot", ".exe", ".flac", ".gif",
    ".gz", ".ico", ".jar", ".jpeg", ".jpg", ".mov", ".mp3", ".mp4", ".npy", ".npz", ".o", ".ogg", ".otf", ".parquet",
    ".pdf", ".pickle", ".pkl", ".png", ".pt", ".pyc", ".pyd", ".so", ".sqlite", ".sqlite3", ".tar", ".tgz", ".tif",
    ".tiff", ".ttf", ".wasm", ".wav", ".webm", ".webp", ".whl", ".woff", ".woff2", ".xls", ".xlsx", ".xz", ".zip",
)  # fmt: skip
"""Files that hold no text: nobody opens them to find out."""
_NEVER = {"__pycache__", "node_modules", "site-packages", "venv", "env"}


@dataclass(frozen=True, slots=True)
class File:
    """One file as the tree shows it; ``path`` is absolute, ``shown`` is relative to the base where it is below it."""

    path: str
    shown: str
    size: int
    mtime_ns: int

    @property
    def is_python(self) -> bool:
        """Whether it is Python by its name."""
        return self.path.endswith(PYTHON)

    @property
    def is_telling(self) -> bool:
        """Whether it may refer to something, by its name: of other files only conflict markers are of interest."""
        return self.path.endswith(PYTHON) or self.path.endswith(SETTINGS)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that the system refused to open."""

    shown: str
    reason: str


class Tree:
    """All files below some paths. ``base`` is the folder from which globs count and against which paths are shown."""

    def __init__(self, paths: Iterable[Path], base: Path, exclude: tuple[str, ...]) -> None:
        self.base = str(base)
        self._exclude = exclude
        self._folders: set[tuple[int, int]] = set()
        self._seen: set[str] = set()
        self.unreadable: list[Unreadable] = []
        self.starts = [os.path.abspath(path) for path in paths]  # noqa: PTH100 - a Path for each file costs too much
        self.roots = list(dict.fromkeys(self._roots()))
        """The real folders that the user named: nothing outside of them is read or written, whatever leads there."""
        self.not_followed: list[str] = []
        """Links to folders outside of these, as shown."""
        self.files: list[File] = []
        for start in self.starts:
            self.files += self._below(start)

    def _roots(self) -> Iterator[str]:
        base = os.path.realpath(self.base)
        yield base
        for start in self.starts:
            # Below the base, it is the tree that decides whether a folder is one or a link.
            if not holds(self.base, start):
                real = os.path.realpath(start)
                yield real if os.path.isdir(real) else os.path.dirname(real)  # noqa: PTH112, PTH120

    def _leaves(self, path: str) -> bool:
        """Whether a path leads out of the tree once its links are followed; it is told where that matters."""
        real = os.path.realpath(path)
        if any(holds(root, real) for root in self.roots):
            return False
        if os.path.isdir(real):  # noqa: PTH112
            self.not_followed.append(self.shown(path))
        elif path.endswith(PYTHON):
            self.unreadable.append(Unreadable(self.shown(path), "it is a link that leaves the tree"))
        return True

    def _below(self, start: str) -> Iterator[File]:
        try:
            about = os.stat(start)  # noqa: PTH116
        except OSError as error:
            raise UsageError(f"can't scan {start}: {(error.strerror or 'no such path').lower()}") from None
        if self._leaves(start):
            raise UsageError(f"{start} is a link that leaves the tree; name the place that it leads to")
        if not stat.S_ISDIR(about.st_mode):
            yield from self._file(start, about, is_link=os.path.islink(start))  # noqa: PTH114
            return
        folders = [start]
        while folders:
            yield from self._folder(folders.pop(), folders)

    def _folder(self, folder: str, folders: list[str]) -> Iterator[File]:
        try:
            about = os.stat(folder)  # noqa: PTH116
            identity = (about.st_dev, about.st_ino)
            if identity in self._folders:  # a link back, or a second way to it
                return
            self._folders.add(identity)
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable.append(Unreadable(self.shown(folder), (error.strerror or "unreadable").lower()))
            return
        inner = []
        for entry in found:
            name = entry.name
            try:
                if entry.is_dir():
                    if self._is_wanted(entry):
                        inner.append(entry.path)
                elif not name.lower().endswith(_BINARY):
                    yield from self._file(entry.path, entry.stat(), is_link=entry.is_symlink())
            except OSError as error:  # a link to nowhere, or a file that has just gone
                if name.endswith(PYTHON):
                    self.unreadable.append(Unreadable(self.shown(entry.path), (error.strerror or "unreadable").lower()))
        if any(entry.name == "pyvenv.cfg" for entry in found):
            return
        folders += reversed(inner)

    def _is_wanted(self, entry: os.DirEntry[str]) -> bool:
        """Whether a folder is one to go into."""
        if entry.name.startswith(".") or entry.name in _NEVER or self._is_left_out(entry.path):
            return False
        return not (entry.is_symlink() and self._leaves(entry.path))

    def _file(self, path: str, about: os.stat_result, *, is_link: bool) -> Iterator[File]:
        if not stat.S_ISREG(about.st_mode) or self._is_left_out(path) or (is_link and self._leaves(path)):
            return
        real = os.path.realpath(path) if is_link else path
        if real in self._seen:
            return
        self._seen.add(real)
        yield File(path, self.shown(path), about.st_size, about.st_mtime_ns)

    def scope(self) -> list[str]:
        """What was asked for, as shown: ``.`` for the base itself; without what is inside of something else."""
        shown = {"." if start == self.base else self.shown(start) for start in self.starts}
        inside = {place for place in shown if not place.startswith("/") and place != "."} if "." in shown else set()
        inside |= {place for place in shown if any(place.startswith(f"{one}/") for one in shown)}
        return sorted(shown - inside)

    def _is_left_out(self, path: str) -> bool:
        return bool(self._exclude) and matches(self.shown(path), self._exclude)

    def shown(self, path: str) -> str:
        """``path`` with slashes, relative to the base where it is below it."""
        if path.startswith(self.base + os.sep):
            path = path[len(self.base) + 1 :]
        return path.replace(os.sep, "/")
