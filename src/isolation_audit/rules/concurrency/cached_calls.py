"""Functions below ``functools.cache``: the cache keeps nobody out while the first call computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.rules.concurrency.windows import LookPlace, Windows, is_data
from isolation_audit.rules.factories.modules import Modules
from isolation_audit.targets.singleton import Singletons
from isolation_audit.vocabulary.caches import ComputingCall, ComputingCalls

if TYPE_CHECKING:
    from types import FunctionType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.rules.concurrency.windows import Call

_PLAIN: Final = frozenset(map(id, (str, int, bytes, bool, type(None))))
_FUNCTIONS: Final = 10_000
_MOST: Final = 4
"""Arguments of a call that is watched: what takes more is no accessor."""


class CachedCalls(ComputingCalls):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self.windows = runtime.part(Windows)
        self.singletons: Singletons = runtime.part(Singletons)
        self._modules = runtime.part(Modules)
        self._done: dict[int, FunctionType] = {}
        """Functions that have given mere data: that may be computed twice, and a miss costs no more than before."""

    def begin(
        self, function: FunctionType, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> CachedCall | None:
        """A call whose result is not cached; None where its arguments may have a meaning of their own."""
        if kwargs or len(args) > _MOST or id(function) in self._done or not self._modules.is_of_own(function):
            return None
        key = tuple([id(one) if issubclass(type(one), type) else one for one in args if _is_plain(one)])
        if len(key) != len(args):
            return None
        call = self.windows.enter(("cached", id(function), key), (function, args))
        return None if call is None else CachedCall(self, LookPlace(target, "its result", entry=bool(args)), call)

    def is_mere_data(self, call: Call, value: Any) -> bool:
        """Whether nobody can register anything with a result; its function is left alone from now on."""
        if not is_data(value):
            return False
        if len(self._done) < _FUNCTIONS:
            function, _args = call.held
            self._done[id(function)] = function
        return True


class CachedCall(ComputingCall):
    """One call that computes what the cache will keep."""

    __slots__ = ("_call", "_calls", "_place")

    def __init__(self, calls: CachedCalls, place: LookPlace, call: Call) -> None:
        self._calls = calls
        self._place = place
        self._call = call

    def ended(self, value: Any) -> None:
        """It has made this."""
        if self._calls.is_mere_data(self._call, value):
            self._calls.windows.fail(self._call)
            return
        window = self._calls.windows.leave(self._place, self._call, value)
        if window is not None and not self._place.entry:
            function, _args = self._call.held
            stack = window.makers[0].stack
            self._calls.singletons.evident(value, self._place.target, function, stack, "its cached result")

    def failed(self) -> None:
        """It has made nothing."""
        self._calls.windows.fail(self._call)


def _is_plain(value: Any) -> bool:
    return id(type(value)) in _PLAIN or issubclass(type(value), type)
