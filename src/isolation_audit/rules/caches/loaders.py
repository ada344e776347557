"""Loaders: objects that batch and cache what GraphQL's resolvers load, one for each request by their own documentation.

One that serves two users gives the second what was loaded for the first. That is a leak where the function that loads
asks who is running: in a context variable that holds the running user. One that asks nobody loads the same for all.
"""

from __future__ import annotations

from contextvars import ContextVar
from itertools import islice
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.resolve import function_of
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.owner_records import Record
from isolation_audit.model.users import Kind, plain_text, same
from isolation_audit.rules.caches.served import Served
from isolation_audit.rules.content.egress import Egress
from isolation_audit.rules.listeners.selectivity import fields_of
from isolation_audit.vocabulary.caches import LoaderKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

_LIBRARIES: Final = ("strawberry", "graphql", "aiodataloader", "asyncio")
_DEPTH: Final = 3
"""Functions of the application, below the one that loads, that are looked through."""

_FIELDS: Final = 32


class Loaders(LoaderKeys):
    """Who has asked a loader first for what it keeps; one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sinks = runtime.part(Egress)
        self._asked: WeakKeyDictionary[Any, User] = WeakKeyDictionary()
        """Future -> whose work has had it loaded, where that depends on who is running."""

    def loaded(self, loader: Any, function: Any, key: Any, future: Any) -> None:
        """The loader has given ``future`` for ``key``, which ``function`` fills."""
        user = self._runtime.ambient.current()
        if user is None or user.kind is not Kind.USER:
            return
        known = self._asked.get(future)
        loads = function_of(getattr(function, "__func__", function))
        if known is None and loads is not None:
            if self._asks_who_runs(loads, user):
                self._asked[future] = user
        elif known is not None and loads is not None and not same(known, user) and not self._names(key, future, user):
            del self._asked[future]  # once
            record = Record(loads)
            record.owner, record.origin, record.origin_label = known, ((loads.__code__, 0),), "loaded for"
            stack = beneath(capture(self._runtime.config.limits.stack), _LIBRARIES)
            kind = type(loader)
            target = f"{kind.__module__}:{kind.__qualname__}.load"
            self._runtime.publish(Served(target, known, user, False, record, stack))

    def _names(self, key: Any, future: Any, user: User) -> bool:
        """True where the key tells users apart, or what was loaded names the reader."""
        text = str(key) if type(key) is int or type(key) is str else ""
        value = future.result() if future.done() and not future.cancelled() and future.exception() is None else None
        held = [value, *islice(fields_of(value).values(), _FIELDS)] if value is not None else []
        return bool(self._sinks.named(text)) or any(user.id in self._sinks.named(plain_text(one) or "") for one in held)

    def _asks_who_runs(self, function: FunctionType, user: User) -> bool:
        ambient = self._runtime.ambient.variable
        return any(one is ambient or _holds(one, user.id) for one in _variables(function, _DEPTH))


def _variables(function: FunctionType, depth: int) -> Iterator[ContextVar[Any]]:
    """The context variables that a function, and those of the same application that it calls, mention."""
    for name in _names_in(function.__code__):
        value = function.__globals__.get(name)
        if type(value) is ContextVar:
            yield value
        elif type(value) is FunctionType and depth > 1:
            yield from _variables(value, depth - 1)


def _names_in(code: CodeType) -> set[str]:
    inner = [_names_in(one) for one in code.co_consts if hasattr(one, "co_names")]
    return set(code.co_names).union(*inner)


def _holds(variable: ContextVar[Any], identifier: str) -> bool:
    value = variable.get(None)
    held = [value, *islice(fields_of(value).values(), _FIELDS)] if value is not None else []
    if type(value) is dict:
        held += islice(value.values(), _FIELDS)
    return any(plain_text(one) == identifier for one in held)
