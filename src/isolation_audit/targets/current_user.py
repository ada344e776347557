"""Current user: a function of ``[[users]]``, whose result is the user of the request that is being served."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.layout import MISSING, value_reader
from isolation_audit.instrument.resolve import function_of, resolve
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.sources import FUNCTION
from isolation_audit.model.user_names import Unresolved, name_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from isolation_audit.config import model
    from isolation_audit.instrument.patching.placing import Places
    from isolation_audit.instrument.runtime import Runtime


class CurrentUserPoint(Interceptor):
    """Around the function; a result that is no user, and a call that fails, tell nothing."""

    def __init__(self, entry: model.CurrentUser, runtime: Runtime) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._seen = runtime.tally.seen_so_far

    def before(self, _values: Any) -> bool:
        """The user comes at the end."""
        self._seen[self.place] += 1
        return True

    def after(self, _state: bool, result: Any) -> None:
        """Tell the request."""
        tell_current_user(self._entry, result)


def tell_current_user(entry: model.CurrentUser, result: Any) -> None:
    """The function has given this."""
    request = current_unit().request
    if request is None or result is None:
        return
    found = result if entry.user_id is None else value_reader(entry.user_id)(result)
    name = None if found is MISSING else name_of(found)
    if name is not None and not isinstance(name, Unresolved):
        request.told(FUNCTION, name)


def watching(entry: model.CurrentUser, places: Places, runtime: Runtime) -> Callable[[ModuleType, model.Target], None]:
    """What puts the point around the function; what a generator yields is known to the framework that injects it."""

    def apply(module: ModuleType, target: model.Target) -> None:
        resolved = resolve(module, target)
        code = getattr(function_of(resolved.raw), "__code__", None)
        if code is None or not code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
            places.callable(resolved, "users", lambda _layout: CurrentUserPoint(entry, runtime))

    return apply
