"""asyncio's stream servers (``asyncio.start_server``): a connection is a unit of work.

Only connections that the application's own function serves count. Servers of libraries that are built on streams, as
hypercorn is, have integrations of their own.
"""

from __future__ import annotations

import asyncio
import weakref
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed, is_standard
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint, code_of
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.connections import Connections
from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.integrations.building_blocks.lines_of_clients import take_in
from isolation_audit.model.contexts import begin_anew, change_unit, current_unit
from isolation_audit.model.gates import Gate
from isolation_audit.model.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WRITER: Final = "asyncio.streams:StreamWriter"
READER: Final = "asyncio.streams:StreamReader"
_BEGINNING: Final = "asyncio.streams:StreamReaderProtocol.connection_made"
_READING: Final = ("read", "readexactly", "readuntil")
"""What all reading of a server ends in; ``readline`` is the last of them."""
_HTTP: Final = b"HTTP/"


class StreamServers:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What begins a connection, and what goes through it: that is looked at once there was one."""
        connections, gate = Connections(WRITER, runtime), Gate()
        yield Point(_BEGINNING, partial(BeginPoint, runtime, gate))
        yield Point(MadePoint.place, partial(MadePoint, connections, gate))
        for name in ("write", "writelines"):
            yield Point(f"{WRITER}.{name}", partial(SendPoint, f"{WRITER}.{name}", connections, gate))
        for name in _READING:
            yield Point(f"{READER}.{name}", partial(ReceivePoint, f"{READER}.{name}", connections, gate))


class _Served:
    """The mark of requests that are such connections, with what they are read from and written to."""

    __slots__ = ("answers", "protocol", "reader", "writer")

    def __init__(self, protocol: Any) -> None:
        self.protocol = weakref.ref(protocol)
        self.answers = False
        """True once it has answered in HTTP: all that it sends is looked at where answers leave."""
        self.reader: weakref.ref[Any] | None = None
        self.writer: weakref.ref[Any] | None = None

    def made(self, writer: Any, reader: Any) -> None:
        """The connection has both."""
        self.writer, self.reader = weakref.ref(writer), weakref.ref(reader)

    def writer_beside(self, reader: Any) -> Any:
        """The writer; None where this is another connection's reader."""
        if self.reader is None or self.writer is None or self.reader() is not reader:
            return None
        return self.writer()


def _served() -> _Served | None:
    """The connection that the running work serves."""
    request = current_unit().request
    return None if request is None or type(request.mark) is not _Served else request.mark


class BeginPoint(Serving):
    """Around the call that gives a connection to the function that serves it, in a task where that is a coroutine's."""

    counted = ""  # it counts its messages

    def __init__(self, runtime: Runtime, gate: Gate, layout: Layout) -> None:
        super().__init__(_BEGINNING, runtime)
        self._opens = gate
        self._protocol_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Begin a request that comes with no head."""
        protocol = self._protocol_of(values)
        view = protocol._client_connected_cb  # noqa: SLF001 - no public name leads from a connection to its function
        code = None if view is None else code_of(view)
        if code is None or is_installed(code.co_filename) or is_standard(code.co_filename):
            return None
        self._opens.open = True
        if current_unit().request is not None:
            begin_anew(None)  # of whoever has started the server
        endpoint = Endpoint(view=view)
        request = Request(self._sources, _no_headers, mark=_Served(protocol), endpoint_of=lambda: endpoint)
        request.lasting = True
        return (*self._begin(request, None), protocol)

    def after(self, state: Any, result: Any) -> None:
        """It goes on in the task that was made for it, until that ends."""
        request, outer, protocol = state
        task = protocol._task  # noqa: SLF001 - see above
        end = partial(super().after, (request, outer), result)
        if isinstance(task, asyncio.Task):
            task.add_done_callback(partial(_at_the_end, self._runtime.barrier, end), context=copy_context())
            change_unit(request=None)
        else:
            end()


class MadePoint(Interceptor):
    """Around the making of a writer: the connection that is beginning has it, and the reader beside it."""

    place = f"{WRITER}.__init__"

    def __init__(self, connections: Connections, gate: Gate, layout: Layout) -> None:
        self.gate = gate
        self._connections = connections
        self._writer = layout.receiver_reader()
        self._protocol = layout.argument("protocol")
        self._reader = layout.argument("reader")

    def before(self, values: Values) -> Any:
        """None for a client's."""
        served = _served()
        if served is None or served.protocol() is not self._protocol(values):
            return None
        return self._writer(values), self._reader(values), served

    def after(self, state: Any, _result: Any) -> None:
        """Others may write to it before it has sent anything."""
        writer, reader, served = state
        served.made(writer, reader)
        request = current_unit().request
        if request is not None:
            self._connections.of(writer).opened_by = request, request.endpoint()


def _at_the_end(barrier: Barrier, end: Callable[[], None], _task: Any) -> None:
    try:
        end()
    except Exception as error:
        barrier.fault(_BEGINNING, error)


def _no_headers() -> tuple[()]:
    return ()


class SendPoint(Interceptor):
    """Around what writes to a connection."""

    def __init__(self, place: str, connections: Connections, gate: Gate, layout: Layout) -> None:
        self.place = place
        self.gate = gate
        self._connections = connections
        self._writer_of = layout.receiver_reader()
        self._data = layout.argument("data")

    def before(self, values: Values) -> None:
        """Compare with whose it is; what clients write is a question, and no answer."""
        writer = self._writer_of(values)
        connection = self._connections.known(writer)
        if connection is None:
            return
        data = self._data(values)
        parts = (
            [data]
            if type(data) is bytes or type(data) is bytearray or type(data) is memoryview
            else data
            if id(type(data)) in _LISTS
            else []
        )
        served = None if connection.opened_by is None else connection.opened_by[0].mark
        if type(served) is _Served:
            served.answers = served.answers or (bool(parts) and bytes(parts[0][: len(_HTTP)]) == _HTTP)
            if served.answers:
                return
        if connection.owner is None:
            self._connections.ask(writer, connection)
        for part in parts:
            self._connections.sent(connection, bytes(part))


_LISTS: Final = frozenset(map(id, (list, tuple)))


class ReceivePoint(Interceptor):
    """Around what reads from a connection."""

    def __init__(self, place: str, connections: Connections, gate: Gate, layout: Layout) -> None:
        self.place = place
        self.gate = gate
        self._connections = connections
        self._reader_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the writer beside it, where its own connection's work reads."""
        served = _served()
        return None if served is None else served.writer_beside(self._reader_of(values))

    def after(self, writer: Any, result: Any) -> None:
        """What has come in is an input, and may say whose the connection is."""
        if result:
            take_in(self._connections, writer, result)


integration = StreamServers()
