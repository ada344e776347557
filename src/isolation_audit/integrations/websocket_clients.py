"""Clients of WebSockets: questions that are sent, and answers that are received, or not.

A backend that asks a service over a few kept connections, as one asks a model, lends them to one user's work after the
other's. An answer for which nobody has waited is the next one's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.awaited_answers import AwaitingPoint
from isolation_audit.vocabulary.pools import QuestionsAndAnswers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


class WebSocketClients:
    """The integration of one library: its class of connections, what sends on it, and what receives."""

    def __init__(
        self, distribution: str, since: str, connection: str, sending: tuple[str, ...], receiving: str
    ) -> None:
        self.distribution = distribution
        self.since = since
        self._connection = connection
        self._sending = sending
        self._receiving = receiving

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """All of these."""
        if not runtime.config.watch.pools:
            return
        pools = runtime.listener(QuestionsAndAnswers)
        for name in self._sending:
            yield Point(f"{self._connection}.{name}", partial(SendPoint, f"{self._connection}.{name}", pools))
        place = f"{self._connection}.{self._receiving}"
        yield Point(place, partial(AwaitingPoint, place, pools))


class SendPoint(Interceptor):
    """Around what sends a message."""

    def __init__(self, place: str, pools: QuestionsAndAnswers, layout: Layout) -> None:
        self.place = place
        self._pools = pools
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Ask."""
        exchange = self._pools.exchange(self._self_of(values))
        if exchange is not None:
            self._pools.ask(exchange, self.place)


websockets = WebSocketClients("websockets", "13.0", "websockets.asyncio.client:ClientConnection", ("send",), "recv")
aiohttp = WebSocketClients(
    "aiohttp", "3.9", "aiohttp.client_ws:ClientWebSocketResponse", ("send_str", "send_bytes"), "receive"
)
