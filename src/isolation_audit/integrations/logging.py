"""The standard library's logging: a user whom a filter or a shared adapter still holds, in another user's lines."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.log_callers import caller_of, is_global
from isolation_audit.vocabulary.libraries import LoggerTags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_FILTER: Final = "logging:Filterer.filter"
_ADAPTER: Final = "logging:LoggerAdapter.process"
_MODULE: Final = "logging"
_LIBRARIES: Final = (_MODULE,)


class Logging:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What asks filters about a line, and what has an adapter add to it."""
        if runtime.config.watch.contexts:
            tags = runtime.listener(LoggerTags)
            yield Point(_FILTER, partial(FilterPoint, tags))
            yield Point(_ADAPTER, partial(AdapterPoint, tags))


class FilterPoint(Interceptor):
    """Around the asking of the filters of a logger or a handler: they are there for all lines."""

    place = _FILTER

    def __init__(self, tags: LoggerTags, layout: Layout) -> None:
        self._tags = tags
        self._self_of, self._record = layout.receiver_reader(), layout.argument("record")

    def before(self, values: Values) -> Any:
        """Wait for them, where there are any with fields of their own."""
        filters = [one for one in vars(self._self_of(values)).get("filters") or () if getattr(one, "__dict__", None)]
        if not filters:
            return None
        record = self._record(values)
        return filters, record, set(vars(record))

    def after(self, state: Any, result: Any) -> None:
        """What they have added to the line, as it is or in a line that takes its place."""
        filters, record, before = state
        line = vars(result if hasattr(result, "msg") else record)
        added = {name: value for name, value in line.items() if name not in before and _is_plain(value)}
        for one in filters if added else ():
            # What a filter has in a field of its own is the process's; what it looks up is whoever's it is.
            own = [value for value in vars(one).values() if _is_plain(value)]
            held = {name: value for name, value in added.items() if any(value is mine for mine in own)}
            if held:
                self._tags.held(one, held, _LIBRARIES)


class AdapterPoint(Interceptor):
    """Around an adapter's adding to a line. One that a module keeps is everybody's."""

    place = _ADAPTER

    def __init__(self, tags: LoggerTags, layout: Layout) -> None:
        self._tags = tags
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """What it has."""
        adapter = self._self_of(values)
        extra = vars(adapter).get("extra")
        if type(extra) is dict and extra and is_global(adapter, caller_of(_MODULE)):
            self._tags.held(adapter, extra, _LIBRARIES)


def _is_plain(value: Any) -> bool:
    return value is None or type(value) is str


integration = Logging()
