"""dogpile.cache: what its regions keep, by hand and for its decorators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_REGION: Final = "dogpile.cache.region:CacheRegion"


class Dogpile:
    """The integration; ``get_multi`` and ``set_multi`` go other ways, and are not watched."""

    distribution = "dogpile.cache"
    since = "1.5"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What asks a backend for one key, and what gives it one value."""
        return Keyed(
            Library(("dogpile", "decorator.py")),
            storing=(f"{_REGION}._set_cached_value_to_backend",),
            fetching=(f"{_REGION}._get_from_backend",),
            found=_payload,
        ).points(runtime)


def _payload(result: Any) -> Any:
    """The value, which comes with what is known of it; None where there is none."""
    return tuple.__getitem__(result, 0) if issubclass(type(result), tuple) else None


integration = Dogpile()
