"""What integrations of servers without a protocol of their own share: a connection is a unit that comes and goes.

Its code runs whenever bytes have come in: each time the running context works on that unit, and afterwards on what it
has worked on before.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed, is_standard
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.integrations.building_blocks.lines_of_clients import take_in
from isolation_audit.model.contexts import begin_anew, change_unit, current_unit
from isolation_audit.model.requests import Request

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations.building_blocks.connections import Connections


class Served:
    """The mark of requests that are such connections."""

    __slots__ = ("request",)

    def __init__(self) -> None:
        self.request: Request | None = None
        """None before it has begun, and once it is over."""


class _Units(Serving):
    """What begins and ends the unit of a connection, in two calls."""

    counted = ""  # it counts its messages

    def begin(self, mark: Served, endpoint: Endpoint) -> Request:
        """It comes with no head."""
        request = Request(self._sources, _no_headers, mark=mark, endpoint_of=lambda: endpoint)
        request.lasting = True
        self._begin(request, None)
        return request

    def end(self, request: Request) -> None:
        """Nothing comes any more."""
        self.after((request, None), None)


class ByteConnections:
    """Begins connections, goes on with them, and ends them; ``connections`` are told what comes in and leaves."""

    def __init__(self, place: str, connections: Connections, runtime: Runtime) -> None:
        self.connections = connections
        self._runtime = runtime
        self._units = _Units(place, runtime)

    def begin(self, served: Served, obj: Any, view: Any) -> Request | None:
        """Begin the unit of a connection, which others know by ``obj``, and give the request that it interrupts."""
        outer = current_unit().request
        if outer is not None:
            begin_anew(None)  # of whoever has started the server
        endpoint = Endpoint(view=view)
        served.request = self._units.begin(served, endpoint)
        self.connections.of(obj).opened_by = served.request, endpoint
        return outer

    def end(self, served: Served) -> None:
        """It is over, once."""
        request, served.request = served.request, None
        if request is not None:
            self._units.end(request)

    def receive(self, obj: Any, data: bytes) -> None:
        """Something has come in: it is an input, and may say whose the connection is."""
        take_in(self.connections, obj, data)

    def send(self, obj: Any, data: Any) -> None:
        """Have it compared with whose the connection is."""
        connection = self.connections.known(obj)
        if connection is None:
            return
        if connection.owner is None:
            self.connections.ask(obj, connection)
        self.connections.sent(connection, bytes(data))


def go_on(request: Request | None) -> Request | None:
    """Have the running context work on a connection's unit, and give what it has worked on so far."""
    outer = current_unit().request
    if outer is not request:
        change_unit(request=request)
    return outer


def is_the_applications(code: Any) -> bool:
    """True for code that belongs to no library."""
    return type(code) is CodeType and not is_installed(code.co_filename) and not is_standard(code.co_filename)


def _no_headers() -> tuple[()]:
    return ()


BYTES: Final = (bytes, bytearray, memoryview)
