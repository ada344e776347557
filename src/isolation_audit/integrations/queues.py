"""The standard library's queues: whose item a consumer works on. ``queue.SimpleQueue`` is C, and can't be watched."""

from __future__ import annotations

from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.identity.scopes import AWAITED, handed_variable
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.instrument.stacks import capture
from isolation_audit.integrations import Point
from isolation_audit.mechanisms.labels import Queues
from isolation_audit.mechanisms.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from isolation_audit.instrument.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

ASYNC: Final = "asyncio.queues:Queue"
THREADED: Final = "queue:Queue"


class QueuesIntegration:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Putting and getting. ``asyncio.Queue.get`` may wait long before it comes to ``get_nowait``."""
        if not runtime.config.watch.contexts:
            return
        lineage, queues = runtime.part(Lineage), Queues()
        for target in (f"{ASYNC}.put_nowait", f"{THREADED}.put"):
            yield Point(target, partial(PutPoint, target, lineage, queues))
        for target in (f"{ASYNC}.get_nowait", f"{THREADED}.get"):
            yield Point(target, partial(GetPoint, target, lineage, queues))
        yield Point(f"{ASYNC}.get", lambda _layout: AskPoint(lineage))


class PutPoint(Interceptor):
    """Around putting: before it, because on another thread the item may be gone as soon as it is in."""

    def __init__(self, place: str, lineage: Lineage, queues: Queues, layout: Layout) -> None:
        self.place = place
        self._queue = layout.receiver_reader()
        self._item = layout.argument("item")
        self._user = lineage.user
        self._queues = queues

    def before(self, values: Values) -> Any:
        """Label the item."""
        if handed_variable.get() is AWAITED:
            _note(self._item(values))
        user, queue = self._user(), self._queue(values)
        items = self._queues.of(queue)
        if items is None:
            if user is None:
                return None
            items = self._queues.added(queue)
        item = self._item(values)
        items.put(item, user)
        # A queue without a limit takes everything.
        return (items, item) if queue.maxsize > 0 else None

    def failed(self, state: Any, _error: BaseException) -> None:
        """The queue is full."""
        items, item = state
        items.take(item)


def _note(item: Any) -> None:
    """A worker thread is handed its job with the context to run it in, which comes first."""
    if type(item) is tuple and item and type(item[0]) is Context:
        handed_variable.set(item[0])


class GetPoint(Interceptor):
    """Around getting: one item is done, the next one begins."""

    def __init__(self, place: str, lineage: Lineage, queues: Queues, layout: Layout) -> None:
        self.place = place
        self._queue = layout.receiver_reader()
        self._lineage = lineage
        self._queues = queues

    def before(self, values: Values) -> Any:
        """The last item is done."""
        self._lineage.end_item()
        return self._queue(values)

    def after(self, queue: Any, item: Any) -> None:
        """The next one begins."""
        items = self._queues.of(queue)
        owner = None if items is None else items.take(item)
        self._lineage.begin_item(owner, queue, _consumer)


class AskPoint(Interceptor):
    """Around the call that waits for an item."""

    place = f"{ASYNC}.get"

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage

    def before(self, _values: Values) -> None:
        """The last item is done."""
        self._lineage.end_item()


def _consumer() -> Hashable:
    """The line that asked for an item: only asked for where something is suspected."""
    raw = capture(3)
    return raw[-1] if raw else None


integration = QueuesIntegration()
