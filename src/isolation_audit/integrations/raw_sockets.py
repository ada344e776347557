"""Sockets that the application itself accepts, reads and writes: a connection is a unit of work from its first bytes.

It lasts until the other side has said its last, or the socket is closed. What goes through a socket has no hook but one
for all sockets of the process: that is placed once the application has accepted a connection by itself.
"""

from __future__ import annotations

import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.model import Target
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import resolve
from isolation_audit.instrument.work.routes import code_of
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.byte_connections import (
    BYTES,
    ByteConnections,
    Served,
    go_on,
    is_the_applications,
)
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.model.gates import Gate
from isolation_audit.model.tables import ByIdentity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SOCKET: Final = "socket:socket"
_ACCEPT: Final = f"{_SOCKET}.accept"
_LOOP: Final = "asyncio.selector_events:BaseSelectorEventLoop"
_HANDLER: Final = "socketserver:BaseRequestHandler.__init__"
_BETWEEN: Final = frozenset(("isolation_audit", "socket", "ssl"))
"""Packages between the code that accepts or reads and our hooks..."""
_AWAITED: Final = _BETWEEN | {"asyncio"}
"""...where a coroutine waits for that: what a server of asyncio's accepts is none of its caller's."""
_FRAMES: Final = 40


class RawSockets:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Where a connection is accepted, and what asyncio reads and writes for a coroutine."""
        sockets = _Sockets(runtime)
        runtime.part(Sightings).accepted_by_hand.append(sockets.accepted_by_hand)
        yield Point(AcceptPoint.place, partial(AcceptPoint, sockets))
        yield Point(_HANDLER, partial(HandlerPoint, sockets))
        # Where it can, the loop reads at once, and by the socket's own method: that is looked at first.
        for name, kind in (("sock_recv", ReceivePoint), ("sock_recv_into", ReceiveIntoPoint)):
            yield Point(f"{_LOOP}.{name}", partial(kind, f"{_LOOP}.{name}", sockets, 0))


class _Accepted(Served):
    """One of them."""

    __slots__ = ("reading", "view")

    def __init__(self, view: CodeType | None) -> None:
        super().__init__()
        self.view = view
        """What serves it, where that is known before it reads."""
        self.reading = False
        """True while a coroutine reads, in whose context what has come is then worked on."""


class _Sockets(ByteConnections):
    """All of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(_ACCEPT, Connections(_SOCKET, runtime, counted_out=False), runtime)
        self.gate = Gate()
        self.of: ByIdentity[_Accepted] = ByIdentity()
        self._sightings = runtime.part(Sightings)
        # Those of libraries come by as well, and stay unwatched.
        self._sightings.waits(_SOCKET, _ACCEPT)

    def accepted_by_hand(self, accepted: Any) -> None:
        """The application's own code has called ``accept``."""
        self.accepted(accepted, _caller(_BETWEEN)[1])

    def accepted(self, accepted: Any, package: str, view: CodeType | None = None) -> None:
        """The application has accepted this one; from the first one on, look at what sockets read and write."""
        self.of.setdefault(accepted, _Accepted(view))
        if self.gate.open:
            return
        self.gate.open = True
        self._sightings.serves(_SOCKET, (package,))
        places = self._runtime.places
        for name, kind in _METHODS.items():
            place = f"{_SOCKET}.{name}"
            placing = partial(places.callable, resolve(socket, Target("socket", f"socket.{name}")), place)
            places.meanwhile((_SOCKET, place), partial(placing, partial(kind, place, self)))

    def received(self, accepted: Any, one: _Accepted, data: bytes) -> None:
        """The running context works on what has come in."""
        if not data:
            self.end(one)
            return
        if one.request is None:
            code, _package = _caller(_AWAITED)
            self.begin(one, accepted, one.view or code)
        else:
            go_on(one.request)
        self.receive(accepted, data)


def _caller(between: frozenset[str]) -> tuple[CodeType | None, str]:
    """The code that has called, or awaits, what runs, and its package; None where it is no code of the application."""
    frame = sys._getframe(2)  # noqa: SLF001 - there is no other way to the one who calls
    for _ in range(_FRAMES):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package not in between:
            return (frame.f_code if is_the_applications(frame.f_code) else None), package
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None, ""


class AcceptPoint(Interceptor):
    """Around what accepts a connection for a coroutine; the socket's own method is looked at once a listener."""

    place = f"{_LOOP}.sock_accept"

    def __init__(self, sockets: _Sockets, _layout: Layout) -> None:
        self._sockets = sockets

    def before(self, _values: Values) -> bool:
        """Wait for it."""
        return True

    def after(self, _state: Any, result: Any) -> None:
        """Who has accepted it serves it, or has it served."""
        code, package = _caller(_AWAITED)
        if code is not None:
            self._sockets.accepted(result[0], package)


class HandlerPoint(Interceptor):
    """Around a handler of ``socketserver``, which serves its connection in its constructor."""

    place = _HANDLER

    def __init__(self, sockets: _Sockets, layout: Layout) -> None:
        self._sockets = sockets
        self._self_of = layout.receiver_reader()
        self._request = layout.argument("request")

    def before(self, values: Values) -> None:
        """Those that go through files are served elsewhere, and datagrams are no connections."""
        kind, accepted = type(self._self_of(values)), self._request(values)
        code = code_of(getattr(kind, "handle", None))
        streams = getattr(sys.modules["socketserver"], "StreamRequestHandler", kind)
        if isinstance(accepted, socket.socket) and not issubclass(kind, streams) and is_the_applications(code):
            self._sockets.accepted(accepted, "socketserver", code)


class _Point(Interceptor):
    """Around a method of sockets, or of a loop that is handed one; ``position`` is that of the argument behind it."""

    def __init__(self, place: str, sockets: _Sockets, position: int | None, layout: Layout) -> None:
        self.place = place
        self.gate = sockets.gate
        self._sockets = sockets
        self._socket_of = layout.receiver_reader() if position is None else layout.argument(position)
        self._argument = layout.argument(0 if position is None else position + 1)

    def _one(self, values: Values) -> tuple[Any, _Accepted] | None:
        accepted = self._socket_of(values)
        one = self._sockets.of.get(accepted)
        return None if one is None else (accepted, one)


class ReceivePoint(_Point):
    """Around what reads bytes."""

    def before(self, values: Values) -> Any:
        """Keep the socket for the end; a coroutine reads for all that is called meanwhile."""
        found = self._one(values)
        if found is None or found[1].reading:
            return None
        found[1].reading = self.place.startswith(_LOOP)
        return found

    def after(self, found: Any, result: Any) -> None:
        """What has come in."""
        accepted, one = found
        one.reading = False
        self._sockets.received(accepted, one, bytes(result))

    def failed(self, found: Any, _error: BaseException) -> None:
        """Nothing has come."""
        found[1].reading = False


class ReceiveIntoPoint(ReceivePoint):
    """Around what reads into a buffer."""

    def before(self, values: Values) -> Any:
        """Keep that as well."""
        found = super().before(values)
        return None if found is None else (*found, self._argument(values))

    def after(self, found: Any, result: Any) -> None:
        """As much of it has come in."""
        *found, buffer = found
        super().after(found, bytes(memoryview(buffer)[:result]))


class SendPoint(_Point):
    """Around what writes to a socket, whoever's work it is in."""

    def before(self, values: Values) -> None:
        """Compare with whose it is."""
        found, data = self._one(values), self._argument(values)
        if found is not None and isinstance(data, BYTES):
            self._sockets.send(found[0], data)


class ClosePoint(Interceptor):
    """Around the closing of a socket."""

    place = f"{_SOCKET}.close"

    def __init__(self, _place: str, sockets: _Sockets, layout: Layout) -> None:
        self.gate = sockets.gate
        self._sockets = sockets
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Its unit is over."""
        one = self._sockets.of.get(self._self_of(values))
        if one is not None:
            self._sockets.end(one)


_METHODS: Final[dict[str, Any]] = {
    "recv": lambda place, sockets, layout: ReceivePoint(place, sockets, None, layout),
    "recv_into": lambda place, sockets, layout: ReceiveIntoPoint(place, sockets, None, layout),
    "send": lambda place, sockets, layout: SendPoint(place, sockets, None, layout),
    "sendall": lambda place, sockets, layout: SendPoint(place, sockets, None, layout),
    "close": ClosePoint,
}


integration = RawSockets()
