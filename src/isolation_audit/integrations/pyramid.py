"""Pyramid: whose its requests are, by its security policy, and which view answers them; servers see what it answers."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import Resolved, find, function_of
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import WsgiPoint, sources
from isolation_audit.integrations.building_blocks.logins import SomebodyPoint
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.patching.placing import Places
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request

_APPLICATION: Final = "pyramid.router:Router.__call__"
_HANDLING: Final = "pyramid.router:Router.handle_request"
_VIEWS: Final = "pyramid.view:_find_views"
_POLICY: Final = "pyramid.security:_get_security_policy"
_SAYS_WHO: Final = ("identity", "authenticated_userid")
"""What a security policy is asked for a request's user."""

_method: Final = re.compile(r"method (\w+) of ").match


class Pyramid:
    """The integration."""

    distribution = "pyramid"
    since = "2.0"
    packages = ("pyramid",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The application, its views, and whoever finds the security policy of a request."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _APPLICATION, runtime))
        yield Point(_APPLICATION, lambda layout: WsgiPoint(_APPLICATION, runtime, layout.argument("environ")))
        yield Point(_HANDLING, HandlingPoint)
        yield Point(_VIEWS, lambda _layout: ViewsPoint())
        if "login" in runtime.part(sources).detect:
            yield Point(_POLICY, lambda _layout: PolicyPoint(runtime.places))


class HandlingPoint(Interceptor):
    """Around the handling of a request: it can tell its route from here on."""

    place = _HANDLING

    def __init__(self, layout: Layout) -> None:
        self._asked = layout.argument("request")

    def before(self, values: Values) -> None:
        """Nothing is looked up before a finding has to name it."""
        request = current_unit().request
        if request is None:
            return
        asked = self._asked(values)
        request.routed(lambda: endpoint_of(asked))
        request.namespace = vars(asked)
        if request.inputs is not None:
            request.inputs.receive(Input(REQUEST, asked, texts=request_texts.of_object))


class ViewsPoint(Interceptor):
    """Around what finds the views of a request: the first ones found answer it; those of an error come later."""

    place = _VIEWS

    def before(self, _values: Values) -> Request | None:
        """Wait for them."""
        return current_unit().request

    def after(self, request: Request, views: Any) -> None:
        """The one that answers: the only one, or the only one for the request's method."""
        endpoint = request.endpoint()
        view = None if endpoint is None else _view_of(views, endpoint.method)
        if endpoint is not None and endpoint.view is None and view is not None:
            request.routed(lambda: replace(endpoint, view=view))


class PolicyPoint(Interceptor):
    """Around what finds the security policy: its class is the application's own, as a rule, and known only now."""

    place = _POLICY

    def __init__(self, places: Places) -> None:
        self._places = places
        self._seen: set[type] = set()

    def before(self, _values: Values) -> bool:
        """Wait for it."""
        return True

    def after(self, _waits: bool, policy: Any) -> None:
        """Watch what it says, from its first request on."""
        kind = type(policy)
        if policy is not None and kind not in self._seen:
            self._seen.add(kind)
            self._places.meanwhile(("pyramid", kind), partial(self._watch, kind))

    def _watch(self, kind: type) -> None:
        for name in _SAYS_WHO:
            home, raw = find(kind, name)
            if home is not None and function_of(raw) is not None:
                place = f"{kind.__module__}:{kind.__qualname__}.{name}"
                resolved = Resolved(kind, name, raw, home)
                self._places.callable(resolved, "security policy", _asked_for(place))


def _asked_for(place: str) -> Callable[[Layout], SomebodyPoint]:
    return lambda _layout: SomebodyPoint(place, lambda _values, who: who)


def endpoint_of(asked: Any) -> Endpoint:
    """What Pyramid has found for a request."""
    route = vars(asked).get("matched_route")
    return Endpoint(getattr(route, "pattern", None), asked.environ.get("REQUEST_METHOD"))


def _view_of(views: Any, method: str | None) -> Any:
    """The application's own view; None where several wait for one request, of which other predicates choose one.

    The views for the narrowest match come first. Among those of one place, what names the method goes before what takes
    any, such as the answer for methods that a route does not have.
    """
    for found in views if type(views) is list else ():
        waiting = [*_waiting(found)]
        by_name = [view for view in waiting if _takes(view, method)]
        chosen = by_name or [view for view in waiting if _takes(view, None)]
        if chosen:
            first = _original(chosen[0])
            sure = len(views) == 1 or all(map(_is_of_method, getattr(chosen[0], "__predicates__", ())))
            return first if sure and all(_original(view) is first for view in chosen) else None
    return None


def _waiting(found: Any) -> Iterator[Any]:
    """A view, or all that Pyramid keeps in one place because predicates tell them apart."""
    if type(found).__name__ != "MultiView":
        yield found
        return
    fields = vars(found)
    for rows in (fields["views"], *fields["media_views"].values()):
        yield from (view for _order, view, *_ in rows)


def _takes(view: Any, method: str | None) -> bool:
    """True where a view's own predicates name this method of HTTP; for None, where they name none."""
    named = [vars(one)["val"] for one in getattr(view, "__predicates__", ()) if _is_of_method(one)]
    return not named if method is None else bool(named) and all(method in methods for methods in named)


def _is_of_method(predicate: Any) -> bool:
    return type(predicate).__name__ == "RequestMethodPredicate"


def _original(view: Any) -> Any:
    """What the application has configured as a view: of a class, the method that its ``attr`` names."""
    original = getattr(view, "__original_view__", None)
    # A view without predicates has its method's name in what Pyramid shows of it, and nowhere else.
    shown = _method(str(getattr(view, "__text__", "")))
    attribute = getattr(view, "__view_attr__", None) or (shown and shown[1])
    if not isinstance(original, type) or type(attribute) is not str:
        return original
    _home, raw = find(original, attribute)
    return original if function_of(raw) is None else raw


integration = Pyramid()
