"""What instrumented calls tell the monitors: plain records of who was witnessed where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from isolation_audit.foundation.records import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from isolation_audit.config import model
    from isolation_audit.config.model import Deprecation, Emitter, Engine, Factory
    from isolation_audit.content.index import Mark
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.tracking.run_states import Deviation
    from isolation_audit.model.owner_records import Record
    from isolation_audit.model.users import User


@record
class Shared:
    """An object that was bound to its first user has served another; the calls say whose they are."""

    target: str
    first: User
    other: User
    record: Record


@dataclass(slots=True, eq=False, repr=False)
class Built:
    """An object of an engine, emitter or deprecated target was constructed, or came out of an alternative constructor.

    ``context`` is the user-context object that an owner path went through: None when it was there and None,
    ``layout.MISSING`` when no path has one. ``via`` names the alternative constructor.
    """

    entry: Engine | Deprecation | Emitter
    target: str
    """The entry's, as text."""
    obj: Any
    ambient: User | None
    owner: User | None
    named: User | None
    """The user that the owner paths gave, before the ambient user was taken as a substitute."""
    context: Any
    record: Record | None
    via: str | None = None


class Again(NamedTuple):
    """What a monitor answers to a :class:`Built` where it knows what it will do for each construction like that one.

    That is one at the same place, of the same class, for a user who is known in the same way. A monitor that answers
    nothing is told of each construction.
    """

    step: Callable[[Built], None] | None
    """Called for each of them; None where there is nothing more to do."""
    in_units: bool = False
    """Only where a unit of work is running."""


NOTHING_MORE: Final = Again(None)


@record
class Used:
    """A method of an object that belongs to one user was called while another user's work was running.

    For a ``[[scopes]]`` entry ``owner`` is the user whose work was about to begin.
    """

    entry: Engine | model.Scope
    method: str
    ambient: User
    owner: User
    record: Record | None
    stack: RawStack | None = None
    """Where it was called, if that is not the present place."""


class Emission:
    """One event on its way out; it may pass several layers, and is still one event."""

    # With slots: where attributes are set one after the other, a dict takes four times as long (measured on 3.11).
    __slots__ = (
        "_crossed",
        "_reported",
        "ambient",
        "audience",
        "claimed",
        "clean",
        "depth",
        "known",
        "layers",
        "name",
        "progress",
        "searched",
        "verified",
    )

    # There is no __init__: generated code begins an event without a call (``compile/source.py``, ``_OPENED``).
    name: str | None
    ambient: User | None
    layers: tuple[str, ...]
    claimed: User | None
    known: bool
    """True once any layer had any witness."""
    verified: bool
    """True once two witnesses could be compared."""
    depth: int
    audience: tuple[User, ...]
    """The members of the room that an outer layer addressed."""
    progress: Progress | None
    """How far its delivery has come, where a protocol is watched."""
    searched: list[tuple[Any, list[Mark]]] | None
    """Payloads that were searched while it is under way, with the marks in them, where content is watched."""
    clean: Any
    """The last of them that names nobody but whose event it is."""

    # Clean events never ask for these two; they are made when somebody does.

    @property
    def reported(self) -> set[str]:
        """Codes already reported for this event, so that each layer does not repeat them."""
        try:
            return self._reported
        except AttributeError:
            self._reported: set[str] = set()
            return self._reported

    @property
    def crossed(self) -> list[User | None]:
        """Wrong addressees counted so far (None stands for a crossing without a known addressee)."""
        try:
            return self._crossed
        except AttributeError:
            self._crossed: list[User | None] = []
            return self._crossed


def new_emission(name: str | None, ambient: User | None, layer: str) -> Emission:
    """An event that begins in this layer."""
    made = Emission()
    made.name, made.ambient, made.layers = name, ambient, (layer,)
    made.claimed = made.progress = made.searched = made.clean = None
    made.known = made.verified = False
    made.depth, made.audience = 0, ()
    return made


class Progress:
    """The delivery of one event: layers that are being passed, hand-overs that returned, the last one that raised."""

    __slots__ = ("delivered", "failure", "inside", "lost")

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.delivered: list[tuple[str, tuple[Any, ...]]] = []
        self.failure: tuple[str, BaseException] | None = None
        """Where a layer raised (target and method), and what, until the layer above has ended."""
        self.lost = False
        """True once a layer has said, or hidden, that the event did not arrive."""


@dataclass(slots=True, eq=False, repr=False)
class Passage:
    """One event passing one instrumented layer."""

    emission: Emission
    entry: Emitter
    method: str
    ambient: User | None
    owner: User | None
    addressee: User | None
    record: Record | None


@record
class Carried:
    """The payload of an event, at one layer, holds data of another user than those whom the other witnesses name."""

    passage: Passage
    content: User


@record
class Returned:
    """A ``[[scopes]]`` call for one user returned another user's data."""

    target: str
    ambient: User
    content: User


@record
class Lost:
    """An event that left its outermost layer without any witness having been known."""

    emission: Emission
    entry: Emitter
    method: str


@record
class Deviated:
    """An event of a run came out of order at a layer."""

    entry: Emitter
    method: str
    deviation: Deviation


@record
class Undelivered:
    """A layer says that an event did not arrive, or went on as if one below it had not raised."""

    entry: Emitter
    method: str
    event: str | None
    reason: str


@record
class Slow:
    """Something took longer than its limit; both in seconds.

    ``event`` is the first event, or the method that cleans up; ``origin`` is where it began, if that is not here.
    """

    level: Literal["first_event", "run", "cleanup"]
    seconds: float
    limit: float
    user: User | None
    target: str | None
    event: str | None = None
    origin: RawStack | None = None


@record
class SentForAnother:
    """A request is one user's, and the service that sent it was at work for another; ``endpoint`` answered it."""

    user: User
    sender: User
    endpoint: Any


@record
class Rebound:
    """An id that belonged to one user a moment ago was seen in another user's context; the id itself stays here.

    ``here`` is False where another process saw it: the place is not known.
    """

    kind: str
    earlier: User
    user: User
    here: bool = True
    stack: RawStack | None = None
    """Where it was seen, if that is not the present place."""


@record
class Unready:
    """Something was sent on a connection that could not take it, ``when`` says why; the application could know."""

    target: str
    when: str
    ambient: User | None
    owner: User | None
    stack: RawStack


@record
class Broken:
    """A connection broke down; ``how``, with the name of the exception's type where one was ``raised``."""

    target: str
    how: str
    raised: bool
    ambient: User | None
    owner: User | None
    stack: RawStack


@record
class Drifted:
    """A signature is not what the configuration, or the class that it replaces, says; ``what`` says so in words.

    ``stack`` is where it is defined, ``other`` where what it differs from is.
    """

    target: str
    what: str
    stack: RawStack
    other: RawStack = ()
    other_label: str = ""


@record
class Unbuilt:
    """An engine is used that none of its constructors has made: a copy, an unpickled object, a bare ``__new__``."""

    entry: Engine
    ambient: User | None
    record: Record | None


@dataclass(slots=True, eq=False, repr=False)
class Manufactured:
    """A declared factory that is an object has returned an engine."""

    entry: Factory
    factory: Any
    engine: Any
    record: Record | None


@record
class Imported:
    """A module that is deprecated as a whole was imported."""

    deprecation: Deprecation
    module: ModuleType


@record
class Problem:
    """A target that can't be watched as configured, or a process at all: ``code`` is IA901, IA902 or IA904."""

    code: str
    target: str
    message: str
    optional: bool = False


@record
class Stopped:
    """The auditor is about to stop, and was blind: ``words`` says how."""

    words: str
