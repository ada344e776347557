"""The journal of a migration: what it was about to do is on the disk before it is done, with the old contents.

A run is a folder with ``journal.jsonl`` and the old contents by their digests. Each line is one event:

``begin``    a group of files, with the digests of both contents, mode and time of each; the old contents are kept
``done``     all files of the group have their new content, and it was found good
``undone``   all files of the group have their old content again
``end``      nothing more will happen

A line that a crash has cut short was never followed by anything, and counts as not written.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from isolation_audit.exceptions import UsageError
from isolation_audit.migrate.files import digest, replace_file, sync_folder, write_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FOLDER = ".isolation-audit/migrations"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a group; ``path`` is relative to the base where it is below it."""

    path: str
    before: str
    after: str
    mode: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """A file that has neither its old nor its new content: somebody else has changed it, and it is left alone."""

    path: str


class Journal:
    """One run's journal, open for writing."""

    def __init__(self, base: Path, folder: Path) -> None:
        self._base = base
        self.folder = folder

    @classmethod
    def create(cls, base: Path) -> Journal:
        """A new run below ``base``."""
        runs = base / FOLDER
        runs.mkdir(parents=True, exist_ok=True)
        ignore = base / ".isolation-audit" / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        folder = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder.mkdir()
        sync_folder(runs)
        return cls(base, folder)

    @property
    def name(self) -> str:
        """The run's name, for ``--rollback``."""
        return self.folder.name

    def begin(self, group: int, contents: dict[str, tuple[bytes, bytes]]) -> list[Entry]:
        """Keep the old contents of a group (path -> old and new), and write down what is about to happen."""
        entries = []
        for path, (before, after) in contents.items():
            about = (self._base / path).stat()
            kept = self.folder / digest(before)
            if not kept.exists():
                draft = kept.with_suffix(".part")
                write_new(draft, before)
                draft.replace(kept)
            entries.append(Entry(path, digest(before), digest(after), stat.S_IMODE(about.st_mode), about.st_mtime_ns))
        sync_folder(self.folder)
        self._write({"event": "begin", "group": group, "files": [asdict(entry) for entry in entries]})
        return entries

    def put(self, entry: Entry, data: bytes) -> None:
        """Give a file its new content."""
        path = self._base / entry.path
        replace_file(path, data, self._draft(path), mode=entry.mode)

    def done(self, group: int) -> None:
        """A group has its new contents for good."""
        self._write({"event": "done", "group": group})

    def undone(self, group: int, reason: str) -> None:
        """A group has its old contents again."""
        self._write({"event": "undone", "group": group, "reason": reason})

    def end(self) -> None:
        """The run is over."""
        self._write({"event": "end"})

    def restore(self, entries: Iterable[Entry]) -> list[Foreign]:
        """Give files their old content back, byte for byte, with mode and time; what others changed is left alone."""
        foreign = []
        for entry in entries:
            path = self._base / entry.path
            draft = self._draft(path)
            draft.unlink(missing_ok=True)
            try:
                present = digest(path.read_bytes())
            except OSError:
                present = ""
            if present == entry.after:
                before = (self.folder / entry.before).read_bytes()
                replace_file(path, before, draft, mode=entry.mode, mtime_ns=entry.mtime_ns)
            elif present != entry.before:
                foreign.append(Foreign(entry.path))
        return foreign

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

    def groups(self, *states: str) -> list[tuple[int, list[Entry]]]:
        """The groups whose last event is one of ``states``, the last begun first."""
        entries: dict[int, list[Entry]] = {}
        last: dict[int, str] = {}
        for event in self.events():
            if "group" in event:
                last[event["group"]] = event["event"]
                if event["event"] == "begin":
                    entries[event["group"]] = [Entry(**fields) for fields in event["files"]]
        return [(group, entries[group]) for group in reversed(entries) if last[group] in states]

    @property
    def is_over(self) -> bool:
        """Whether the run came to its end."""
        return any(event["event"] == "end" for event in self.events())

    def recover(self) -> tuple[list[str], list[Foreign]]:
        """Undo the group that a crash has interrupted; gives the files of it, and those that others changed since."""
        files, foreign = [], []
        for group, entries in self.groups("begin"):
            foreign += self.restore(entries)
            files += [entry.path for entry in entries]
            self.undone(group, "the migration was interrupted")
        self.end()
        return files, foreign

    def _draft(self, path: Path) -> Path:
        # The same name each time, so that what a crash leaves behind is known.
        return path.with_name(f".{path.name}.{self.name}.new")

    def _write(self, event: dict[str, Any]) -> None:
        path = self.folder / "journal.jsonl"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
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
    """All runs below ``base``, the latest last."""
    folder = base / FOLDER
    found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [Journal(base, path) for path in found]


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
