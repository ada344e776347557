"""Counts the calls of our functions: what something costs, on any machine."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import isolation_audit

OURS = str(Path(isolation_audit.__file__).parent)


class Calls:
    """Calls of our functions while it is entered, on this thread."""

    def __init__(self) -> None:
        self.functions: Counter[str] = Counter()
        self.files: set[str] = set()

    def _note(self, frame: Any, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS):
            self.functions[f"{Path(code.co_filename).relative_to(OURS)}:{code.co_qualname}"] += 1
            self.files.add(code.co_filename)

    def __enter__(self) -> Calls:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)

    @property
    def total(self) -> int:
        return sum(self.functions.values())

    def listed(self) -> str:
        return "\n".join(f"{count:4} {name}" for name, count in self.functions.most_common())
