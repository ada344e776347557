"""APScheduler: a job is whoever's who has scheduled it, and not whoever's whose work has woken the scheduler.

On an event loop a scheduler sets a timer, which copies the context of the request that has started it, or that was the
last to add a job. What is due then runs in that context.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.jobs import Jobs
from isolation_audit.integrations import Point
from isolation_audit.model.owner_tags import OwnerTags
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

JOB: Final = "apscheduler.job:Job.__init__"
_BASE: Final = "apscheduler.executors.base"
# Until 3.10 coroutines had a module of their own.
_RUNS: Final = (f"{_BASE}:run_job", f"{_BASE}:run_coroutine_job", f"{_BASE}_py3:run_coroutine_job")


class APScheduler:
    """The integration."""

    distribution = "APScheduler"
    since = "3.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The making of a job, and what executors call to run one."""
        if not runtime.config.watch.contexts:
            return
        lineage, jobs = runtime.listener(ContextsOfWork), OwnerTags()
        yield Point(JOB, lambda layout: MakePoint(layout, lineage, jobs))
        for target in _RUNS:
            yield Point(target, partial(RunPoint, target, runtime, jobs))


class MakePoint(Interceptor):
    """Around the making of a job. One that a store has written down and read again is another one, and nobody's."""

    place = JOB

    def __init__(self, layout: Layout, lineage: ContextsOfWork, jobs: OwnerTags) -> None:
        self._job = layout.receiver_reader()
        self._user = lineage.user
        self._jobs = jobs

    def before(self, values: Values) -> None:
        """Label it."""
        user = self._user()
        if user is not None:
            self._jobs.put(self._job(values), user)


class RunPoint(Interceptor):
    """Around the running of a job."""

    def __init__(self, place: str, runtime: Runtime, jobs: OwnerTags, layout: Layout) -> None:
        self.place = place
        self._job = layout.argument("job")
        self._lineage = runtime.listener(ContextsOfWork)
        self._counted = runtime.part(Jobs)
        self._jobs = jobs

    def before(self, values: Values) -> Any:
        """Compare whoever has scheduled it with the context's user."""
        job = self._job(values)
        owner = self._jobs.get(job)
        counted = self._counted.begin()
        return owner, counted, None if owner is None else self._lineage.begin_scheduled(owner, job.func)

    def after(self, state: Any, _result: Any) -> None:
        """The job is done."""
        owner, counted, piece = state
        self._counted.end(counted, owner)
        if piece is not None:
            self._lineage.end_job(piece)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same, where it was cancelled; the job's own exceptions go into an event."""
        self.after(state, None)


integration = APScheduler()
