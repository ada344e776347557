"""The standard library's queues: whose item a consumer works on. ``queue.SimpleQueue`` is C, and can't be watched."""

from __future__ import annotations

import sys
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.stacks import capture, is_ours
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.jobs_with_contexts import THREADED, LooksAtPut, LooksAtTaken
from isolation_audit.model.contexts import CopiedContext, awaited_variable
from isolation_audit.model.owner_tags import Items, Queues
from isolation_audit.model.running import running_task
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from types import FrameType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

ASYNC: Final = "asyncio.queues:Queue"
WAIT: Final = "asyncio.tasks:wait_for"
_LOOP: Final = "/asyncio/events.py"
_QUEUES: Final = "/asyncio/queues.py"
_FRAMES: Final = 8
"""How far up the event loop may be: the queue's own calls and what is around them lie between."""


class QueuesIntegration:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Putting and getting. ``asyncio.Queue.get`` may wait long before it comes to ``get_nowait``."""
        if not runtime.config.watch.contexts:
            return
        lineage, queues = runtime.listener(ContextsOfWork), Queues()
        for target in (f"{ASYNC}.put_nowait", f"{THREADED}.put"):
            yield Point(target, partial(PutPoint, target, lineage, queues))
        for target in (f"{ASYNC}.get_nowait", f"{THREADED}.get"):
            yield Point(target, partial(GetPoint, target, lineage, queues))
        yield Point(f"{ASYNC}.get", partial(AskPoint, f"{ASYNC}.get", lineage))
        if sys.version_info < (3, 12):
            # From then on it waits in the task that has called it.
            yield Point(WAIT, lambda _layout: WaitPoint(lineage))


class PutPoint(LooksAtPut):
    """Around putting: before it, because on another thread the item may be gone as soon as it is in."""

    def __init__(self, place: str, lineage: ContextsOfWork, queues: Queues, layout: Layout) -> None:
        super().__init__(place, layout)
        self._user = lineage.user
        self._queues = queues

    def before(self, values: Values) -> Any:
        """Label the item; one that brings its own context says by that whose it is."""
        item_of = self._item
        item = item_of(values)
        if type(item) is tuple and item and type(item[0]) is Context:  # a thread's job, with its context
            awaited = awaited_variable.get()
            if type(awaited) is CopiedContext and awaited.context is None:
                awaited.context = item[0]
            return None
        queue = self._queue(values)
        items = self._label(queue, item)
        # A queue without a limit takes everything.
        return (items, item) if items is not None and queue.maxsize > 0 else None

    def _label(self, queue: Any, item: Any) -> Items | None:
        """The running user puts it in; None where nobody's was ever put in."""
        user = self._user()
        items = self._queues.get(queue)
        if items is None:
            if user is None:
                return None
            items = self._queues.added(queue)
        items.put(item, user)
        return items

    def failed(self, state: Any, _error: BaseException) -> None:
        """The queue is full."""
        items, item = state
        items.take(item)


class GetPoint(LooksAtTaken):
    """Around getting: one item is done, the next one begins."""

    def __init__(self, place: str, lineage: ContextsOfWork, queues: Queues, layout: Layout) -> None:
        super().__init__(place, layout)
        self.lineage = self._lineage = lineage
        self._queues = queues

    def before(self, values: Values) -> Any:
        """The last item is done."""
        self._lineage.end_item()
        return self._queue(values)

    def after(self, queue: Any, item: Any) -> None:
        """The next one begins."""
        if type(item) is tuple and item and type(item[0]) is Context:  # a thread's job, with its context
            self._lineage.begin_elsewhere(item[0])
            return
        items = self._queues.get(queue)
        owner = None if items is None else items.take(item)
        waiting = awaited_variable.get()
        if type(waiting) is Waiting and waiting.fetches(sys._getframe(1)):  # noqa: SLF001 - the documented way to a frame
            waiting.got = item, owner, queue
        else:
            self._lineage.begin_item(owner, queue, _consumer)


class AskPoint(Interceptor):
    """Around the call that waits for an item."""

    def __init__(self, place: str, lineage: ContextsOfWork, _layout: Layout) -> None:
        self.place = place
        self._lineage = lineage

    def before(self, _values: Values) -> None:
        """The last item is done."""
        self._lineage.end_item()


class Waiting:
    """Whoever waits for an item in a task that is made for just that: what that task has got is for this one."""

    __slots__ = ("_task", "got", "outer")

    def __init__(self) -> None:
        self._task = running_task()
        self.outer = awaited_variable.get()
        self.got: tuple[Any, User | None, Any] | None = None

    def fetches(self, frame: FrameType | None) -> bool:
        """True in such a task, which does nothing but ask the queue."""
        if running_task() is self._task:
            return False
        for _ in range(_FRAMES):
            if frame is None:
                return False
            code = frame.f_code
            if code.co_filename.endswith(_LOOP):
                return True
            if not is_ours(code) and not code.co_filename.endswith(_QUEUES):
                return False
            frame = frame.f_back
        return False


class WaitPoint(Interceptor):
    """Around ``wait_for``, which until Python 3.11 makes a task of what it waits for."""

    place = WAIT

    def __init__(self, lineage: ContextsOfWork) -> None:
        self._lineage = lineage

    def before(self, _values: Values) -> Any:
        """Have the item handed over, should it be one."""
        waiting = Waiting()
        awaited_variable.set(waiting)
        return waiting

    def after(self, waiting: Any, result: Any) -> None:
        """Whoever has waited works on it."""
        awaited_variable.set(waiting.outer)
        got, waiting.got = waiting.got, None
        if got is not None and got[0] is result:
            _item, owner, queue = got
            self._lineage.end_item()
            self._lineage.begin_item(owner, queue, _consumer)

    def failed(self, waiting: Any, _error: BaseException) -> None:
        """It has waited too long."""
        awaited_variable.set(waiting.outer)
        waiting.got = None


def _consumer() -> Hashable:
    """The line that asked for an item: only asked for where something is suspected."""
    raw = capture(3)
    return raw[-1] if raw else None


integration = QueuesIntegration()
