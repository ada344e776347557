"""What is observed of state that the work of two users has had in its hands; depth `state` finds it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.rules import Severity
    from isolation_audit.model.users import User


@dataclass(frozen=True, slots=True)
class Crossed:
    """State that one unit has written and another one has read, overwritten or lost."""

    why: str
    severity: Severity
    reader: User | None
    writer: User | None
    read: AccessSite
    written: AccessSite
    stack: RawStack
    path: str
    held: str
    classes: tuple[str, ...] = ()
    """The classes of the objects on the path."""
    remedy: tuple[str, ...] = ()
    diagram: str = ""
    """The path as text for Mermaid."""
    target: str = ""
    """The place as configuration, or the code, has it: the same for all keys and indexes."""
