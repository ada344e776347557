"""aiohttp: what its server answers, before it is compressed and framed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.calls.passing import Passing, PassingPoint, passing
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.exits import Exits, LeavingResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values

_HEAD: Final = "aiohttp.web_response:StreamResponse._write_headers"
_WRITER: Final = "aiohttp.http_writer:StreamWriter"
_BYTES: Final = frozenset(map(id, (bytes, bytearray, memoryview)))

Responses = WeakKeyDictionary[Any, LeavingResponse | None]
"""By writer; None where the whole body has been searched already. Writers of clients are not in it."""


def answering(sinks: Exits) -> Iterator[Point]:
    """Points around the one place where a response begins, and those that all its bodies go through."""
    responses: Responses = WeakKeyDictionary()
    yield Point(_HEAD, partial(BeginPoint, sinks, responses))
    for name in ("write", "write_eof"):
        yield Point(f"{_WRITER}.{name}", partial(BodyPoint, responses, last=name == "write_eof"))


class BeginPoint(PassingPoint):
    """Around the writing of a response's head."""

    place = _HEAD

    def __init__(self, sinks: Exits, responses: Responses, layout: Layout) -> None:
        self._sinks = sinks
        self._responses = responses
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Passing:
        """Note what is answered."""
        answer = vars(self._self_of(values))
        request, compressed = answer["_req"], answer.get("_compression", False)
        every = [(name.encode(), str(value).encode("latin-1", "replace")) for name, value in answer["_headers"].items()]
        # aiohttp compresses below, after the body has been seen here.
        seen = [(name, value) for name, value in every if not compressed or name.lower() != b"content-encoding"]
        asked = AnsweredRequest(f"{request.path}?{request.query_string}", endpoint_of(request))
        response = self._sinks.response(_HEAD, seen, asked)
        response.kept = self._sinks.shared_caches.answer(every, asked)
        whole = answer.get("_compressed_body") is not None  # but for this one, which it has compressed already
        if whole and request.method != "HEAD":
            response.chunk(bytes(answer["_body"]), last=True)
        self._responses[answer["_payload_writer"]] = None if whole else response
        return Passing.begin()


class BodyPoint(PassingPoint):
    """Around what writes a part of a body, and its end."""

    place = _WRITER

    def __init__(self, responses: Responses, layout: Layout, *, last: bool) -> None:
        self._last = last
        self._responses = responses
        self._self_of = layout.receiver_reader()
        self._chunk = layout.argument("chunk")

    def before(self, values: Values) -> Passing | None:
        """Search it; the transport below gets the same."""
        writer = self._self_of(values)
        if passing() or writer not in self._responses:
            return None
        response, chunk = self._responses[writer], self._chunk(values)
        if response is not None and id(type(chunk)) in _BYTES:
            response.chunk(bytes(chunk), last=self._last)
        return Passing.begin()


def endpoint_of(request: Any) -> Endpoint:
    """What answers a request, and the template of its path; None of both where no router has said so."""
    match = vars(request).get("_match_info")
    resource = getattr(getattr(match, "route", None), "resource", None)
    return Endpoint(getattr(resource, "canonical", None), request.method, getattr(match, "handler", None))
