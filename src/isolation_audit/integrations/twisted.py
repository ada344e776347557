"""Twisted: requests to its web server, whose they are, and what is written in answer to them.

A request is handled in a callback of the reactor, which has one context for everything. What goes on with it later, a
coroutine or ``inlineCallbacks``, has a copy of that context; a plain callback has nothing, and writes by the object of
the request. So a request begins where it was received, its context is put right again when that call is over, and what
is written later for it is written in its name.
"""

from __future__ import annotations

import io
import os
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import SERVED, Serving, sources
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.integrations.building_blocks.session_cookies import answered, in_headers
from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.requests import Request
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Context

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.vocabulary.exits import Exits, LeavingResponse

_REQUEST: Final = "twisted.web.http:Request"
_RECEIVED: Final = f"{_REQUEST}.requestReceived"
_WRITE: Final = f"{_REQUEST}.write"
_FINISH: Final = f"{_REQUEST}.finish"
_LOST: Final = f"{_REQUEST}.connectionLost"
_RENDER: Final = "twisted.web.server:Request.render"
_SESSION: Final = "twisted.web.server:Request.getSession"
_WSGI: Final = "twisted.web.wsgi:_WSGIResponse.run"

_LARGEST: Final = 1024 * 1024
"""Bytes of a request's body that are kept to explain its answer."""


class Twisted:
    """The integration."""

    distribution = "Twisted"
    since = "22.10"
    packages = ("twisted",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What receives a request, finds what answers it, writes the answer, and ends it; and applications of WSGI."""
        open_requests = OpenRequests()
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _RECEIVED, runtime))
        yield Point(_RECEIVED, partial(ReceivedPoint, open_requests, runtime))
        yield Point(_RENDER, RenderPoint)
        if "session" in runtime.part(sources).detect:
            yield Point(_SESSION, SessionPoint)
        yield Point(_WRITE, partial(WritePoint, open_requests, exits_of(runtime)))
        for place in (_FINISH, _LOST):
            yield Point(place, partial(EndPoint, place, open_requests))
        yield Point(_WSGI, partial(WsgiPoint, open_requests))


class OpenRequest:
    """One request of Twisted's that is being served."""

    __slots__ = ("begun", "context", "end", "received", "request", "response")

    def __init__(self, begun: Any, end: Any) -> None:
        self.begun = begun
        self.request: Request = begun[0]
        self.end = end
        self.context: Context | None = None
        """The context in which it was received, once that call is over."""
        self.received = False
        """True once it is over for Twisted; the call that receives it may go on."""
        self.response: LeavingResponse | None = None


class OpenRequests:
    """All of them, by Twisted's own objects."""

    def __init__(self) -> None:
        self._open: WeakKeyDictionary[Any, OpenRequest] = WeakKeyDictionary()

    def add(self, asked: Any, opened: OpenRequest) -> None:
        """It has begun."""
        self._open[asked] = opened

    def of(self, asked: Any) -> OpenRequest | None:
        """None for what another server on top of Twisted serves, and after the end."""
        return self._open.get(asked)

    def end(self, asked: Any) -> None:
        """It is over, in whatever context: it ends in its own, once the call is over that has received it."""
        opened = self._open.get(asked)
        if opened is None:
            return
        if opened.response is not None:
            with _InItsName(opened.request):
                opened.response.chunk(b"", last=True)
            opened.response = None
        opened.received = True
        if opened.context is not None:
            del self._open[asked]
            opened.context.run(opened.end, opened.begun, None)

    def left(self, asked: Any, opened: OpenRequest) -> None:
        """The call that has received it is over."""
        if opened.received:
            self._open.pop(asked, None)
            opened.end(opened.begun, None)
        else:
            opened.context = copy_context()
            change_unit(request=opened.begun[1])


class _InItsName:
    """A stretch of the running context that works for a request, whatever it has worked for before."""

    __slots__ = ("_before", "_request")

    def __init__(self, request: Request) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._before = current_unit()
        if self._before.request is not self._request:
            change_unit(request=self._request, given_by=None)

    def __exit__(self, *_error: object) -> None:
        before = self._before
        if before.request is not self._request:
            change_unit(request=before.request, given_by=before.given_by)


class ReceivedPoint(Serving):
    """Around the call in which a request was received, and handled as far as that needs no waiting."""

    def __init__(self, open_requests: OpenRequests, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_RECEIVED, runtime)
        self._open = open_requests
        self._self_of = layout.receiver_reader()
        self._command, self._path = layout.argument("command"), layout.argument("path")

    def before(self, values: Values) -> Any:
        """Begin a request, unless Daphne does: it stands on Twisted, and begins those of its application."""
        asked = self._self_of(values)
        if type(asked).__module__.startswith("daphne."):
            return None
        uri = self._path(values)
        query = _text(uri.partition(b"?")[2])
        headers = asked.requestHeaders
        request = Request(
            self._sources,
            lambda: [
                (_text(name).lower(), _text(value)) for name, held in headers.getAllRawHeaders() for value in held
            ],
            mark=SERVED,
            query=(lambda: query) if query else None,
        )
        request.namespace = vars(asked)
        inputs = [Input(REQUEST, asked, texts=_head_texts), Input(REQUEST, asked, texts=_fields)]
        body = _body(asked)
        if body:
            inputs.append(Input(REQUEST, body))
        begun = self._begin(request, current_unit().request, *inputs, at_once=True)
        if body is None and request.inputs is not None:
            request.inputs.dropped += 1
        opened = OpenRequest(begun, super().after)
        self._open.add(asked, opened)
        return asked, opened

    def after(self, state: Any, _result: Any) -> None:
        """End it, or leave it to what goes on with it."""
        self._open.left(*state)

    def failed(self, state: Any, _error: BaseException) -> None:
        """What could not even be handled is over."""
        asked, opened = state
        if opened.request.unit is not None:
            opened.request.unit.failed = True
        opened.received = True
        self._open.left(asked, opened)


class RenderPoint(Interceptor):
    """Around the call of the resource that was found for a request."""

    place = _RENDER

    def __init__(self, layout: Layout) -> None:
        self._self_of, self._found = layout.receiver_reader(), layout.argument("resrc")

    def before(self, values: Values) -> None:
        """Nothing is looked up before a finding has to name it."""
        request = current_unit().request
        if request is not None:
            asked, found = self._self_of(values), self._found(values)
            request.routed(lambda: endpoint_of(asked, found))


class SessionPoint(Interceptor):
    """Around what gives a request its session."""

    place = _SESSION

    def __init__(self, _layout: Layout) -> None:
        pass

    def before(self, _values: Values) -> bool:
        """The session comes at the end."""
        return True

    @staticmethod
    def after(_state: Any, session: Any) -> None:
        """What the application has put on it is read as the content of a session is."""
        request = current_unit().request
        if request is not None:
            request.session = getattr(session, "__dict__", None)


class WritePoint(Interceptor):
    """Around the writing of a part of an answer."""

    place = _WRITE

    def __init__(self, open_requests: OpenRequests, sinks: Exits | None, layout: Layout) -> None:
        self._open = open_requests
        self._sinks = sinks
        self._self_of, self._data = layout.receiver_reader(), layout.argument("data")

    def before(self, values: Values) -> Any:
        """Search it, in the name of its request."""
        asked = self._self_of(values)
        opened = self._open.of(asked)
        if opened is None or opened.received or opened.request.ended:
            return None
        with _InItsName(opened.request):
            self._search(asked, opened, self._data(values))
        return None

    def _search(self, asked: Any, opened: OpenRequest, data: Any) -> None:
        if not asked.startedWriting:
            told = _told(asked)
            answered(in_headers(told), told)
            if self._sinks is not None and asked.method != b"HEAD":
                request = AnsweredRequest(_text(asked.uri), opened.request.endpoint())
                opened.response = self._sinks.response(_WRITE, told, request)
                opened.response.kept = self._sinks.shared_caches.answer(told, request)
        if opened.response is not None and type(data) is bytes and data:
            opened.response.chunk(data, last=False)


class EndPoint(Interceptor):
    """Around the end of an answer, or of the connection before that."""

    def __init__(self, place: str, open_requests: OpenRequests, layout: Layout) -> None:
        self.place = place
        self._open = open_requests
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep it for the end of the call: its head may be written in there."""
        return self._self_of(values)

    def after(self, asked: Any, _result: Any) -> None:
        """It is over."""
        self._open.end(asked)

    def failed(self, asked: Any, _error: BaseException) -> None:
        """The same: nothing can be written any more."""
        self._open.end(asked)


class WsgiPoint(Interceptor):
    """Around the call of an application of WSGI, on a thread of its own."""

    place = _WSGI

    def __init__(self, open_requests: OpenRequests, layout: Layout) -> None:
        self._open = open_requests
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """The thread works for the request."""
        opened = self._open.of(self._self_of(values).request)
        if opened is None:
            return None
        before = current_unit()
        change_unit(request=opened.request, given_by=None)
        return before

    @staticmethod
    def after(before: Any, _result: Any) -> None:
        """And not any longer."""
        change_unit(request=before.request, given_by=before.given_by)

    def failed(self, before: Any, _error: BaseException) -> None:
        """The same."""
        self.after(before, None)


def endpoint_of(asked: Any, found: Any) -> Endpoint:
    """The method of the resource that answers, and its path, without what of the path it was left with."""
    method, steps, left = _text(asked.method), [_text(step) for step in asked.prepath or ()], asked.postpath or ()
    route = "/".join(["", *(step for step in steps if step), *["{}"] * len(left)]) or "/"
    kind = type(found)
    view = getattr(kind, f"render_{method}", None) or getattr(kind, "render", None)
    return Endpoint(route, method, kind if str(getattr(view, "__module__", "twisted")).startswith("twisted.") else view)


def _told(asked: Any) -> list[tuple[bytes, bytes]]:
    """The head of the answer that is about to be sent."""
    held = [(name.lower(), value) for name, values in asked.responseHeaders.getAllRawHeaders() for value in values]
    return [*held, *((b"set-cookie", cookie) for cookie in asked.cookies)]


def _head(asked: Any) -> tuple[str, str, str]:
    fields = vars(asked)
    path, _, query = fields.get("uri", b"").partition(b"?")
    return _text(fields.get("method", b"")), _text(path), _text(query)


@request_texts.with_head(_head)
def _head_texts(asked: Any) -> Any:
    """What came with a request, but for its body."""
    held = [(_text(name), _text(value)) for name, values in asked.requestHeaders.getAllRawHeaders() for value in values]
    return [*_head(asked), held]


@request_texts.of_client
def _fields(asked: Any) -> Any:
    """The query and the form of a request, as Twisted has read them."""
    return {_text(name): values for name, values in (vars(asked).get("args") or {}).items()} or None


def _body(asked: Any) -> bytes | None:
    """The body, which Twisted closes before the end of the answer; None where it is longer than is kept.

    Large ones are in a file, which the application reads from where it is.
    """
    content = vars(asked).get("content")
    if content is None or content.closed:
        return b""
    if type(content) is io.BytesIO:
        return content.getvalue()
    content.flush()
    found = os.pread(content.fileno(), _LARGEST + 1, 0)
    return found if len(found) <= _LARGEST else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if type(value) is bytes else str(value)


integration = Twisted()
