"""The values of the configuration that are more than text: what names code, and what names an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from isolation_audit.config.paths import Path


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """``module:qualname``; ``qualname`` is empty where a whole module is meant."""

    module: str
    qualname: str = ""
    text: str = field(init=False, compare=False, repr=False)
    """As it is written in the configuration."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", f"{self.module}:{self.qualname}" if self.qualname else self.module)

    def __str__(self) -> str:
        return self.text


NOWHERE: Final = Target("")
"""Stands in for a target that is missing or wrong."""


@dataclass(frozen=True, slots=True)
class EventName:
    """The event of a method: a literal ``name``, a ``path`` into the call, or neither: the method's own name.

    ``strip`` is the literal part of the method glob before its first wildcard (``emit_`` of ``emit_*``).
    """

    name: str | None = None
    path: Path | None = None
    strip: str = ""
