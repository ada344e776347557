"""asyncio: what is written to transports, and what is read from streams; uvloop's are written in C and are not seen."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.secrets import ANY, Version
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.passing import Passing, PassingPoint, in_task, passing
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.asgi_servers import AnsweredScope
from isolation_audit.integrations.building_blocks.wire import HEAD, Wire
from isolation_audit.model.contexts import current_unit, sending_variable
from isolation_audit.model.tables import ByIdentity
from isolation_audit.vocabulary.exits import Exits, exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

PLAIN: Final = "asyncio.selector_events:_SelectorSocketTransport.write"
LINES: Final = "asyncio.selector_events:_SelectorSocketTransport.writelines"
ENCRYPTED: Final = "asyncio.sslproto:_SSLProtocolTransport.write"
READS: Final = ("read", "readexactly", "readuntil")


class Transports:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Both kinds of transports, and what all ways to read a stream come down to."""
        sinks = exits_of(runtime)
        if sinks is None:
            return
        wires: ByIdentity[Wire] = ByIdentity()
        yield Point(PLAIN, partial(WritePoint, sinks, wires))
        if sys.version_info >= (3, 12):
            # Before, it joined the lines and called write().
            yield Point(LINES, partial(LinesPoint, sinks, wires))
        yield Point(ENCRYPTED, partial(EncryptingPoint, sinks, ByIdentity()))
        for name in READS:
            target = f"asyncio.streams:StreamReader.{name}"
            yield Point(target, partial(ReadPoint, target, sinks))


class WritePoint(Interceptor):
    """Around ``write`` of a transport."""

    place = PLAIN

    argument = "data"

    def __init__(self, sinks: Exits, wires: ByIdentity[Wire], layout: Layout) -> None:
        self._sinks = sinks
        self._wires = wires
        self._self_of = layout.receiver_reader()
        self._argument = layout.argument(self.argument)

    def before(self, values: Values) -> Any:
        """Search what a server's connection sends; for secrets, what a client's does."""
        request = current_unit().request
        if request is not None and request.transport is not None and not Version.number:
            self_of = self._self_of
            if self_of(values) is request.transport:
                return  # its server has looked at it
        passing_by: Passing | None = sending_variable.get()
        if passing_by is None or passing_by.over:
            self._write(values)

    def _write(self, values: Values) -> bool:
        argument_of = self._argument
        given = argument_of(values)
        if type(given) is bytes and not given.startswith(HEAD) and not Version.number:
            known = self._wires.get(self._self_of(values))
            if known is None or known.switched:
                return False  # no response begins or goes on here, and there is nothing else to look for
        if not in_task():
            return False
        transport, data = self._self_of(values), self._bytes(given)
        if data is None:
            return False
        # An accepted connection has one.
        if getattr(self._socket_transport(transport), "_server", None) is None:
            self._sinks.secrets(data, self.place, "a request")
            return True
        wire = self._wires.get(transport) or self._wires.setdefault(transport, Wire(self._sinks, self.place))
        if data.startswith(HEAD):
            wire.request = _asked()
        wire.write(data)
        return True

    @staticmethod
    def _bytes(data: Any) -> bytes | None:
        return bytes(data) if type(data) is bytes or type(data) is bytearray or type(data) is memoryview else None

    @staticmethod
    def _socket_transport(transport: Any) -> Any:
        return transport


def _asked() -> AnsweredRequest:
    """What the running request asks for, where it is one of an ASGI application."""
    request = current_unit().request
    scope = None if request is None else request.scope
    if scope is None or "path" not in scope:
        return AnsweredRequest()
    # Read now: the connection outlives the request.
    lazy = AnsweredScope(scope)
    return AnsweredRequest(lazy.asked, lazy.endpoint)


class LinesPoint(WritePoint):
    """Around ``writelines``."""

    place = LINES
    argument = "list_of_data"

    @staticmethod
    def _bytes(data: Any) -> bytes | None:
        # Nothing that can be read once only.
        return b"".join(data) if type(data) is list or type(data) is tuple else None


class EncryptingPoint(PassingPoint, WritePoint):
    """Around ``write`` of an encrypted transport; what it writes to the one below is not searched again."""

    place = ENCRYPTED

    def before(self, values: Values) -> Passing | None:
        """Search it before it is encrypted."""
        return Passing.begin() if not passing() and self._write(values) else None

    @staticmethod
    def _socket_transport(transport: Any) -> Any:
        # None where it is closed.
        return getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)


class ReadPoint(Interceptor):
    """Around a method of a stream that reads; there is something to wait for where anybody has a secret."""

    gate = ANY

    def __init__(self, place: str, sinks: Exits, _layout: Layout) -> None:
        self.place = place
        self._sinks = sinks

    def before(self, _values: Values) -> bool:
        """Wait for what is read."""
        return True

    def after(self, _state: Any, data: Any) -> None:
        """Search it for secrets: an answer may name others, it may not hold what is theirs alone."""
        if in_task():
            self._sinks.secrets(data, self.place, "an answer")


integration = Transports()
