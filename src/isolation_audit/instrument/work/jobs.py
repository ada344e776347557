"""Jobs: what a worker or a scheduler runs, counted, and whether anybody knows whose it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User


class CountedWork:
    """One run of a job, or of anything else that is counted. A scope that begins in it makes it known.

    ``published`` is what is known of the message that a worker runs, here or around this.
    """

    __slots__ = ("known", "outer", "published")

    def __init__(self) -> None:
        self.known = False
        self.outer: CountedWork | None = current_unit().job
        self.published: Any = None if self.outer is None else self.outer.published
        change_unit(job=self)

    def end(self, user: User | None) -> bool:
        """It has ended; true where its user was known, ``user`` being whoever has wanted it or runs at its end."""
        if current_unit().job is self:
            change_unit(job=self.outer)
        return self.known or (user is not None and user.kind is Kind.USER)


class Jobs:
    """The jobs of one process; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._tally = runtime.tally
        self._current = runtime.ambient.current

    @staticmethod
    def begin() -> CountedWork:
        """A job begins in this context."""
        return CountedWork()

    def end(self, job: CountedWork, owner: User | None) -> None:
        """It has ended; ``owner`` is whoever is known to have wanted it."""
        self._tally.jobs += 1
        self._tally.jobs_named += job.end(owner or self._current())
