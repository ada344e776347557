"""A place that refers to what is deprecated, and what replaces it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from isolation_audit.source.scan.deprecated import class_of

if TYPE_CHECKING:
    from isolation_audit.config.model import Target
    from isolation_audit.source.migrate.text import Edit
    from isolation_audit.source.scan.deprecated import Hit
    from isolation_audit.source.scan.facts import Use


@dataclass(slots=True)
class Place:
    """One use of something deprecated; ``reason`` says why it is left to a person, and is empty where it is not."""

    use: Use
    hit: Hit
    reason: str = ""
    edits: tuple[Edit, ...] = ()
    keeps_name: bool = False
    """The replacement is called by the name that the file gave to the old class."""
    keeps_old: bool = False
    """The old class is still named, beside its replacement."""

    def leave(self, reason: str) -> None:
        """Leave it to a person."""
        self.reason, self.edits, self.keeps_old = reason, (), False


@dataclass(frozen=True, slots=True)
class New:
    """The replacement as a file names it: ``expression`` is the class, ``callee`` what is called."""

    module: str
    expression: str
    callee: str

    @property
    def is_top_level(self) -> bool:
        """Whether an import can give it any name."""
        return "." not in self.expression

    @property
    def name(self) -> str:
        """The name to import."""
        return self.expression.partition(".")[0]

    def is_of(self, other: New) -> bool:
        """Whether both are imported by one name."""
        return (self.module, self.name) == (other.module, other.name)

    @property
    def imported_whole(self) -> New:
        """What an import of it gives: two that are imported alike are one."""
        return New(self.module, self.name, self.name)

    def called(self, alias: str) -> New:
        """The same under another name."""
        rest = len(self.name)
        return New(self.module, alias + self.expression[rest:], alias + self.callee[rest:])

    def imported(self, alias: str = "") -> str:
        """The import statement."""
        return f"from {self.module} import {self.name}" + (f" as {alias}" if alias and alias != self.name else "")


def new_of(replacement: Target) -> New:
    """A replacement as a file names it when it has imported it."""
    return New(replacement.module, class_of(replacement).qualname, replacement.qualname)
