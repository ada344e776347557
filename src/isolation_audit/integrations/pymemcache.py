"""pymemcache: what is fetched is an entry of a cache, with whose work has stored it, as far as this process has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.model.inputs import CACHE, Input
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_CLIENT: Final = "pymemcache.client.base:Client"
_KEYS: Final = 10_000
"""Keys of which it is remembered who has stored them, by hash."""

Writers = dict[int, str | None]


class Pymemcache:
    """The integration."""

    distribution = "pymemcache"
    since = "4.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What all ways to store and to fetch come to, in clients, pools and clusters alike."""
        inputs = receiver(runtime)
        if inputs is not None:
            writers: Writers = {}
            yield Point(StorePoint.place, partial(StorePoint, runtime, writers))
            yield Point(FetchPoint.place, partial(FetchPoint, inputs, writers))


class StorePoint(Interceptor):
    """Around storing."""

    place = f"{_CLIENT}._store_cmd"

    def __init__(self, runtime: Runtime, writers: Writers, layout: Layout) -> None:
        self._user = runtime.ambient.current
        self._writers = writers
        self._values = layout.argument("values")

    def before(self, values: Values) -> None:
        """Note whose work it is; None for nobody's."""
        user = self._user()
        for key in list(self._values(values) or ()):
            self._writers.pop(_digest(key), None)
            self._writers[_digest(key)] = user.id if user is not None and user.kind is Kind.USER else None
        drop_oldest(self._writers, _KEYS)


class FetchPoint(Interceptor):
    """Around fetching one key or several."""

    place = f"{_CLIENT}._fetch_cmd"

    def __init__(self, inputs: Receiver, writers: Writers, _layout: Layout) -> None:
        self._receive = inputs.receive
        self._writers = writers

    def before(self, _values: Values) -> bool:
        """Wait for it."""
        return True

    def after(self, _state: Any, result: Any) -> None:
        """Keep what was found."""
        for key, value in list(result.items()):
            size = len(value) if type(value) is bytes or type(value) is str else 0
            self._receive(Input(CACHE, value, stored_by=self._writers.get(_digest(key))), size=size)


def _digest(key: Any) -> int:
    return hash(key.encode() if type(key) is str else key)


integration = Pymemcache()
