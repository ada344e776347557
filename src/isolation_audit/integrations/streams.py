"""asyncio's streams, on the client's side: questions that are written, and answers that are read, or not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
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
            yield Point(f"{READER}.{name}", partial(ReadPoint, f"{READER}.{name}", pools))


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


class ReadPoint(Interceptor):
    """Around the coroutines of a ``StreamReader``."""

    def __init__(self, place: str, pools: QuestionsAndAnswers, layout: Layout) -> None:
        self.place = place
        self._pools = pools
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Begin to wait; None where nothing has been written, as on a server's side."""
        return self._pools.wait(self._self_of(values))

    def after(self, exchange: Any, data: Any) -> None:
        """Something was read, or the connection is at its end."""
        self._pools.answer(exchange, data)

    def failed(self, exchange: Any, error: BaseException) -> None:
        """Nothing was read."""
        self._pools.fail(exchange, error)


integration = Streams()
