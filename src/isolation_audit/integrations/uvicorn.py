"""uvicorn: where the requests to any ASGI application begin, with nobody's context, and what it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.asgi_servers import sending
from isolation_audit.integrations.building_blocks.http_request import AsgiPoint
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout
    from isolation_audit.instrument.runtime import Runtime

_CALLS: Final = (
    "uvicorn.protocols.http.h11_impl:RequestResponseCycle.run_asgi",
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.run_asgi",
    "uvicorn.protocols.http.zttp_impl:RequestResponseCycle.run_asgi",
    "uvicorn.protocols.websockets.websockets_impl:WebSocketProtocol.run_asgi",
    "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol.run_asgi",
    "uvicorn.protocols.websockets.wsproto_impl:WSProtocol.run_asgi",
)
"""The only places where a request's task calls the application; each has the ASGI scope as ``self.scope``."""

_SENDS: Final = (
    "uvicorn.protocols.http.h11_impl:RequestResponseCycle.send",
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle.send",
    "uvicorn.protocols.http.zttp_impl:RequestResponseCycle.send",
    "uvicorn.protocols.websockets.websockets_impl:WebSocketProtocol.asgi_send",
    "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol.send",
    "uvicorn.protocols.websockets.wsproto_impl:WSProtocol.send",
)


class Uvicorn:
    """The integration."""

    distribution = "uvicorn"
    since = "0.21"
    packages = ("uvicorn",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The protocols' calls of the application, and the methods that they give it to send with."""
        if runtime.config.watch.contexts:
            # Before the others: they tell whose the request is, and it must have been nobody's until then.
            yield Point(*point(HomePoint, "uvicorn.server:Server.startup", runtime))
            for target in _CALLS:
                yield Point(*point(RootPoint, target, runtime))
        yield from sending(runtime, _SENDS)
        for target in _CALLS:
            yield Point(target, _calling(target, runtime))


def _calling(target: str, runtime: Runtime) -> Callable[[Layout], AsgiPoint]:
    return lambda layout: AsgiPoint(target, runtime, layout.receiver_reader(), served=True, held=True)


integration = Uvicorn()
