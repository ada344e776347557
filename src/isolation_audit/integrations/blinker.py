"""blinker: signals, and with them Flask's. Who has connected a receiver, and whose data it is called with."""

from __future__ import annotations

import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.event_bus import RegisterPoint, TellPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SIGNAL: Final = "blinker.base:Signal"
CONNECT: Final = f"{_SIGNAL}.connect"
SENDS: Final = (f"{_SIGNAL}.send", f"{_SIGNAL}.send_async")


class Blinker:
    """The integration."""

    distribution = "blinker"
    since = "1.6"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Connecting and sending. ``connect_via`` and ``connected_to`` connect, too."""
        if runtime.config.watch.addressees:
            yield Point(CONNECT, partial(_connect, runtime))
            for place in SENDS:
                yield Point(place, partial(_send, place, runtime))


def _connect(runtime: Runtime, layout: Layout) -> RegisterPoint:
    any_sender = sys.modules["blinker.base"].ANY
    receiver, sender = layout.argument("receiver"), layout.argument("sender")

    def for_all(values: Values) -> bool:
        return sender(values) is any_sender

    return RegisterPoint(CONNECT, layout, runtime, listener=receiver, for_all=for_all)


def _send(place: str, runtime: Runtime, layout: Layout) -> TellPoint:
    sender, given = layout.argument(0), layout.varkw

    def payload(values: Values) -> Any:
        try:
            who = sender(values)
        except LookupError:  # sent without one
            who = None
        return {"sender": who, **(values[given] if given is not None else {})}

    return TellPoint(place, layout, runtime, library="blinker", listeners=_receivers, payload=payload, name=_name)


def _receivers(signal: Any, _topic: None) -> Iterator[Any]:
    if signal.is_muted:
        return
    for held in list(signal.receivers.values()):
        kind = type(held)
        # Before 1.8, references to bound methods are of a class of blinker's own.
        receiver = held() if issubclass(kind, weakref.ref) or kind.__name__ == "BoundMethodWeakref" else held
        if receiver is not None:
            yield receiver


def _name(signal: Any, _topic: None) -> Any:
    return vars(signal).get("name")


integration = Blinker()
