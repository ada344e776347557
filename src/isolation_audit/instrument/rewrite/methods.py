"""The methods of containers: what each stores or reads. Each gives the arguments that the method is called with."""

from __future__ import annotations

import asyncio
import queue
from collections import OrderedDict, UserDict, UserList, deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from itertools import islice
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.contents import ABSENT, Held, container_of, item_of
from isolation_audit.instrument.rewrite.listener import ALL, CONTEXT, ELEMENT, ITEM, QUEUED

__builtins__ = BUILTINS

_MOST: Final = 1_000
_KINDS: Final = (dict, list, set, deque, UserDict, UserList, WeakSet, WeakValueDictionary, WeakKeyDictionary)
QUEUES: Final = (queue.Queue, queue.SimpleQueue, asyncio.Queue)
_ROWS: Final = frozenset(map(id, (list, tuple)))
_REPEATABLE: Final = frozenset(map(id, (list, tuple, set, frozenset, deque, dict)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""


class Tell(Protocol):
    """Tells of one value."""

    def __call__(self, held: Held, *, read: bool) -> None:
        """Tell."""

    def safely(self, held: Held) -> None:
        """Tell of a write while the application's own method runs."""


Arguments = tuple[Any, ...]
Method = Callable[[Any, Arguments, dict[str, Any], Tell], Arguments]


def _adds(place: int) -> Method:
    """A method that adds the argument at ``place``."""

    def told(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
        if isinstance(owner, _KINDS) and len(arguments) > place:
            tell(Held(_inner(owner), ELEMENT, None, arguments[place]), read=False)
        return arguments

    return told


def _inner(owner: Any) -> Any:
    holder = container_of(owner)
    return owner if holder is ABSENT else holder


def _adds_many(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
    if not isinstance(owner, (list, set, deque, UserList, WeakSet)):
        return _updates(owner, arguments, _named, tell)
    told = []
    for many in arguments:
        if id(type(many)) in _REPEATABLE:
            for value in [*islice(many, _MOST)]:
                tell(Held(owner, ELEMENT, None, value), read=False)
            told.append(many)
        else:
            told.append(_each(many, owner, tell))
    return tuple(told)


def told_of_part(owner: Any, many: Any, tell: Tell) -> Any:
    """Before ``owner[a:b] = many``; gives what is stored."""
    holder = container_of(owner)
    if type(holder) is not list and (id(type(many)) not in _REPEATABLE or not isinstance(holder, (list, deque))):
        return many
    return _adds_many(holder, (many,), {}, tell)[0]


def _each(many: Any, owner: Any, tell: Tell) -> Any:
    """The same elements one by one; what can't be iterated is left to the method to refuse."""
    if not hasattr(type(many), "__next__"):
        return many

    def one(value: Any) -> Any:
        tell.safely(Held(owner, ELEMENT, None, value))
        return value

    return map(one, many)


def _updates(owner: Any, arguments: Arguments, named: dict[str, Any], tell: Tell) -> Arguments:
    if isinstance(owner, (dict, UserDict)):
        pairs: list[tuple[Any, Any]] = list(named.items())
        if arguments and (type(arguments[0]) is dict or type(arguments[0]) is OrderedDict):
            pairs += islice(arguments[0].items(), _MOST)
        elif arguments and id(type(arguments[0])) in _ROWS:
            pairs += [(one[0], one[1]) for one in arguments[0][:_MOST] if id(type(one)) in _ROWS and len(one) == 2]
        for key, value in pairs:
            tell(Held(_inner(owner), ITEM, key, value), read=False)
    return arguments


def _sets(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
    if len(arguments) == 2:
        held = item_of(owner, *arguments)
        if held is not None:
            tell(held, read=False)
    return arguments


def _sets_default(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
    if isinstance(owner, (dict, UserDict, WeakValueDictionary, WeakKeyDictionary)) and arguments:
        held = item_of(owner, arguments[0])
        if held is not None:
            tell(held, read=True)
        elif len(arguments) == 2:
            tell(Held(_inner(owner), ITEM, *arguments), read=False)
    return arguments


def _gets(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
    key: Any = arguments[0] if arguments else ABSENT
    if key is ABSENT and isinstance(owner, (list, deque)):
        key = -1
    if type(owner) is ContextVar and len(arguments) < 2:
        with suppress(LookupError):
            tell(Held(owner, CONTEXT, None, owner.get(*arguments)), read=True)
    elif key is ABSENT and type(owner) is set:
        tell(Held(owner, ALL, None, owner), read=True)
    elif key is not ABSENT:
        held = item_of(owner, key)
        if held is not None:
            tell(held, read=True)
    return arguments


def _puts(owner: Any, arguments: Arguments, named: dict[str, Any], tell: Tell) -> Arguments:
    item = arguments[0] if arguments else named.get("item", ABSENT)
    if isinstance(owner, QUEUES) and item is not ABSENT:
        tell(Held(owner, QUEUED, None, item), read=False)
    return arguments


def _takes_first(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
    return _of_index(owner, 0, arguments, tell)


def _of_index(owner: Any, index: int, arguments: Arguments, tell: Tell) -> Arguments:
    held = item_of(owner, index)
    if held is not None:
        tell(held, read=True)
    return arguments


def _takes_item(owner: Any, arguments: Arguments, named: dict[str, Any], tell: Tell) -> Arguments:
    kind: Any
    for kind in (OrderedDict, dict):
        if isinstance(owner, kind) and type(owner).popitem is kind.popitem:
            first = kind is OrderedDict and not (arguments[0] if arguments else named.get("last", True))
            keys = kind.__iter__(owner) if first else kind.__reversed__(owner)
            for key in islice(keys, 1):
                tell(Held(owner, ITEM, key, dict.__getitem__(owner, key)), read=True)
            return arguments
    return _all(owner, arguments, named, tell)


def _all(owner: Any, arguments: Arguments, _named: dict[str, Any], tell: Tell) -> Arguments:
    if isinstance(owner, _KINDS):
        tell(Held(owner, ALL, None, owner), read=True)
    return arguments


METHODS: Final[dict[str, Method]] = {
    "put": _puts,
    "put_nowait": _puts,
    "append": _adds(0),
    "appendleft": _adds(0),
    "add": _adds(0),
    "insert": _adds(1),
    "extend": _adds_many,
    "extendleft": _adds_many,
    "update": _adds_many,
    "setdefault": _sets_default,
    "__setitem__": _sets,
    "get": _gets,
    "pop": _gets,
    "__getitem__": _gets,
    "popleft": _takes_first,
    "popitem": _takes_item,
    "items": _all,
    "values": _all,
    "copy": _all,
}
