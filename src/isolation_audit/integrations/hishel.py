"""hishel: answers that its transports of httpx have kept, and give to whoever asks for the same address.

Its keys leave credentials out, unless the application, or the service with ``Vary``, says otherwise.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.cached_answers import CachedAnswers
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_TRANSPORTS: Final = (
    "hishel.httpx._sync:CacheTransport.handle_request",
    "hishel.httpx._async:AsyncCacheTransport.handle_async_request",
)
_STATUS: Final = "caching"
"""The extension in which a response tells what the cache has done, and a request with what."""


class Hishel:
    """The integration; what has fetched an answer, and what it says, is for the integration of httpx to tell."""

    distribution = "hishel"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What answers a request, from the cache or from the service."""
        if runtime.config.watch.caches and receiver(runtime) is not None:
            answers = runtime.part(CachedAnswers)
            for place in _TRANSPORTS:
                yield Point(place, partial(TransportPoint, place, answers))


class TransportPoint(Interceptor):
    """Around the answering of one request."""

    def __init__(self, place: str, answers: CachedAnswers, layout: Layout) -> None:
        self.place = place
        self._answers = answers
        self._self_of, self._request = layout.receiver_reader(), layout.argument("request")

    def before(self, values: Values) -> Any:
        """Which entry it asks for."""
        request = self._request(values)
        chosen = request.extensions.get(_STATUS)
        chosen = chosen if type(chosen) is dict else {}
        storage = chosen.get("storage") or self._self_of(values).config.get("storage")
        return id(storage), chosen.get("key") or (request.method, str(request.url))

    def after(self, key: Any, response: Any) -> None:
        """What became of it."""
        status = response.extensions.get(_STATUS)
        if type(status) is not dict:
            return
        if status.get("from_cache"):
            self._answers.found(key, response)
        elif status.get("stored"):
            self._answers.stored(key)


integration = Hishel()
