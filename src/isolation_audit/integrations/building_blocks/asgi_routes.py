"""ASGI frameworks: which view a router has chosen for a scope, and the template of its path.

Starlette leaves the view in the scope and no template; FastAPI leaves its route, which may know only the part below its
prefix. So the template is looked for among the application's routes, where a finding has to name it, and never made out
of the path that was asked for: that has the values in it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, ref

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.work.routes import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEPTH: Final = 8
_BELOW: Final = ("_base_app", "app", "router")
"""Where mounts, applications and routers keep what is below them."""

_VIEWS: Final = 1_000
"""Views of one application whose templates are kept."""
_views: Final[WeakKeyDictionary[Any, dict[int, tuple[ref[Any], tuple[str, ...]]]]] = WeakKeyDictionary()

_parameters: Final = pattern(r"\{[^}:]*(:path)?[^}]*\}")


def endpoint_of(scope: Any) -> Endpoint:
    """What answers the request of an ASGI scope, as far as a router has said so."""
    view, method, asked, route = map(scope.get, ("endpoint", "method", "path", "route"))
    if view is None or type(asked) is not str:
        template = None
    elif route is not None and "fastapi" not in scope and _field(route, "path") == asked:
        template = asked  # without parameters, and not below anything
    else:
        template = _template(scope, view, asked)
    return Endpoint(template, method if type(method) is str else None, view)


def _template(scope: Any, view: Any, asked: str) -> str | None:
    found = _fitting(_said(scope), asked)
    if found is None:
        app = scope.get("app")
        known = _known(app, view)
        found = (_fitting(known, asked) if known else None) or _fitting(_learned(app, view), asked)
    return None if found is None else _mounted(found[0], scope) + found[1]


def _fitting(templates: Iterable[str], asked: str) -> tuple[str, str] | None:
    """The first template that the end of a path is made by, behind what comes before it."""
    for template in templates:
        if template == asked:
            return "", template
        found = re.fullmatch(f"(.*?){_pattern(template)}", asked, re.DOTALL)
        if found is not None:
            return found[1], template
    return None


def _said(scope: Any) -> Iterator[str]:
    """What the router itself has left in the scope."""
    included = scope.get("fastapi")
    context = included.get("effective_route_context") if type(included) is dict else None
    for route in (context, scope.get("route")):
        path = _field(route, "path")
        if type(path) is str:
            yield path


def _known(app: Any, view: Any) -> tuple[str, ...]:
    """The templates under which an application was seen to have a view: one of many routes is looked through once."""
    try:
        views = _views.get(app)
    except TypeError:  # nothing can be kept beside it
        return ()
    known = None if views is None else views.get(id(view))
    return () if known is None or known[0]() is not view else known[1]


def _learned(app: Any, view: Any) -> tuple[str, ...]:
    """The same, by looking."""
    found = (*_below(app, view, "", _DEPTH),)
    with suppress(TypeError):
        views = _views.setdefault(app, {})
        if len(views) >= _VIEWS:
            views.clear()
        views[id(view)] = ref(view), found
    return found


def _below(holder: Any, view: Any, prefix: str, depth: int) -> Iterator[str]:
    """The templates under which an application, a router or a mount has the view."""
    if holder is None or not depth:
        return
    routes = _field(holder, "routes")
    if type(routes) is not list:
        for name in _BELOW:
            yield from _below(_field(holder, name), view, prefix, depth - 1)
        return
    for route in list(routes):
        path = _field(route, "path")
        below = prefix + path if type(path) is str else prefix
        if _field(route, "endpoint") is view:
            yield below
        elif _field(route, "endpoint") is None:
            yield from _below(route, view, below, depth - 1)


@lru_cache(1_000)
def _pattern(template: str) -> str:
    parts, end = [], 0
    for one in _parameters.finditer(template):
        parts += [re.escape(template[end : one.start()]), ".*" if one[1] else "[^/]+"]
        end = one.end()
    return "".join(parts) + re.escape(template[end:])


def _mounted(prefix: str, scope: Any) -> str:
    """The path of what the application is mounted below, without its values."""
    if not prefix:
        return ""
    root = scope.get("app_root_path")
    prefix = prefix.removeprefix(root) if type(root) is str else prefix
    given = scope.get("path_params")
    names = {str(value): name for name, value in given.items()} if type(given) is dict else {}
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in prefix.split("/"))


def _field(holder: Any, name: str) -> Any:
    """What an object itself has under a name, past its properties."""
    try:
        return object.__getattribute__(holder, "__dict__").get(name)
    except AttributeError:
        return None
