"""Uses of files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from uses import as_user, outcome, use


@use("files")
def files() -> Any:
    def visit() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "note.txt")
            path.write_text("hello")
            descriptor = os.open(path, os.O_RDONLY)
            os.close(descriptor)
            return [
                path.read_text(),
                outcome(open, path.with_name("missing")),
                type(outcome(os.open, path.with_name("missing"), os.O_RDONLY)).__name__,
            ]

    return as_user("somebody", visit)
