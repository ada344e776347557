"""Hypercorn: what any ASGI application sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.integrations.asgi_servers import sending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point


class Hypercorn:
    """The integration."""

    distribution = "hypercorn"
    since = "0.14"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Requests and WebSockets."""
        yield from sending(
            runtime,
            ("hypercorn.protocol.http_stream:HTTPStream.app_send", "hypercorn.protocol.ws_stream:WSStream.app_send"),
        )


integration = Hypercorn()
