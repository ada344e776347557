"""Whether a listener takes whatever it is given: keeps it or passes it on, without a look at whose it is.

That one user's listener is called with another's event is no harm as long as it can tell them apart. Nothing can be put
around a comparison, so the listener is read instead, once, when it matters. It takes everything where what it is given
is kept in a container or an attribute, or sent on through a library, and where neither itself nor what it calls
decides anything. What can't be read, or resolved, is believed to choose: a missed leak is better than a false one.
"""

from __future__ import annotations

import builtins
from collections import deque
from functools import partial
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.analysis.nodes import Kind
from isolation_audit.instrument.resolve import find, function_of
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.rules.caches.function_reading import FunctionReading
from isolation_audit.rules.caches.meanings import UNKNOWN, member, named

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.analysis.nodes import Flow, Node

DEPTH: Final = 3
"""Calls below the listener that are followed."""

_CONTAINERS: Final = frozenset(map(id, (list, deque, set)))
_KEEPING: Final = frozenset({"add", "append", "appendleft", "extend", "insert", "update"})
_SENDING: Final = frozenset({"send", "send_bytes", "send_json", "send_str", "send_text", "write"})
_TELLING: Final = frozenset({"create_task", "critical", "debug", "error", "exception", "info", "log", "warning"})
"""Methods that neither keep nor choose: of loggers, and those that run a coroutine."""

_PLAIN: Final = frozenset(map(id, (str, int, float, bool, type(None))))
_MOST: Final = 10_000
_PASSES: Final = 4


class Selectivity:
    """Reads listeners. Code that may choose is read once; what else takes everything depends on what it calls."""

    def __init__(self, reading: FunctionReading | None = None) -> None:
        self._reading = FunctionReading() if reading is None else reading
        self._choosing: dict[int, CodeType] = {}
        """By the identity of the code, which is held, so that it stays its own."""

    def takes(self, listener: Any) -> bool:
        """True where ``listener`` takes everything.

        Raises:
            TooLongError: that has to be found out when no request waits for it.
        """
        bound = 0
        named: set[str] = set()
        while type(listener) is partial:
            bound += len(listener.args)
            named.update(listener.keywords)
            listener = listener.func
        kind = type(listener)
        if kind is BuiltinMethodType:
            return id(type(listener.__self__)) in _CONTAINERS and listener.__name__ in _KEEPING
        function, receiver = function_of(listener), UNKNOWN
        if kind is MethodType:
            function, receiver = function_of(listener.__func__), listener.__self__
        if function is None or (kind is not MethodType and kind is not FunctionType):
            return False
        given = _parameters(function)[bound + (receiver is not UNKNOWN) :]
        return self.follows(function, receiver, {*given} - named - _captured(function), DEPTH)

    def follows(self, function: FunctionType, receiver: Any, given: set[str], depth: int) -> bool:
        """The same of a function, and of what comes in the parameters ``given``."""
        if depth < 0:
            return False
        function = beneath(function)
        code = function.__code__
        if id(code) in self._choosing:
            return False
        flow = self._reading.flow(code)
        if flow is not None and not flow.chooses and _Following(self, function, flow, receiver, given, depth).takes():
            return True
        # The code of a decorator is that of all that it decorates.
        if "__wrapped__" not in vars(function) and len(self._choosing) < _MOST:
            self._choosing[id(code)] = code
        return False


class _Following:
    """One function. ``given`` are the names of what it was given, and of what was made from that."""

    def __init__(
        self, taking: Selectivity, function: FunctionType, flow: Flow, receiver: Any, given: set[str], depth: int
    ) -> None:
        self._selectivity = taking
        self._function = function
        self._flow = flow
        self._receiver = receiver
        self._depth = depth
        code = function.__code__
        self._first = code.co_varnames[0] if receiver is not UNKNOWN and code.co_argcount else None
        self._given = given
        self._depends = [False] * len(flow.nodes)
        """Which nodes are made from what was given."""
        self._means: list[Any] = []

    def takes(self) -> bool:
        """True where something is kept, and nothing decided."""
        nodes = self._flow.nodes
        self._means = []
        for node in nodes:
            self._means.append(self._meaning(node))
        for _ in range(_PASSES):
            for index, node in enumerate(nodes):
                self._follow(index, node)
        if any(node.kind in _LOOKING_UP and self._routes(node) for node in nodes):
            return False
        calls = [self._call(node) for node in nodes if node.kind is Kind.CALL]
        return False not in calls and (True in calls or any(map(self._stores, nodes)))

    def _follow(self, index: int, node: Node) -> None:
        if node.kind in _NAMES:
            self._depends[index] = node.name in self._given
            return
        self._depends[index] = any(self._depends[part] for part in node.parts)
        if self._depends[index] and node.kind is Kind.BIND:
            self._given.add(node.name)
        elif node.kind is Kind.ADD and self._depends[node.parts[1]]:
            self._depends[node.parts[0]] = True

    def _routes(self, node: Node) -> bool:
        """Something of the listener's own is looked up by what it was given: it goes where it belongs."""
        base, key = node.parts[:2]
        return self._depends[key] and not self._depends[base]

    def _stores(self, node: Node) -> bool:
        """What was given is put into an attribute, an item, or a name of somebody else's."""
        if node.kind is Kind.BIND_OUTER:
            return self._depends[node.parts[0]]
        if node.kind not in (Kind.SET_ATTRIBUTE, Kind.SET_ITEM):
            return False
        return self._depends[node.parts[-1]] and not any(self._depends[part] for part in node.parts[:-1])

    def _call(self, node: Node) -> bool | None:
        """True where a call takes what it is handed, False where it may choose; None where neither matters."""
        called, *handed = node.parts
        if not any(self._depends[part] for part in handed):
            return None
        value, receiver = self._means[called], UNKNOWN
        callee = self._flow.nodes[called]
        if callee.kind is Kind.ATTRIBUTE:
            if self._depends[callee.parts[0]]:
                return None  # a method of what was given
            receiver = self._means[callee.parts[0]]
        function = function_of(value)
        if function is not None and not is_installed(function.__code__.co_filename):
            own = UNKNOWN if issubclass(type(receiver), (type, ModuleType)) else receiver
            return self._selectivity.follows(function, own, self._handed(node, function, own), self._depth - 1)
        return self._outside(node, value, receiver)

    def _handed(self, node: Node, function: FunctionType, receiver: Any) -> set[str]:
        """The parameters of what is called in which it gets something of what was given."""
        names = _parameters(function)
        free = names[receiver is not UNKNOWN :]
        if node.starred:
            return set(free)  # behind a star it may be any
        found: set[str] = set()
        plain, keywords = self._arguments(node)
        for place, part in enumerate(plain):
            if self._depends[part]:
                # What has no parameter of its own is in the last ones.
                found.update(free[place : place + 1] or names[-2:])
        for name, part in keywords:
            if self._depends[part]:
                found.update([name] if name in free else names[-1:])
        return found

    @staticmethod
    def _arguments(node: Node) -> tuple[tuple[int, ...], list[tuple[str, int]]]:
        handed = node.parts[1:]
        plain = len(handed) - len(node.keywords)
        return handed[:plain], list(zip(node.keywords, handed[plain:], strict=True))

    def _outside(self, node: Node, value: Any, receiver: Any) -> bool | None:
        """The same of what is not the application's own, or can't be told."""
        callee = self._flow.nodes[node.parts[0]]
        name = callee.name if callee.kind is Kind.ATTRIBUTE else ""
        if name in _KEEPING:
            return True
        if name in _SENDING and value is not UNKNOWN:
            by_keyword = node.parts[2:] if node.starred else [part for _name, part in self._arguments(node)[1]]
            return None if any(self._depends[part] for part in by_keyword) else True
        if name in _TELLING:
            return None
        # Of an instance it may be a queue's, and whoever reads from that may choose.
        plain = receiver is UNKNOWN or issubclass(type(receiver), ModuleType)
        return None if plain and issubclass(type(value), (type, FunctionType, BuiltinFunctionType)) else False

    def _meaning(self, node: Node) -> Any:
        """What a name means, or an attribute; nothing of the application's runs for it."""
        if node.kind is Kind.LOCAL:
            return self._receiver if node.name == self._first else UNKNOWN
        if node.kind is Kind.OUTER:
            return named(self._function, node.name, vars(builtins).get(node.name, UNKNOWN))
        if node.kind is not Kind.ATTRIBUTE:
            return UNKNOWN
        owner = self._means[node.parts[0]]
        if owner is UNKNOWN:
            return UNKNOWN
        if issubclass(type(owner), (type, ModuleType)):
            return member(owner, node.name)
        fields = fields_of(owner)
        if node.name in fields:
            return fields[node.name]
        home, raw = find(type(owner), node.name)
        return UNKNOWN if home is None or type(raw) is property else raw


_NAMES: Final = (Kind.LOCAL, Kind.OUTER)
_LOOKING_UP: Final = (Kind.ITEM, Kind.SET_ITEM, Kind.DELETE_ITEM)


_KEEPERS: Final = frozenset(map(id, (GetSetDescriptorType, MemberDescriptorType)))


def fields_of(instance: Any) -> dict[str, Any]:
    """The attributes of an instance, where the interpreter itself keeps them: a proxy has code of its own for it."""
    keeper = find(type(instance), "__dict__")[1]
    fields = keeper.__get__(instance) if id(type(keeper)) in _KEEPERS else None
    return fields if type(fields) is dict else {}


def _parameters(function: FunctionType) -> tuple[str, ...]:
    code = function.__code__
    several = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **kwargs
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + several]


def _captured(function: FunctionType) -> set[str]:
    """Parameters that are there for their default: ``lambda event, inbox=inbox: inbox.append(event)``."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    late = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    every = [*zip(late, defaults, strict=True), *(function.__kwdefaults__ or {}).items()]
    return {name for name, default in every if id(type(default)) not in _PLAIN}
