"""The inputs of a unit of work: what came in through it, by reference, in the order in which it came.

Nothing is copied or read here: a unit whose exits name nobody else pays an append a fetch. Texts are made of inputs
when an exit is suspicious, by the ``texts`` of each. Inputs are gone with their unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.contexts import current_unit, scope_variable
from isolation_audit.model.living import living

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.users import User

REQUEST: Final = "the request"
ROWS: Final = "rows of a database"
REPLY: Final = "a reply of a key-value store"
ANSWER: Final = "an answer of another service"
CACHE: Final = "an entry of a cache"
FILE: Final = "a file"
STORE: Final = "a library's own file"
ITEM: Final = "what another's work has handed over"

BY_QUERY: Final = frozenset({ROWS, REPLY, ANSWER, FILE})
"""What the unit asked for by itself: whether it may be shown to its user is the application's decision."""

LIMIT: Final = 10_000
"""Rows, and other inputs, of one unit that are kept."""

BYTES: Final = 4 * 1024 * 1024
"""Bytes of the texts and bodies of one unit that are kept."""


def itself(value: Any) -> Any:
    """What an input is searched as where it is plain data already."""
    return value


@dataclass(slots=True, eq=False, repr=False)
class Input:
    """One thing that came in, and the question that brought it, where one was asked.

    ``texts`` makes plain data of ``value``, and ``asked`` of ``question``, when they are searched. ``stored_by`` is
    the id of the user whose work put an entry into a cache, None where that is not known or was nobody's.
    """

    kind: str
    value: Any
    question: Any = None
    texts: Callable[[Any], Any] = itself
    asked: Callable[[Any], Any] = itself
    stored_by: str | None = None
    contested: bool = False
    """It was taken from a queue from which the work of the user who has put it takes as well: whoever is first."""
    put_by: User | None = None
    """That user, where their work has made the item: it had not taken it from there, to give it back."""
    queue: int = 0
    """The identity of the queue from which it was taken."""


@dataclass(slots=True, eq=False, repr=False)
class OutgoingRequest:
    """A question to another service, as it is written on its way out."""

    url: str
    headers: list[tuple[str, str]]
    body: str = ""

    def texts(self) -> list[Any]:
        """What is searched: not the body, which may tell of anybody."""
        return [self.url, self.headers]


LATEST: Final = 100
"""Inputs of a connection that are kept: it may last for days, and what it answers is seldom about what came first."""


class Inputs:
    """What came in through one unit of work; ``dropped`` counts what was more than is kept.

    Of a unit that is ``lasting``, as a connection is, the latest are kept.
    """

    __slots__ = (
        "__weakref__",
        "at_end",
        "began",
        "bytes",
        "contested",
        "dropped",
        "ended",
        "files",
        "given_back",
        "kept",
        "lasting",
        "learned",
        "looked",
        "opening",
        "rows",
        "strange",
        "told",
        "unit",
        "user",
    )

    def __init__(self, first: Iterable[Input] = (), *, lasting: bool = False) -> None:
        self.lasting = lasting
        self.began = monotonic()
        self.kept: list[Input] = list(first)
        self.at_end: list[Callable[[], None]] = []
        """Called when the unit is about to end: exits whose end nothing else tells."""
        self.rows = self.bytes = self.dropped = self.learned = 0
        """``learned``: so many of the first inputs were looked through for their user's own words."""
        self.strange: list[Input] = []
        """What was asked for with the name of somebody else alone, as far as that was looked at."""
        self.looked: tuple[int, list[Input]] = (0, [])
        """So many of the first inputs were looked through by :meth:`of_kinds`, and those of them that it gave."""
        self.ended = False
        self.user: User | None = None
        """Whose unit it is, once somebody had to know."""
        self.files: dict[str, int] = {}
        """Files that it has opened: the number of its own writing; 0 where it has read them first."""
        self.told: set[str] = set()
        """Whose credentials were told of in this unit."""
        self.given_back: set[tuple[int, int]] = set()
        """Identities of items that it has taken from a queue and put into one: as with a pool, they are nobody's."""
        self.contested = False
        """True once it was given an item for which its owner waited as well."""
        self.opening: Any = None
        """How a connection was opened; see ``rules/provenance/openings.py``."""
        self.unit: Any = None
        """What the monitor of state knows of the unit; see ``rules/state/units.py``."""

    def receive(self, one: Input, rows: int = 1, size: int = 0) -> None:
        """Keep one more input of so many rows, or bytes."""
        if self.lasting and (len(self.kept) >= LATEST or self.rows > LIMIT or self.bytes > BYTES):
            self.rows = self.bytes = 0
            # But for the first, which is the request that has opened it.
            self.dropped += LATEST // 2
            del self.kept[1 : 1 + LATEST // 2]
            self.looked = (0, [])
            self.learned = max(0, self.learned - LATEST // 2)
        self.rows += rows
        self.bytes += size
        if self.rows > LIMIT or self.bytes > BYTES:
            self.dropped += 1
        else:
            self.kept.append(one)

    def of_kinds(self, kinds: tuple[Any, ...]) -> list[Input]:
        """The inputs whose texts are told in these ways, always the same ones. On a connection they are few of many."""
        looked, found = self.looked
        if looked != len(self.kept):
            if looked > len(self.kept):
                looked, found = 0, []
            kept = self.kept[looked:]
            found = [*found, *(one for one in kept if one.texts in kinds)]
            self.looked = (looked + len(kept), found)
        return found

    def end(self) -> None:
        """The unit ends: what waits for that is told, and nothing is kept any more."""
        waiting, self.at_end = self.at_end, []
        try:
            for finish in waiting:
                finish()
        finally:
            # Whatever goes on after it, as a thread that it has started may, must not keep them.
            self.ended = True
            self.kept.clear()
            self.strange.clear()
            self.looked = (0, [])
            self.opening = None
            if not living.idle:
                living.ended(self)


def current_inputs() -> Inputs | None:
    """The inputs of the unit of work that is running; None where none is.

    It is the unit that has handed over what is worked on here, else the request, else the outermost scope.
    """
    # Asked several times in each request: the usual way is no call of a call.
    unit = current_unit()
    given_by, request = unit.given_by, unit.request
    if given_by is not None and not given_by.ended:
        return given_by
    if request is not None and request.inputs is not None:
        inputs: Inputs = request.inputs
        return inputs
    return _of_the_scope()


def own_inputs() -> Inputs | None:
    """The same, whoever has handed over what is worked on."""
    request = current_unit().request
    if request is not None and request.inputs is not None:
        inputs: Inputs = request.inputs
        return inputs
    return _of_the_scope()


def _of_the_scope() -> Inputs | None:
    scope = scope_variable.get()
    if scope is None:
        return None
    while scope.parent is not None:
        scope = scope.parent
    if scope.ended:
        return None
    if scope.inputs is None:
        scope.inputs = Inputs()
    made: Inputs = scope.inputs
    return made


def unit_inputs() -> Inputs | None:
    """The own ones; of a task that goes on when what has started it is over, those of the unit that it is a part of."""
    return own_inputs() or current_inputs()


def inputs_at_exit() -> Inputs | None:
    """What explains an exit: the inputs of the unit in which it leaves, and of the one that has handed it over."""
    current = current_inputs()
    return current if current is None or current_unit().given_by is None else _with_own(current)


def _with_own(current: Inputs) -> Inputs:
    own = own_inputs()
    if own is None or current is own:
        return current
    both = Inputs()
    both.began = min(own.began, current.began)
    both.kept = [*own.kept, *current.kept]
    both.dropped = own.dropped + current.dropped
    both.contested = own.contested
    both.strange = [*own.strange, *current.strange]
    both.user = own.user
    return both
