"""What the application calls what somebody has written: ``POST /lots`` is answered with ``{"lot": 1}``.

Whoever asks for ``/lots/1`` then asks for what alice has put there, as if she had named it herself; and so does whoever
comes with the code of a short link. Kept are hashes of such names, and whose requests were answered with them: where
everybody's notes are counted from one, ``/notes/1`` asks for nobody else's.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.named_values import pairs_in
from isolation_audit.content.naming import parsed
from isolation_audit.content.request_texts import all_brought, path_of
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.rules.provenance.asked_things import NO_NAMES
from isolation_audit.rules.provenance.openings import may_name, paths_with_parameters
from isolation_audit.rules.provenance.standing import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.phrases import Phrase

_NAMES: Final = 20_000
"""Names that are remembered, and users of each:"""
_USERS: Final = 8

_OF_ONE: Final = 16
"""Names in one answer."""

_LONGEST: Final = 4 * 1024
"""Characters of the longest answer that is looked at: to a request that writes it is short."""

_DEPTH: Final = 16
_NODES: Final = 10_000


class GivenNames:
    """One audit's; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._known = runtime.users.known
        self._given: dict[int, dict[str, None]] = {}

    def answered(self, user: User, inputs: Inputs, answer: str, place: str) -> frozenset[int]:
        """The names in what a request of ``user`` that writes was answered with; ``place`` is where that leads."""
        held = parsed(answer) if len(answer) <= _LONGEST and answer[:1] == "{" else None
        steps = [*_steps(place)]
        if type(held) is not dict and not steps:
            return frozenset()
        named = [value for name, value in [*pairs_in(held)][:_OF_ONE] if name.lower() not in NO_NAMES]
        within = _collections(inputs)
        brought = {str(value).casefold() for _name, value in pairs_in(list(all_brought(inputs.kept, REQUEST)))}
        names = {_hash(name) for value in named for name in _names_of(value, within) if str(value) not in brought}
        names.update(_hash(f"{before}/{name}") for before, name in steps)
        for name in names:
            given = self._given.setdefault(name, {})
            given[user.id] = None
            drop_oldest(given, _USERS)
        drop_oldest(self._given, _NAMES)
        return frozenset(names)

    def asked(self, inputs: Inputs, reader: User) -> frozenset[int]:
        """The names that a unit asks with, of those that no request of ``reader`` was answered with."""
        if not self._given:
            return frozenset()
        return frozenset([name for name in _asked(inputs) if reader.id not in self._given.get(name, ())])

    def asks_for(self, inputs: Inputs, other: User, reader: User) -> bool:
        """True where a unit asks for what a request of ``other`` has written, by the name that this was given."""
        return any(other.id in self._given.get(name, ()) for name in self.asked(inputs, reader))


def is_called_so(held: Any, phrase: Phrase, inputs: Inputs) -> bool:
    """True where one of several records, with these words, has the name of what they were written with, or is under it.

    What is the whole answer is none of several.
    """
    return any(
        is_name_of(value, phrase, inputs)
        for beside in _beside(held, lambda text: bool(holds(text, [phrase])))
        for value in beside
    )


def is_name_of(value: Any, phrase: Phrase, inputs: Inputs) -> bool:
    """True for the name of what some words were written with, or were written to."""
    names = [*_names_of(value, _collections(inputs))]
    return any(_hash(name) in phrase.about or hash(name) in phrase.about for name in names)


def _asked(inputs: Inputs) -> Iterator[int]:
    for path, parameters in paths_with_parameters(inputs):
        segments = _segments(path)
        for place, segment in enumerate(segments):
            if segment in parameters:
                yield from (_hash(name.casefold()) for name in _names_of(segment, segments[:place]))
    for _name, value in pairs_in(list(all_brought(inputs.kept, REQUEST))):
        yield from (_hash(name.casefold()) for name in _names_of(value, ()))


def _collections(inputs: Inputs) -> list[str]:
    """The parts of the path of a unit's request."""
    path = next((path for one in inputs.kept if one.kind == REQUEST and (path := path_of(one))), "")
    return _segments(path.casefold())


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _names_of(value: Any, within: Iterable[str]) -> Iterator[str]:
    """A value as the name of something: a number is the number of one of many, which stand under a name."""
    if type(value) is int or (type(value) is str and value.isdecimal()):
        yield from (f"{before}/{value}" for before in within)
    elif type(value) is str and may_name(value) and any(not one.isalpha() for one in value):
        yield value.casefold()


def _steps(place: str) -> Iterator[tuple[str, str]]:
    """The numbered parts of an address, each with the part before it."""
    segments = _segments(place.partition("?")[0].casefold()) if place else []
    yield from ((before, name) for before, name in pairwise(segments) if name.isdecimal())


def _beside(held: Any, has_them: Callable[[str], bool]) -> Iterator[list[Any]]:
    """For each text with these words: the values of its record, and the name under which that stands."""
    waiting: list[tuple[Any, list[Any], int]] = [(held, [], 0)]
    nodes = _NODES
    while waiting and nodes:
        nodes -= 1
        value, beside, depth = waiting.pop()
        if type(value) is dict and depth < _DEPTH:
            here = [*beside, *value.values()] if depth else []
            waiting += [(one, [*here, name], depth + 1) for name, one in value.items()]
        elif type(value) is list and depth < _DEPTH:
            # Of one record of a list the others tell nothing.
            waiting += [(one, [], depth + 1) for one in value]
        elif type(value) is str and beside and has_them(value):
            yield beside


def _hash(name: str) -> int:
    return hash(("given", name))
