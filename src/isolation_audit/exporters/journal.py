"""The journal: one JSON object a line for each new finding, appended as it happens, for log shippers."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from isolation_audit.exporters.folders import make_folder
from isolation_audit.exporters.notices import notice

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.exporters.base import Batch


class JournalSink:
    """Appends to a file that several processes may share: each line is one ``write`` in append mode.

    The file is opened when there is something to write, on the sink's own thread. A pipe that nobody reads, a full disk
    or a folder that can't be written to cost lines, which are counted, and never hold anything up.
    """

    name = "journal"
    takes_scopes = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._torn = False
        self.exports = {"failures": 0, "lost": 0}
        """Attempts to write that failed, and lines that were given up."""

    def drain(self, batch: Batch) -> None:
        """Append what is new; a later repetition only raises the count in the report."""
        for entry in batch.entries:
            line = json.dumps({**entry.as_dict(), "pid": os.getpid()}, separators=(",", ":")) + "\n"
            try:
                self._append(line.encode())
            except OSError as error:
                self._lost(error)

    def _append(self, line: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = self._open()
        if self._torn:
            line = b"\n" + line  # the beginning of a line that could not be written to its end stays by itself
        written = os.write(self._descriptor, line)
        self._torn = 0 < written < len(line)
        if self._torn:
            raise OSError(0, "a line was written in part")

    def _open(self) -> int:
        make_folder(self._path.parent)
        # Findings tell who met whom: for the owner's eyes only. Without waiting: the path may be a pipe.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return os.open(self._path, flags, 0o600)

    def _lost(self, error: OSError) -> None:
        self.exports["lost"] += 1
        self.exports["failures"] += 1
        if self.exports["failures"] == 1:
            notice(
                f"the journal {self._path} can't be written ({error.strerror}); the application goes on, attempts too"
            )

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
