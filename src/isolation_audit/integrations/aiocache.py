"""aiocache: what its decorator keeps, and what is set and got by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_DECORATOR: Final = "aiocache.decorators:cached"
_CACHE: Final = "aiocache.base:BaseCache"


class Aiocache:
    """The integration.

    The decorator's own methods are watched beside the caches': its work with them may run in a task of its own, where
    nobody can tell who called.
    """

    distribution = "aiocache"
    since = "0.12"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What ``@cached`` and ``@cached_stampede`` keep, and what the application sets and gets by hand."""
        decorated = Keyed(
            Library(("aiocache",)),
            storing=(f"{_DECORATOR}.set_in_cache",),
            fetching=(f"{_DECORATOR}.get_from_cache",),
        )
        by_hand = Keyed(
            Library(("aiocache",), by_hand=True),
            storing=(f"{_CACHE}.set", f"{_CACHE}.add"),
            fetching=(f"{_CACHE}.get",),
        )
        yield from decorated.points(runtime)
        yield from by_hand.points(runtime)


integration = Aiocache()
