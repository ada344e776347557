"""Answers of other services, through httpx, requests, aiohttp, and whatever is built on the standard library's client.

They are kept by reference, and read where it matters: what the client has not read by then is not seen.
"""

from __future__ import annotations

import weakref
import zlib
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.content.request_texts import with_end
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.cached_answers import CachedAnswers
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.answers_in_parts import AnswerInParts, AnswersInParts, PartPoint
from isolation_audit.model.gates import Gate
from isolation_audit.model.inputs import ANSWER, CACHE, Input, OutgoingRequest
from isolation_audit.vocabulary.outside import RequestsSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_BODIES: Final = ("_content", "_body")
_BYTES: Final = frozenset(map(id, (bytes, bytearray)))
_UNPACKED: Final = 1_000_000
"""Bytes that a compressed answer is read to."""

_PARTS: Final = 3
"""Of the first line of a request: method, address, version."""

_RECEIVED: Final = 1_000_000
"""Bytes of one reading that are kept, and of one answer..."""
_OF_A_PART: Final = 64
"""...with what each of its parts takes beside them."""


class Answers:
    """The integration of one library: ``places`` give a response, or belong to one that is complete afterwards.

    ``decoder`` gives what unpacks a response that is read part by part.
    """

    def __init__(
        self, distribution: str, since: str, places: tuple[str, ...], request: str | None, decoder: str = ""
    ) -> None:
        self.distribution = distribution
        self.since = since
        self._places = places
        self._request = request
        self._decoder = decoder

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Each of them."""
        inputs = receiver(runtime)
        if inputs is not None:
            for place in self._places:
                yield Point(
                    place, partial(AnswerPoint, place, inputs, runtime, self._request, by_parts=bool(self._decoder))
                )
            if self._decoder:
                yield Point(self._decoder, partial(DecoderPoint, self._decoder))


class AnswerPoint(Interceptor):
    """Around what gives a response."""

    def __init__(
        self,
        place: str,
        inputs: Receiver,
        runtime: Runtime,
        request: str | None,
        layout: Layout,
        *,
        by_parts: bool,
    ) -> None:
        self.place = place
        self._by_parts = by_parts
        self._receive = inputs.receive
        self._cached = runtime.part(CachedAnswers)
        self._in_parts = runtime.part(AnswersInParts)
        self._question: Callable[[Values], Any] = (
            layout.receiver_reader() if request is None else layout.argument(request)
        )
        self._is_response = request is None

    def before(self, values: Values) -> Any:
        """What is asked is the question."""
        return self._question(values)

    def after(self, state: Any, result: Any) -> None:
        """Keep it."""
        if self._by_parts:
            _streamed.pop(result, None)  # it was read as a whole
        if self._cached.known(result):
            # What a cache gives is an answer to whoever has asked for it first.
            self._receive(Input(CACHE, result, texts=_of_response, stored_by=self._cached.writer(result)))
        elif self._is_response:
            if not self._in_parts.forget(state):  # by which it was read as a whole
                self._receive(Input(ANSWER, state, state, _of_response, _of_own_request))
        else:
            self._receive(Input(ANSWER, result, state, _of_response, _of_request))


class _Parts:
    """What was read of a response that is read part by part, as a language model's answers are: the first of it."""

    __slots__ = ("left", "read")

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.left = _RECEIVED

    def decoded(self, decode: Callable[[Any], Any], data: Any) -> Any:
        """As ``decode``, which may raise: bytes, with httpx2 a generator of them."""
        made = decode(data)
        if type(made) is bytes:
            self._keep(made)
        elif type(made) is GeneratorType:
            return self._each(made)
        return made

    def _each(self, made: Iterable[Any]) -> Iterator[Any]:
        for part in made:
            self._keep(part)
            yield part

    def _keep(self, part: Any) -> None:
        if self.left > 0 and type(part) is bytes:
            self.left -= len(part) + _OF_A_PART
            self.read.append(part)


_streamed: Final[WeakKeyDictionary[Any, _Parts]] = WeakKeyDictionary()
"""By response."""


class DecoderPoint(Interceptor):
    """Around what gives the decoder of a response: all that is read of it goes through that."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._response = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """It is this response's."""
        return self._response(values)

    def after(self, response: Any, decoder: Any) -> None:
        """Keep what it gives."""
        if response not in _streamed:
            parts = _streamed[response] = _Parts()
            decoder.decode = partial(parts.decoded, decoder.decode)


@with_end(lambda response: vars(response).get("is_closed") is True)
def _of_response(response: Any) -> Any:
    """Its body, as far as it was read, and its headers; past properties, which read it."""
    fields = vars(response)
    body = next((fields[name] for name in _BODIES if id(type(fields.get(name))) in _BYTES), None)
    if body is None and (parts := _streamed.get(response)) is not None:
        body = b"".join(list(parts.read))
    headers = fields.get("headers", fields.get("_headers"))
    return [body, [(str(name), str(value)) for name, value in headers.items()] if headers is not None else None]


def _of_request(request: Any) -> Any:
    fields = vars(request)
    return [str(fields.get("url")), [(str(name), str(value)) for name, value in fields["headers"].items()]]


def _of_own_request(response: Any) -> Any:
    asked = response.request_info
    return [str(asked.url), [(str(name), str(value)) for name, value in asked.headers.items()]]


class StandardLibrary:
    """The standard library's client, which requests, urllib3, urllib and many others read through."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What asks, and all ways to read an answer."""
        inputs = receiver(runtime)
        if inputs is not None:
            yield Point(AskPoint.place, partial(AskPoint, inputs, runtime.listener(RequestsSent)))
            for name, kind in (("read", PartPoint), ("read1", PartPoint), ("readline", LinePoint)):
                place = f"{_RESPONSE}.{name}"
                yield Point(place, partial(kind, place, runtime.part(AnswersInParts), _unpacked))


_RESPONSE: Final = "http.client:HTTPResponse"


class AskPoint(Interceptor):
    """Around the end of a request's head, where all of it is there and nothing is sent yet."""

    place = "http.client:HTTPConnection.endheaders"

    def __init__(self, inputs: Receiver, sent: RequestsSent, layout: Layout) -> None:
        self._receive = inputs.receive
        self._sent = sent
        self._connection = layout.receiver_reader()
        self._body = layout.optional("message_body")

    def before(self, values: Values) -> None:
        """It is a question, and may have credentials."""
        asked = _asked(self._connection(values), self._body(values))
        if asked is not None:
            self._sent.sent(self.place, asked.url, asked.headers)
            self._sent.said(self.place, lambda: asked.body, asked.url)
            self._receive(Input(ANSWER, None, asked, asked=OutgoingRequest.texts), 0)


def _asked(connection: Any, body: Any) -> OutgoingRequest | None:
    """What a connection has in its buffer: the lines of a request's head."""
    fields = vars(connection)
    lines = [str(line, "latin-1") for line in fields.get("_buffer", ()) if type(line) is bytes]
    parts = lines[0].split(" ") if lines else []
    if len(parts) < _PARTS:
        return None
    path = parts[1]
    url = path if "://" in path else f"http://{fields.get('host', '')}{path}"
    pairs = [line.partition(":") for line in lines[1:]]
    text = body.decode("utf-8", "replace") if type(body) is bytes and len(body) <= _RECEIVED else body
    return OutgoingRequest(url, [(name, value.strip()) for name, _, value in pairs], text if type(text) is str else "")


class LinePoint(PartPoint):
    """Around what gives a line of an answer. Of one in chunks it is read by what reads a part."""

    def before(self, values: Values) -> Any:
        """Wait for it."""
        answer = super().before(values)
        return None if vars(answer).get("chunked") is True else answer


@with_end(lambda parts: (answer := parts.answer()) is None or vars(answer).get("fp") is None)
def _unpacked(parts: AnswerInParts) -> Any:
    """As it is, and without gzip or deflate, where it has that."""
    body = parts.body()
    try:
        return [zlib.decompressobj(wbits=47).decompress(body, _UNPACKED)]
    except zlib.error:
        return [body]


class Urllib3:
    """urllib3, which reads the chunks of an answer past the standard library's client."""

    distribution = "urllib3"
    since = "1.26"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What each chunk goes through."""
        if receiver(runtime) is not None:
            yield Point(ChunkPoint.place, partial(ChunkPoint, runtime.part(AnswersInParts)))


class ChunkPoint(PartPoint):
    """Around the decoding of what was read."""

    place = "urllib3.response:HTTPResponse._decode"

    def __init__(self, answers: AnswersInParts, layout: Layout) -> None:
        super().__init__(self.place, answers, _of_chunks, layout)

    def before(self, values: Values) -> Any:
        """Wait for it, but where it was read from the standard library's answer."""
        answer = super().before(values)
        fields = vars(answer)
        return answer if fields.get("chunked") is True and not self._answers.knows(fields.get("_fp")) else None


@with_end(lambda parts: (answer := parts.answer()) is None or vars(vars(answer).get("_fp")).get("fp") is None)
def _of_chunks(parts: AnswerInParts) -> Any:
    return [parts.body()]


class Aiohttp(Answers):
    """aiohttp's client, whose answers are read by a method of theirs, or part by part."""

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """The end of an answer's head, and what reads on: it is looked at once there was an answer."""
        yield from super().points(runtime)
        if receiver(runtime) is not None:
            streams, answers = _Streams(), runtime.part(AnswersInParts)
            yield Point(BegunPoint.place, partial(BegunPoint, streams))
            yield Point(StreamPoint.place, partial(StreamPoint, streams, answers))


class _Streams:
    """The streams of answers by their identities, for they can't be referred to weakly."""

    def __init__(self) -> None:
        self.gate = Gate()
        self._answers: dict[int, weakref.ref[Any]] = {}

    def begins(self, answer: Any) -> None:
        """An answer has its stream."""
        self.gate.open = True
        stream = id(vars(answer).get("content"))
        self._answers[stream] = weakref.ref(answer, partial(self._gone, stream))

    def answer_of(self, stream: Any) -> Any:
        """The answer that a stream belongs to; None for a server's request."""
        known = self._answers.get(id(stream))
        answer = None if known is None else known()
        return answer if answer is not None and vars(answer).get("content") is stream else None

    def _gone(self, stream: int, known: weakref.ref[Any]) -> None:
        if self._answers.get(stream) is known:
            del self._answers[stream]


class BegunPoint(Interceptor):
    """Around the arrival of an answer's head."""

    place = "aiohttp.client_reqrep:ClientResponse.start"

    def __init__(self, streams: _Streams, layout: Layout) -> None:
        self._streams = streams
        self._answer_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return self._answer_of(values)

    def after(self, answer: Any, _result: Any) -> None:
        """Note its stream."""
        self._streams.begins(answer)


class StreamPoint(Interceptor):
    """Around what takes the next part of a stream: a client's answer, or what a client has sent to a server."""

    place = "aiohttp.streams:StreamReader._read_nowait_chunk"

    def __init__(self, streams: _Streams, answers: AnswersInParts, layout: Layout) -> None:
        self.gate = streams.gate
        self._streams = streams
        self._answers = answers
        self._stream_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Whose answer it is."""
        return self._streams.answer_of(self._stream_of(values))

    def after(self, answer: Any, result: Any) -> None:
        """Keep it."""
        if result and type(result) is bytes:
            self._answers.part(answer, result, _of_stream, _of_own_request)


@with_end(lambda parts: (answer := parts.answer()) is None or vars(answer).get("_closed") is True)
def _of_stream(parts: AnswerInParts) -> Any:
    answer = parts.answer()
    return [parts.body(), *(() if answer is None else _of_response(answer)[1:])]


httpx, httpx2 = (
    Answers(
        name,
        since,
        (f"{name}._client:Client.send", f"{name}._client:AsyncClient.send"),
        "request",
        f"{name}._models:Response._get_content_decoder",
    )
    for name, since in (("httpx", "0.23"), ("httpx2", "2.0"))
)
requests = Answers("requests", "2.20", ("requests.sessions:Session.send",), "request")
aiohttp = Aiohttp("aiohttp", "3.8", ("aiohttp.client_reqrep:ClientResponse.read",), None)
urllib3 = Urllib3()
standard_library = StandardLibrary()
