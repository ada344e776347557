"""Protocols that the application itself has written for asyncio's servers: a connection is a unit of work.

The transport calls the protocol whenever bytes have come in. Those of libraries have integrations of their own.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed, is_standard
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.passing import in_task
from isolation_audit.instrument.resolve import Resolved, find, function_of, mro_of
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
from isolation_audit.integrations.transports import ENCRYPTED, LINES, PLAIN
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.gates import Gate
from isolation_audit.model.tables import ByIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_LOOP: Final = "asyncio.base_events:BaseEventLoop"
_UNIX_LOOP: Final = "asyncio.unix_events:_UnixSelectorEventLoop"
_TRANSPORT: Final = "asyncio.selector_events:_SelectorSocketTransport"
_ACCEPTED: Final = f"{_TRANSPORT}.__init__"
_ENCRYPTED: Final = "asyncio.sslproto:SSLProtocol.__init__"
_LOST: Final = "asyncio.selector_events:_SelectorTransport._call_connection_lost"
_RECEIVED: Final = "data_received"
_MADE: Final = "connection_made"
_HTTP: Final = b"HTTP/"


class Protocols:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Where a connection is accepted and lost; the rest is looked at once one was the application's own."""
        served = _Protocols(runtime)
        for name in ("create_server", "create_unix_server"):
            place = f"{_LOOP if name == 'create_server' else _UNIX_LOOP}.{name}"
            yield Point(place, partial(ServerPoint, place, served))
        yield Point(_ACCEPTED, partial(AcceptedPoint, served))
        yield Point(_ENCRYPTED, partial(EncryptedPoint, served))
        yield Point(_LOST, partial(LostPoint, served))
        for place, argument in ((PLAIN, "data"), (LINES, "list_of_data"), (ENCRYPTED, "data")):
            if place != LINES or sys.version_info >= (3, 12):  # before, it joined the lines and called write()
                yield Point(place, partial(SendPoint, place, argument, served))


class _Connection(Served):
    """One of them: ``transport`` is what it writes to, once the protocol knows it."""

    __slots__ = ("answers", "transport", "view")

    def __init__(self, view: Any) -> None:
        super().__init__()
        self.view = view
        self.transport: weakref.ref[Any] | None = None
        self.answers = False
        """True once it has answered in HTTP: what it sends in tasks is looked at where answers leave."""


class _Protocols(ByteConnections):
    """All protocols of one audit that are the application's own."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(_ACCEPTED, Connections(_TRANSPORT, runtime), runtime)
        self.gate = Gate()
        self.may_be_own = Gate()
        """Open once a server was made with a factory of the application's."""
        self.of: ByIdentity[_Connection] = ByIdentity()
        """By protocol."""
        self._known: ByIdentity[bool] = ByIdentity()
        """By class: whether it is the application's own."""
        self._sightings = runtime.part(Sightings)
        # Those of libraries come by as well, and stay unwatched.
        self._sightings.waits(_TRANSPORT, _ACCEPTED)

    def accepted(self, protocol: Any) -> None:
        """A server is about to give a connection to a protocol."""
        cls = type(protocol)
        own = self._known.get(cls)
        if own is None:
            own = self._known.setdefault(cls, _is_own(cls))
            if own:
                self._watch(cls)
        if own:
            self.of.setdefault(protocol, _Connection(getattr(cls, _RECEIVED)))

    def _watch(self, cls: type) -> None:
        self.gate.open = True
        self._sightings.serves(_TRANSPORT)
        kinds: tuple[tuple[str, Callable[[_Protocols, Layout], Interceptor]], ...] = (
            (_MADE, MadePoint),
            (_RECEIVED, ReceivedPoint),
        )
        for name, kind in kinds:
            home, raw = find(cls, name)
            if home is None or function_of(raw) is None:
                continue
            place = f"{home.__module__}:{home.__qualname__}.{name}"
            placing = partial(self._runtime.places.callable, Resolved(home, name, raw, home), place)
            self._runtime.places.meanwhile(("protocol", place), partial(placing, partial(kind, self)))

    def made(self, protocol: Any, transport: Any) -> _Connection | None:
        """The connection whose protocol is being told its transport; None for any other, and from within."""
        one = self.of.get(protocol)
        if one is None or one.transport is not None:
            return None
        one.transport = weakref.ref(transport)
        return one

    def running(self, protocol: Any) -> tuple[_Connection, Any] | None:
        """The connection to which something has come, with what it writes to; None where it is at work already."""
        one = self.of.get(protocol)
        transport = None if one is None or one.transport is None else one.transport()
        if one is None or transport is None or one.request is None or current_unit().request is one.request:
            return None
        return one, transport


def _is_own(cls: type) -> bool:
    """True for a protocol of the application's that is not built on a library's."""
    if not issubclass(cls, asyncio.Protocol):
        return False
    code = getattr(function_of(find(cls, _RECEIVED)[1]), "__code__", None)
    files = [getattr(sys.modules.get(base.__module__), "__file__", None) for base in mro_of(cls)]
    return is_the_applications(code) and not any(
        file and is_installed(file) and not is_standard(file) for file in files
    )


def _is_own_factory(factory: Any) -> bool:
    while type(factory) is partial:
        factory = factory.func
    code = code_of(factory)
    if code is not None:
        return is_the_applications(code)
    kind = factory if isinstance(factory, type) else type(factory)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return type(file) is str and not is_installed(file)


class ServerPoint(Interceptor):
    """Around the making of a server: those of libraries make no protocols of the application's."""

    def __init__(self, place: str, served: _Protocols, layout: Layout) -> None:
        self.place = place
        self._may_be_own = served.may_be_own
        self._factory = layout.argument("protocol_factory")

    def before(self, values: Values) -> None:
        """From here on, look at what is accepted."""
        if not self._may_be_own.open and _is_own_factory(self._factory(values)):
            self._may_be_own.open = True


class AcceptedPoint(Interceptor):
    """Around the making of a transport."""

    place = _ACCEPTED

    def __init__(self, served: _Protocols, layout: Layout) -> None:
        self.gate = served.may_be_own
        self._served = served
        self._server = layout.optional("server")
        self._protocol = layout.argument("protocol")

    def before(self, values: Values) -> None:
        """Before: it has the loop call the protocol, whose class may be one that nobody has seen yet."""
        if self._server(values) is not None:
            self._served.accepted(self._protocol(values))


class EncryptedPoint(Interceptor):
    """The same where the connection is encrypted."""

    place = _ENCRYPTED

    def __init__(self, served: _Protocols, layout: Layout) -> None:
        self.gate = served.may_be_own
        self._served = served
        self._on_server = layout.optional("server_side")
        self._protocol = layout.argument("app_protocol")

    def before(self, values: Values) -> None:
        """What it is handed is whom it decrypts for."""
        if self._on_server(values):
            self._served.accepted(self._protocol(values))


class MadePoint(Interceptor):
    """Around ``connection_made`` of a protocol: the unit begins."""

    place = _MADE

    def __init__(self, served: _Protocols, layout: Layout) -> None:
        self._served = served
        self._self_of = layout.receiver_reader()
        self._transport = layout.argument(0)

    def before(self, values: Values) -> Any:
        """It may well write at once."""
        transport = self._transport(values)
        one = self._served.made(self._self_of(values), transport)
        return None if one is None else (self._served.begin(one, transport, one.view),)

    def after(self, state: Any, _result: Any) -> None:
        """Until something comes in."""
        go_on(state[0])

    def failed(self, state: Any, _error: BaseException) -> None:
        """The loop is told."""
        self.after(state, None)


class ReceivedPoint(Interceptor):
    """Around ``data_received`` of a protocol: the work of its connection."""

    place = _RECEIVED

    def __init__(self, served: _Protocols, layout: Layout) -> None:
        self._served = served
        self._self_of = layout.receiver_reader()
        self._data = layout.argument(0)

    def before(self, values: Values) -> Any:
        """What has come in is an input of it."""
        found = self._served.running(self._self_of(values))
        if found is None:
            return None
        one, transport = found
        outer = go_on(one.request)
        data = self._data(values)
        if isinstance(data, BYTES):
            self._served.receive(transport, bytes(data))
        return (outer,)

    def after(self, state: Any, _result: Any) -> None:
        """Tasks that it has started go on with it."""
        go_on(state[0])

    def failed(self, state: Any, _error: BaseException) -> None:
        """The loop closes the connection."""
        self.after(state, None)


class LostPoint(Interceptor):
    """Around the call that tells a protocol of its end."""

    place = _LOST

    def __init__(self, served: _Protocols, layout: Layout) -> None:
        self.gate = served.gate
        self._served = served
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Its last words are its own as well."""
        protocol = self._self_of(values)._protocol  # noqa: SLF001 - it forgets it in this call
        one = self._served.of.get(getattr(protocol, "_app_protocol", protocol))
        return None if one is None or one.request is None else (one, go_on(one.request))

    def after(self, state: Any, _result: Any) -> None:
        """The unit ends with it."""
        one, outer = state
        self._served.end(one)
        go_on(outer)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The same."""
        self.after(state, None)


class SendPoint(Interceptor):
    """Around what writes to a connection, whoever's work it is in."""

    def __init__(self, place: str, argument: str, served: _Protocols, layout: Layout) -> None:
        self.place = place
        self.gate = served.gate
        self._served = served
        self._self_of = layout.receiver_reader()
        self._argument = layout.argument(argument)

    def before(self, values: Values) -> None:
        """Compare with whose it is."""
        transport = self._self_of(values)
        connection = self._served.connections.known(transport)
        if connection is None or connection.opened_by is None:
            return
        one = connection.opened_by[0].mark
        data = self._argument(values)
        parts = [data] if isinstance(data, BYTES) else [*data] if type(data) is list or type(data) is tuple else []
        if type(one) is not _Connection or not parts:
            return
        one.answers = one.answers or bytes(parts[0][: len(_HTTP)]) == _HTTP
        if one.answers and in_task():
            return
        for part in parts:
            self._served.send(transport, part)


integration = Protocols()
