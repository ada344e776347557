"""Unended work: tasks, threads and jobs of executors that a unit of work has started, and that run on when it is over.

When one is started, it is noted where and for whom; nothing is added to it, and nothing of it is kept alive. Twice a
second those of ended units are looked at. What is meant to go on says so: ``lifetimes.background`` names it, or it
enters ``system_scope()``. A worker that the first request has started for all looks the same as one that was left:
so one alone is told at the end of the process and as a note, and several from one place as soon as they are late.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.analysis.frames import is_installed, is_standard
from isolation_audit.instrument.stacks import captured, frames_here
from isolation_audit.model import contexts, scopes
from isolation_audit.model.runners import running_thread
from isolation_audit.model.running import running_task
from isolation_audit.model.users import Kind
from isolation_audit.vocabulary.work import WorkStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_FRAMES: Final = 12
_WATCHED: Final = 10_000
"""What is watched at once; of more, what was started last is not."""
_CARRIERS: Final = ("/asyncio/", "/concurrent/futures/")
"""Folders of the standard library that start tasks and jobs for whoever calls them."""


@dataclass(slots=True, eq=False, repr=False)
class Unended:
    """``what`` ``function`` was started in ``owner``'s work and has not ended ``seconds`` after that; ``several`` where
    other units have left the like from the same place."""

    what: str
    function: str
    owner: User
    seconds: float
    several: bool
    stack: RawStack
    began: RawStack


@dataclass(slots=True, eq=False)
class _Started:
    """One task, thread or job."""

    reference: weakref.ref[Any]
    kind: _Sort
    code: CodeType
    unit: weakref.ref[Any]
    owner: User
    stack: RawStack
    began: RawStack
    test: Any
    begun: float
    over: float = 0.0
    """When its unit was seen to be over."""
    told: bool = False

    def place(self) -> object:
        """Where it was started."""
        return (self.kind.word, self.stack[:1])


class _Sort(NamedTuple):
    """What one sort of work is called, and how to ask whether it is done."""

    word: str
    is_done: Callable[[Any], bool]


class UnendedWork(WorkStarted):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._background = runtime.config.lifetimes.background
        self._started: dict[int, _Started] = {}
        self._process = os.getpid()
        self._places: set[object] = set()
        """Where what was told of was started."""
        runtime.settling.append(self._settle)
        runtime.declares_system = self._declared

    def task(self, task: Any) -> None:
        """A task of asyncio was made; told twice where ``asyncio.create_task`` was called."""
        if id(task) not in self._started:
            self._put(task, _TASK, _code_of_task(task))

    def thread(self, thread: threading.Thread) -> None:
        """A thread is about to be started."""
        self._put(thread, _THREAD, _code_of_thread(thread))

    def job(self, future: Any, function: Any) -> None:
        """A job was given to an executor; ``future`` is what it is waited for with."""
        self._put(future, _JOB, _code(function))

    def _declared(self) -> None:
        """What runs at this moment has said that it works for the system."""
        if self._started:
            for one in (running_task(), running_thread()):
                self._started.pop(id(one), None)

    def ends_with_loop(self, tasks: Iterable[Any]) -> None:
        """An event loop ends, and cancels what is left: nobody has waited for it. In tests that is told at once."""
        self._note_ends(time.monotonic())
        found = [one for task in tasks if (one := self._started.get(id(task))) is not None]
        self._tell([one for one in found if one.test is not None], 0.0, final=True)
        self._tell(found, self._runtime.config.limits.grace, final=True)

    def _put(self, thing: Any, kind: _Sort, code: CodeType | None) -> None:
        unit = _unit()
        if unit is None or unit.ended or code is None or len(self._started) >= _WATCHED:
            return
        owner = self._runtime.ambient.current()
        if owner is None or owner.kind is not Kind.USER:
            return
        began = getattr(unit, "origin", None) or ()
        key, started = id(thing), self._started

        def forget(reference: weakref.ref[Any]) -> None:
            one = started.get(key)
            if one is not None and one.reference is reference:
                started.pop(key, None)

        test, stack = contexts.test_variable.get(), frames_here(_FRAMES)
        started[key] = _Started(
            weakref.ref(thing, forget),
            kind,
            code,
            weakref.ref(unit),
            owner,
            stack,
            began,
            test,
            time.monotonic(),
        )

    def _settle(self, grace: float) -> None:
        limits = self._runtime.config.limits
        if self._process != os.getpid():  # a forked child: what its parent has started is its parent's
            self._process = os.getpid()
            self._started.clear()
        self._note_ends(time.monotonic())
        self._tell(list(self._started.values()), limits.unended if grace else limits.grace, final=not grace)

    def _note_ends(self, now: float) -> None:
        for key, one in list(self._started.items()):
            thing = one.reference()
            if thing is None or one.kind.is_done(thing):
                self._started.pop(key, None)
            elif not one.over and _is_over(one.unit()):
                one.over = now

    def _tell(self, found: list[_Started], wait: float, *, final: bool) -> None:
        now = time.monotonic()
        late = [one for one in found if one.over and not one.told]
        late = [one for one in late if now - (one.begun if final else one.over) >= wait]
        if not late:
            return
        late = [one for one in late if self._is_meant(one)]
        # One reference for each unit, however much it has started.
        units = Counter(place for place, _unit in {(one.place(), id(one.unit)) for one in late})
        known = set(self._places)
        for one in late:
            several = units[one.place()] > 1 or one.place() in known
            if not several and not final:
                continue  # it may serve all: told where another unit leaves one as well, or at the end
            one.told = True
            self._places.add(one.place())
            with contexts.of_test(one.test):
                self._runtime.publish(
                    Unended(
                        one.kind.word, one.code.co_qualname, one.owner, now - one.over, several, one.stack, one.began
                    )
                )

    def _is_meant(self, one: _Started) -> bool:
        """True for what the application itself has started, or has written, and has not declared."""
        one.stack = captured(one.stack, _FRAMES)
        if one.kind is not _THREAD:  # an executor's own threads are started by the executor, and serve all
            one.stack = _from_caller(one.stack)
        of_library = is_installed(one.stack[0][0].co_filename) if one.stack else True
        if (of_library and is_installed(one.code.co_filename)) or self._is_declared(one):
            one.told = True
        return not one.told

    def _is_declared(self, one: _Started) -> bool:
        """True where the configuration names its function, or its own name, as work that goes on."""
        if not self._background:
            return False
        names = [one.code.co_qualname, one.code.co_name, _own_name(one.reference())]
        return any(fnmatchcase(name, glob) for name in names for glob in self._background)


def _unit() -> Any:
    """The request that is running, or the connection; else the outermost scope."""
    request, scope = contexts.current_unit().request, contexts.current_scope()
    if request is not None:
        return request
    while scope is not None and scope.parent is not None and scope.parent.user_id != scopes.SYSTEM_USER:
        scope = scope.parent
    return scope


def _is_over(unit: Any) -> bool:
    return unit is None or bool(unit.ended)


def _from_caller(stack: RawStack) -> RawStack:
    """A stack from whoever has had it started: what the standard library does on behalf of that is left out."""
    for depth, (code, _lasti) in enumerate(stack):
        file = code.co_filename
        if not (is_standard(file) and any(part in file for part in _CARRIERS)):
            return stack[depth:]
    return ()


def _code(function: Any) -> Any:
    """The code of a function, a method, or of what ``functools.partial`` has made of one; None where there is none.

    By the type: an object that answers to every name, as a mock does, is asked for none.
    """
    for _ in range(8):
        if type(function) is partial:
            function = function.func
        elif type(function) is MethodType:
            function = function.__func__
    return function.__code__ if type(function) is FunctionType else None


def _code_of_task(task: asyncio.Task[Any]) -> Any:
    coroutine = task.get_coro()
    return getattr(coroutine, "cr_code", None) or getattr(coroutine, "gi_code", None)


def _code_of_thread(thread: threading.Thread) -> Any:
    target = getattr(thread, "_target", None)
    if target is None and issubclass(type(thread), threading.Timer):
        target = getattr(thread, "function", None)
    return _code(type(thread).run if target is None else target)


def _own_name(thing: Any) -> str:
    """The name of a thread or a task."""
    if issubclass(type(thing), threading.Thread):
        return str(thing.name)
    return str(thing.get_name()) if issubclass(type(thing), asyncio.Task) else ""


_TASK: Final = _Sort("a task for", lambda task: bool(task.done()))
_THREAD: Final = _Sort("a thread for", lambda one: one.ident is not None and not threading.Thread.is_alive(one))
_JOB: Final = _Sort("a job of an executor for", lambda future: bool(Future.done(future)))
