"""taskiq: each task that a worker runs is a piece of work of its own, and that of whoever has kicked it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations.building_blocks.published_jobs import PublishedJobs, field, given, headers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

KIND: Final = "taskiq_task_id"
"""The kind of id under which tasks are bound."""
_FORMATS: Final = ("proxy_formatter:ProxyFormatter", "json_formatter:JSONFormatter")


class Taskiq:
    """The integration."""

    distribution = "taskiq"
    since = "0.13"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The making of a message, which comes before it is sent, and what runs a task."""
        return PublishedJobs(
            KIND,
            publishing=tuple([f"taskiq.formatters.{kind}.dumps" for kind in _FORMATS]),
            running=("taskiq.receiver.receiver:Receiver.run_task",),
            published_id=field("message", "task_id"),
            id_of=field("message", "task_id"),
            where_of=field("message", "task_name"),
            given_of=given("message"),
            heads=headers_of("message", "labels"),
        ).points(runtime)


integration = Taskiq()
