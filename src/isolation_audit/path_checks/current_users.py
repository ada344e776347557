"""What frameworks inject as the current user, as far as the imported modules show it: the trees of FastAPI's and
Litestar's dependencies. Nothing is called."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.targets.injected_users import called, says_who

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROUTES: Final = 5_000
"""Routes that are looked at."""


def current_users(configured: frozenset[str]) -> list[dict[str, Any]]:
    """``{target, doubt}`` of each function that looks like it, but for those that the configuration names."""
    found: dict[str, bool] = {}
    for call in _injected():
        name, target = called(call)
        said = says_who(name)
        if said is not False and target not in configured:
            found[target] = said is None
    return [{"target": target, "doubt": doubt} for target, doubt in sorted(found.items())]


def _injected() -> Iterator[Any]:
    left = _ROUTES
    for module in list(sys.modules.values()):
        file = vars(module).get("__file__") if type(module) is ModuleType else None
        if type(file) is not str or is_installed(file) or module.__name__.partition(".")[0] == "isolation_audit":
            continue
        for value in list(vars(module).values()):
            held = _fields(value)
            yield from _provided(held)
            for route in (held.get("routes") or _fields(held.get("router")).get("routes") or ())[:left]:
                left -= 1
                yield from _in_tree(_fields(route).get("dependant"))


def _in_tree(dependant: Any, depth: int = 16) -> Iterator[Any]:
    """FastAPI: what a view needs, and what that needs."""
    for one in _fields(dependant).get("dependencies") or () if depth else ():
        call = _fields(one).get("call")
        if call is not None:
            yield call
        yield from _in_tree(one, depth - 1)


def _provided(held: dict[str, Any]) -> Iterator[Any]:
    """Litestar: what an application, a router, a controller or a view is provided with."""
    given = held.get("dependencies")
    for one in list(given.values()) if type(given) is dict else ():
        call = getattr(one, "dependency", one)
        if callable(call):
            yield call


def _fields(value: Any) -> dict[str, Any]:
    """What is stored in an object, past its properties."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        held = {name: getattr(value, name, None) for name in ("call", "dependencies") if hasattr(type(value), name)}
    return held if type(held) is dict else {}
