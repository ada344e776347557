"""janus: queues between threads and tasks; both of their sides end in the same methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.queues import AskPoint, GetPoint, PutPoint
from isolation_audit.model.owner_tags import Queues
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_PUT: Final = "janus:Queue._put_internal"
_ASKS: Final = ("janus:_AsyncQueueProxy.get", "janus:_SyncQueueProxy.get")
_GETS: Final = ("janus:Queue._get", "janus:PriorityQueue._get", "janus:LifoQueue._get")


class Janus:
    """The integration."""

    distribution = "janus"
    since = "1.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What puts an item in, what waits for one, and what takes it out, for each order of items."""
        if not runtime.config.watch.contexts:
            return
        lineage, queues = runtime.listener(ContextsOfWork), Queues()
        yield Point(_PUT, partial(PutPoint, _PUT, lineage, queues))
        for target in _ASKS:
            yield Point(target, partial(AskPoint, target, lineage))
        for target in _GETS:
            yield Point(target, partial(GetPoint, target, lineage, queues))


integration = Janus()
