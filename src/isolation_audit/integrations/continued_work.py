"""Jobs of thread pools, threads and queued items: whose unit of work has handed them over goes on working in them.

What such a job reads is an input of that unit, as if its own code had read it.
"""

from __future__ import annotations

from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.jobs_with_contexts import THREADED, LooksAtPut, LooksAtTaken
from isolation_audit.model.contexts import change_unit, current_moment, current_unit
from isolation_audit.model.current_inputs import current_inputs, own_inputs
from isolation_audit.model.inputs import ITEM, Input, Inputs
from isolation_audit.model.owner_tags import Queues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_JOB: Final = "concurrent.futures.thread:_WorkItem"
_THREAD: Final = "threading:Thread"
_ASYNC: Final = "asyncio.queues:Queue"

_TAKERS: Final = 1_000
"""Users of one queue whose units take from it that are remembered."""

_is_a_resource: Final = pattern(
    r"\w*(?:conn|connection(?:record|holder)?|channel|client|cursor|session|socket|resource)"
)
"""What pools lend, by the name of the class: SQLAlchemy's ``_ConnectionRecord``, asyncpg's ``PoolConnectionHolder``."""

Handed = WeakKeyDictionary[Any, Inputs]
"""Jobs and threads, and the inputs of the unit that has made them."""


class HandedOver:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Where something is handed over, and where it is worked on."""
        if receiver(runtime) is None:
            return
        handed: Handed = WeakKeyDictionary()
        for made, run in ((f"{_JOB}.__init__", f"{_JOB}.run"), (f"{_THREAD}.start", f"{_THREAD}._bootstrap_inner")):
            yield Point(made, partial(HandPoint, made, runtime, handed))
            yield Point(run, partial(WorkPoint, run, handed))
        queues: Any = Queues()
        for place in (f"{_ASYNC}.put_nowait", f"{THREADED}.put"):
            yield Point(place, partial(PutPoint, place, runtime, queues))
        takers = Takers(runtime)
        yield Point(AskPoint.place, partial(AskPoint, takers))
        for place in (f"{_ASYNC}.get_nowait", f"{THREADED}.get"):
            yield Point(place, partial(TakePoint, place, queues, takers))


class HandPoint(Interceptor):
    """Around the making of a job, or the start of a thread."""

    def __init__(self, place: str, runtime: Runtime, handed: Handed, layout: Layout) -> None:
        self.place = place
        self._handed = handed
        self._user = runtime.ambient.current
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """It is a part of the running unit of work, and of its user's."""
        inputs = current_inputs()
        if inputs is not None:
            if inputs.user is None:
                inputs.user = self._user()
            self._handed[self._self_of(values)] = inputs


class WorkPoint(Interceptor):
    """Around a job, or all that a thread does."""

    def __init__(self, place: str, handed: Handed, layout: Layout) -> None:
        self.place = place
        self._handed = handed
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Go on with the unit that it comes from."""
        inputs = self._handed.pop(self._self_of(values), None)
        outer = current_unit()
        if inputs is not outer.given_by or inputs is not outer.runs_for:
            change_unit(given_by=inputs, runs_for=inputs)
        return outer.given_by, outer.runs_for

    def after(self, state: Any, _result: Any) -> None:
        """It is done."""
        given_by, runs_for = state
        unit = current_unit()
        if unit.given_by is not given_by or unit.runs_for is not runs_for:
            change_unit(given_by=given_by, runs_for=runs_for)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same."""
        self.after(state, None)


class Takers:
    """Whose units have taken from which queue; gone with the queue."""

    def __init__(self, runtime: Runtime) -> None:
        self._user = runtime.ambient.current
        self._takers: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()

    def takes(self, queue: Any, own: Inputs) -> set[str]:
        """The unit of ``own`` takes from it: the ids of all whose units do."""
        if own.user is None:
            own.user = self._user()
        takers = self._takers.get(queue)
        if takers is None:
            takers = self._takers[queue] = set()
        if own.user is not None and len(takers) < _TAKERS:
            takers.add(own.user.id)
        return takers


class PutPoint(LooksAtPut):
    """Around putting: before it, because on another thread the item may be gone as soon as it is in."""

    def __init__(self, place: str, runtime: Runtime, queues: Any, layout: Layout) -> None:
        super().__init__(place, layout)
        self._queues = queues
        self._user = runtime.ambient.current

    def before(self, values: Values) -> None:
        """Note whose unit puts it; what brings its own context has its unit in there."""
        item_of = self._item
        item = item_of(values)
        if type(item) is tuple and item and type(item[0]) is Context:  # a thread's job, with its context
            return
        inputs, own, queue = current_inputs(), own_inputs(), self._queue(values)
        items = self._queues.get(queue)
        if items is None and inputs is None:
            return
        if inputs is not None and inputs.user is None:
            inputs.user = self._user()
        if items is None:
            items = self._queues.added(queue)
        if inputs is not None and any(one is not None and _has_taken(one, item, queue) for one in (inputs, own)):
            inputs.given_back.add((id(queue), id(item)))
        items.put(item, inputs)


class AskPoint(Interceptor):
    """Around the call that waits for an item: whoever waits takes, sooner or later."""

    place = f"{_ASYNC}.get"

    def __init__(self, takers: Takers, layout: Layout) -> None:
        self._takers = takers
        self._queue = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Note whose unit it is."""
        own = own_inputs()
        if own is not None:
            self._takers.takes(self._queue(values), own)


class TakePoint(LooksAtTaken):
    """Around getting an item."""

    def __init__(self, place: str, queues: Any, takers: Takers, layout: Layout) -> None:
        super().__init__(place, layout)
        self._queues = queues
        self._takers = takers

    def before(self, values: Values) -> Any:
        """The last item is done."""
        unit = current_unit()
        if unit.given_by is not unit.runs_for:
            change_unit(given_by=unit.runs_for)
        queue_of = self._queue
        queue = queue_of(values)
        if current_moment() is not None:  # else there is no unit
            own = own_inputs()
            if own is not None:
                self._takers.takes(queue, own)  # it may wait here
        return queue

    def after(self, queue: Any, item: Any) -> None:
        """It is an input of the unit that takes it; from here on that goes on with the unit that has put it."""
        if type(item) is tuple and item and type(item[0]) is Context:  # a thread's job, with its context
            return
        own = current_inputs()
        items = self._queues.get(queue)
        by: Inputs | None = None if items is None else items.take(item)
        takers = set() if own is None else self._takers.takes(queue, own)
        if own is not None and own is not by:
            user = None if by is None else by.user
            contested = user is not None and user is not own.user and user.id in takers
            own.contested = own.contested or contested
            put_by = user if contested and by is not None and (id(queue), id(item)) not in by.given_back else None
            writer = None if user is None else user.id
            taken = Input(ITEM, item, stored_by=writer, contested=contested, put_by=put_by, queue=id(queue))
            if by is not None:
                taken.known_before = len(by.kept)
            own.receive(taken)
        if by is not None and not _is_lent(item, queue, by):
            # A thread that takes items of several units is a worker for all, whoever has started it.
            change_unit(given_by=by, runs_for=by if by is current_unit().runs_for else None)


def _has_taken(inputs: Inputs, item: Any, queue: Any) -> bool:
    return any(one.value is item and one.queue == id(queue) for one in inputs.kept if one.kind == ITEM)


def _is_lent(item: Any, queue: Any, by: Inputs) -> bool:
    """True for what a queue lends, as a pool does: whoever takes it goes on with work of their own.

    ``by`` has given it back to where it had come from, or its class says what it is: of a new one nobody knows yet
    that it comes back.
    """
    return (id(queue), id(item)) in by.given_back or _is_a_resource.fullmatch(type(item).__name__.lower()) is not None


integration = HandedOver()
