"""pyee: emitters of events, for threads and event loops alike. Who listens, and whose data a listener is given."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.event_bus import RegisterPoint, TellPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_EMITTER: Final = "pyee.base:EventEmitter"
ADD: Final = f"{_EMITTER}._add_event_handler"
EMIT: Final = f"{_EMITTER}.emit"


class Pyee:
    """The integration."""

    distribution = "pyee"
    since = "9.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What ``on``, ``once``, ``listens_to`` and ``add_listener`` end in; and emitting."""
        if runtime.config.watch.addressees:
            yield Point(ADD, partial(_add, runtime))
            yield Point(EMIT, partial(_emit, runtime))


def _add(runtime: Runtime, layout: Layout) -> RegisterPoint:
    # Under this key a listener stands that is called once through a function of pyee's.
    return RegisterPoint(ADD, layout, runtime, listener=layout.argument("k"), topic=layout.argument("event"))


def _emit(runtime: Runtime, layout: Layout) -> TellPoint:
    positional, given = itemgetter(layout.varargs), itemgetter(layout.varkw)

    def payload(values: Values) -> Any:
        return [*positional(values), given(values)]

    return TellPoint(
        EMIT,
        layout,
        runtime,
        library="pyee",
        listeners=_listeners,
        payload=payload,
        name=lambda _bus, event: event,
        topic=layout.argument("event"),
    )


def _listeners(emitter: Any, event: str) -> list[Any]:
    return list(emitter._events.get(event, ()))  # noqa: SLF001 - its `listeners()` may be overridden


integration = Pyee()
