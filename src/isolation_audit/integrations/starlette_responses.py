"""Starlette and FastAPI: responses where they leave the application, whatever serves it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point, Replacement
from isolation_audit.integrations.building_blocks.asgi_servers import AnsweredScope
from isolation_audit.integrations.building_blocks.requests_and_connections import AnswerPoint
from isolation_audit.integrations.building_blocks.session_cookies import answered, in_headers
from isolation_audit.model.contexts import current_scope, current_unit
from isolation_audit.model.users import VISITOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.vocabulary.exits import Exits, LeavingResponse

RESPONSE: Final = "starlette.responses:Response.__call__"


class ResponsePoint(Interceptor):
    """Around the call of a response that has its body."""

    place = RESPONSE

    def __init__(self, sinks: Exits, layout: Layout, runtime: Runtime, *, learns: bool) -> None:
        self._sinks = sinks
        self._ambient = runtime.ambient
        self._answer = AnswerPoint(RESPONSE, runtime) if runtime.config.watch.contexts else None
        self._learns = learns
        self._self_of = layout.receiver_reader()
        self._scope = layout.argument("scope")

    def before(self, values: Values) -> None:
        """Search the body, for the user of the innermost context, or for a visitor; and the cookies.

        Those are told here where there is no server that sends them, as in tests.
        """
        if self._answer is not None and (self._ambient.asks or current_scope() is not None):
            self._answer.before(values)
        response, scope = self._self_of(values), self._scope(values)
        request = current_unit().request
        if self._learns and request is not None and not request.served:
            answered(in_headers(response.raw_headers), response.raw_headers)
        body, user = response.body, self._sinks.reader()
        if user is not None and type(body) is bytes and scope["type"] == "http":
            left = self._sinks.response(RESPONSE, response.raw_headers, AnsweredScope(scope), outermost=True)
            left.chunk_for(None if user is VISITOR else user, body, last=True)


STREAMED: Final = "starlette.responses:StreamingResponse"


def streaming(sinks: Exits) -> Iterator[Point | Replacement]:
    """What is asked for, and what a response sends part by part.

    That is seen by whom it is sent with. Further out it may be another context, where its user is unknown.
    """
    asked: WeakKeyDictionary[Any, AnsweredRequest] = WeakKeyDictionary()
    yield Point(f"{STREAMED}.__call__", lambda layout: AskedPoint(asked, layout))
    yield Replacement(f"{STREAMED}.stream_response", PartPoint(sinks, asked), _telling)


class AskedPoint(Interceptor):
    """Around the call of a response that streams."""

    place = f"{STREAMED}.__call__"

    def __init__(self, asked: WeakKeyDictionary[Any, AnsweredRequest], layout: Layout) -> None:
        self._asked = asked
        self._self_of = layout.receiver_reader()
        self._scope = layout.argument("scope")

    def before(self, values: Values) -> None:
        """Keep what it answers."""
        scope = self._scope(values)
        if scope["type"] == "http":
            self._asked[self._self_of(values)] = AnsweredScope(scope)


class PartPoint(Interceptor):
    """Asked with ``(response, message)`` before each message."""

    place = f"{STREAMED}.stream_response"

    def __init__(self, sinks: Exits, asked: WeakKeyDictionary[Any, AnsweredRequest]) -> None:
        self._sinks = sinks
        self._asked = asked
        self._responses: WeakKeyDictionary[Any, LeavingResponse] = WeakKeyDictionary()

    def before(self, values: Values) -> None:
        """Search it; the server below gets the same bytes."""
        streamed, message = values
        if message["type"] == "http.response.start" and streamed in self._asked:
            asked = self._asked.pop(streamed)
            self._responses[streamed] = self._sinks.response(self.place, message["headers"], asked, outermost=True)
        elif message["type"] == "http.response.body":
            response, body = self._responses.get(streamed), message["body"]
            if response is not None and (type(body) is bytes or type(body) is bytearray or type(body) is memoryview):
                response.chunk(bytes(body), last=not message["more_body"])


def _telling(original: Any, probe: Probe) -> Any:
    """The method, with a ``send`` that asks ``probe`` first."""

    @wraps(original)
    async def stream_response(self: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            probe.before((self, message))
            await send(message)

        await original(self, told if len(probe) else send)

    return stream_response
