"""Which test something belongs to: the one that has started it, however much later it happens.

A context variable names the test. Tasks inherit it; threads and the jobs of thread pools get it here. What a fixture
for several tests has started (a server) belongs to none of them: what happens there is told of the test that runs
meanwhile.
"""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.threads import JOB, THREAD
from isolation_audit.model.contexts import test_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


@contextmanager
def test(nodeid: str | None) -> Iterator[None]:
    """What is started in this block belongs to this test; None: to no single one."""
    before = test_variable.get()
    test_variable.set(nodeid)
    try:
        yield
    finally:
        test_variable.set(before)


class Started:
    """The tests that threads and jobs were started in, until these begin."""

    def __init__(self) -> None:
        # By identity: a thread's class may have an __eq__ and a __hash__ of its own.
        self._tests: dict[int, tuple[weakref.ref[Any], str]] = {}

    def put(self, obj: Any) -> None:
        """It was started in the running test, if any."""
        nodeid = test_variable.get()
        if nodeid is not None:
            key, tests = id(obj), self._tests
            tests[key] = (weakref.ref(obj, lambda _gone: tests.pop(key, None)), nodeid)

    def take(self, obj: Any) -> str | None:
        """The test that it was started in."""
        _ref, nodeid = self._tests.pop(id(obj), (None, None))
        return nodeid


class StartPoint(Interceptor):
    """Around the call that makes or starts something which another thread will run."""

    def __init__(self, place: str, layout: Layout, started: Started) -> None:
        self.place = place
        self._self_of = layout.receiver_reader()
        self._started = started

    def before(self, values: Values) -> None:
        """Note the test."""
        self._started.put(self._self_of(values))


class RunPoint(Interceptor):
    """Around what the other thread runs."""

    def __init__(self, place: str, layout: Layout, started: Started, begun: Callable[[Any], None]) -> None:
        self.place = place
        self._self_of = layout.receiver_reader()
        self._started = started
        self._begun = begun

    def before(self, values: Values) -> Any:
        """It belongs to the test that has started it; a job does so whatever its thread belongs to."""
        run = self._self_of(values)
        before = test_variable.get()
        nodeid = self._started.take(run)
        test_variable.set(nodeid)
        if nodeid is not None:
            self._begun(run)
        return (before,)

    def after(self, state: Any, _result: Any) -> None:
        """The thread may go on with the job of another test."""
        test_variable.set(state[0])

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same."""
        self.after(state, None)


class Attribution:
    """Threads and jobs of the standard library; the integration of a test session."""

    distribution = ""
    since = ""

    def __init__(self) -> None:
        self._threads: dict[int, weakref.ref[threading.Thread]] = {}

    def points(self, _runtime: Runtime) -> Iterator[Point]:
        """From the start on."""
        threads, jobs = Started(), Started()
        yield Point(f"{THREAD}.start", lambda layout: StartPoint(f"{THREAD}.start", layout, threads))
        run = f"{THREAD}._bootstrap_inner"
        yield Point(run, lambda layout: RunPoint(run, layout, threads, self._keep))
        yield Point(f"{JOB}.__init__", lambda layout: StartPoint(f"{JOB}.__init__", layout, jobs))
        yield Point(f"{JOB}.run", lambda layout: RunPoint(f"{JOB}.run", layout, jobs, _nothing))

    def _keep(self, thread: threading.Thread) -> None:
        key, threads = id(thread), self._threads
        threads[key] = weakref.ref(thread, lambda _gone: threads.pop(key, None))

    def wait(self, seconds: float) -> None:
        """Wait for threads that tests have left and that the interpreter would wait for as well, at most so long."""
        until = time.monotonic() + seconds
        for reference in list(self._threads.values()):
            thread = reference()
            if thread is not None and not thread.daemon and thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))


PATIENCE: Final = 5.0
"""Seconds that a session waits at its end for the threads that its tests have left."""


def _nothing(_run: Any) -> None:
    """A job is over with its thread, or with the pool."""
