"""One occurrence of a finding: whose data met whom, in which piece of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from isolation_audit.model.contexts import current_scope, current_unit
from isolation_audit.model.spans import identity

if TYPE_CHECKING:
    from isolation_audit.model.findings import Finding
    from isolation_audit.model.scopes import Scope

OCCURRENCES: Final = 10_000
"""Occurrences that wait for a way out; a full queue drops its oldest."""


@dataclass(slots=True, eq=False, repr=False)
class Occurrence:
    """Two users met (labels), at a time (Unix seconds). ``work`` is the scope or unit of work that was running."""

    at: float
    finding: Finding
    sender: str
    receiver: str
    work: Scope | None


def running_work() -> Scope | None:
    """The innermost scope; outside of any, the unit of work of the request, where there is one."""
    work: Scope | None = current_scope()
    if work is None:
        request = current_unit().request
        work = None if request is None else request.unit
    if work is not None:
        identity(work)  # here, and not by two threads at once later
    return work
