"""Records of what units of work have written, by container and by place in it.

A container of the application's is known by its identity, with a weak reference where it allows one; a value by a weak
reference, or by its hash where it is text or a number. Nothing is kept alive. The identity of a dict or of a list may
be another's one day: what is read has to hold the writer's data as well before anything is said (``state/judging.py``).
"""

from __future__ import annotations

from collections import deque
from time import time_ns
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.listener import concern, concern_only, concerned, unconcern
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.tables import first
from isolation_audit.rules.state.contents import NUMBERS, TEXTS, described_as, size_of, tells_nothing
from isolation_audit.rules.state.units import clock

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from isolation_audit.rules.state.units import Unit

__builtins__ = BUILTINS

_CONTAINERS: Final = 20_000
_SLOTS: Final = 512
"""Places of one container."""

_WRITES: Final = 3
"""Writes of one place: those of the last units."""

_ELEMENTS: Final = 128
"""Writes into a list or a set, whose places shift."""

_SHORT: Final = 4_000
"""Characters of a text that is kept as it is until its write is settled."""

_EQUAL: Final = (*TEXTS, *NUMBERS, type(None), bool)
_PLAIN_EQUAL: Final = frozenset(map(id, _EQUAL))
_PARTS: Final = frozenset(map(id, (str, int, bytes)))
_KEYS: Final = _PARTS | frozenset(map(id, (float, bool)))


class Write:
    """One value that a unit has stored."""

    __slots__ = (
        "_described",
        "_hash",
        "_identity",
        "_kind",
        "_ref",
        "_size",
        "addressed",
        "at",
        "atoms",
        "brought",
        "carried",
        "content",
        "kept",
        "loaded",
        "made_for",
        "made_for_writer",
        "number",
        "over",
        "seq",
        "settled",
        "site",
        "texts",
        "under_own_name",
        "unit",
    )

    def __init__(self, unit: Unit, site: int, value: object) -> None:
        self.unit = unit
        self.site = site
        self.seq = next(clock)
        self.kept = False
        """True while it waits to be settled, and nobody else has read it."""
        self.over: Write | None = None
        """Another unit's write that this one has taken the place of."""
        self.texts: tuple[str, ...] | None = None
        """What it held, until it is settled."""
        self.atoms: frozenset[int] = frozenset()
        """What it holds of its unit's own inputs, by hash."""
        self.loaded = False
        """True where all of that was read by the unit, and nothing of it came with its request."""
        self.addressed = False
        """True for an item whose key was part of the path that its unit had asked for."""
        self.under_own_name = False
        """True for an item whose key is its writer's id."""
        self.brought = False
        """True for a text that had come in with its unit just like this."""
        self.carried: Sequence[Write] = ()
        """Writes of others that the value has in it, where it is stored back to where it was read."""
        self._described: str | None = ""
        self._size = 0
        self.made_for_writer = False
        """True for an object that is built around its writer's id."""
        self.made_for: tuple[str, bool] | None = None
        """A reader who was asked for last, and whether the value is built around their id."""
        self.settled = False
        self.content = 0
        """The hash of all texts in it; 0 where there are none, or they are not known."""
        self.hold(value)

    def hold(self, value: object) -> None:
        """It is of this value now: the same statement has stored another one there, before anybody asked."""
        self.at = time_ns()
        kind = self._kind = type(value)
        self.number = kind is int or (issubclass(kind, NUMBERS) and kind is not bool)
        self._hash: int | None = None
        self._ref: ref[Any] | None = None
        self._identity = id(value)
        if kind is str or kind is int:
            self._hash = hash(value)
        elif issubclass(kind, _EQUAL):
            self._hash = _hash(value)
        else:
            self._ref = _ref(value)

    def again(self, value: Any) -> bool:
        """The same statement has stored a text or a number there again; False for what has to be looked into."""
        kind = type(value)
        if kind is str:
            if len(value) > _SHORT:
                return False
            self.texts, self.number, self._size = (value,), False, len(value)
        elif kind is int or kind is float:
            self.texts, self.number = None if tells_nothing(value) else (repr(value),), True
        else:
            return False
        self.at, self.seq = time_ns(), next(clock)
        self._kind, self._hash, self._described, self.made_for_writer = kind, hash(value), None, False
        self._ref = None
        return True

    def describe(self, value: object) -> None:
        """Keep what it is, without what it holds."""
        self._described, self._size = None, size_of(value)

    @property
    def described(self) -> str:
        """What was written, in words, without what it holds."""
        if self._described is None:
            self._described = described_as(self._kind, self._size)
        return self._described

    def is_of(self, value: object) -> bool:
        """True where ``value`` is what was written, or is equal to it where it is text or a number."""
        if self._hash is not None:
            return type(value) is self._kind and _hash(value) == self._hash
        if self._ref is not None:
            return self._ref() is value
        return id(value) == self._identity and type(value) is self._kind

    def value(self) -> Any:
        """The object that was written, if it is known to be alive."""
        return None if self._ref is None else self._ref()

    def equals(self, other: Write) -> bool:
        """True where both have written the same."""
        if self._hash is not None or other._hash is not None:
            return self._hash == other._hash and self._kind is other._kind
        return self._identity == other._identity


def _hash(value: Any) -> int:
    # The plain type's own: a subclass may have made its __hash__ anything.
    for plain in (str, bytes, int, float, complex):
        if issubclass(type(value), plain):
            return plain.__hash__(value)
    return (
        hash(bytes(value))
        if type(value) is bytearray
        else hash(value)
        if id(type(value)) in _PLAIN_EQUAL
        else id(value)
    )


def _ref(value: Any, gone: Any = None) -> ref[Any] | None:
    try:
        return ref(value, gone)
    except TypeError:
        return None


class StateEntry:
    """What was written into one container."""

    __slots__ = ("elements", "gone", "only", "slots")

    def __init__(self, unit: Unit) -> None:
        self.only: Unit | None = unit
        """The one unit that has written here; None where there are several."""
        self.slots: dict[Hashable, list[Write]] = {}
        self.elements: deque[Write] | None = None
        """Of a list and the like, once there are some: most entries are an object's, and an empty deque is large."""
        self.gone: ref[Any] | None = None

    def writes(self, key: Hashable, value: object) -> list[Write]:
        """The writes of one place, the latest first; of a list's elements those of this value."""
        if key is not None:
            return self.slots.get(key, [])[::-1]
        return [one for one in self._latest_elements() if one.is_of(value)]

    def latest(self) -> Iterator[tuple[Hashable, Write]]:
        """The last write of each place, and those of the elements."""
        for key, writes in list(self.slots.items()):
            if writes:
                yield key, writes[-1]
        for one in self._latest_elements():
            yield None, one

    def _latest_elements(self) -> list[Write]:
        return [] if self.elements is None else list(self.elements)[::-1]

    def add(self, write: Write) -> None:
        """Something was put in that has no place of its own."""
        if self.elements is None:
            self.elements = deque(maxlen=_ELEMENTS)
        self.elements.append(write)


class Records:
    """The table; one an audit."""

    def __init__(self) -> None:
        self._entries: dict[int, StateEntry] = {}
        self.of = self._entries.get
        """What was written into the container of this identity."""
        self.evicted = 0

    def concern(self) -> None:
        """Have reads told of what is in this table, and of nothing else."""
        concern_only({identity: entry.only for identity, entry in list(self._entries.items())})

    def __len__(self) -> int:
        return len(self._entries)

    def has(self, container: object, key: Hashable) -> bool:
        """True where something was written in this place of a container before."""
        entry = self._entries.get(id(container))
        return entry is not None and key in entry.slots

    def own(self, container: object, key: Hashable, unit: Unit, site: int) -> Write | None:
        """What the same statement of the same unit has stored there just before, as far as nobody has asked for it."""
        entry = self._entries.get(id(container))
        writes = None if entry is None else entry.slots.get(key)
        if not writes or entry is None or (entry.gone is not None and entry.gone() is not container):
            return None
        last = writes[-1]
        return last if last.kept and last.unit is unit and last.site == site else None

    def write(self, container: object, key: Hashable, write: Write) -> Write | None:
        """Keep a write; gives the one that was there before, of another unit."""
        identity = id(container)
        entry = self._entries.get(identity)
        if entry is None or (entry.gone is not None and entry.gone() is not container):
            entry = self._enter(container, identity, write.unit)
        elif entry.only is not None and entry.only is not write.unit:
            entry.only = None
            concern(identity, None)
        if key is None:
            entry.add(write)
            return None
        writes = entry.slots.get(key)
        if writes is None:
            if len(entry.slots) >= _SLOTS:
                drop_first(entry.slots)
            entry.slots[key] = [write]
            return None
        last = writes[-1]
        if last.unit is write.unit:
            write.over = last.over
            writes[-1] = write
        else:
            write.over = last
            last.over = None
            writes.append(write)
            del writes[:-_WRITES]
        return last

    def _enter(self, container: object, identity: int, unit: Unit) -> StateEntry:
        if len(self._entries) >= _CONTAINERS:
            self._evict()
        entry = StateEntry(unit)

        def gone(_ref: object, entries: dict[int, StateEntry] = self._entries) -> None:
            if entries.get(identity) is entry:
                del entries[identity]
                unconcern(identity)

        entry.gone = _ref(container, gone)
        self._entries[identity] = entry
        # One that any unit has got hold of before is here already.
        concern(identity, None if identity in concerned else entry.only)
        return entry

    def _evict(self) -> None:
        for identity in first(self._entries, _CONTAINERS // 10):
            self._entries.pop(identity, None)
            unconcern(identity)
            self.evicted += 1


def place(kind: str, key: object) -> Hashable:
    """The place in a container as a key of this table; None where places shift."""
    if kind in ("element", "queued"):
        return None
    return (kind, key if key is None or plain_key(key) is not None else id(key))


def plain_key(key: object) -> Any:
    """A key that may be kept, shown and compared; None for an object of the application's, which may be one as well."""
    if id(type(key)) in _KEYS:
        return key
    if type(key) is tuple and all(id(type(part)) in _PARTS for part in key):
        return key
    return None
