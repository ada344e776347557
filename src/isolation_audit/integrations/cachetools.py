"""cachetools: its caches, and what its decorators keep in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_CACHE: Final = "cachetools:Cache"


class Cachetools:
    """The integration; every cache of the package ends in the methods of ``Cache``."""

    distribution = "cachetools"
    since = "5.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Items that are set and got."""
        keyed = Keyed(Library(("cachetools",)), storing=(f"{_CACHE}.__setitem__",), fetching=(f"{_CACHE}.__getitem__",))
        return keyed.points(runtime)


integration = Cachetools()
