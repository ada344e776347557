"""Context lineage: whose user a task, a thread, a job or a queued item should have, and whose user its context has.

A child that has its parent's context is no finding: it is how context variables are meant to work. What is suspected:

- a job in a pool whose thread has another user than the one who submitted it, or one that an earlier job left there;
- an item of one user, taken from a queue by a task that was started within another user's work, has outlived it, and
  serves them both; or by a consumer that still has the user of an earlier item;
- a request that a thread serves, where an earlier request's user is still there;
- a task that a worker runs, where an earlier task's user is still there, who is not its publisher;
- a job that a scheduler runs with another user than the one who has scheduled it;
- a job, or a thread, that has nobody, though it was started in a user's work.

What then becomes of a suspicion is for :mod:`suspicions`.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from contextvars import Context
from functools import partial
from threading import Thread
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.identity.requests import running_task
from isolation_audit.identity.scopes import left_variable, starter_variable, stint_variable, suspicion_variable
from isolation_audit.identity.users import Kind, User, same
from isolation_audit.mechanisms.leavings import Job, Leavings
from isolation_audit.mechanisms.mailboxes import Mailboxes
from isolation_audit.mechanisms.runners import OfRunner, running_thread
from isolation_audit.mechanisms.suspicions import Suspicion, Suspicions
from isolation_audit.mechanisms.trails import Trails

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable

    from isolation_audit.instrument.runtime import Runtime

POOL: Final = "concurrent.futures.thread"

_USER: Final = Kind.USER  # read for each task and each queued item

SUBMITTED: Final = "a job of {owner} ran with the user {ambient} of its pool's thread"
LEFT_BY_JOB: Final = "a job ran with the user {ambient}, whom an earlier job had left on its pool's thread"
LEFT_BY_REQUEST: Final = "a request ran with the user {ambient}, whom an earlier request had left on its thread"
LEFT_BY_TASK: Final = "a task ran with the user {ambient}, whom an earlier task had left in its worker"
PUBLISHED: Final = (
    "a task that {owner} had published ran with the user {ambient}, whom an earlier task had left in its worker"
)
SCHEDULED: Final = "a job that {owner} had scheduled ran with the user {ambient}"
OUTLIVED: Final = (
    "what {owner} had queued was worked on with the user {ambient}, in whose work the long-lived task was started"
)
LEFT_BY_ITEM: Final = "what {owner} had queued was worked on with the user {ambient} of an earlier item"
LOST_IN_POOL: Final = "a job that {owner} had submitted ran in its pool without a user"
LOST_IN_THREAD: Final = "a thread that was started in the work of {owner} ran without a user"


class Starter:
    """One user's task or thread that has started others; they inherit a reference to it with its context."""

    __slots__ = ("_unit", "noted", "served", "user")

    def __init__(self, unit: asyncio.Task[Any] | Thread, user: User) -> None:
        self._unit = weakref.ref(unit)
        self.user = user
        self.noted = False
        """True once it is known which queue a task that it started asks."""
        self.served = False
        """True once what it started has worked on something that its user had queued."""

    def is_(self, task: asyncio.Task[Any] | None) -> bool:
        """True for the task itself."""
        return task is not None and self._unit() is task

    def is_another(self, user: User) -> bool:
        """True where the running task is not the one, and has its context with this user from it."""
        return same(self.user, user) and not self.is_(running_task())

    def ended(self) -> bool:
        """True once the task is done, or the thread has ended."""
        unit = self._unit()
        if unit is None:
            return True
        return not unit.is_alive() if isinstance(unit, Thread) else unit.done()


class Leftover(OfRunner):
    """A user whom finished work has left to a task, or to a thread."""

    __slots__ = ("user",)

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user


class Stint(OfRunner):
    """One job, or the time from one item of a queue to the next, in the context that it is done in."""

    __slots__ = ("job", "native", "owner", "suspicion", "trail")

    def __init__(self, owner: User | None, native: User | None) -> None:
        super().__init__()
        self.owner = owner
        """Who submitted or queued it."""
        self.native = native
        """The user of the context when it began."""
        self.suspicion: Suspicion | None = None
        self.trail: Any = None
        self.job: Job | None = None
        """What it finds in other variables, and leaves there."""


class Lineage:
    """The lineage of contexts in one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._current = runtime.ambient.current
        self.suspicions: Suspicions = runtime.part(Suspicions)
        self.trails: Trails = runtime.part(Trails)
        self._mailboxes = Mailboxes()
        self._leavings: Leavings = runtime.part(Leavings)

    def user(self) -> User | None:
        """The running user; None where it is unknown, or no real user."""
        current = self._current
        user = current()
        return user if user is not None and user.kind is _USER else None

    @staticmethod
    def starting(task: asyncio.Task[Any], user: User) -> None:
        """``task`` is about to start another one, in ``user``'s work."""
        starter: Starter | None = starter_variable.get()
        if starter is None or starter.user is not user or not starter.is_(task):
            starter_variable.set(Starter(task, user))

    @staticmethod
    def hands_on(context: Context, user: User) -> None:
        """``user``'s work has something run in ``context``, a copy of its own, later or elsewhere."""
        task = running_task()
        first: Starter | None = starter_variable.get()
        if task is None and first is not None and same(first.user, user):
            return  # a thread that was started itself starts the next one: a chain of timers is its first starter's
        unit = task or running_thread()
        if unit is not None:
            # Raises where the context is in use at this moment: then it is no copy, and not for somebody else.
            with suppress(RuntimeError):
                context.run(starter_variable.set, Starter(unit, user))

    def begin_job(self, submitter: User | None, function: Any) -> Stint:
        """A pool's thread takes up a job."""
        native = self.user()
        stint = self._begin(submitter, native, lambda: _code(function))
        if (submitter is not None or native is not None) and brought(function) is None:
            suspicion = _of_job(submitter, native)
            if suspicion is not None:
                stint.suspicion = self.suspicions.open(suspicion, _code(function))
        return stint

    def end_job(self, stint: Stint) -> None:
        """The job is done; what it leaves in the thread's own context is the next one's."""
        user = self.user()
        if user is not None and user is not stint.native:
            left_variable.set(Leftover(user))
        self._end(stint, user or stint.owner)

    def begin_request(self, where: Hashable) -> Stint:
        """A thread takes up a request; :meth:`end_job` ends it."""
        native = self.user()
        stint = self._begin(None, native, lambda: where)
        if native is not None and _left(native):
            stint.suspicion = self.suspicions.open(Suspicion(LEFT_BY_REQUEST, native, None), where)
        return stint

    def begin_task(self, publisher: User | None, where: Hashable) -> Stint:
        """A worker takes up a task; :meth:`end_task` ends it."""
        suspicion_variable.set(None)  # of the pool's thread: this one knows more
        native = self.user()
        stint = self._begin(publisher, native, lambda: where)
        if native is not None and _left(native) and (publisher is None or not same(publisher, native)):
            how = LEFT_BY_TASK if publisher is None else PUBLISHED
            stint.suspicion = self.suspicions.open(Suspicion(how, native, publisher), where)
        return stint

    def end_task(self, stint: Stint, publisher: Callable[[], User | None]) -> None:
        """The task is done; asks for its ``publisher`` once more where that was unknown and matters now."""
        suspicion = stint.suspicion
        if suspicion is not None and suspicion.read and not suspicion.over and stint.owner is None:
            stint.owner = suspicion.owner = publisher()
            if stint.owner is not None:
                suspicion.how = PUBLISHED
                suspicion.over = stint.native is not None and same(stint.native, stint.owner)
        self.end_job(stint)

    def begin_scheduled(self, owner: User, function: Any) -> Stint:
        """A scheduler runs a job of ``owner``'s; :meth:`end_job` ends it. That it runs as nobody is as it should be."""
        suspicion_variable.set(None)  # of the pool's thread: whoever has woken the scheduler is not whose job it is
        native = self.user()
        stint = self._begin(owner, native, lambda: _code(function))
        if native is not None and not same(native, owner):
            stint.suspicion = self.suspicions.open(Suspicion(SCHEDULED, native, owner), _code(function))
        return stint

    def begin_item(self, owner: User | None, queue: object, where: Callable[[], Hashable]) -> None:
        """A consumer has got an item that ``owner`` had put into ``queue``; ``where`` says which consumer."""
        native = self.user()
        own = owner is not None and native is not None and (owner is native or same(owner, native))
        if own and native is not None:
            self._serves(native, queue, where)
        if (own or owner is None) and self.trails.idle:
            return  # nothing that this item could leave behind, or find
        stint = self._begin(owner, native, where)
        stint_variable.set(stint)
        how = "" if own or owner is None or native is None else self._doubt(native, owner, queue, where)
        if how:
            stint.suspicion = self.suspicions.open(Suspicion(how, native, owner), where())

    def _serves(self, user: User, queue: object, where: Callable[[], Hashable]) -> None:
        """A consumer works on an item of its own context's user."""
        starter: Starter | None = starter_variable.get()
        if starter is not None and not starter.served and starter.is_another(user):
            starter.served = True
            self._note(starter, queue, where)

    def _note(self, starter: Starter, queue: object, where: Callable[[], Hashable]) -> None:
        """Which queue is asked by what ``starter`` started: once, because saying where takes a look at the stack."""
        if not starter.noted:
            starter.noted = True
            self._mailboxes.add(where(), starter.user, queue)

    def _doubt(self, native: User, owner: User, queue: object, where: Callable[[], Hashable]) -> str:
        """Why a consumer in ``native``'s context should not work on ``owner``'s item; empty where it may."""
        task = running_task()
        if task is not None and task.cancelling():
            return ""  # whoever started it has gone, and has told it to stop
        starter: Starter | None = starter_variable.get()
        if starter is not None and starter.is_another(native):
            self._note(starter, queue, where)
            if starter.served and starter.ended() and not self._mailboxes.has_another(where(), owner, queue):
                return OUTLIVED
        return LEFT_BY_ITEM if _left(native) else ""

    def end_item(self) -> None:
        """A consumer asks for its next item."""
        stint: Stint | None = stint_variable.get()
        if stint is None:
            return
        stint_variable.set(None)
        if not stint.is_here():
            return  # of whoever started this task: it was not this one that got the item
        user = self.user()
        # Whoever got the item may have its own user, known by then: only that of the item itself is left behind.
        if user is not None and user is not stint.native and stint.owner is not None and same(user, stint.owner):
            left_variable.set(Leftover(user))
        self._end(stint, user)

    def begin_thread(self, starter: User, function: Any) -> Suspicion | None:
        """A thread of ``starter``'s work begins; None where nothing is to be ended."""
        # A pool's thread is started by whoever submits first, and works for everybody.
        for_all = type(function) is FunctionType and function.__module__ == POOL
        if for_all or self._current() is not None or brought(function) is not None:
            return None
        return self.suspicions.open(Suspicion(LOST_IN_THREAD, None, starter), _code(function))

    def _begin(self, owner: User | None, native: User | None, where: Callable[[], Hashable]) -> Stint:
        stint = Stint(owner, native)
        stint.trail = self.trails.begin()
        stint.job = self._leavings.begin(where)
        return stint

    def _end(self, stint: Stint, user: User | None) -> None:
        if stint.suspicion is not None:
            self.suspicions.close(stint.suspicion)
        self.trails.end(stint.trail, user)
        if stint.job is not None:
            self._leavings.end(stint.job, user)


def _of_job(submitter: User | None, native: User | None) -> Suspicion | None:
    if native is None:
        return None if submitter is None else Suspicion(LOST_IN_POOL, None, submitter)
    if submitter is not None:
        return None if same(native, submitter) else Suspicion(SUBMITTED, native, submitter)
    return Suspicion(LEFT_BY_JOB, native, None) if _left(native) else None


def _left(native: User) -> bool:
    left: Leftover | None = left_variable.get()
    return left is not None and same(left.user, native) and left.is_here()


def brought(function: Any) -> Context | None:
    """The context of its own that a job runs in (``copy_context().run``, ``asyncio.to_thread``); None without."""
    below = function.func if type(function) is partial else function
    if type(below) is BuiltinMethodType and type(below.__self__) is Context:
        return below.__self__
    return None


def _code(function: Any) -> Hashable:
    """What the same jobs have in common."""
    below = function.__func__ if type(function) is MethodType else function
    return below.__code__ if type(below) is FunctionType else id(type(below))
