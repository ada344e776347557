"""What integrations of cache libraries share: the points around storing and fetching under a key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from isolation_audit.content.entries import of_entry
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import fetching_variable
from isolation_audit.model.inputs import CACHE, Input
from isolation_audit.vocabulary.caches import CacheEntries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.cache_libraries import Library
    from isolation_audit.vocabulary.caches import Table


@dataclass(frozen=True, slots=True)
class Keyed:
    """One library: ``storing`` and ``fetching`` name methods whose first argument is the key.

    ``table`` finds the table of the cache behind ``self``, where that is not the object itself; ``found`` gives the
    value out of what a fetching method returned, or None for a miss. ``notes`` tells the keys under which the library
    keeps what is no value of anybody's. ``stored_key`` is the position of the key where a method stores.
    """

    library: Library
    storing: tuple[str, ...]
    fetching: tuple[str, ...]
    table: Callable[[CacheEntries, Any], Table | None] | None = None
    found: Callable[[Any], Any] = lambda result: result
    notes: Callable[[Any], bool] = lambda _key: False
    stored_key: int = 0
    by_reference: bool = False
    """It gives everybody the very object that was stored, to be changed: the process's memory, and no input."""

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """A point a method."""
        if not runtime.config.watch.caches:
            return
        entries, inputs = runtime.listener(CacheEntries), receiver(runtime)
        for place in self.storing:
            yield Point(place, partial(StorePoint, place, self, entries))
        for place in self.fetching:
            yield Point(place, partial(FetchPoint, place, self, entries))
            if inputs is not None and not self.by_reference:
                yield Point(place, partial(InputPoint, place, self, entries, inputs))


class _KeyedPoint(Interceptor):
    """Around one method of a cache."""

    def __init__(self, place: str, keyed: Keyed, entries: CacheEntries, layout: Layout) -> None:
        self.place = place
        self._keyed = keyed
        self._entries = entries
        self._self_of = layout.receiver_reader()
        self._table_of = entries.of_object if keyed.table is None else partial(keyed.table, entries)
        self._key = layout.argument(0)

    def _table(self, values: Values) -> Table | None:
        return self._table_of(self._self_of(values))


class StorePoint(_KeyedPoint):
    """Around a method that stores."""

    def __init__(self, place: str, keyed: Keyed, entries: CacheEntries, layout: Layout) -> None:
        super().__init__(place, keyed, entries, layout)
        self._key = layout.argument(keyed.stored_key)

    def before(self, values: Values) -> None:
        """Note whose work it is; what is refused leaves a note that no hit will ask for."""
        table, key = self._table(values), self._key(values)
        if table is not None and not self._keyed.notes(key):
            self._entries.store(table, key, self._keyed.library)


class FetchPoint(_KeyedPoint):
    """Around a method that fetches."""

    def before(self, values: Values) -> tuple[Table, Any] | None:
        """Keep the key, where anything is known of the cache."""
        table = self._table(values)
        return (table, self._key(values)) if table else None

    def after(self, state: tuple[Table, Any], result: Any) -> None:
        """Judge what was found."""
        value = self._keyed.found(result)
        if value is not None:
            table, key = state
            self._entries.fetch(table, key, value, self._keyed.library)


class InputPoint(_KeyedPoint):
    """Around the same: what is found comes in as an entry of this cache, whatever its store has sent for it."""

    def __init__(self, place: str, keyed: Keyed, entries: CacheEntries, inputs: Receiver, layout: Layout) -> None:
        super().__init__(place, keyed, entries, layout)
        self._receive = inputs.receive

    def before(self, values: Values) -> Any:
        """Until it is found, what is read is no input by itself."""
        outer, key = fetching_variable.get(), self._key(values)
        fetching_variable.set(self)
        return outer, self._table(values), key

    def after(self, state: Any, result: Any) -> None:
        """Keep it, with whose work has stored it."""
        outer, table, key = state
        fetching_variable.set(outer)
        value = self._keyed.found(result)
        if value is not None and not self._keyed.notes(key):
            writer = None if table is None else self._entries.writer(table, key)
            self._receive(Input(CACHE, value, texts=of_entry, stored_by=writer))

    def failed(self, state: Any, error: BaseException) -> None:  # noqa: ARG002 - the interceptor's form
        """Nothing was found."""
        fetching_variable.set(state[0])
