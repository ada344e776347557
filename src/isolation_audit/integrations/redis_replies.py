"""redis-py, for threads and for event loops: replies are inputs of the unit of work that asked, or that was told.

A unit that asks for a key, is given nothing, and then sets it, uses the store as a cache: whose work has filled it is
kept with what others are given there. Any other key may have been set for all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver, receiver
from isolation_audit.integrations import Point
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import REPLY, Input, Inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_ENTRIES: Final = 10_000
"""Keys that are known to be entries of a cache."""

_GETS: Final = frozenset({"GET", "GETEX", "HGETALL"})
_SETS: Final = frozenset({"SET", "SETEX", "PSETEX", "SETNX", "HSET", "HMSET"})

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
        entries = Entries(runtime)
        for module in _MODULES:
            for name in ("Redis.execute_command", "Pipeline.execute", "PubSub.handle_message"):
                yield Point(f"{module}:{name}", partial(ReplyPoint, f"{module}:{name}", inputs, entries))


class Entries:
    """Whose work has filled which entries of caches; holds hashes of keys, and ids."""

    def __init__(self, runtime: Runtime) -> None:
        self._user = runtime.ambient.current
        self._missed: WeakKeyDictionary[Inputs, set[int]] = WeakKeyDictionary()
        self._filled: dict[int, str] = {}

    def filled_by(self, command: Any, reply: Any) -> str | None:
        """The id of the user whose work has filled what is asked for; None where that is not known."""
        if type(command) is not tuple or len(command) <= 1 or type(command[0]) is not str:
            return None
        name, key = command[0].upper(), command[1]
        if type(key) is bytes:
            key = key.decode("utf-8", "replace")
        if type(key) is not str:
            return None
        entry = hash(key)
        if name in _GETS:
            inputs = current_inputs() if reply is None or reply == {} else None
            if inputs is not None:
                self._missed.setdefault(inputs, set()).add(entry)
            return self._filled.get(entry)
        if name in _SETS:
            self._fill(entry)
        return None

    def _fill(self, entry: int) -> None:
        inputs, user = current_inputs(), self._user()
        self._filled.pop(entry, None)
        if inputs is None or user is None or entry not in self._missed.get(inputs, ()):
            return
        if user.kind is Kind.USER:
            self._filled[entry] = user.id
            drop_oldest(self._filled, _ENTRIES)


class ReplyPoint(Interceptor):
    """Around what gives a reply."""

    def __init__(self, place: str, inputs: Receiver, entries: Entries, layout: Layout) -> None:
        self.place = place
        self._filled_by = entries.filled_by
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
        stored_by = self._filled_by(state, result)
        if result is not None and result is not True:
            self._receive(Input(REPLY, result, state, stored_by=stored_by))


integration = RedisReplies()
