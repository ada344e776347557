"""Django's signals: who has connected a receiver, and whose data it is called with."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.event_bus import RegisterPoint, TellPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SIGNAL: Final = "django.dispatch.dispatcher:Signal"
CONNECT: Final = f"{_SIGNAL}.connect"
SENDS: Final = tuple([f"{_SIGNAL}.{name}" for name in ("send", "send_robust", "asend", "asend_robust")])


class DjangoSignals:
    """The integration."""

    distribution = "Django"
    since = "4.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Connecting and sending; the asynchronous ways are there from Django 5.0 on."""
        if runtime.config.watch.addressees:
            yield Point(CONNECT, partial(_connect, runtime))
            for place in SENDS:
                yield Point(place, partial(_send, place, runtime))


def _connect(runtime: Runtime, layout: Layout) -> RegisterPoint:
    receiver, sender, uid = (layout.argument(name) for name in ("receiver", "sender", "dispatch_uid"))

    def for_all(values: Values) -> bool:
        # With an id only the first of all that are connected under it is: it is there for everybody.
        return sender(values) is None and uid(values) is None

    return RegisterPoint(CONNECT, layout, runtime, listener=receiver, for_all=for_all)


def _send(place: str, runtime: Runtime, layout: Layout) -> TellPoint:
    sender, given = layout.argument("sender"), layout.varkw

    def payload(values: Values) -> Any:
        return {"sender": sender(values), **(values[given] if given is not None else {})}

    return TellPoint(
        place,
        layout,
        runtime,
        library="django",
        listeners=_receivers,
        payload=payload,
        name=lambda _signal, _topic: None,
    )


def _receivers(signal: Any, _topic: None) -> Iterator[Any]:
    # A row is a key, the receiver or a reference to it, and, depending on the version, more.
    for row in list(signal.receivers):
        held = row[1]
        receiver = held() if issubclass(type(held), weakref.ref) else held
        if receiver is not None:
            yield receiver


integration = DjangoSignals()
