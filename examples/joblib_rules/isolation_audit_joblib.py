"""joblib.Memory under isolation-audit: what it keeps of one user's work and hands out in another's.

The integration tells what is stored and found under joblib's own key, which IA404 judges. The rule ``JOBLIB101`` speaks
before that happens: when ``ignore=[...]`` leaves the parameter out of the key in which the user is handed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from isolation_audit.extending import (
    Example,
    Interceptor,
    Keyed,
    Library,
    Monitor,
    Point,
    Rule,
    Severity,
    beneath,
    capture,
    observes,
    parameters_with_user,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.extending import Layout, Runtime, Values

_CALL = "joblib.memory:MemorizedFunc.__call__"
_OWN = ("isolation_audit_joblib.py", "joblib")
"""Whose frames are not the place of a finding."""
_STORE = "joblib._store_backends:StoreBackendMixin"


@dataclass(frozen=True, slots=True)
class UserIgnored:
    """A function was called whose key leaves out ``parameter``, in which the running user was handed over."""

    target: str
    parameter: str
    user: Any
    place: Any


class IgnoredUserMonitor(Monitor):
    """What only joblib's users have to know."""

    rules = (
        Rule(
            "JOBLIB101",
            "user-left-out-of-the-key",
            Severity.NOTE,
            "A function under `joblib.Memory` was handed its user in a parameter that `ignore` leaves out of the key.",
            "Whoever comes first decides what all users get, unless the result is the same for all of them.",
            "take the parameter out of ignore, or cache a function that is not handed the user",
            Example(
                config='[ambient]\ncontextvar = "app:current_user"\n',
                bad="""\
import tempfile
from contextvars import ContextVar

from joblib import Memory

current_user = ContextVar("current_user", default=None)
memory = Memory(tempfile.mkdtemp(), verbose=0)

@memory.cache(ignore=["user"])
def dashboard(user, page):
    return f"{page} of {user}"

def main():
    current_user.set("alice")
    dashboard("alice", "home")
""",
                good="""\
import tempfile
from contextvars import ContextVar

from joblib import Memory

current_user = ContextVar("current_user", default=None)
memory = Memory(tempfile.mkdtemp(), verbose=0)

@memory.cache(ignore=["log"])
def dashboard(user, page, log):
    return f"{page} of {user}"

def main():
    current_user.set("alice")
    dashboard("alice", "home", print)
""",
            ),
        ),
    )

    @observes(UserIgnored)
    def on_user_ignored(self, seen: UserIgnored) -> None:
        """Once a function, however often it is called."""
        self.report(
            "JOBLIB101",
            "the key of {target} leaves out {detail}, in which the user was handed over",
            detail=repr(seen.parameter),
            target=seen.target,
            ambient=seen.user,
            at=seen.place,
        )


class CallPoint(Interceptor):
    """Around a call of a function that joblib keeps results of."""

    place = _CALL

    def __init__(self, runtime: Runtime, ignored: WeakKeyDictionary[Any, frozenset[str]], layout: Layout) -> None:
        self._runtime = runtime
        self._ignored = ignored
        self._memorized = layout.receiver_reader()
        if layout.varargs is None or layout.varkw is None:
            raise TypeError(f"{_CALL} no longer takes *args and **kwargs")
        self._passed = itemgetter(layout.varargs, layout.varkw)

    def before(self, values: Values) -> None:
        """Compare what the key leaves out with where the user is."""
        memorized = self._memorized(values)
        if not memorized.ignore or not hasattr(memorized.func, "__code__"):
            return
        function = memorized.func
        ignored = self._ignored[function] = frozenset(memorized.ignore)
        user = self._runtime.ambient.current()
        if user is None:
            return
        args, kwargs = self._passed(values)
        for name in ignored & parameters_with_user(function.__code__, args, kwargs, user.id):
            place = beneath(capture(limit=16), _OWN)
            self._runtime.publish(UserIgnored(f"{function.__module__}:{function.__qualname__}", name, user, place))


class Joblib:
    """The integration."""

    distribution = "joblib"
    since = "1.4"

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Calls, for what keys leave out; and the store, which is told the key: the function and its arguments."""
        ignored: WeakKeyDictionary[Any, frozenset[str]] = WeakKeyDictionary()
        library = Library(("joblib",), unkeyed=lambda function: ignored.get(function, frozenset()))
        yield Point(_CALL, partial(CallPoint, runtime, ignored))
        yield from Keyed(library, (f"{_STORE}.dump_item",), (f"{_STORE}.load_item",)).points(runtime)


integration = Joblib()
