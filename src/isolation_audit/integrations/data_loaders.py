"""Data loaders of strawberry and aiodataloader: what they keep from one request to the next."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.caches import LoaderKeys
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


class DataLoaders:
    """The integration of one library; ``function`` is the attribute with the function that loads."""

    def __init__(self, distribution: str, since: str, place: str, function: str) -> None:
        self.distribution = distribution
        self.since = since
        self._place = place
        self._function = attrgetter(function)

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """What gives a future for a key."""
        if runtime.config.watch.caches and exits_of(runtime) is not None:
            make = partial(LoadPoint, self._place, runtime.listener(LoaderKeys), self._function)
            yield Point(self._place, make)


class LoadPoint(Interceptor):
    """Around ``load``."""

    def __init__(self, place: str, loaders: LoaderKeys, function: Callable[[Any], Any], layout: Layout) -> None:
        self.place = place
        self._loaders = loaders
        self._function = function
        self._loader = layout.receiver_reader()
        self._key = layout.argument("key")

    def before(self, values: Values) -> Any:
        """Wait for the future."""
        return self._loader(values), self._key(values)

    def after(self, state: Any, result: Any) -> None:
        """Whose it is."""
        loader, key = state
        self._loaders.loaded(loader, self._function(loader), key, result)


strawberry = DataLoaders("strawberry-graphql", "0.200", "strawberry.dataloader:DataLoader.load", "load_fn")
aiodataloader = DataLoaders("aiodataloader", "0.2", "aiodataloader:DataLoader.load", "batch_load_fn")
