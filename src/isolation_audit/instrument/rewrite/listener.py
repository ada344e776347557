"""Who is told what rewritten modules write and read: one listener at most, and with none they are as the originals.

A listener is called on the thread and in the context of the application's own statement. What it raises is counted as a
fault and goes no further. It must not keep what it is given alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isolation_audit.instrument.barrier import Barrier

__builtins__ = BUILTINS

VERSION: Final = 17
"""Of the rewriter: code that another one made is not used. To be raised with each change of what it makes."""

ATTRIBUTE: Final = "attribute"
"""container: the instance or the class that holds it; key: its name."""
ITEM: Final = "item"
"""container: a mapping; key: its key."""
ELEMENT: Final = "element"
"""container: a list, a set, a deque or the like; key: the index, or None where the place does not matter."""
QUEUED: Final = "queued"
"""An item of a queue; container: the queue; key None."""
ALL: Final = "all"
"""Only read: every item or element at once (iterated, copied, unpacked); key None, value: the container."""
PART: Final = "part"
"""Only read: some elements of a list at once (sliced); key None, value: a list of them."""
GLOBAL: Final = "global"
"""container: the module's dict; key: the name."""
CELL: Final = "cell"
"""A closure's variable, also by ``nonlocal``; container: the cell, or, where nothing stores to the variable, the
container that it is; key: the name."""
CARRIED: Final = "carried"
"""A local variable of a generator or coroutine that goes on; container: its frame; key: the name."""
DEFAULT: Final = "default"
"""The mutable default of an argument; container: the function's code; key: the argument's name."""
LOCAL: Final = "thread local"
"""An attribute of a ``threading.local``; container: it; key: the name."""
ENVIRON: Final = "environ"
"""A variable of the process; container: ``os.environ``; key: its name."""
CONTEXT: Final = "context variable"
"""The default of a ContextVar, where that can be changed; container: the variable; key None."""

ANY: Final = "[]"
"""The name under which items and elements are armed, beside their own where it is a text."""
WRITES: Final = "="
"""Stands for the stores among the names that have something told."""


class StateListener(Protocol):
    """What a monitor of state has."""

    def unit(self) -> object:
        """The unit of work that runs here, which the others are given; None outside of any.

        Then nothing else is called; keep it cheap.
        """

    def wrote(self, unit: Any, container: object, kind: str, key: object, value: object, site: int) -> None:
        """Something is stored, just before or after this; from then on its key or name is armed (:func:`arm`).

        ``del`` and ``clear`` are not told.
        """

    def read(self, unit: Any, container: object, kind: str, key: object, value: object, site: int) -> None:
        """Something is being read; what is done with it is ``sites.site(site).use``."""

    def born(self, unit: Any, obj: object) -> None:
        """The ``__init__`` of this object sets its attributes: they are new, and nobody else's."""


class Event:
    """A constant of rewritten code, which calls its attribute ``None`` (see :mod:`nodes`).

    It has two functions: one that tells everything, and one that first looks whether anything is known of the object.
    """

    __slots__ = ("None", "_all", "_quick")

    def __init__(self, tells_all: Any, quick: Any = None) -> None:
        self._all, self._quick = tells_all, quick or tells_all
        self.turn(quick=False)

    def turn(self, *, quick: bool) -> None:
        """Have everything told, or only what concerns objects that are known."""
        setattr(self, "None", self._quick if quick else self._all)


class Flag:
    """A constant of rewritten code, which looks at its attribute ``True`` (see :mod:`nodes`)."""

    __slots__ = ("True", "__weakref__")

    def __init__(self) -> None:
        self.turn(on=False)

    def turn(self, *, on: bool) -> None:
        """Have reads told, or not."""
        setattr(self, "True", on)


active: Final = Flag()
"""On while there is a listener, and units run."""


TEXTS: Final = frozenset(map(id, (str, bytes, int, float, bool, type(None))))
"""Identities of the classes of what is known by what it is, and not by its identity.

To look for a class itself would ask its metaclass, which may be the application's.
"""

concerned: Final[dict[int, object]] = {}
"""Identities of objects that a listener wants to be told of, where it names them: of reads of others nothing is told.

Each with the one unit of work that has to do with it, whose own reads are not told; None where there may be several.
One that is here by mistake costs time; one that is missing is not told. It is changed here alone: :data:`concern`,
:func:`unconcern` and :func:`concern_only`.
"""
# The dict's own method: an object is entered with each statement that stores to a new one.
concern: Final[Callable[[int, object], None]] = concerned.__setitem__


def unconcern(identity: int) -> None:
    """Have nothing told of this one any more."""
    concerned.pop(identity, None)


def concern_only(identities: Mapping[int, object]) -> None:
    """Have these concern the listener, and no others."""
    concerned.clear()
    concerned.update(identities)


Hears = Callable[[object, int, tuple[str, ...], object], bool]


class _Ear:
    listener: StateListener | None = None
    barrier: Barrier | None = None
    quick: bool = False
    """True for a listener that names the objects which concern it."""
    hears: Hears = staticmethod(lambda _unit, _identity, _kinds, _key: True)
    """Asks it about one of them, in a unit of work."""
    unit: Callable[[], object] = staticmethod(lambda: None)
    """The listener's, or what says that none runs."""


ear = _Ear()
"""The listener, if there is one; asked by what rewritten modules call."""


def listen(listener: StateListener | None, barrier: Barrier | None = None, hears: Hears | None = None) -> None:
    """Tell ``listener`` from now on, or nobody; faults of it are counted by ``barrier``.

    With ``hears`` it says what is :data:`concerned`, and is told of no other objects' attributes and items; and of
    those only where that is true in a unit of work of an object's identity, and of the key if it is read for one of
    these kinds. What raises there is a fault as well.
    """
    ear.listener, ear.barrier, ear.quick = listener, barrier, hears is not None
    ear.hears = hears or (lambda _unit, _identity, _kinds, _key: True)
    ear.unit = (lambda: None) if listener is None else listener.unit
    concerned.clear()
    events.turn()
    active.turn(on=listener is not None)
    if listener is None:
        armed.disarm()


def units_run(*, some: bool) -> None:
    """Say that units of work run in this process, or none: then rewritten code costs no more than a look at a flag.

    Until it is said, they are taken to run while there is a listener.
    """
    active.turn(on=some and ear.listener is not None)


class _Events:
    """The constants by which reads of objects are told."""

    def __init__(self) -> None:
        self._of: dict[str, list[Event]] = {}
        self._always: set[str] = set()

    def add(self, event: Event, name: str) -> Event:
        """One more, for attributes of this name; "" for all others."""
        self._of.setdefault(name, []).append(event)
        event.turn(quick=ear.quick and name not in self._always)
        return event

    def turn(self) -> None:
        """There is another listener."""
        self._always.clear()
        for several in self._of.values():
            for event in several:
                event.turn(quick=ear.quick)

    def always(self, name: str) -> None:
        """Have attributes of this name told whatever they are asked of: they are kept elsewhere, as in its class."""
        if name not in self._always:
            self._always.add(name)
            for event in self._of.get(name, ()):
                event.turn(quick=False)


events: Final = _Events()


class Armed:
    """The names and keys whose reads are told, and the flags that have to be turned on for each."""

    def __init__(self) -> None:
        self.names: set[object] = set()
        self.sites: set[int] = set()
        """Sites whose names are armed."""
        self._flags: dict[object, list[Flag]] = {}

    def watch(self, flag: Flag, names: Iterable[object]) -> None:
        """Turn ``flag`` on as soon as one of these is armed."""
        for name in names:
            self._flags.setdefault(name, []).append(flag)
            if name in self.names:
                flag.turn(on=True)

    def arm(self, name: object) -> None:
        """Have reads of this name told, wherever it is an attribute, a key or a global."""
        self.names.add(name)
        for flag in self._flags.get(name, ()):
            flag.turn(on=True)

    def disarm(self) -> None:
        """Have no reads told any more."""
        self.names.clear()
        self.sites.clear()
        for flags in self._flags.values():
            for flag in flags:
                flag.turn(on=False)


armed = Armed()


def arm(names: Iterable[object]) -> None:
    """Have reads of these attributes, keys or globals told, such as of an object that was born and is now shared.

    What :meth:`StateListener.wrote` is told of is armed already.
    """
    for name in names:
        if name not in armed.names:
            armed.arm(name)
