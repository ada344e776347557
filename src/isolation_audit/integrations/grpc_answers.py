"""grpc's clients, for threads and for event loops: answers of other services, one by one, and what was asked for.

Language models are asked in this way as well: what goes out is told as the body of a request.
"""

from __future__ import annotations

from functools import partial
from json import dumps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.grpc_messages import plain
from isolation_audit.model.inputs import ANSWER, Input
from isolation_audit.vocabulary.outside import RequestsSent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_PLAIN: Final = frozenset(map(id, (str, bytes, dict, list)))
_THREADED: Final = "grpc._channel"
_ASYNC: Final = "grpc.aio._call"
_ASKING: Final = (
    f"{_THREADED}:_UnaryUnaryMultiCallable.__call__",
    f"{_THREADED}:_UnaryUnaryMultiCallable.with_call",
)
_ANSWERING: Final = (
    f"{_THREADED}:_StreamUnaryMultiCallable.__call__",
    f"{_THREADED}:_StreamUnaryMultiCallable.with_call",
    f"{_THREADED}:_MultiThreadedRendezvous._next",
    f"{_THREADED}:_SingleThreadedRendezvous._next",
    f"{_ASYNC}:UnaryUnaryCall._invoke",
    f"{_ASYNC}:_StreamResponseMixin._read",
)
_SENDING: Final = (
    *_ASKING,
    f"{_THREADED}:_UnaryUnaryMultiCallable.future",
    f"{_THREADED}:_UnaryStreamMultiCallable.__call__",
    f"{_THREADED}:_SingleThreadedUnaryStreamMultiCallable.__call__",
    "grpc.aio._channel:UnaryUnaryMultiCallable.__call__",
    "grpc.aio._channel:UnaryStreamMultiCallable.__call__",
)
"""What sends one message, and is given it."""


class GrpcAnswers:
    """The integration."""

    distribution = "grpcio"
    since = "1.56"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What a call sends and gives back, and each message of a stream."""
        inputs = receiver(runtime)
        if inputs is not None:
            for place in (*_ASKING, *_ANSWERING):
                yield Point(place, partial(AnswerPoint, place, inputs))
            sent = runtime.listener(RequestsSent)
            for place in _SENDING:
                yield Point(place, partial(AskPoint, place, sent))


class AskPoint(Interceptor):
    """Around what sends a message."""

    def __init__(self, place: str, sent: RequestsSent, layout: Layout) -> None:
        self.place = place
        self._sent = sent
        self._request = layout.argument("request")

    def before(self, values: Values) -> None:
        """It may be a prompt; it is written down where it matters."""
        self._sent.said(self.place, partial(_written, self._request(values)))


class AnswerPoint(Interceptor):
    """Around what gives an answer."""

    def __init__(self, place: str, inputs: Receiver, layout: Layout) -> None:
        self.place = place
        self._receive = inputs.receive
        self._asked = layout.argument("request") if place in _ASKING else None

    def before(self, values: Values) -> Any:
        """Keep the question."""
        return (None if self._asked is None else self._asked(values),)

    def after(self, state: Any, result: Any) -> None:
        """Keep the answer; ``with_call`` gives the call beside it."""
        answer = result[0] if type(result) is tuple and result else result
        if hasattr(answer, "SerializeToString") or id(type(answer)) in _PLAIN:
            self._receive(Input(ANSWER, answer, state[0], _of_message, _of_message))


def _of_message(message: Any) -> Any:
    """Texts stand in a message of protocol buffers as they are; numbers do not, and are read by its fields."""
    written = getattr(message, "SerializeToString", None)
    return message if written is None else [written(), plain(message)]


def _written(message: Any) -> str:
    """A message as JSON, whatever it is sent as."""
    held = plain(message)
    if type(held) is bytes:
        return str(held, "utf-8", "replace")
    return held if type(held) is str else dumps(held, ensure_ascii=False, default=lambda _other: None)


integration = GrpcAnswers()
