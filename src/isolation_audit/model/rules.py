"""The words for rules: what a monitor declares about each code that it can report."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """How bad a finding is; ``error`` is proof of a crossing, ``warning`` a risk, ``note`` information."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for a note, 2 for an error, so that severities can be compared with a threshold."""
        return ("note", "warning", "error").index(self.value)


@dataclass(frozen=True, slots=True)
class Example:
    """A runnable proof of a rule: ``config`` (TOML) and ``bad`` / ``good`` (a module named ``app``).

    ``bad`` must make the rule report, ``good`` must not. Both define ``main()``; the config's targets name ``app:...``.
    """

    config: str
    bad: str
    good: str


@dataclass(frozen=True, slots=True)
class SourceExample:
    """A proof of a rule of the source: ``config`` (TOML) and two trees, file names to their text.

    Scanning ``bad`` must make the rule report, scanning ``good`` must not.
    """

    config: str
    bad: Mapping[str, str]
    good: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One code of one family, with the words that its documentation page and its findings use."""

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    help: str
    example: Example | SourceExample
    options: str = ""
