"""huey: each task that a worker executes is a piece of work of its own, and that of whoever enqueued it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations.building_blocks.published_jobs import PublishedJobs, field, given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

KIND: Final = "huey_task_id"
"""The kind of id under which tasks are bound."""


class Huey:
    """The integration; what the clock starts is nobody's."""

    distribution = "huey"
    since = "3.5"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The enqueueing of a task, and its execution."""
        return PublishedJobs(
            KIND,
            publishing=("huey.api:Huey.enqueue",),
            running=("huey.api:Huey._execute",),
            published_id=field("task", "id"),
            id_of=field("task", "id"),
            where_of=field("task", "name"),
            given_of=given("task"),
        ).points(runtime)


integration = Huey()
