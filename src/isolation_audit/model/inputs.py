"""The inputs of a unit of work: what came in through it, by reference, in the order in which it came.

Nothing is copied or read here: a unit whose exits name nobody else pays an append a fetch. Texts are made of inputs
when an exit is suspicious, by the ``texts`` of each. Inputs are gone with their unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.model.open_units import open_units

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
    known_before: int = 0
    """So many inputs the unit that has put it had, when another one took it."""


@dataclass(slots=True, eq=False, repr=False)
class OutgoingRequest:
    """A question to another service, as it is written on its way out."""

    url: str
    headers: list[tuple[str, str]]
    body: str = ""

    def texts(self) -> list[Any]:
        """What is searched: not the body, which may tell of anybody."""
        return [self.url, self.headers]


class Prompt(NamedTuple):
    """What a unit has said to a language model: the turns of users and of the model, and what the application tells."""

    turns: list[str]
    instructions: str


LATEST: Final = 100
"""Inputs of a connection that are kept: it may last for days, and what it answers is seldom about what came first."""


class Inputs:
    """What came in through one unit of work; ``dropped`` counts what was more than is kept.

    Of a unit that is ``lasting``, as a connection is, the latest are kept.
    """

    __slots__ = (
        "__weakref__",
        "answers",
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
        "prompts",
        "rows",
        "saying",
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
        self.prompts: list[Prompt] = []
        """What it has said to a language model, the latest times..."""
        self.answers: list[Input] | None = None
        """...answers that were not complete yet, once it was looked at any..."""
        self.saying: Any = None
        """...and how what was said in its latest request is told apart; see ``rules/provenance/own_words.py``."""
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

    def has_room(self, size: int) -> bool:
        """Count so many bytes more of an input that is kept; False where they are too many."""
        self.bytes += size
        self.dropped += self.bytes > BYTES
        return self.bytes <= BYTES

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
            self.prompts, self.answers, self.saying = [], None, None
            self.strange.clear()
            self.looked = (0, [])
            self.opening = None
            if not open_units.idle:
                open_units.ended(self)
