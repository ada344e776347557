"""asyncio's streams, on the client's side: questions that are written, and answers that are read, or not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.awaited_answers import AwaitingPoint
from isolation_audit.vocabulary.pools import QuestionsAndAnswers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

WRITER: Final = "asyncio.streams:StreamWriter"
READER: Final = "asyncio.streams:StreamReader"


class Streams:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Everything that writes, and the coroutines that every reading ends in."""
        if not runtime.config.watch.pools:
            return
        pools = runtime.listener(QuestionsAndAnswers)
        for name in ("write", "writelines"):
            yield Point(f"{WRITER}.{name}", partial(WritePoint, f"{WRITER}.{name}", pools))
        for name in ("read", "readexactly", "readuntil"):
            yield Point(f"{READER}.{name}", partial(AwaitingPoint, f"{READER}.{name}", pools))


class WritePoint(Interceptor):
    """Around ``StreamWriter.write`` and ``writelines``."""

    def __init__(self, place: str, pools: QuestionsAndAnswers, layout: Layout) -> None:
        self.place = place
        self._pools = pools
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Ask, unless this is a server's side, where what is written is the answer."""
        writer = self._self_of(values)
        # The reader is the same before and after a STARTTLS; the transport is not.
        if writer._reader is None or writer._protocol._client_connected_cb is not None:  # noqa: SLF001 - see below
            return
        exchange = self._pools.exchange(writer._reader)  # noqa: SLF001 - no public name leads from one to the other
        if exchange is not None:
            self._pools.ask(exchange, WRITER)


integration = Streams()
