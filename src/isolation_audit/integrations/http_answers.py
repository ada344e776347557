"""Answers of other services, through httpx, requests, aiohttp, and whatever is built on the standard library's client.

They are kept by reference, and read where it matters: what the client has not read by then is not seen.
"""

from __future__ import annotations

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
from isolation_audit.model.inputs import ANSWER, CACHE, Input, OutgoingRequest
from isolation_audit.vocabulary.outside import RequestsSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_BODIES: Final = ("_content", "_body")
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
                cached = runtime.part(CachedAnswers)
                yield Point(
                    place, partial(AnswerPoint, place, inputs, cached, self._request, by_parts=bool(self._decoder))
                )
            if self._decoder:
                yield Point(self._decoder, partial(DecoderPoint, self._decoder))


class AnswerPoint(Interceptor):
    """Around what gives a response."""

    def __init__(
        self,
        place: str,
        inputs: Receiver,
        cached: CachedAnswers,
        request: str | None,
        layout: Layout,
        *,
        by_parts: bool,
    ) -> None:
        self.place = place
        self._by_parts = by_parts
        self._receive = inputs.receive
        self._cached = cached
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
    body = next((fields[name] for name in _BODIES if type(fields.get(name)) in (bytes, bytearray)), None)
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
            yield Point(ReadPoint.place, partial(ReadPoint, inputs))


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
            self._sent.said(self.place, lambda: asked.body)
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


class ReadPoint(Interceptor):
    """Around the reading of an answer's body."""

    place = "http.client:HTTPResponse.read"

    def __init__(self, inputs: Receiver, _layout: Layout) -> None:
        self._receive = inputs.receive

    def before(self, _values: Values) -> bool:
        """Wait for it."""
        return True

    def after(self, _state: Any, result: Any) -> None:
        """Keep it."""
        if result:
            self._receive(Input(ANSWER, result, texts=_unpacked), size=len(result))


def _unpacked(body: bytes) -> Any:
    """As it is, and without gzip or deflate, where it has that."""
    try:
        return [zlib.decompressobj(wbits=47).decompress(body, _UNPACKED)]
    except zlib.error:
        return body


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
aiohttp = Answers("aiohttp", "3.8", ("aiohttp.client_reqrep:ClientResponse.read",), None)
standard_library = StandardLibrary()
