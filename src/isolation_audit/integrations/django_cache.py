"""Django's cache: what is set and got by hand, and pages that ``cache_page`` keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point
    from isolation_audit.vocabulary.caches import CacheEntries, Table

_BACKENDS: Final = tuple(
    [
        f"django.core.cache.backends.{name}"
        for name in (
            "locmem:LocMemCache",
            "filebased:FileBasedCache",
            "db:DatabaseCache",
            "redis:RedisCache",
            "memcached:BaseMemcachedCache",
        )
    ]
)
_WHERE: Final = ("_dir", "_table", "_servers", "key_prefix")
"""Attributes that tell the caches of one backend apart."""

_HEADERS: Final = "views.decorators.cache.cache_header."
"""What the keys begin with under which ``cache_page`` notes which headers a page depends on: the same for everybody."""


class DjangoCache:
    """The integration."""

    distribution = "django"
    since = "4.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What the backends keep, the asynchronous methods with them: they call the others."""
        keyed = Keyed(
            Library(("django", "asgiref"), _request),
            storing=tuple([f"{backend}.{name}" for backend in _BACKENDS for name in ("set", "add")]),
            fetching=tuple([f"{backend}.get" for backend in _BACKENDS]),
            table=_table,
            notes=lambda key: type(key) is str and key.startswith(_HEADERS),
        )
        return keyed.points(runtime)


def _table(entries: CacheEntries, cache: Any) -> Table | None:
    """The table of what is behind a cache object: each thread has an object of its own."""
    known = object.__getattribute__(cache, "__dict__")
    # The store of a cache in memory is a global of its module, and lives as long.
    where = [id(known.get("_cache")) if "_expire_info" in known else 0, *(str(known.get(name)) for name in _WHERE)]
    return entries.of_name((type(cache).__qualname__, *where))


def _request(function: FunctionType) -> frozenset[str]:
    """A view's first parameter: the key has the address, and of the headers what ``Vary`` names."""
    code = function.__code__
    return frozenset(code.co_varnames[: code.co_argcount]) & {"request"}


integration = DjangoCache()
