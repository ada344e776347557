"""The journal of a migration: what it was about to do is on the disk before it is done, with the old contents.

It is kept in a folder of the user's own, outside of the tree: what lies in a tree may be somebody else's, and a journal
says which files get which content. A run is a folder with ``journal.jsonl`` and the old contents by their digests. Each
line is one event:

``begin``    a group of files is about to change: their digests before and after, and times; the old contents are kept
``done``     all files of the group have their new content, and it was found good
``back``     the group is about to get its old content again
``undone``   all files of the group have their old content again, but for those that others have changed
``end``      nothing more will happen

A line that a crash has cut short was never followed by anything, and counts as not written.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from isolation_audit.exceptions import UsageError
from isolation_audit.source.migrate.files import Meanwhile, TreeFile, digest, sync_folder, write_new
from isolation_audit.source.scan.confined import Confined
from isolation_audit.source.scan.user_folders import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KEPT = 50
"""Runs of a tree whose old contents are kept; of earlier ones they are removed."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One file of a group: ``path`` is the way to it from the folder ``root``, without any link."""

    root: str
    path: str
    before: str
    after: str
    mtime_ns: int

    @property
    def whole(self) -> str:
        """The absolute path."""
        return f"{self.root}/{self.path}"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A file that has neither its old nor its new content: somebody else has changed it, and it is left alone.

    ``kept`` is where a second version of theirs lies, if there were two.
    """

    path: str
    kept: str = ""


class Journal:
    """One run's journal, open for writing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, base: Path) -> Journal:
        """A new run in the tree ``base``."""
        place = state_folder(base)
        for old in runs(base)[:-KEPT]:
            if old.is_over:
                shutil.rmtree(old.folder, ignore_errors=True)
        folder = place / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder.mkdir(mode=0o700)
        sync_folder(place)
        return cls(folder)

    @property
    def name(self) -> str:
        """The run's name, for ``--rollback``."""
        return self.folder.name

    def begin(self, group: int, contents: dict[tuple[str, str], tuple[bytes, bytes]]) -> list[JournalEntry]:
        """Keep the old contents of a group (root and path -> old and new), and write down what is about to happen."""
        entries = []
        for (root, path), (before, after) in contents.items():
            with Confined(root).holder(path) as (folder, name):
                about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            kept = self.folder / digest(before)
            if not kept.exists():
                draft = kept.with_suffix(".part")
                write_new(draft, before)
                draft.replace(kept)
            entries.append(JournalEntry(root, path, digest(before), digest(after), about.st_mtime_ns))
        sync_folder(self.folder)
        self._write({"event": "begin", "group": group, "files": [asdict(entry) for entry in entries]})
        return entries

    def put(self, entry: JournalEntry, data: bytes) -> None:
        """Give a file its new content.

        Raises:
            Meanwhile: somebody has changed it.
        """
        with self._file(entry) as file:
            file.put(entry.before, data)

    def changed_since(self, entries: Iterable[JournalEntry]) -> str:
        """The first file that somebody has changed since it was put; empty where there is none."""
        for entry in entries:
            with self._file(entry) as file:
                if not file.is_settled(entry.before, entry.after):
                    return entry.whole
        return ""

    def done(self, group: int, entries: Iterable[JournalEntry]) -> list[Foreign]:
        """A group has its new contents for good, but for files that others have changed in this very moment."""
        self._write({"event": "done", "group": group})
        return self.settle(entries)

    def settle(self, entries: Iterable[JournalEntry]) -> list[Foreign]:
        """Remove what stands beside the files of a group."""
        foreign = []
        for entry in entries:
            with suppress(OSError), self._file(entry) as file:
                if not file.settle(entry.before):
                    foreign.append(Foreign(entry.whole, file.kept))
        return foreign

    def back(self, group: int) -> None:
        """A group is about to get its old contents again."""
        self._write({"event": "back", "group": group})

    def undone(self, group: int, reason: str) -> None:
        """A group has its old contents again."""
        self._write({"event": "undone", "group": group, "reason": reason})

    def end(self) -> None:
        """The run is over."""
        self._write({"event": "end"})

    def restore(self, entries: Iterable[JournalEntry]) -> list[Foreign]:
        """Give files their old content back, byte for byte, with mode and time; what others changed is left alone."""
        foreign = []
        for entry in entries:
            kept = ""
            try:
                with self._file(entry) as file:
                    restored = self._restored(file, entry)
                    kept = file.kept
            except (Meanwhile, FileNotFoundError):
                restored = False
            if not restored or kept:
                foreign.append(Foreign(entry.whole, kept))
        return foreign

    def _restored(self, file: TreeFile, entry: JournalEntry) -> bool:
        found = file.undo(entry.before, entry.after)
        if found is not None:
            return found
        file.put(entry.after, (self.folder / entry.before).read_bytes(), entry.mtime_ns)
        return file.settle(entry.after)

    @contextmanager
    def _file(self, entry: JournalEntry) -> Iterator[TreeFile]:
        if os.path.realpath(entry.root) != entry.root:
            raise OSError(errno.ELOOP, f"{entry.root} is a link now, or lies behind one")
        with Confined(entry.root).holder(entry.path) as (folder, name):
            yield TreeFile(folder, name, self.name)

    def events(self) -> Iterator[dict[str, Any]]:
        """What has been written down."""
        try:
            lines = (self.folder / "journal.jsonl").read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines[:-1]:
            try:
                yield json.loads(line)
            except ValueError:
                return

    def groups(self, *states: str) -> list[tuple[int, list[JournalEntry]]]:
        """The groups whose last event is one of ``states``, the last begun first."""
        entries: dict[int, list[JournalEntry]] = {}
        last: dict[int, str] = {}
        for event in self.events():
            if "group" in event:
                last[event["group"]] = event["event"]
                if event["event"] == "begin":
                    entries[event["group"]] = [JournalEntry(**fields) for fields in event["files"]]
        return [(group, entries[group]) for group in reversed(entries) if last[group] in states]

    @property
    def is_over(self) -> bool:
        """Whether the run came to its end, and going back, where that was begun, to its own."""
        return any(event["event"] == "end" for event in self.events()) and not self.groups("begin", "back")

    def recover(self) -> tuple[list[str], list[Foreign]]:
        """Undo the group that a crash has interrupted; gives the files of it, and those that others changed since."""
        files, foreign = [], []
        for _, entries in self.groups("done"):
            foreign += self.settle(entries)
        for group, entries in self.groups("begin", "back"):
            foreign += self.restore(entries)
            files += [entry.whole for entry in entries]
            self.undone(group, "the migration was interrupted")
        self.end()
        return files, foreign

    def _write(self, event: dict[str, Any]) -> None:
        path = self.folder / "journal.jsonl"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # After a line that was cut short, begin a new one.
            cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            if cut:
                content = os.pread(descriptor, size, 0)
                os.ftruncate(descriptor, content.rfind(b"\n") + 1)
            os.write(descriptor, json.dumps(event).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self.folder)


def runs(base: Path) -> list[Journal]:
    """All runs in the tree ``base``, the latest last."""
    return [Journal(path) for path in sorted(state_folder(base).iterdir()) if path.is_dir()]


def run_named(base: Path, name: str) -> Journal:
    """One run; ``last`` is the latest that changed something and was not rolled back.

    Raises:
        UsageError: there is none.
    """
    known = runs(base)
    if name == "last":
        known = [run for run in known if run.groups("done")]
        if known:
            return known[-1]
        raise UsageError("there is no migration to roll back")
    for run in known:
        if run.name == name:
            return run
    raise UsageError(f"no migration {name!r}; there are {', '.join(run.name for run in known) or 'none'}")
