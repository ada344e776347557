"""Hypercorn: where the requests to any ASGI application begin, with nobody's context, and what it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.asgi_servers import sending
from isolation_audit.integrations.building_blocks.http_request import serving_asgi
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_KINDS: Final = ("asyncio", "trio")


class Hypercorn:
    """The integration."""

    distribution = "hypercorn"
    since = "0.14"
    packages = ("hypercorn",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What runs a request, on asyncio and on Trio; what is sent to requests and WebSockets."""
        for kind in _KINDS:
            handle = f"hypercorn.{kind}.task_group:_handle"
            if runtime.config.watch.contexts:
                yield Point(*point(HomePoint, f"hypercorn.{kind}.run:worker_serve", runtime))
                yield Point(*point(RootPoint, handle, runtime))
            yield Point(handle, serving_asgi(handle, runtime, served=True))
        yield from sending(
            runtime,
            ("hypercorn.protocol.http_stream:HTTPStream.app_send", "hypercorn.protocol.ws_stream:WSStream.app_send"),
        )


integration = Hypercorn()
