"""The journal: one JSON object a line for each new finding, appended as it happens, for log shippers."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from isolation_audit.export.sink import Batch


class JournalSink:
    """Appends to a file that several processes may share: each line is one ``write`` in append mode."""

    name = "journal"

    def __init__(self, path: Path) -> None:
        """Open the journal.

        Raises:
            OSError: the file can't be opened for appending.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # Findings tell who met whom: for the owner's eyes only.
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def drain(self, batch: Batch) -> None:
        """Append what is new; a later repetition only raises the count in the report."""
        for entry in batch.entries:
            line = json.dumps({**entry.as_dict(), "pid": os.getpid()}, separators=(",", ":")) + "\n"
            os.write(self._descriptor, line.encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
