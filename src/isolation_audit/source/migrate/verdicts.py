"""What a command says of a tree, and whether it says anything worse after a change than before."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FAILED = re.compile(r"^(?:FAILED|FAIL|ERROR)\b:?\s+(.+?)(?: - .*)?$")
"""How pytest and unittest name a test that fails."""
_VARIES = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?")
"""Times, counts and addresses differ from run to run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A command's exit code, and the lines that it printed."""

    code: int
    lines: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        """What it said last: most often the reason."""
        return self.lines[-1] if self.lines else f"exit code {self.code}"

    @property
    def failed(self) -> set[str]:
        """The tests that it names as failed."""
        return {match[1] for line in self.lines if (match := _FAILED.match(line))}

    def worse_than(self, before: Verdict) -> str:
        """What is worse now; empty where nothing is."""
        if self.code == 0:
            return ""
        if before.code == 0:
            return self.last
        if self.code != before.code:
            return f"{self.last} (exit code {self.code}, and {before.code} before the change)"
        if self.failed or before.failed:
            return ", ".join(sorted(self.failed - before.failed))
        known = {_VARIES.sub("", line) for line in before.lines}
        return next((line for line in self.lines if _VARIES.sub("", line) not in known), "")
