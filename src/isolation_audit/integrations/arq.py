"""arq: each job that a worker runs is a piece of work of its own, and that of whoever has enqueued it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.published_jobs import MessagePoint, PublishedJobs, field, of_arguments
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import ITEM, Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

KIND: Final = "arq_job_id"
"""The kind of id under which jobs are bound."""
_ENQUEUE: Final = "arq.connections:ArqRedis.enqueue_job"
_READ: Final = "arq.jobs:deserialize_job_raw"


class Arq:
    """The integration; what its `cron` starts is nobody's."""

    distribution = "arq"
    since = "0.26"
    packages = ("arq",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The enqueueing of a job, its running, and what reads its arguments there."""
        jobs = PublishedJobs(
            KIND,
            publishing=(),
            running=("arq.worker:Worker.run_job",),
            published_id=_nothing,
            id_of=lambda layout: layout.argument("job_id"),
            where_of=field("self", "queue_name"),
            given_of=_nothing,
        )
        yield from jobs.points(runtime)
        if runtime.config.watch.contexts:
            yield Point(_ENQUEUE, partial(EnqueuePoint, _ENQUEUE, jobs, runtime))
            if receiver(runtime) is not None:
                yield Point(_READ, lambda _layout: ArgumentsPoint())


class EnqueuePoint(MessagePoint):
    """Around the enqueueing of a job, which makes its id: it is known when the job is on its way."""

    def before(self, _values: Values) -> User | None:
        """Who enqueues it."""
        return self.publisher()

    def after(self, user: User, job: Any) -> None:
        """Bind its id; there is none where a job of this id was there already."""
        self.bind(user, getattr(job, "job_id", None))


class ArgumentsPoint(Interceptor):
    """Around what reads a job's arguments: they come out of Redis after the job has begun."""

    place = _READ

    def before(self, _values: Values) -> Any:
        """Wait for them, in a job."""
        work = current_unit().job
        return None if work is None else work.published

    def after(self, job: Any, read: Any) -> None:
        """Its publisher has given them."""
        if job.inputs is not None:
            publisher = job.publisher()
            _function, args, kwargs, *_ = read
            by = None if publisher is None else publisher.id
            job.inputs.receive(Input(ITEM, (args, kwargs), texts=of_arguments, stored_by=by))


def _nothing(_layout: Layout) -> Any:
    return lambda _values: ()


integration = Arq()
