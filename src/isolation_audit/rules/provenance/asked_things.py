"""What somebody has written under a name, and somebody else asks for by that name: an entity, a document, a room.

alice's request to change something says what it changes: in its path, or as a value of its body. Whoever asks for the
very same thing later, by its name, has asked for what she has put there. Kept are hashes of such names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.named_values import pairs_in
from isolation_audit.content.request_texts import all_brought, method_of, path_of, paths_asked
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.rules.provenance.openings import (
    LONGEST,
    asked_in,
    has_sign,
    is_name,
    may_name,
    paths_with_parameters,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.openings import Opening

_THINGS: Final = 20_000
"""Names of things that are remembered, and writers of each:"""
_WRITERS: Final = 100

_ALL: Final = 3
"""Writers who write to what is for all."""

_OF_ONE: Final = 64
"""Things of one request."""

Writing = tuple["CodeType | None", "str | None", "str | None"]
"""What a request has written through: the code of its view, its route and its method."""

READS: Final = frozenset({"GET", "HEAD"})
_INSIDE: Final = 6
"""Characters of the shortest name that is found in a longer text: and it has a sign or a digit between its letters."""

NO_NAMES: Final = frozenset(
    {
        *("action", "command", "currency", "event", "format", "function", "jsonrpc", "kind", "lang", "language"),
        *("layout", "level", "locale", "method", "mode", "model", "op", "operation", "order", "password", "plan"),
        *("protocolversion", "role", "secret", "sort", "status", "stream", "tab", "template", "theme", "timezone"),
        *("token", "tool", "type", "version"),
    }
)
"""Fields in which many requests have the same, whatever they are about..."""
_SIGNS: Final = "@:.$_"
"""...also with such a sign before it."""

_words_of_route: Final = re.compile(r"[^\s/{}<>]+").findall
_names_in: Final = pattern(r"[\w][\w.:/-]*[\w]")


class AskedThings:
    """One audit's; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._known = runtime.users.known
        self._writers: dict[int, dict[str, Writing]] = {}
        """By thing: whose requests have written it, and through which view."""

    def wrote(
        self, user: User, inputs: Inputs, opening: Opening, pairs: Iterable[tuple[str, Any]]
    ) -> tuple[frozenset[int], Writing | None]:
        """The things that a unit's request writes to, and the view; none where it only reads.

        ``pairs`` are the names and values that it has brought in.
        """
        if opening.method in READS:
            return frozenset(), None
        endpoint = opening.endpoint
        view = (opening.code(), None if endpoint is None else endpoint.route, opening.method)
        named = [
            value.casefold()
            for name, value in pairs
            # Most values are prose, or name nothing: they are passed by without a call.
            if type(value) is str and " " not in value and may_name(value) and self._is_written(name, value)
        ]
        asked = opening.things(inputs)
        things = frozenset([*map(hash, (*asked, *named) if named else asked)][:_OF_ONE])
        for thing in things:
            writers = self._writers.get(thing)
            if writers is None:
                writers = self._writers.setdefault(thing, {})
            if writers.get(user.id) != view:
                writers[user.id] = view
                drop_oldest(writers, _WRITERS)
        if len(self._writers) > _THINGS:
            drop_oldest(self._writers, _THINGS)
        return things, view

    def asks_for(
        self, inputs: Inputs, other: User, view: CodeType | None, reader: User, *, page: bool, roster: bool
    ) -> bool:
        """True where a unit asks by name for what a request of ``other`` has written through another view.

        A ``roster``, which has names and nothing else, tells who has written to it through the same one as well. Where
        it is answered with a ``page``, to what all write it says nothing: a form for a new entry has their
        names in its frame, where it is kept for all.
        """
        if not self._writers:
            return False
        reads = method_of(inputs) in READS
        return any(
            other.id in writers
            and (reads or roster or not is_answered_by(writers[other.id], view))
            and not (page and reader.id in writers and len(writers) >= _ALL)
            for thing in asked_by(inputs) - _called()
            if (writers := self._writers.get(thing)) is not None
        )

    def has_written(self, user: User, names: Iterable[str]) -> bool:
        """True where one of these names is that of a thing to which a request of ``user`` has written."""
        return any(user.id in self._writers.get(hash(name.casefold()), ()) for name in names if is_name(name))

    def _is_written(self, name: str, value: str) -> bool:
        """True for a value that may name what a request writes to: no setting, and nobody."""
        return name.lower().lstrip(_SIGNS) not in NO_NAMES and not self._known(value)


def is_answered_by(writing: Writing | None, view: CodeType | None) -> bool:
    """True where what a request wrote through is what answers now: by its code, or as both have one route.

    A framework whose callbacks all have one route may know only later which of them it calls; and one whose views are
    all called by one function of its own has different routes for them.
    """
    code, route, method = writing or (None, None, None)
    endpoint = None if route is None else current_endpoint()
    if code is view:
        return endpoint is None or endpoint.route is None or endpoint.route == route
    return endpoint is not None and (endpoint.route, endpoint.method) == (route, method)


def _called() -> frozenset[int]:
    """Hashes of the words of the running route: what is called, as a tool by its name, is nothing that is written."""
    endpoint = current_endpoint()
    route = None if endpoint is None else endpoint.route
    return frozenset() if route is None else frozenset(map(hash, _words_of_route(route.casefold())))


def asked_by(inputs: Inputs) -> frozenset[int]:
    """Hashes of what a unit's requests may have asked for by name."""
    found: set[str] = set()
    parameters: frozenset[str] = frozenset()
    for path, named in paths_with_parameters(inputs):
        found.update(asked_in(path, named))
        parameters |= named
    for one in [one for one in inputs.kept if one.kind == REQUEST]:
        # By a parameter a path asks for what stands there in all that stands before it, and else for the name alone.
        found.update(text for text, segment in steps(path_of(one)) if segment not in parameters or "/" not in text)
    queries = [text for asked in paths_asked(inputs) for text in asked.split("\0")]
    texts = [*queries, *_texts(all_brought(inputs.kept, REQUEST))]
    for text in texts:
        if len(text) <= LONGEST:
            found.add(text.casefold())
        if not text.isalnum():
            inside = _names_in.findall(text.casefold())
            found.update(name for name in inside if len(name) >= _INSIDE and has_sign.search(name) is not None)
    return frozenset(map(hash, found))


def _texts(asked: Iterable[Any]) -> Iterator[str]:
    for held in asked:
        if type(held) is str:
            yield held
    for _name, value in pairs_in(list(asked)):
        if type(value) is str:
            yield value
