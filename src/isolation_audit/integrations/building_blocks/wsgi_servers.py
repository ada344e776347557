"""What integrations of WSGI servers share: the bodies that they write, part by part, whatever the application is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.session_cookies import answered, in_headers
from isolation_audit.vocabulary.exits import LeavingResponse, exits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.vocabulary.exits import Exits

    Described = tuple[Iterable[tuple[str, str]], AnsweredRequest]


def writing(
    runtime: Runtime, answer: str, write: tuple[str, str], end: str, describe: Callable[[Any], Described]
) -> Iterator[Point]:
    """Points around the methods of a server's ``answer``, a class with an object for each request.

    ``write`` is the method that writes a part of the body, and its argument; ``end`` is called when all is written.
    ``describe`` gives an answer's headers, and what was asked.
    """
    sinks = exits_of(runtime)
    if sinks is not None:
        method, argument = write
        bodies = Bodies(sinks, f"{answer}.{method}", describe)
        yield Point(bodies.target, partial(PartPoint, bodies, argument))
        yield Point(f"{answer}.{end}", partial(EndPoint, bodies, f"{answer}.{end}"))


class Bodies:
    """The responses that are being written."""

    def __init__(self, sinks: Exits, target: str, describe: Callable[[Any], Described]) -> None:
        self.target = target
        self._sinks = sinks
        self._describe = describe
        self._responses: WeakKeyDictionary[Any, LeavingResponse] = WeakKeyDictionary()

    def part(self, answer: Any, data: bytes) -> None:
        """Search a part of a body."""
        response = self._responses.get(answer)
        if response is None:
            headers, asked = self._describe(answer)
            headers = list(headers)
            answered(in_headers(headers), headers)
            if self._sinks.was_searched_here(data):
                return  # as a whole, by the framework that has made it
            encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
            response = self._responses[answer] = self._sinks.response(self.target, encoded, asked)
        response.chunk(data, last=False)

    def end(self, answer: Any) -> None:
        """Judge what was written."""
        response = self._responses.pop(answer, None)
        if response is not None:
            response.chunk(b"", last=True)


class PartPoint(Interceptor):
    """Around what writes a part of a body."""

    def __init__(self, bodies: Bodies, argument: str, layout: Layout) -> None:
        self.place = bodies.target
        self._bodies = bodies
        self._self_of = layout.receiver_reader()
        self._data = layout.argument(argument)

    def before(self, values: Values) -> None:
        """Search it."""
        data = self._data(values)
        if type(data) is bytes and data:
            self._bodies.part(self._self_of(values), data)


class WholePoint(Interceptor):
    """Around the call in which all of a body is written."""

    def __init__(self, bodies: Bodies, place: str, layout: Layout) -> None:
        self.place = place
        self._bodies = bodies
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Keep the answer for the end."""
        return self._self_of(values)

    def after(self, answer: Any, _result: Any) -> None:
        """Judge it."""
        self._bodies.end(answer)

    def failed(self, answer: Any, _error: BaseException) -> None:
        """Judge what was written until then."""
        self._bodies.end(answer)


class EndPoint(Interceptor):
    """Around what ends a body."""

    def __init__(self, bodies: Bodies, place: str, layout: Layout) -> None:
        self.place = place
        self._bodies = bodies
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Judge it."""
        self._bodies.end(self._self_of(values))
