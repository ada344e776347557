"""RQ: each job that a worker performs is a piece of work of its own, and that of whoever enqueued it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations.building_blocks.published_jobs import PublishedJobs, field, given, headers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

KIND: Final = "rq_job_id"
"""The kind of id under which jobs are bound."""


class RQ:
    """The integration."""

    distribution = "rq"
    since = "3.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The writing of a job, which comes before it is in any queue, and what performs it."""
        return PublishedJobs(
            KIND,
            publishing=("rq.job:Job.save",),
            running=("rq.job:Job.perform",),
            published_id=field("self", "_id"),
            id_of=field("self", "_id"),
            where_of=field("self", "origin"),
            given_of=given("self"),
            heads=headers_of("self", "meta"),
        ).points(runtime)


integration = RQ()
