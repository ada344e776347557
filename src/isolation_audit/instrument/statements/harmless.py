"""Statements that are known to leave nothing in a session, whatever their parameters are: most of all that come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.statements.changes import leaves_nothing

if TYPE_CHECKING:
    from isolation_audit.analysis.sql import Statement
    from isolation_audit.model.gates import Gate

_TEXTS: Final = 1_000
_LONGEST: Final = 10_000
"""Characters of the longest that is remembered."""


class Harmless:
    """Those of one integration; ``gate`` is closed as long as nothing was left in any session."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._texts: set[tuple[str, str]] = set()

    def passes(self, text: object, dialect: str) -> bool:
        """True for a statement that needs not be told of."""
        return not self._gate.open and type(text) is str and (text, dialect) in self._texts

    def note(self, text: str, dialect: str, statements: tuple[Statement, ...]) -> None:
        """These ``statements`` stand in the text; remember it where they leave nothing."""
        if len(text) <= _LONGEST and len(self._texts) < _TEXTS and leaves_nothing(statements):
            self._texts.add((text, dialect))
