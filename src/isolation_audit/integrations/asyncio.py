"""asyncio's tasks and timers: who started one; and tasks that a server's connection starts as whoever made it read on.

A selector transport calls its protocol in the context in which it was last told to read. Where a task of one user's
request does that (``resume_reading``, flow control), every later request on the connection begins as that user. The
same holds for a client's connection, which serves whoever comes: what it starts has nobody's context.
"""

from __future__ import annotations

import asyncio
import sys
from contextvars import Context
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.suspicion import Suspicion
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import current_moment, task_origin_variable
from isolation_audit.model.owner_tags import OwnerTags
from isolation_audit.model.running import running_task
from isolation_audit.model.users import Kind
from isolation_audit.vocabulary.work import ContextsOfWork, WorkStarted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

CREATE: Final = "asyncio.base_events:BaseEventLoop.create_task"
OTHER: Final = "asyncio.tasks:create_task"
"""For loops that are not asyncio's own, such as uvloop's."""
END: Final = "asyncio.runners:_cancel_all_tasks"
TIMER: Final = "asyncio.base_events:BaseEventLoop.call_at"
SOON: Final = "asyncio.base_events:BaseEventLoop.call_soon_threadsafe"
READ: Final = "asyncio.selector_events:BaseSelectorEventLoop._add_reader"

FROM_CONNECTION: Final = (
    "a task that a server's connection started ran with the user {ambient}, whose task had last told it to read on"
)
_USER: Final = Kind.USER
_READ_READY: Final = "_read_ready"
_OF_LIBRARIES: Final = ("asyncio.", "anyio.", "uvicorn.")
"""Whose timers wake or end what waits, as ``sleep``, ``timeout`` and a connection that nobody uses do: no code of the
application runs in them."""
_FRAMES: Final = 24
"""How far up the transport may be: TLS and the protocol's own calls lie between."""


class Asyncio:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What starts tasks and timers (``call_later`` ends in ``call_at``), and what makes a connection read."""
        unended = runtime.listener(WorkStarted) if runtime.config.watch.lifetimes else None
        if unended is not None:
            yield Point(OTHER, lambda _layout: StartedPoint(OTHER, unended))
            yield Point(END, lambda layout: LoopEndPoint(layout, unended))
        if not runtime.config.watch.contexts:
            if unended is not None:
                yield Point(CREATE, lambda _layout: StartedPoint(CREATE, unended))
            return
        lineage, connections = runtime.listener(ContextsOfWork), _Connections()
        started = None if unended is None else StartedPoint(CREATE, unended)
        yield Point(CREATE, lambda layout: CreatePoint(layout, runtime, connections, started))
        yield Point(TIMER, lambda layout: TimerPoint(layout, lineage))
        yield Point(SOON, lambda layout: SoonPoint(layout, lineage))
        yield Point(READ, lambda layout: ReadPoint(layout, lineage, connections))


class _Connections:
    """Connections of servers, by their transports."""

    def __init__(self) -> None:
        self.read_as = OwnerTags()
        """Told to read on in a task of this user."""
        self.own = OwnerTags()
        """Has set a user by itself: a protocol that knows its client, who is the user of all that it starts."""


class ReadPoint(Interceptor):
    """Around the registration of a transport's reader, which copies the context."""

    place = READ

    def __init__(self, layout: Layout, lineage: ContextsOfWork, connections: _Connections) -> None:
        self._callback = layout.argument("callback")
        self._lineage = lineage
        self._ambient = lineage.ambient
        self._connections = connections

    def before(self, values: Values) -> None:
        """Note in whose context."""
        callback_of = self._callback
        callback = callback_of(values)
        transport: Any = callback.__self__ if type(callback) is MethodType else None
        if not issubclass(type(transport), _SELECTOR_TRANSPORT) or transport._server is None:  # noqa: SLF001 - as _serves()
            return
        user = None if current_moment() is None and not self._ambient.asks else self._lineage.native()
        if user is not None:
            self._connections.read_as.put(transport, user)
        elif self._connections.read_as.entries:
            self._connections.read_as.take(transport)


class CreatePoint(Interceptor):
    """Around the creation of a task: who starts it, and what ``started`` wants to know of it."""

    place = CREATE

    def __init__(
        self, layout: Layout, runtime: Runtime, connections: _Connections, started: StartedPoint | None
    ) -> None:
        self._loop = layout.receiver_reader()
        self._context = layout.optional("context")
        self._lineage = lineage = runtime.listener(ContextsOfWork)
        self._ambient = lineage.ambient
        self._current = lineage.current
        self._connections = connections
        self._started = started

    def before(self, values: Values) -> Any:
        """Note who starts it; a suspicion, where that is a connection with somebody's user."""
        if current_moment() is None and not self._ambient.asks:
            return None  # as most tasks of a server: started in nobody's work
        works = self._started is not None and current_moment() is not None
        bled = self._starting(values)
        return (works, bled) if works or bled is not None else None

    def _starting(self, values: Values) -> Any:
        current = self._current
        user = current()
        if user is None or user.kind is not _USER:
            return None
        loop = self._loop(values)
        running = asyncio.current_task(loop)
        if running is not None:
            self._lineage.starting(running, user)
            return None
        bearer = self._lineage.native()
        return None if bearer is None or self._context(values) is not None or not self._bled(bearer) else (loop, bearer)

    def _bled(self, user: User) -> bool:
        transport = _transport(sys._getframe(1))  # noqa: SLF001 - the documented way to a frame
        if not _serves(transport):
            return False
        if self._connections.read_as.get(transport) is user:
            return self._connections.own.get(transport) is None
        self._connections.own.put(transport, user)
        return False

    def after(self, state: Any, task: Any) -> None:
        """It is there."""
        works, bled = state
        if works and self._started is not None:
            self._started.after(works, task)
        if bled is not None:
            self._watch(bled, task)

    def _watch(self, bled: tuple[Any, User], task: Any) -> None:
        """Watch the task until it is done."""
        loop, user = bled
        context = _context(loop, task)
        if context is None:
            return
        suspicions = self._lineage.suspicions
        code = getattr(task.get_coro(), "cr_code", None)
        opened = context.run(suspicions.open, Suspicion(FROM_CONNECTION, user, None), code)
        if opened is not None:
            # In a context of its own: with the application's it would keep alive what is in there.
            task.add_done_callback(partial(suspicions.close_with, opened), context=Context())


class StartedPoint(Interceptor):
    """Around the creation of a task, which is looked at again when the work that it is made in is over."""

    def __init__(self, place: str, unended: WorkStarted) -> None:
        self.place = place
        self._unended = unended

    def before(self, _values: Values) -> bool | None:
        """There is something to do afterwards, where any work runs that can be over."""
        return True if current_moment() is not None else None

    def after(self, _state: Any, task: Any) -> None:
        """It is there."""
        self._unended.task(task)


class LoopEndPoint(Interceptor):
    """Around what ``asyncio.run`` does at its end with the tasks that are left."""

    place = END

    def __init__(self, layout: Layout, unended: WorkStarted) -> None:
        self._loop = layout.argument("loop")
        self._unended = unended

    def before(self, values: Values) -> None:
        """Nobody has waited for these."""
        self._unended.ends_with_loop(asyncio.all_tasks(self._loop(values)))


class TimerPoint(Interceptor):
    """Around the setting of a timer."""

    place = TIMER

    def __init__(self, layout: Layout, lineage: ContextsOfWork) -> None:
        self._callback = layout.argument("callback")
        self._context = layout.optional("context")
        self._lineage = lineage

    def before(self, values: Values) -> User | None:
        """Who sets it; nobody of interest where a task only sleeps, limits its time, or has thought of the context."""
        callback_of = self._callback
        if _module(callback_of(values)).startswith(_OF_LIBRARIES):
            return None
        if running_task() is None:
            # One timer has set the next: it is done with its items, and the next one has a copy of its context.
            self._lineage.end_item()
            return None
        return None if self._context(values) is not None else self._lineage.user()

    def after(self, user: Any, handle: Any) -> None:
        """Its copy of the context says whose work has set it."""
        self._lineage.hands_on(handle._context, user)  # noqa: SLF001 - no other way leads to it


class SoonPoint(Interceptor):
    """Around what one thread has another thread's loop do: ``run_coroutine_threadsafe`` starts a task in this way."""

    place = SOON

    def __init__(self, layout: Layout, lineage: ContextsOfWork) -> None:
        self._callback = layout.argument("callback")
        self._context = layout.optional("context")
        self._lineage = lineage
        self._current = lineage.current

    def before(self, values: Values) -> Any:
        """Who does it, in the context that is about to be copied: the other thread does not wait until it is noted."""
        current = self._current
        user = current()
        if (
            user is None
            or user.kind is not _USER
            or self._context(values) is not None
            or _module(self._callback(values)) == "asyncio.futures"
        ):
            return None
        return (self._lineage.hand_on_copy(user),)

    def after(self, state: Any, _result: Any) -> None:
        """The copy has it."""
        task_origin_variable.set(state[0])

    def failed(self, state: Any, _error: BaseException) -> None:
        """The loop is closed."""
        task_origin_variable.set(state[0])


def _module(callback: Any) -> str:
    """The module of a Python function, or of a method that is one; empty for everything else."""
    function = callback.__func__ if type(callback) is MethodType else callback
    module = function.__module__ if type(function) is FunctionType else None
    return module if type(module) is str else ""


def _serves(transport: Any) -> bool:
    """True for the transport of a connection that a server has accepted."""
    return issubclass(type(transport), _SELECTOR_TRANSPORT) and transport._server is not None  # noqa: SLF001


def _transport(frame: FrameType | None) -> Any:
    """The transport in whose read callback this thread is."""
    for _ in range(_FRAMES):
        if frame is None:
            return None
        if frame.f_code.co_name == _READ_READY and frame.f_code.co_filename == _SELECTOR_EVENTS:
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


_SELECTOR_TRANSPORT: Final[type] = vars(asyncio.selector_events)["_SelectorTransport"]
_SELECTOR_EVENTS: Final = asyncio.selector_events.__file__


def _context(loop: Any, task: Any) -> Context | None:
    """The context of a task that was made this instant: Python 3.11 tells it only to the loop, as the task's step."""
    if hasattr(task, "get_context"):
        made: Context = task.get_context()
        return made
    ready = getattr(loop, "_ready", None)
    context = getattr(ready[-1], "_context", None) if ready else None
    return context if type(context) is Context else None


integration = Asyncio()
