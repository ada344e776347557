"""diskcache: what its caches keep, by hand and for ``memoize``, whichever object stands for a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point
    from isolation_audit.vocabulary.caches import CacheEntries, Table

_CACHE: Final = "diskcache.core:Cache"


class DiskCache:
    """The integration; ``FanoutCache``, ``Index`` and Django's backend end in these methods."""

    distribution = "diskcache"
    since = "5.6"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Items that are set and got."""
        return Keyed(
            Library(("diskcache",)),
            storing=(f"{_CACHE}.set", f"{_CACHE}.add"),
            fetching=(f"{_CACHE}.get",),
            table=_of_folder,
            found=lambda result: None if type(result).__name__ == "Constant" else result,
        ).points(runtime)


def _of_folder(entries: CacheEntries, cache: Any) -> Table:
    return entries.of_name(("diskcache", vars(cache).get("_directory")))


integration = DiskCache()
