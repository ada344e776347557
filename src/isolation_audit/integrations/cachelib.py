"""cachelib, and Flask-Caching on top of it: what is set and got by hand, and what its decorators keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_BACKENDS: Final = tuple(
    [
        f"cachelib.{name}"
        for name in ("simple:SimpleCache", "file:FileSystemCache", "redis:RedisCache", "memcached:MemcachedCache")
    ]
)
_VERSIONS: Final = "_memver"
"""What the keys end with under which ``memoize`` of Flask-Caching keeps the version of a function's results."""


class Cachelib:
    """The integration."""

    distribution = "cachelib"
    since = "0.9"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What the backends keep; those of Flask-Caching inherit from them."""
        keyed = Keyed(
            Library(("cachelib", "flask_caching")),
            storing=tuple([f"{backend}.{name}" for backend in _BACKENDS for name in ("set", "add")]),
            fetching=tuple([f"{backend}.get" for backend in _BACKENDS]),
            notes=lambda key: type(key) is str and key.endswith(_VERSIONS),
        )
        return keyed.points(runtime)


integration = Cachelib()
