"""Jobs: what a worker or a scheduler runs, counted, and whether anybody knows whose it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.identity.scopes import job_count_variable
from isolation_audit.identity.users import Kind

if TYPE_CHECKING:
    from isolation_audit.identity.users import User
    from isolation_audit.instrument.runtime import Runtime


class CountedJob:
    """One run of a job. A scope that begins in it makes it known."""

    __slots__ = ("known", "outer")

    def __init__(self, outer: Any) -> None:
        self.known = False
        self.outer = outer


class Jobs:
    """The jobs of one process; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._tally = runtime.tally
        self._current = runtime.ambient.current

    @staticmethod
    def begin() -> CountedJob:
        """A job begins in this context."""
        job = CountedJob(job_count_variable.get())
        job_count_variable.set(job)
        return job

    def end(self, job: CountedJob, owner: User | None) -> None:
        """It has ended; ``owner`` is whoever is known to have wanted it."""
        if job_count_variable.get() is job:
            job_count_variable.set(job.outer)
        user = owner or self._current()
        self._tally.jobs += 1
        self._tally.jobs_named += job.known or (user is not None and user.kind is Kind.USER)
