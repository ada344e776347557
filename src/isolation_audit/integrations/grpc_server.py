"""gRPC's servers, for threads and for event loops: calls are requests, their metadata the headers, messages the bodies.

The servers on event loops call the application from C. So what answers a call is put into a function that tells, when
the application makes its handler of it; servers of both kinds are given handlers that are made so.
"""

from __future__ import annotations

from contextlib import ExitStack, aclosing
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from json import dumps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point, Replacement
from isolation_audit.integrations.building_blocks.grpc_messages import plain
from isolation_audit.integrations.building_blocks.http_request import Serving
from isolation_audit.integrations.building_blocks.requests_and_connections import HomePoint, RootPoint, ThreadedPoint
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.vocabulary.exits import Exits

_KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
_READING: Final = "grpc._server:_RequestIterator._next"
_STARTING: Final = "grpc.aio._server:Server.start"
_HEAD: Final = ((b"content-type", b"application/json"),)
"""What a message is searched as: it is written as JSON for that."""
_RECEIVED: Final = object()
"""Tells of a message that has come in."""


class GrpcServer:
    """The integration."""

    distribution = "grpcio"
    since = "1.56"
    packages = ("grpc",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point | Replacement]:
        """What makes a handler of each kind, and what reads the messages of a stream on a thread."""
        sinks = exits_of(runtime)
        yield Point(_STARTING, lambda _layout: HomePoint(_STARTING, runtime))
        for kind in _KINDS:
            place = f"grpc:{kind}_rpc_method_handler"
            make = partial(_made, kind.startswith("stream"), kind.endswith("stream"))
            if runtime.config.watch.contexts:
                yield Replacement(place, TaskPoint(place, runtime), make)
                yield Replacement(place, ThreadPoint(place, runtime), make)
            yield Replacement(place, CallPoint(place, runtime), make)
            yield Replacement(place, ReceivedPoint(place), make)
            if sinks is not None:
                yield Replacement(place, SentPoint(place, sinks, lasting=kind.endswith("stream")), make)
        yield Point(_READING, lambda _layout: ReadPoint())


class _Call:
    """One call: what answers it, its context, and the message that has come with it, if it is one."""

    __slots__ = ("__weakref__", "behavior", "context", "in_loop", "message")

    def __init__(self, behavior: Any, message: Any, context: Any, *, in_loop: bool) -> None:
        self.behavior = behavior
        self.message = message
        self.context = context
        self.in_loop = in_loop


class _Mark:
    """The mark of requests that are calls of gRPC."""

    __slots__ = ()


class TaskPoint(RootPoint):
    """Around a call in the task that an event loop's server has made for it."""

    def before(self, values: Values) -> Any:
        """Nobody is its user yet; None for what is no call, or is a part of one."""
        return super().before(values) if _begins(values, in_loop=True) else None


class ThreadPoint(ThreadedPoint):
    """Around a call on a thread, which serves others before and after it."""

    def before(self, values: Values) -> Any:
        """The same."""
        return super().before(values) if _begins(values, in_loop=False) else None


class CallPoint(Serving):
    """Around the answering of one call."""

    def before(self, values: Values) -> Any:
        """Begin a request; None for a part of one: interceptors make handlers around handlers."""
        if not _begins(values):
            return None
        call: _Call = values[0]
        context, behavior = call.context, call.behavior
        name = getattr(behavior, "__qualname__", None) or type(behavior).__qualname__
        endpoint = Endpoint(name, "gRPC", behavior)
        request = Request(self._sources, partial(_headers, context), mark=_Mark(), endpoint_of=lambda: endpoint)
        inputs = [Input(REQUEST, context, texts=_texts)]
        if call.message is not None:
            inputs.append(_input(call.message))
        return self._begin(request, current_unit().request, *inputs, at_once=True)


class ReceivedPoint(Interceptor):
    """Asked about each message of a stream that an event loop's server has read."""

    def __init__(self, place: str) -> None:
        self.place = place

    def before(self, values: Values) -> None:
        """Keep it."""
        if values[0] is _RECEIVED:
            _receive(values[1])


class ReadPoint(Interceptor):
    """Around the reading of the next message of a stream, on a thread."""

    place = _READING

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return values

    def after(self, _state: Any, result: Any) -> None:
        """Keep it."""
        _receive(result)


class SentPoint(Interceptor):
    """Asked about each message that answers a call."""

    def __init__(self, place: str, sinks: Exits, *, lasting: bool) -> None:
        self.place = place
        self._sinks = sinks
        self._lasting = lasting

    def before(self, values: Values) -> None:
        """Search it."""
        request = current_unit().request
        if len(values) == 1 or values[0] is _RECEIVED or request is None or type(request.mark) is not _Mark:
            return
        user = self._sinks.user()
        if user is None:
            return
        message = plain(values[1])
        if self._lasting:
            self._sinks.pushes(self.place).told(message, user)
        else:
            data = message if type(message) is bytes else dumps(message, default=str, ensure_ascii=False).encode()
            asked = AnsweredRequest("", request.endpoint())
            self._sinks.response(self.place, _HEAD, asked).chunk(data, last=True)


def _begins(values: Values, *, in_loop: bool | None = None) -> bool:
    """True for a call that is no part of the running one."""
    call = values[0]
    if type(call) is not _Call or len(values) > 1 or in_loop not in (None, call.in_loop):
        return False
    outer = current_unit().request
    return outer is None or type(outer.mark) is not _Mark


def _receive(message: Any) -> None:
    request = current_unit().request
    if request is not None and request.inputs is not None and type(request.mark) is _Mark:
        request.inputs.receive(_input(message))


def _input(message: Any) -> Input:
    return Input(REQUEST, message, texts=_message)


@request_texts.of_client
def _message(message: Any) -> Any:
    return plain(message)


def _texts(context: Any) -> Any:
    """What is searched of a call's head."""
    return [*_headers(context)]


def _headers(context: Any) -> Iterator[tuple[str, str]]:
    """The metadata that the client has sent; a value of bytes belongs to a name that ends with ``-bin``."""
    if not type(context).__module__.startswith("grpc"):
        return  # an application's own, as tests have: it is not asked
    for name, value in context.invocation_metadata() or ():
        yield str(name).lower(), value if type(value) is str else bytes(value).decode("latin-1")


def _made(reads_stream: bool, writes_stream: bool, original: Any, probe: Probe) -> Any:
    """What makes a handler: of a function that tells ``probe``, and of codecs that tell it where nothing else does."""

    @wraps(original)
    def handler(behavior: Any, request_deserializer: Any = None, response_serializer: Any = None) -> Any:
        if not callable(behavior) or getattr(behavior, "experimental_non_blocking", False):
            return original(behavior, request_deserializer, response_serializer)
        if reads_stream:
            request_deserializer = _received(request_deserializer, probe)
        if not writes_stream:
            told = _answering(behavior, probe, reads_stream)
        elif iscoroutinefunction(behavior):  # it writes its messages by itself
            told = _answering(behavior, probe, reads_stream, writes_stream=True)
            response_serializer = _written(response_serializer, probe)
        elif isasyncgenfunction(behavior):
            told = _generating(behavior, probe, reads_stream)
        else:
            told = _iterating(behavior, probe, reads_stream)
        return original(told, request_deserializer, response_serializer)

    return handler


class _Around:
    """Tells ``probe`` of one call, from its beginning to its end."""

    __slots__ = ("_call", "_probe", "_states")

    def __init__(self, probe: Probe, call: _Call) -> None:
        self._probe, self._call = probe, call

    def __enter__(self) -> None:
        self._states = self._probe.before((self._call,))

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._states is None:
            return
        if error is None:
            self._probe.after(self._states, None)
        else:
            self._probe.failed(self._states, error)


def _answering(behavior: Any, probe: Probe, reads_stream: bool, *, writes_stream: bool = False) -> Callable[..., Any]:
    """``behavior``, which gives one message, or none where it writes a stream."""

    @wraps(behavior)
    def on_thread(message: Any, context: Any) -> Any:
        call = _Call(behavior, None if reads_stream else message, context, in_loop=False)
        with _Around(probe, call):
            result = behavior(message, context)
            probe.before((call, result))
        return result

    @wraps(behavior)
    async def in_loop(message: Any, context: Any) -> Any:
        call = _Call(behavior, None if reads_stream else message, context, in_loop=True)
        with _Around(probe, call):
            result = await behavior(message, context)
            if not writes_stream:
                probe.before((call, result))
        return result

    return in_loop if iscoroutinefunction(behavior) else on_thread


def _generating(behavior: Any, probe: Probe, reads_stream: bool) -> Callable[..., AsyncIterator[Any]]:
    """``behavior``, an asynchronous generator of messages."""

    @wraps(behavior)
    async def in_loop(message: Any, context: Any) -> AsyncIterator[Any]:
        call = _Call(behavior, None if reads_stream else message, context, in_loop=True)
        with _Around(probe, call):
            async with aclosing(behavior(message, context)) as messages:
                async for one in messages:
                    probe.before((call, one))
                    yield one

    return in_loop


def _iterating(behavior: Any, probe: Probe, reads_stream: bool) -> Callable[..., Iterator[Any]]:
    """``behavior``, which gives an iterator of messages; a generator does nothing before the first is asked for."""

    def parts(call: _Call, around: Any, make: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        with around:
            for one in make():
                probe.before((call, one))
                yield one

    @wraps(behavior)
    def on_thread(message: Any, context: Any) -> Iterator[Any]:
        call = _Call(behavior, None if reads_stream else message, context, in_loop=False)
        around = _Around(probe, call)
        if isgeneratorfunction(behavior):
            return parts(call, around, partial(behavior, message, context))
        with ExitStack() as begun:
            begun.enter_context(around)
            messages = behavior(message, context)
            return parts(call, begun.pop_all(), lambda: messages)

    return on_thread


def _received(deserializer: Any, probe: Probe) -> Callable[[Any], Any]:
    """``deserializer``, where a server on an event loop has no other place that tells of a message."""

    def read(data: Any) -> Any:
        message = data if deserializer is None else deserializer(data)
        probe.before((_RECEIVED, message))
        return message

    return read if deserializer is None else wraps(deserializer)(read)


def _written(serializer: Any, probe: Probe) -> Callable[[Any], Any]:
    """``serializer``, which a handler calls that writes its messages by itself."""

    def write(message: Any) -> Any:
        probe.before((None, message))
        return message if serializer is None else serializer(message)

    return write if serializer is None else wraps(serializer)(write)


integration = GrpcServer()
