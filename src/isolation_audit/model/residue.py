"""What earlier jobs and items have left behind in a thread's or a task's context, for those that come after them."""

from __future__ import annotations

from typing import Any

from isolation_audit.model.contexts import residue_variable
from isolation_audit.model.runners import OfRunner


class Residue(OfRunner):
    """All of it, as it is from now on: a copy of the context that was made earlier keeps what it has.

    ``user`` is one whom an earlier job has left to this task or thread, and means nothing in those that inherit it.
    ``library`` is what was left for a library, such as an OpenTelemetry context, ``values`` what is in other context
    variables, and ``reader`` the job that may read those.
    """

    __slots__ = ("library", "reader", "user", "values")

    library: Any
    reader: Any
    user: Any
    values: Any

    def __init__(self) -> None:
        super().__init__()
        before: Residue | None = residue_variable.get()
        self.user = None if before is None or before.runner != self.runner else before.user
        self.library, self.values, self.reader = (
            (None, None, None) if before is None else (before.library, before.values, before.reader)
        )
        residue_variable.set(self)
