"""fastapi-cache2: responses that its decorator keeps, by a key that knows nothing of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_BACKENDS: Final = (
    "fastapi_cache.backends.inmemory:InMemoryBackend",
    "fastapi_cache.backends.redis:RedisBackend",
    "fastapi_cache.backends.memcached:MemcachedBackend",
    "fastapi_cache.backends.dynamodb:DynamoBackend",
)


class FastapiCache:
    """The integration."""

    distribution = "fastapi-cache2"
    since = "0.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What the backends keep; a backend of the application's own is not known."""
        keyed = Keyed(
            Library(("fastapi_cache", "asyncio"), _requests),
            storing=tuple([f"{backend}.set" for backend in _BACKENDS]),
            fetching=tuple([f"{backend}.get_with_ttl" for backend in _BACKENDS]),
            found=_payload,
        )
        return keyed.points(runtime)


def _payload(result: Any) -> Any:
    """The value beside the time that it has to live."""
    return result[1]


def _requests(function: FunctionType) -> frozenset[str]:
    """The parameters that take the request or the response; the decorator's own have a prefix."""
    kinds = {name: str(getattr(kind, "__name__", kind)) for name, kind in function.__annotations__.items()}
    own = {"__fastapi_cache_request", "__fastapi_cache_response"}
    return frozenset(own | {name for name, kind in kinds.items() if kind.rpartition(".")[2] in {"Request", "Response"}})


integration = FastapiCache()
