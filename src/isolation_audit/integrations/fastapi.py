"""FastAPI: the current user among what it injects into its views, ``Depends(get_current_user)``."""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.model.credentials import is_key
from isolation_audit.targets.injected_users import InjectedUsers
from isolation_audit.vocabulary.libraries import DependencyOverrides

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SOLVE: Final = "fastapi.dependencies.utils:solve_dependencies"
_DEEPEST: Final = 16
_MOST: Final = 1_000
"""Functions of which it is remembered what they read; those of tests that override others come and go."""

_WHO: Final = ("header_params", "cookie_params")


class FastAPI:
    """The integration."""

    distribution = "fastapi"
    since = "0.100"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The one place that calls what a view depends on, level by level, the innermost first."""
        if "dependency" in runtime.part(sources).detect or runtime.config.users:
            yield Point(_SOLVE, partial(SolvedPoint, runtime))
        if any(factory.canonical for factory in runtime.config.factories):
            yield Point(_SOLVE, partial(OverriddenPoint, runtime.listener(DependencyOverrides)))


class OverriddenPoint(Interceptor):
    """Around the same: remembers the application that may have other functions in the place of some."""

    place = _SOLVE

    def __init__(self, overrides: DependencyOverrides, layout: Layout) -> None:
        self._overrides = overrides
        self._application = layout.optional("dependency_overrides_provider")

    def before(self, values: Values) -> None:
        """Remember it."""
        application = self._application(values)
        if application is not None:
            self._overrides.seen(application)


class SolvedPoint(Interceptor):
    """Around the solving of one level."""

    place = _SOLVE

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        self._users = runtime.part(InjectedUsers)
        self._ambient = runtime.ambient.current
        self._dependant = layout.argument("dependant")
        self._known: dict[int, tuple[Any, tuple[bool, bool, bool]]] = {}

    def before(self, values: Values) -> Any:
        """Keep what is solved for the end."""
        dependant = self._dependant(values)
        return dependant if getattr(dependant, "dependencies", None) else None

    def after(self, dependant: Any, solved: Any) -> None:
        """Look at what each function has given, and at whom it has left in the application's variable."""
        self._ambient()
        values, cache = _results(solved)
        for one in dependant.dependencies:
            call = one.call
            if call is None or _is_scheme(call):
                continue
            value = values.get(one.name) if one.name is not None else _cached(cache, call)
            if value is not None:
                asks_who, asks_for, by_path = self._asked(one)
                self._users.given(call, value, asks_who=asks_who, asks_for=asks_for, by_path=by_path)

    def _asked(self, dependant: Any) -> tuple[bool, bool, bool]:
        """What a function and those below it read; they are as they are as long as the application runs."""
        known = self._known.get(id(dependant))
        if known is not None and known[0] is dependant:
            return known[1]
        below = list(_below(dependant, _DEEPEST))
        asks_who = any(_asks(each, _WHO) or _is_scheme(each.call) or _reads_request(each) for each in below)
        by_path = any(_asks(each, ("path_params",)) for each in below)
        asks_for = by_path or any(_asks(each, ("body_params",)) or _queries(each) for each in below)
        if len(self._known) >= _MOST:
            self._known.clear()
        # It is held: its identity stays its own.
        self._known[id(dependant)] = dependant, (asks_who, asks_for, by_path)
        return asks_who, asks_for, by_path


def _results(solved: Any) -> tuple[dict[str, Any], dict[Any, Any]]:
    """The values by name, and those that are kept for the request; older versions give a tuple."""
    if type(solved) is tuple:
        return solved[0], solved[4] or {}
    return solved.values, solved.dependency_cache or {}


def _cached(cache: dict[Any, Any], call: Any) -> Any:
    for key, value in list(cache.items()):
        first = key[0] if type(key) is tuple and key else key
        if first is call or getattr(first, "call", None) is call:
            return value
    return None


def _below(dependant: Any, depth: int) -> Iterator[Any]:
    yield dependant
    for one in dependant.dependencies if depth else ():
        yield from _below(one, depth - 1)


def _asks(dependant: Any, kinds: Iterable[str]) -> bool:
    return any(getattr(dependant, kind, None) for kind in kinds)


def _queries(dependant: Any) -> bool:
    """True where it reads the query for something else than a token."""
    return any(not is_key(field.alias) for field in getattr(dependant, "query_params", ()))


def _reads_request(dependant: Any) -> bool:
    return any(getattr(dependant, f"{kind}_param_name", None) for kind in ("request", "websocket", "http_connection"))


def _is_scheme(call: Any) -> bool:
    """True for what reads a credential out of the request, and gives it as it is."""
    if type(call) is FunctionType:
        return False
    return any(
        cls.__name__ == "SecurityBase" and cls.__module__ == "fastapi.security.base" for cls in type(call).__mro__
    )


integration = FastAPI()
