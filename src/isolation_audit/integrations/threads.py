"""Threads and thread pools of the standard library: who started a thread or submitted a job, and as whom it ran."""

from __future__ import annotations

from functools import partial
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.model.owner_tags import OwnerTags
from isolation_audit.model.runners import POOL, brought
from isolation_audit.vocabulary.work import ContextsOfWork, WorkStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

JOB: Final = f"{POOL}:_WorkItem"
THREAD: Final = "threading:Thread"


class Threads:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Jobs, from their submission on, and threads, from their start on."""
        if runtime.config.watch.lifetimes:
            unended = runtime.listener(WorkStarted)
            yield Point(f"{JOB}.__init__", lambda layout: SubmittedPoint(layout, unended))
            yield Point(f"{THREAD}.start", lambda layout: ThreadStartPoint(layout, unended))
        if not runtime.config.watch.contexts:
            return
        lineage, jobs, threads = runtime.listener(ContextsOfWork), Submitters(), Submitters()
        yield Point(f"{JOB}.__init__", partial(_submitted, lineage, jobs))
        yield Point(f"{JOB}.run", lambda layout: JobPoint(layout, lineage, jobs))
        yield Point(f"{THREAD}.start", partial(_started, lineage, threads))
        yield Point(f"{THREAD}._bootstrap_inner", lambda layout: ThreadPoint(layout, lineage, threads))


class Submitters:
    """Whose jobs and threads are, and whether their contexts said so, or only the requests that they come from."""

    def __init__(self) -> None:
        self._in_context = OwnerTags()
        self._of_request = OwnerTags()

    def put(self, obj: object, user: User, *, in_context: bool) -> None:
        """Label it."""
        (self._in_context if in_context else self._of_request).put(obj, user)

    def take(self, obj: object) -> tuple[User | None, bool]:
        """Whose it is, and whether the context said so."""
        user = self._in_context.take(obj)
        return (user, True) if user is not None else (self._of_request.take(obj), False)


class StartPoint(Interceptor):
    """Around a call that makes what another thread will run, which ``function`` reads: it is the running user's."""

    def __init__(
        self, place: str, layout: Layout, lineage: ContextsOfWork, labels: Submitters, function: Callable[[Values], Any]
    ) -> None:
        self.place = place
        self._self_of = layout.receiver_reader()
        self._function = function
        self._lineage = lineage
        self._labels = labels

    def before(self, values: Values) -> None:
        """Label it. Where it is to run in a copy of the context, that copy says whose it is."""
        native = self._lineage.native()
        user = native or self._lineage.user()
        if user is None:
            return
        self._labels.put(self._self_of(values), user, in_context=native is not None)
        context = brought(self._function(values))
        if context is not None:
            self._lineage.hands_on(context, user)


def _submitted(lineage: ContextsOfWork, jobs: Submitters, layout: Layout) -> StartPoint:
    return StartPoint(f"{JOB}.__init__", layout, lineage, jobs, layout.argument("fn"))


def _started(lineage: ContextsOfWork, threads: Submitters, layout: Layout) -> StartPoint:
    thread_of = layout.receiver_reader()

    def function(values: Values) -> Any:
        thread = thread_of(values)
        return thread.function if type(thread) is Timer else getattr(thread, "_target", None)

    return StartPoint(f"{THREAD}.start", layout, lineage, threads, function)


class SubmittedPoint(Interceptor):
    """Around the making of a job, which is looked at again when the work that it is made in is over."""

    place = f"{JOB}.__init__"

    def __init__(self, layout: Layout, unended: WorkStarted) -> None:
        self._future, self._function = layout.argument("future"), layout.argument("fn")
        self._unended = unended

    def before(self, values: Values) -> None:
        """The future says when it is done."""
        self._unended.job(self._future(values), self._function(values))


class ThreadStartPoint(Interceptor):
    """Around the start of a thread, for the same."""

    place = f"{THREAD}.start"

    def __init__(self, layout: Layout, unended: WorkStarted) -> None:
        self._self_of = layout.receiver_reader()
        self._unended = unended

    def before(self, values: Values) -> None:
        """It is about to run."""
        self._unended.thread(self._self_of(values))


class JobPoint(Interceptor):
    """Around a job, on the pool's thread."""

    place = f"{JOB}.run"

    def __init__(self, layout: Layout, lineage: ContextsOfWork, jobs: Submitters) -> None:
        self._self_of = layout.receiver_reader()
        self._lineage = lineage
        self._jobs = jobs

    def before(self, values: Values) -> Any:
        """Compare the submitter with the thread's own context."""
        job = self._self_of(values)
        submitter, in_context = self._jobs.take(job)
        return self._lineage.begin_job(submitter, job.fn, may_be_lost=in_context)

    def after(self, state: Any, _result: Any) -> None:
        """The job is done."""
        self._lineage.end_job(state)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same; the job's own exceptions go into its future."""
        self._lineage.end_job(state)


class ThreadPoint(Interceptor):
    """Around all that a thread does."""

    place = f"{THREAD}._bootstrap_inner"

    def __init__(self, layout: Layout, lineage: ContextsOfWork, threads: Submitters) -> None:
        self._self_of = layout.receiver_reader()
        self._lineage = lineage
        self._threads = threads

    def before(self, values: Values) -> Any:
        """Whose work it is started in."""
        thread = self._self_of(values)
        starter, in_context = self._threads.take(thread)
        if starter is None or not in_context:
            return None
        # Without a target the thread is of a class with a `run` of its own.
        return self._lineage.begin_thread(starter, getattr(thread, "_target", None) or type(thread).run)

    def after(self, state: Any, _result: Any) -> None:
        """The thread ends."""
        self._lineage.suspicions.close(state)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same; a thread's own exceptions end in its excepthook."""
        self._lineage.suspicions.close(state)


integration = Threads()
