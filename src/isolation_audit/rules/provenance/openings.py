"""Openings: what a unit of work was asked for by its head, before anything else came in.

All messages of a connection go to one view, by one path: there it is read once, at the first message.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.request_texts import ADDRESSED, addressed, method_of, path_of
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.inputs import REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.requests import Request

_SHORTEST: Final = 3
LONGEST: Final = 100
"""Characters of the longest name of a thing."""

_NOTHING: Final = frozenset(
    {
        *("all", "asc", "assistant", "chat", "default", "desc", "false", "html", "json", "latest", "main", "message"),
        *("new", "none", "null", "system", "text", "true", "user"),
    }
)
"""Values that name nothing."""

has_sign: Final = pattern(r"[^\W\d_][\w]*[\d_.:/-]")

_INNER: Final = "\0"
"""Stands before what is in something else, where that is left out."""

_UNREAD: Final = object()


class Opening:
    """The head of one unit; what of it is not asked for is not looked for."""

    __slots__ = ("_addressed", "_code", "_things", "endpoint", "method")

    def __init__(self, inputs: Inputs, request: Request | None) -> None:
        self.method = method_of(inputs)
        self.endpoint = current_endpoint() if request is None else request.endpoint()
        self._code: Any = _UNREAD
        self._addressed: frozenset[str] | None = None
        self._things: tuple[str, ...] | None = None

    def code(self) -> CodeType | None:
        """The code of the view that answers."""
        if self._code is _UNREAD:
            self._code = None if self.endpoint is None else self.endpoint.code()
        found: CodeType | None = self._code
        return found

    def addressed(self, inputs: Inputs) -> frozenset[str]:
        """As :func:`asked_for`, of the inputs of this unit."""
        if self._addressed is None:
            self._addressed = asked_for(inputs)
        return self._addressed

    def things(self, inputs: Inputs) -> tuple[str, ...]:
        """The same as names of things, each with what stands before it."""
        if self._things is None:
            self._things = tuple(_by_path(inputs))
        return self._things


def opening_of(inputs: Inputs, request: Request | None = None) -> Opening:
    """How a unit was opened; of a connection it is kept as soon as its view is known.

    ``request`` is the unit's, where that is not the running one.
    """
    known: Opening | None = inputs.opening
    if known is not None:
        return known
    made = Opening(inputs, request)
    if inputs.lasting and made.endpoint is not None and made.endpoint.view is not None:
        inputs.opening = made
    return made


def asked_for(inputs: Inputs) -> frozenset[str]:
    """What a unit has asked for by the parameters of its path: a room's name, a document's number."""
    every = [addressed(one) for one in inputs.of_kinds(ADDRESSED)]
    return every[0] if len(every) == 1 else frozenset[str]().union(*every)


def _by_path(inputs: Inputs) -> list[str]:
    found: list[str] = []
    for path, parameters in paths_with_parameters(inputs):
        steps_to = steps_with(path, parameters)
        found += [_joined(steps_to[: place + 1]) for place in range(len(steps_to))]
        found += [_INNER + step for step in steps_to[1:]]
        found += [segment.casefold() for segment in parameters if is_name(segment)]
    return found


def paths_with_parameters(inputs: Inputs) -> Iterator[tuple[str, frozenset[str]]]:
    """The paths of a unit's requests, each with what of it are parameters of the route."""
    asked: str | None = None
    for one in inputs.of_kinds(ADDRESSED):
        parameters = addressed(one) if one.kind == REQUEST else None
        if parameters:
            path = path_of(one)
            if not path:
                # The request of a framework has the parameters, and what the server has given has the path.
                path = asked = _first_path(inputs) if asked is None else asked
            yield path, parameters


def _first_path(inputs: Inputs) -> str:
    return next((path for one in inputs.kept if one.kind == REQUEST and (path := path_of(one))), "")


def steps_with(path: str, parameters: frozenset[str]) -> list[str]:
    """What a path asks for by each of its parameters, with what stands before it: of what, of which of those."""
    parts = pairwise(["", *path.strip("/").split("/")])
    return [f"{before}/{segment}".casefold() for before, segment in parts if segment in parameters]


def asked_in(path: str, parameters: frozenset[str]) -> list[str]:
    """The very thing that a path asks for, by the names under which something may have been written to it.

    ``/rooms/tea/notes/1`` is a note of that room. Who writes to it writes to the room as well, whose number 1 is
    another than that of ``/rooms/hall/notes/1``; and than that of ``/notes/1``, unless only one of the two paths says
    of which room.
    """
    steps_to = steps_with(path, parameters)
    if len(steps_to) == 1:
        return [steps_to[0], _INNER + steps_to[0]]
    return [_joined(steps_to), steps_to[-1]] if steps_to else []


def _joined(steps_to: list[str]) -> str:
    return "\0".join(steps_to)


def steps(path: str) -> Iterator[tuple[str, str]]:
    """The parts of a path, each with the one before it; and alone, where it names something by itself."""
    for before, segment in pairwise(["", *path.strip("/").split("/")]):
        yield f"{before}/{segment}".casefold(), segment
        if is_name(segment):
            yield segment.casefold(), segment


def is_name(text: str) -> bool:
    """True for what names one thing by itself, wherever it stands."""
    return may_name(text) and has_sign.search(text) is not None


def may_name(text: str) -> bool:
    """True for what may be the name of one thing; a number may be anything's."""
    return (
        _SHORTEST <= len(text) <= LONGEST
        and not text.isdecimal()
        and " " not in text
        and text.casefold() not in _NOTHING
    )
