"""Caches with keys: who stored what under which key, and who is given it.

Libraries keep values under keys of their own making, often outside of the process, so nothing can hang on the value.
Each cache has a table instead, by the hash of the key, bounded, and gone with the cache. An entry remembers its writer
and the place that stored it. That place is read when another user is first given the value: the function below the
library's decorator, or else the code that called the cache.
"""

from __future__ import annotations

import sys
from types import CellType, CodeType, FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import ref

from isolation_audit.analysis.value_sources import Given, Source
from isolation_audit.analysis.variables import variables_of
from isolation_audit.instrument.reading.user_arguments import of_call, of_frame, without
from isolation_audit.instrument.resolve import find
from isolation_audit.instrument.shim_codes import code_of
from isolation_audit.instrument.work.cache_libraries import BELOW, FrameOf
from isolation_audit.model.users import same
from isolation_audit.rules.caches.served import Caches
from isolation_audit.vocabulary.caches import CacheEntries, Memo

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from types import FrameType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.cache_libraries import Library
    from isolation_audit.model.users import User
    from isolation_audit.vocabulary.caches import ReadsFunctions, Table

LIMIT: Final = 10_000
"""Entries of one cache that are remembered; beyond it the oldest goes, and is counted."""

_NAMED: Final = 100
"""Caches that are known by a name."""

_FRAMES: Final = 24

_Value = TypeVar("_Value")


class _StoredBy(Memo):
    """The code that stored something by itself, at one of its lines."""

    __slots__ = ("line",)

    def __init__(self, function: FunctionType, line: int, given: Given) -> None:
        super().__init__(function, given)
        self.line = line

    def source(self, reading: ReadsFunctions, receiver: type | None) -> Source:  # noqa: ARG002 - the base's form
        return reading.stored(self.function, self.line, self.given)


class CacheEntry:
    """One stored value. ``below`` is the decorated function; without one, ``code`` stored the value at ``line``.

    ``holders`` are parameters of either in which the writer was handed over.
    """

    __slots__ = ("below", "code", "holders", "line", "namespace", "stored_by", "writer")

    def __init__(self, writer: User) -> None:
        self.stored_by = writer.id
        self.writer: User | None = writer
        """None once the value is known to be nobody's."""
        self.below: ref[FunctionType] | None = None
        self.code: CodeType | None = None
        self.line = 0
        self.namespace: dict[str, Any] = {}
        self.holders: frozenset[str] = frozenset()

    def memo(self, library: Library, users: frozenset[str]) -> Memo | None:
        """What is to be read, with the parameters that held each its user; None where nothing is left to read."""
        if self.below is not None:
            function = self.below()
            return None if function is None else Memo(function, _given(library.unkeyed(function) - users, users))
        if self.code is None:
            return None
        # Its closure is not kept: what it holds may be a user's.
        cells = tuple([CellType() for _ in self.code.co_freevars])
        function = FunctionType(self.code, self.namespace, self.code.co_name, None, cells)
        function.__qualname__ = self.code.co_qualname
        return _StoredBy(function, self.line, _given(frozenset(), self.holders))


class Entries(CacheEntries):
    """The tables of all caches with keys; one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._caches = runtime.part(Caches)
        self._named: dict[Hashable, Table] = {}

    def of_object(self, cache: Any) -> Table | None:
        """The table of a cache that is an object; None for one that can't be told from another."""
        record = self._runtime.objects.record(cache)
        if record is None:
            return None
        if record.connection is None:
            record.connection = {}
        table: Table = record.connection
        return table

    def of_name(self, name: Hashable) -> Table:
        """The table of a cache that several objects stand for."""
        if name not in self._named and len(self._named) >= _NAMED:
            oldest = _oldest(self._named)
            self._runtime.tally.entries_evicted += 0 if oldest is None else len(oldest)
        return self._named.setdefault(name, {})

    def store(self, table: Table, key: Any, library: Library) -> None:
        """Something is stored; what nobody's work stored is nobody's."""
        place = _hash(key)
        table.pop(place, None)
        writer = self._caches.user()
        if writer is None or place is None:
            return
        frame, below = _caller(library)
        if below is not None and library.by_hand:
            return
        entry = table[place] = CacheEntry(writer)
        if below is not None and frame is not None:
            entry.below = ref(below)
            entry.holders = of_call(below.__code__, *_arguments(variables_of(frame)), writer.id)
        elif frame is not None:
            entry.code, entry.line, entry.namespace = code_of(frame), frame.f_lineno, frame.f_globals
            entry.holders = of_frame(frame, writer.id)
        if len(table) > LIMIT and _oldest(table) is not None:
            self._runtime.tally.entries_evicted += 1

    @staticmethod
    def writer(table: Table, key: Any) -> str | None:
        """The id of the user in whose work something was stored; None for nobody, and where that is not known."""
        entry = table.get(_hash(key))
        return None if entry is None else entry.stored_by

    def fetch(self, table: Table, key: Any, value: Any, library: Library) -> None:
        """Something was found."""
        entry = table.get(_hash(key))
        if entry is None or entry.writer is None:
            return
        writer, reader = entry.writer, self._caches.user()
        if reader is None or same(writer, reader):
            return
        frame, below = _caller(library)
        args, kwargs = ((), {}) if frame is None or below is None else _arguments(variables_of(frame))
        # Parameters that told the two users apart, though the key is the same: it leaves them out.
        users = frozenset() if below is None else entry.holders & of_call(below.__code__, args, kwargs, reader.id)
        memo = entry.memo(library, users)
        if memo is None:
            return
        if below is not None:
            args, kwargs = without({name for name, _source in memo.given}, below.__code__, args, kwargs)
        if not self._caches.served(
            memo,
            writer=writer,
            reader=reader,
            arguments=((*args, key), kwargs),
            value=value,
            libraries=library.folders,
        ):
            entry.writer = None


def _oldest(table: dict[Any, _Value]) -> _Value | None:
    """Take out what was put in first; None where another thread does so at this moment."""
    try:
        return table.pop(next(iter(table)))
    except (KeyError, RuntimeError, StopIteration):
        return None


def _caller(library: Library) -> tuple[FrameType | None, FunctionType | None]:
    """The frame of the wrapper that a decorator made, and the function below it; else that of the library's caller."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to a frame
    for _ in range(_FRAMES):
        if frame is None:
            break
        code = library.what_is(frame.f_code)
        if code is FrameOf.CALLER:
            return frame, None
        below = _below(variables_of(frame)) if code is FrameOf.WRAPPER else None
        if below is not None:
            return frame, below
        frame = frame.f_back
    return None, None


def _below(local: Mapping[str, Any]) -> FunctionType | None:
    for name in BELOW:
        if type(local.get(name)) is FunctionType:
            found: FunctionType = local[name]
            return found
    wrapper = local.get("self")
    wrapped = _dict(wrapper).get("__wrapped__")
    slot = find(type(wrapper), "__wrapped__")[1]
    if wrapped is None and type(slot) is MemberDescriptorType:
        wrapped = slot.__get__(wrapper)
    return wrapped if type(wrapped) is FunctionType else None


def _hash(key: Any) -> int | None:
    try:
        return hash(key)
    except TypeError:  # which the cache is about to raise as well
        return None


def _dict(value: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found


def _arguments(local: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the wrapper was called with."""
    args, kwargs = local.get("args", local.get("arg", ())), local.get("kwargs", local.get("kw", {}))
    return (args, kwargs) if type(args) is tuple and type(kwargs) is dict else ((), {})


def _given(context: frozenset[str], users: frozenset[str]) -> Given:
    return frozenset((*((name, Source.CONTEXT) for name in context), *((name, Source.USER) for name in users)))
