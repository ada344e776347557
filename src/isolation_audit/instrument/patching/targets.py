"""Targets: what the configuration names, when its module is there, and what became of it."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from isolation_audit.foundation.records import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from isolation_audit.config.model import Target


class State(StrEnum):
    """What became of one target."""

    WAITING = "waiting"
    """Its module has not been imported."""
    APPLIED = "applied"
    LATE = "late"
    """Applied after objects or references had escaped (IA902)."""
    ABSENT = "absent"
    """Optional, and not there."""
    MISSING = "missing"
    """Not found (IA901)."""


@record
class Watched:
    """One target in one role; ``apply`` instruments it inside its imported module."""

    target: Target
    role: str
    apply: Callable[[ModuleType, Target], None]
    optional: bool = False
    quiet: bool = False
    """True for what every process has and nobody asked for: reports name it only where it could not be watched."""
    state: State = State.WAITING
    detail: str = ""
    doubt: Callable[[], str] = str
    """Why it may be another one than what is known, as of a library's old version; empty where nothing is in doubt."""
    library: str = ""
    """The integration that it belongs to, by its name; empty for what the configuration names."""
    sighting: bool = False
    """True for what is hooked only to be seen at work, not to be watched."""
    calls: list[int] = field(default_factory=lambda: [0])
    """One cell: how often what was placed for it has been called."""
    built_for: Callable[[type], bool] | None = None
    """Told a class, whether its constructor says what nothing says later. None: all that is built is watched."""
    found: object = None
    """What the target resolved to when it was applied; another object at the same name means a reload."""
