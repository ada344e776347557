"""Granian: where the requests of ASGI and WSGI applications begin and end, and what ASGI applications send.

It is written in Rust, and calls the application from there. So what it is given to call is put into a function that
tells, when a worker makes its call of the application ready.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Replacement
from isolation_audit.integrations.building_blocks.asgi_servers import SendPoint
from isolation_audit.integrations.building_blocks.http_request import AsgiPoint, WsgiPoint
from isolation_audit.integrations.building_blocks.session_cookies import are_learned
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.vocabulary.exits import Exits

_ASGI: Final = "granian.asgi:_callback_wrapper"
_WSGI: Final = "granian.wsgi:_callback_wrapper"


class Granian:
    """The integration."""

    distribution = "granian"
    since = "2.5"
    packages = ("granian",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Replacement]:
        """What makes the call of an application ready; of ASGI, two share one probe, and tell their values apart."""
        yield Replacement(_ASGI, AsgiPoint(_ASGI, runtime, _scope_of, served=True), _asgi)
        sinks = exits_of(runtime)
        if sinks is not None:
            yield Replacement(_ASGI, SentPoint(sinks, are_learned(runtime)), _asgi)
        yield Replacement(_WSGI, WsgiPoint(_WSGI, runtime, lambda values: values[0]), _wsgi)


class _Exchange:
    """One request, or one connection; it is told by itself when it begins, and with each message that is sent."""

    __slots__ = ("__weakref__", "scope")

    def __init__(self, scope: Any) -> None:
        self.scope = scope


class SentPoint(SendPoint):
    """Asked about each message that an application sends."""

    def __init__(self, sinks: Exits, learns: bool) -> None:
        super().__init__(_ASGI, sinks, learns, _exchange_of, _message_of)


def _scope_of(values: Values) -> Any:
    return values[0].scope if len(values) == 1 else None


def _exchange_of(values: Values) -> Any:
    return values[0]


def _message_of(values: Values) -> Any:
    return values[1] if len(values) > 1 else None


def _asgi(original: Any, probe: Probe) -> Any:
    """What makes a call of an ASGI application ready: one that tells ``probe``."""

    @wraps(original)
    def ready(callback: Any, *args: Any, **kwargs: Any) -> Any:
        @wraps(callback)
        async def application(scope: Any, receive: Any, send: Any) -> Any:
            exchange = _Exchange(scope)
            states = probe.before((exchange,))
            telling = _sending(probe, exchange, send)
            if states is None:
                return await callback(scope, receive, telling)
            try:
                result = await callback(scope, receive, telling)
            except BaseException as error:
                probe.failed(states, error)
                raise
            probe.after(states, result)
            return result

        return original(application, *args, **kwargs)

    return ready


def _sending(probe: Probe, exchange: _Exchange, send: Any) -> Callable[[Any], Any]:
    def sending(message: Any) -> Any:
        states = probe.before((exchange, message))
        if states is None:
            return send(message)
        try:
            sent = send(message)
        except BaseException as error:
            probe.failed(states, error)
            raise
        probe.after(states, sent)
        return sent

    return sending


def _wsgi(original: Any, probe: Probe) -> Any:
    """The same for a WSGI application."""

    @wraps(original)
    def ready(callback: Any, *args: Any, **kwargs: Any) -> Any:
        @wraps(callback)
        def application(environ: Any, start_response: Any) -> Any:
            states = probe.before((environ,))
            if states is None:
                return callback(environ, start_response)
            try:
                result = callback(environ, start_response)
            except BaseException as error:
                probe.failed(states, error)
                raise
            probe.after(states, result)
            return result

        return original(application, *args, **kwargs)

    return ready


integration = Granian()
