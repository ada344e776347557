"""Looks at files: bytes first, parsing only where asked; in several processes where there is much to read."""

from __future__ import annotations

import ast
import errno
import gc
import os
import stat
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from isolation_audit.source.scan.conflicts import MARKDOWN, conflicts_in
from isolation_audit.source.scan.lexical import Mention, Words, mention
from isolation_audit.source.scan.parsing import Unparsable, decoded, parse
from isolation_audit.source.scan.references import read_facts
from isolation_audit.source.scan.settings import names_in
from isolation_audit.source.scan.walk import PYTHON, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import ProcessPoolExecutor

    from isolation_audit.source.scan.facts import Facts
    from isolation_audit.source.scan.walk import File

T = TypeVar("T")

LARGEST = 4 * 1024 * 1024
"""Bytes of a file that is still parsed: a syntax tree takes 20 to 60 times as much memory."""

WORTH_A_POOL = 8 * 1024 * 1024
"""Bytes to read from which on further processes pay."""

_READING = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_CHUNK = 48
_CHUNKS = 16
"""Files that go to a process at once, at most; and how often it comes back for more, at least: none waits for long."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the bytes of a file tell: what it mentions, lines of conflict markers, why it can't be read or parsed.

    ``settings`` are dotted names in files that are not Python: line and column (from 0), and text.
    """

    mention: Mention | None = None
    conflicts: tuple[int, ...] = ()
    broken: tuple[int, str] | None = None
    unreadable: str = ""
    settings: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Looking:
    """The job of looking at one file; ``parse_all`` also tells of files without a mention whether they parse.

    Most files tell nothing: there is no look at them.
    """

    words: Words
    parse_all: bool
    overlay: Mapping[str, bytes] = field(default_factory=dict)
    """Contents that stand for those of files."""
    fresh: Words | None = None
    """Only files that have these words are of interest; there is no look at the others."""

    def __call__(self, path: str) -> Look | None:
        """Look at one file."""
        try:
            data = self.overlay[path] if path in self.overlay else contents(path)
        except OSError as error:
            is_telling = path.endswith((*PYTHON, *SETTINGS))
            return Look(unreadable=(error.strerror or "unreadable").lower()) if is_telling else None
        if self.fresh is not None and not path.endswith((*PYTHON, *SETTINGS)):
            return None
        if self.fresh is not None and (not self.fresh.are_in(data) or not self._is_news(data, path)):
            return None
        if not path.endswith(PYTHON):
            conflicts = conflicts_in(data, is_markdown=path.lower().endswith(MARKDOWN))
            settings = names_in(data, self.words) if path.endswith(SETTINGS) else ()
            return Look(conflicts=conflicts, settings=settings) if conflicts or settings else None
        if len(data) > LARGEST:
            reason = f"too large to be parsed ({len(data) // 1024**2} MiB), and mentions what is deprecated"
            return Look(broken=(0, reason)) if self.words.are_in(data) else None
        conflicts = conflicts_in(data)
        found_mention = mention(data, self.words)
        broken = None
        if conflicts or (self.parse_all and found_mention is None):
            try:
                parse(data)
            except Unparsable as error:
                broken = (error.line, error.reason)
        if found_mention is None and broken is None:
            return None
        # Markers in a file that parses are inside a string: a test's data, or a document.
        return Look(found_mention, conflicts if broken else (), broken)

    def _is_news(self, data: bytes, path: str) -> bool:
        """Whether the file gets one of the fresh words from elsewhere, rather than giving the name itself."""
        return self.fresh is None or not path.endswith(PYTHON) or mention(data, self.fresh) is not None


@dataclass(frozen=True, slots=True)
class Parsing:
    """The job of parsing one file; gives the facts, or line and reason why there are none."""

    words: Words
    overlay: Mapping[str, bytes] = field(default_factory=dict)

    def __call__(self, path: str) -> Facts | tuple[int, str]:
        """Parse one file."""
        try:
            data = self.overlay[path] if path in self.overlay else contents(path)
            return read_facts(data, self.words)
        except Unparsable as error:
            return error.line, error.reason
        except OSError as error:
            return 0, (error.strerror or "unreadable").lower()


def contents(path: str) -> bytes:
    """A file's bytes, in as few calls as can be: in a large tree most files are read for nothing.

    Raises:
        OSError: the system refuses.
    """
    descriptor = os.open(path, _READING)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):  # it has become one since: a pipe, a device
            raise OSError(errno.EINVAL, "it is no regular file")
        # A larger buffer than needed would cost more than the reading.
        size = about.st_size
        data = os.read(descriptor, size + 1)
        if len(data) == size:  # one more was asked for: this is all
            return data
        parts = [data]
        while parts[-1]:
            parts.append(os.read(descriptor, 1 << 16))
        return b"".join(parts)
    finally:
        os.close(descriptor)


def top_level_names(path: str) -> set[str] | None:
    """The names that a module binds at its top level; None where they can't be told."""
    try:
        return names_bound(contents(path))
    except OSError:
        return None


def names_bound(data: bytes) -> set[str] | None:
    """The names that code binds, at its top level or anywhere in it; None where they can't be told."""
    try:
        tree = parse(data)
    except Unparsable:
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return None
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name == "__getattr__":
                return None
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def lines_of(path: str) -> list[str]:
    """A file's lines as an editor shows them; none where it can't be read."""
    try:
        return decoded(contents(path)).splitlines()
    except OSError:
        return []


class Readers:
    """Runs jobs over files, in this process or in several. Close it after use."""

    def __init__(self, jobs: int) -> None:
        # A fork takes no second start of Python, and is safe as long as no other thread may hold a lock.
        can_fork = hasattr(os, "fork") and threading.active_count() == 1
        self._jobs = jobs if can_fork else 1
        self._pool: ProcessPoolExecutor | None = None

    def run(self, job: Callable[[str], T], files: Iterable[File]) -> Iterator[tuple[str, T]]:
        """The job's result for each file, in any order."""
        wanted = list(files)
        # Starting processes takes longer than reading a small tree; once they are there, they take everything.
        if self._jobs < 2 or (self._pool is None and sum(file.size for file in wanted) < WORTH_A_POOL):
            for file in wanted:
                yield file.path, job(file.path)
            return
        from concurrent.futures.process import BrokenProcessPool

        if self._pool is None:
            self._pool = _pool(self._jobs)
        size = max(1, min(_CHUNK, len(wanted) // (_CHUNKS * self._jobs)))
        chunks = [[file.path for file in wanted[start : start + size]] for start in range(0, len(wanted), size)]
        done = 0
        try:
            for chunk, results in zip(chunks, self._pool.map(_Batch(job), chunks), strict=True):
                yield from zip(chunk, results, strict=True)
                done += 1
        except BrokenProcessPool:  # the system ended a process, most likely for want of memory
            self._pool, self._jobs = None, 1
            for path in (path for chunk in chunks[done:] for path in chunk):
                yield path, job(path)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Batch(Generic[T]):
    job: Callable[[str], T]

    def __call__(self, paths: list[str]) -> list[T]:
        return [self.job(path) for path in paths]


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Imported here, because a small tree, and one that is known, needs no processes.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(jobs, get_context("fork"))  # each collects as rarely as this one


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """A syntax tree is a hundred thousand objects without a circle; looking for circles in each takes a third more."""
    before = gc.get_threshold()
    gc.set_threshold(200_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def processes() -> int:
    """How many processes this machine runs at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
