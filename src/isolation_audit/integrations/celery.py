"""Celery: each task that a worker runs is a piece of work of its own, and its publisher's.

Workers run one task after the other in one context, and what a task has set there is the next one's. Whose a task is
travels beside the message, never in it: its id is bound to the user who published it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.identity.scopes import job_variable
from isolation_audit.identity.users import Kind
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.mechanisms.jobs import Jobs
from isolation_audit.mechanisms.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from isolation_audit.identity.bindings import Bindings
    from isolation_audit.identity.users import User
    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

KIND: Final = "celery_task_id"
"""The kind of id under which tasks are bound."""

_MESSAGES: Final = tuple(f"celery.app.amqp:AMQP.as_task_v{version}" for version in (1, 2))
# Pools call one or the other, never one within the other; what runs inside of its caller (``apply``) calls neither.
_RUNS: Final = ("celery.app.trace:fast_trace_task", "celery.app.trace:trace_task")

_RANDOM: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""Ids as Celery makes them; one that the application made may be used again, by whomever."""


class Celery:
    """The integration."""

    distribution = "celery"
    since = "5.3"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The making of a message, and what a pool calls to run a task."""
        if not runtime.config.watch.contexts:
            return
        runtime.bindings.handles.add(KIND)
        for target in _MESSAGES:
            yield Point(target, partial(MessagePoint, target, runtime))
        for target in _RUNS:
            yield Point(target, partial(TaskPoint, target, runtime))


class MessagePoint(Interceptor):
    """Around the making of a task's message: before it is sent, a worker can't be faster than the binding."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._id = layout.argument("task_id")
        self._current = runtime.ambient.current
        self._bindings = runtime.bindings

    def before(self, values: Values) -> None:
        """Bind the task's id; one that is known keeps its user: a retry is still the first publisher's."""
        user, identifier = self._publisher(), self._id(values)
        if user is None or type(identifier) is not str or _RANDOM.fullmatch(identifier) is None:
            return
        if self._bindings.user_of(KIND, identifier) is None:
            self._bindings.learn(KIND, identifier, user)

    def _publisher(self) -> User | None:
        """Who is running; in a task that has not said so, its own publisher. None where that is no real user."""
        user, job = self._current(), job_variable.get()
        if job is not None and (user is None or user is job.stint.native):
            user = job.publisher()
        return user if user is not None and user.kind is Kind.USER else None


class _Job:
    """One run of a task; holds nothing of it."""

    __slots__ = ("_bindings", "_id", "counted", "outer", "stint")

    def __init__(self, identifier: Any, bindings: Bindings, outer: Any) -> None:
        self._id = identifier
        self._bindings = bindings
        self.outer = outer
        self.stint: Any = None
        self.counted: Any = None

    def publisher(self) -> User | None:
        """Whose it is, as far as is known by now: a binding may arrive after its message."""
        return self._bindings.user_of(KIND, self._id)


class TaskPoint(Interceptor):
    """Around the running of a task in a worker."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._id = layout.argument("uuid")
        self._task = layout.argument("task")
        self._lineage = runtime.part(Lineage)
        self._bindings = runtime.bindings
        self._jobs = runtime.part(Jobs)

    def before(self, values: Values) -> _Job:
        """An earlier task's user may still be there."""
        job = _Job(self._id(values), self._bindings, job_variable.get())
        job.counted = self._jobs.begin()
        job.stint = self._lineage.begin_task(job.publisher(), _where(self._task(values)))
        job_variable.set(job)
        return job

    def after(self, job: Any, _result: Any) -> None:
        """Whoever is the user now is left behind."""
        job_variable.set(job.outer)
        self._jobs.end(job.counted, job.publisher())
        self._lineage.end_task(job.stint, job.publisher)

    def failed(self, job: Any, _error: BaseException) -> None:
        """The same."""
        self.after(job, None)


def _where(task: Any) -> Hashable:
    """What all runs of one task have in common: its name, or, given the task itself, that of its class."""
    return task if type(task) is str else id(type(task))


integration = Celery()
