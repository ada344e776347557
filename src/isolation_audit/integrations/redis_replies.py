"""redis-py, for threads and for event loops: replies are inputs of the unit of work that asked, or that was told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.model.inputs import REPLY, Input

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_MODULES: Final = ("redis.client", "redis.asyncio.client")


class RedisReplies:
    """The integration."""

    distribution = "redis"
    since = "4.5"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What sends a command, or several, and gives the reply; and what gives a message of a subscription."""
        inputs = receiver(runtime)
        if inputs is None:
            return
        for module in _MODULES:
            yield Point(
                f"{module}:Redis.execute_command", partial(ReplyPoint, f"{module}:Redis.execute_command", inputs)
            )
            for name in ("Pipeline.execute", "PubSub.handle_message"):
                yield Point(f"{module}:{name}", partial(ReplyPoint, f"{module}:{name}", inputs))


class ReplyPoint(Interceptor):
    """Around what gives a reply."""

    def __init__(self, place: str, inputs: Receiver, layout: Layout) -> None:
        self.place = place
        self._receive = inputs.receive
        self._commands = layout.receiver_reader() if place.endswith("Pipeline.execute") else None
        self._rest = layout.varargs

    def before(self, values: Values) -> Any:
        """The command with its arguments is the question."""
        if self._commands is not None:
            return list(getattr(self._commands(values), "command_stack", ()))
        return values[self._rest] if self._rest is not None else ()

    def after(self, state: Any, result: Any) -> None:
        """Keep what came."""
        if result is not None and result is not True:
            self._receive(Input(REPLY, result, state))


integration = RedisReplies()
