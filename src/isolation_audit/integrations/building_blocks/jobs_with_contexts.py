"""Jobs that bring their own context through a queue, as those of anyio's worker threads do.

Two integrations look at each item of a queue: whose it is, and whose unit of work has put it. Of an item that brings
its own context both know that from there. So on queues between threads, where a request of FastAPI puts four of them,
they are asked together: once before, once after.
"""

from __future__ import annotations

from contextvars import Context
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.barrier import inside
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.integrations.building_blocks.queues_of_servers import PutByServers, TakenByServers
from isolation_audit.model.contexts import CopiedContext, awaited_variable, current_moment, current_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.calls.interceptors import Before, Guarded, Joined, States
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.vocabulary.work import ContextsOfWork

THREADED: Final = "queue:Queue"


class LooksAtPut(Interceptor):
    """One who looks at what is put into a queue."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._queue = layout.receiver_reader()
        self._item = layout.argument("item")

    def joined(self, every: tuple[Guarded, ...], apart: Before) -> Joined | None:
        """One look for all who would pass by a thread's job, or what a server puts into a queue of its own."""
        if not all(isinstance(one.interceptor, LooksAtPut) for one in every):
            return None
        threaded = self.place.startswith(THREADED)
        return JobsPut(every, apart, self._item) if threaded else PutByServers(every, apart, self._queue)


class LooksAtTaken(Interceptor):
    """One who looks at what is taken from a queue."""

    lineage: ContextsOfWork | None = None
    """Told of a job with its context, where this one tells of it."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._queue = layout.receiver_reader()

    def joined(self, every: tuple[Guarded, ...], apart: Before) -> Joined | None:
        """The same for what is taken."""
        looking = [one.interceptor for one in every if isinstance(one.interceptor, LooksAtTaken)]
        lineage = next((one.lineage for one in looking if one.lineage is not None), None)
        if lineage is None or len(looking) != len(every):
            return None
        if not self.place.startswith(THREADED):
            return TakenByServers(every, apart, self._queue)
        return JobsTaken(every, apart, lineage, self._queue)


class JobsPut:
    """Before putting; what brings no context is for each to look at."""

    counts_calls = True

    def __init__(self, every: tuple[Guarded, ...], apart: Before, item_of: Callable[[Values], Any]) -> None:
        self._every = every
        self._cells = [one.calls for one in every]
        self._apart = apart
        self._item = item_of
        self.before: Before = self._looks

    def _looks(self, values: Values) -> States | None:
        """Hand the context over to whoever has waited for it."""
        if get_ident() in inside:
            return None
        try:
            item_of = self._item
            item = item_of(values)
            if type(item) is tuple and item and type(item[0]) is Context:
                for cell in self._cells:
                    cell[0] += 1
                awaited = awaited_variable.get()
                if type(awaited) is CopiedContext and awaited.context is None:
                    awaited.context = item[0]
                return None
        except Exception as error:
            self._every[0].absorb(error)
            return None
        return self._apart(values)

    def retire(self) -> None:
        """It is asked no more."""


class JobsTaken:
    """Around getting. To the probe it is the one who waits for the item."""

    counts_calls = True
    minds_results = ends_quietly = True
    minds_failures = False

    def __init__(
        self, every: tuple[Guarded, ...], apart: Before, lineage: ContextsOfWork, queue_of: Callable[[Values], Any]
    ) -> None:
        self._every = every
        self._cells = [one.calls for one in every]
        self._apart = apart
        self._lineage = lineage
        self._queue = queue_of
        self.before: Before = self._asks
        self.interceptor = self
        """Who is told."""

    @property
    def barrier(self) -> Barrier:
        """Where faults are counted."""
        return self._every[0].barrier

    def absorb(self, error: Exception) -> None:
        """A fault of either."""
        self._every[0].absorb(error)

    def _asks(self, values: Values) -> Any:
        """The last item is done; outside of units of work, and after a job with its context, it is only noted."""
        if get_ident() in inside:
            return None
        unit = current_unit()
        item = unit.item
        if (item is not None and not item.elsewhere) or unit.given_by is not None or current_moment() is not None:
            return self._apart(values)
        try:
            for cell in self._cells:
                cell[0] += 1
            if item is not None:
                self._lineage.end_item()
        except Exception as error:
            self.absorb(error)
            return None
        return ((self, values),)

    def after(self, values: Values, item: Any) -> None:
        """A job with its context begins there; any other item is for each to look at."""
        if type(item) is tuple and item and type(item[0]) is Context:
            self._lineage.begin_elsewhere(item[0])
            return
        queue_of = self._queue
        queue = queue_of(values)
        Probe.after(tuple([(one, queue) for one in self._every]), item)

    def retire(self) -> None:
        """It is asked no more."""
