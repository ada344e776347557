"""requests-cache: an answer that one user's work has fetched, and another's is given out of the cache.

Its keys leave the credentials of a request out, unless the application says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_CACHE: Final = "requests_cache.backends.base:BaseCache"


class RequestsCache:
    """The integration; every backend ends in these methods."""

    distribution = "requests-cache"
    since = "1.3"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What saves an answer, and what finds one."""
        return Keyed(
            Library(("requests_cache", "requests")),
            storing=(f"{_CACHE}.save_response",),
            fetching=(f"{_CACHE}.get_response",),
            found=_body,
            notes=lambda key: key is None,
            stored_key=1,
        ).points(runtime)


def _body(answer: Any) -> Any:
    """The body of an answer, as far as it was read when it was saved."""
    return None if answer is None else vars(answer).get("_content")


integration = RequestsCache()
