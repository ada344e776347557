"""Streams in memory, anyio's and Trio's: whose item a task works on that receives from one.

Both ends of one have one state in common.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.stacks import beyond
from isolation_audit.integrations import Point
from isolation_audit.integrations.queues import GetPoint, PutPoint
from isolation_audit.model.owner_tags import Items, Queues
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_FILES: Final = ("/anyio/streams/memory.py", "/trio/_channel.py")


class Streams:
    """The integration of one library: the classes of both ends, and what an item is called where it is sent."""

    # Many have it beneath something else, as they have asyncio: it is no target that a summary would count.
    distribution = ""
    since = ""

    def __init__(self, sending: str, receiving: str, item: str) -> None:
        self._sending, self._receiving, self._item = sending, receiving, item

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Sending and receiving; what may wait tries first without."""
        if not runtime.config.watch.contexts:
            return
        lineage, queues = runtime.listener(ContextsOfWork), Queues()
        for name in ("send", "send_nowait"):
            place = f"{self._sending}.{name}"
            yield Point(place, partial(SendPoint, self._item, place, lineage, queues))
        for name in ("receive", "receive_nowait"):
            place = f"{self._receiving}.{name}"
            yield Point(place, partial(ReceivePoint, place, lineage, queues))


class SendPoint(PutPoint):
    """Around sending."""

    def __init__(self, item: str, place: str, lineage: ContextsOfWork, queues: Queues, layout: Layout) -> None:
        super().__init__(place, lineage, queues, layout)
        self._item = layout.argument(item)

    def before(self, values: Values) -> tuple[Items, Any] | None:
        """Label the item."""
        if _within(sys._getframe(1), "send"):  # noqa: SLF001 - the documented way to a frame
            return None  # it has its label
        item = self._item(values)
        items = self._label(self._queue(values)._state, item)  # noqa: SLF001 - what both ends have in common
        return None if items is None else (items, item)


class ReceivePoint(GetPoint):
    """Around receiving: one item is done, the next one begins."""

    def __init__(self, place: str, lineage: ContextsOfWork, queues: Queues, layout: Layout) -> None:
        super().__init__(place, lineage, queues, layout)
        self._stream = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """The last item is done."""
        if _within(sys._getframe(1), "receive"):  # noqa: SLF001 - the documented way to a frame
            return None  # it waits for the end of that
        self._lineage.end_item()
        return self._stream(values)._state  # noqa: SLF001 - what both ends have in common


def _within(frame: FrameType | None, name: str) -> bool:
    """True where the library's own function of this name is what calls."""
    frame = beyond(frame)
    if frame is not None and frame.f_code.co_name == f"{name}_nowait" and frame.f_code.co_filename.endswith(_FILES):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == name and frame.f_code.co_filename.endswith(_FILES)


integration = Streams(
    "anyio.streams.memory:MemoryObjectSendStream", "anyio.streams.memory:MemoryObjectReceiveStream", "item"
)
trio = Streams("trio._channel:MemorySendChannel", "trio._channel:MemoryReceiveChannel", "value")
