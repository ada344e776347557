"""Which rules are on, and how severe they are to a team: ``[select]``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.config.model import Select
    from isolation_audit.model.rules import Severity


class Selection:
    """Which rules are on, and which severity a team gave them."""

    def __init__(self, select: Select) -> None:
        self._select = select

    def enabled(self, code: str) -> bool:
        """Enabled and not disabled; ``disable`` wins."""
        if any(fnmatchcase(code, glob) for glob in self._select.disable):
            return False
        return any(fnmatchcase(code, glob) for glob in self._select.enable)

    def severity(self, code: str, default: Severity) -> Severity:
        """The last matching override, or the rule's own severity."""
        chosen = default
        for glob, severity in self._select.severity:
            if fnmatchcase(code, glob):
                chosen = severity
        return chosen
