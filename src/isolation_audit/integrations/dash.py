"""Dash: which of the application's callbacks answers a request; all of them have one path, and one view of Dash's own.

Requests and users are those of the framework that serves it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_CALLBACKS: Final = ("dash._callback:_invoke_callback", "dash._callback:_async_invoke_callback")
_LAYOUT: Final = "dash.dash:Dash._layout_value"


class Dash:
    """The integration."""

    distribution = "dash"
    since = "2.18"
    packages = ("dash",)

    @staticmethod
    def points(_runtime: Runtime) -> Iterator[Point]:
        """What calls a callback, and what calls the function that makes the page."""
        for place in _CALLBACKS:
            yield Point(place, _calling(place))
        yield Point(_LAYOUT, lambda layout: ViewPoint(_LAYOUT, _layout_of(layout)))


class ViewPoint(Interceptor):
    """Around the call of a function of the application's: it answers the request."""

    def __init__(self, place: str, view_of: Callable[[Values], Any]) -> None:
        self.place = place
        self._view_of = view_of

    def before(self, values: Values) -> None:
        """The request's route stays as it is."""
        request = current_unit().request
        endpoint = None if request is None else request.endpoint()
        if request is not None and endpoint is not None:
            view = self._view_of(values)
            if callable(view):
                request.routed(lambda: replace(endpoint, view=view))


def _calling(place: str) -> Callable[[Layout], ViewPoint]:
    return lambda layout: ViewPoint(place, layout.argument("func"))


def _layout_of(layout: Layout) -> Callable[[Values], Any]:
    application_of = layout.receiver_reader()
    return lambda values: vars(application_of(values)).get("_layout")


integration = Dash()
