"""async-lru: what ``alru_cache`` keeps of coroutine functions, under their arguments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.keyed_cache import FetchPoint, Keyed, StorePoint
from isolation_audit.vocabulary.caches import CacheEntries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime

_WRAPPER: Final = "async_lru:_LRUCacheWrapper"
_STORING: Final = f"{_WRAPPER}._cache_miss"
_FETCHING: Final = f"{_WRAPPER}._cache_hit"
_ITEMS: Final = "_LRUCacheWrapper__cache"


class AsyncLru:
    """The integration."""

    distribution = "async-lru"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What counts hits and misses, and is told the key."""
        if not runtime.config.watch.caches:
            return
        entries, keyed = runtime.listener(CacheEntries), Keyed(Library(("async_lru",)), (_STORING,), (_FETCHING,))
        yield Point(_STORING, partial(StorePoint, _STORING, keyed, entries))
        yield Point(_FETCHING, partial(HitPoint, _FETCHING, keyed, entries))


class HitPoint(FetchPoint):
    """Around the counting of a hit: what is handed out is the result of a task, which may not be done yet."""

    def before(self, values: Values) -> None:
        """Judge what was found."""
        table, key = self._table(values), self._key(values)
        items = getattr(self._self_of(values), _ITEMS, None)
        item = None if not table or items is None else items.get(key)
        if table and item is not None:
            self._entries.fetch(table, key, _result(item), self._keyed.library)


def _result(item: Any) -> Any:
    """The value, as far as it is there; older versions keep the future itself."""
    task = getattr(item, "task", None) or getattr(item, "fut", item)
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else None


integration = AsyncLru()
