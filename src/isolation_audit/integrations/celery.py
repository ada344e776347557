"""Celery: each task that a worker runs is a piece of work of its own, and its publisher's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations.building_blocks.published_jobs import Heads, PublishedJobs, given

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

KIND: Final = "celery_task_id"
"""The kind of id under which tasks are bound."""


class Celery:
    """The integration."""

    distribution = "celery"
    since = "5.3"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The making of a message, and what a pool calls to run a task."""
        return PublishedJobs(
            KIND,
            publishing=tuple([f"celery.app.amqp:AMQP.as_task_v{version}" for version in (1, 2)]),
            # Pools call one or the other; what runs inside of its caller (``apply``) calls neither.
            running=("celery.app.trace:fast_trace_task", "celery.app.trace:trace_task"),
            published_id=lambda layout: layout.argument("task_id"),
            id_of=lambda layout: layout.argument("uuid"),
            where_of=_where,
            given_of=given("args", "kwargs", "body"),
            heads=Heads(lambda _layout: _headers, lambda layout: layout.optional("request"), at_end=True),
        ).points(runtime)


def _headers(_values: Values, message: Any) -> Any:
    """The headers of a message that was made: a worker finds them in the request that it makes of it."""
    return getattr(message, "headers", None)


def _where(layout: Layout) -> Callable[[Values], Hashable]:
    """What all runs of one task have in common: its name, or, given the task itself, that of its class."""
    task_of = layout.argument("task")

    def where(values: Values) -> Hashable:
        task = task_of(values)
        return task if type(task) is str else id(type(task))

    return where


integration = Celery()
