"""Whether what a function returns depends on who is running, told from its code and from what its names mean.

A value that was cached in one user's request is that user's only if it was made from who they are. Nothing can hook the
reading of a ContextVar, so the function is read instead, once, when its verdict is first needed: a value counts as
dependent where it flows from the ambient variable to what is returned. What is read for a log line, or to refuse the
call, does not. Calls are followed where a name leads to a Python function. What can't be resolved counts as
independent: a missed leak is better than a false one.
"""

from __future__ import annotations

import builtins
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.analysis.nodes import Kind, Node
from isolation_audit.analysis.stored_values import stored_at
from isolation_audit.analysis.value_sources import NOTHING, Given, Source
from isolation_audit.instrument.resolve import function_of
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.rules.caches.function_reading import FunctionReading
from isolation_audit.rules.caches.identities import GETTERS, is_of_the_call, is_of_the_context, says_who
from isolation_audit.rules.caches.meanings import LOGGING, STARTING, UNKNOWN, member, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FunctionType

    from isolation_audit.analysis.nodes import Flow

DEPTH: Final = 4
"""Calls below the function that are followed."""

_NOT_READ: Final = frozenset({"set", "reset", "name"})
"""Attributes of a ContextVar that tell nothing of its value."""

_PASSES: Final = 10
_MOST: Final = 10_000

_Key = tuple[int, int, Given]


class Dependence:
    """Reads functions on behalf of one ambient variable, each once.

    ``says_who`` is asked of other variables whether they hold the user at work, too.
    """

    def __init__(
        self,
        ambient: ContextVar[Any] | None,
        reading: FunctionReading | None = None,
        says_who: Callable[[ContextVar[Any]], bool] = lambda _: False,
    ) -> None:
        self.ambient = ambient
        self._says_who = says_who
        self._reading = FunctionReading() if reading is None else reading
        self._known: dict[_Key, tuple[CodeType, ref[type] | None, Source]] = {}
        """By identities: the code is held, and the class is asked whether it is still the one."""
        self._stored: dict[tuple[int, int, Given], tuple[CodeType, Source]] = {}

    def of(self, function: FunctionType, receiver: type | None = None, given: Given = NOTHING) -> Source:
        """Where the result of ``function`` comes from at most.

        ``receiver`` is the class of ``self`` or ``cls``, where known.

        Raises:
            TooLongError: that has to be found out when no request waits for it.
        """
        return _Question(self).of(function, receiver, given, DEPTH)

    def stored(self, function: FunctionType, line: int, given: Given = NOTHING) -> Source:
        """Where that comes from which ``function`` puts into a cache at ``line``, by a call or an assignment."""
        code = function.__code__
        known = self._stored.get((id(code), line, given))
        if known is not None:
            return known[1]
        if len(self._stored) >= _MOST:
            return Source.ELSEWHERE
        flow = self._reading.flow(code)
        found = Source.ELSEWHERE
        if flow is not None:
            values = _Values(_Question(self), function, flow, None, dict(given), DEPTH)
            values.result()
            found = max(map(values.kept, stored_at(flow, line)), default=Source.ELSEWHERE)
        self._stored[id(code), line, given] = (code, found)
        return found

    def known(self, function: FunctionType, receiver: type | None, given: Given) -> Source | None:
        """What is known of a function already."""
        found = self._known.get((id(function.__code__), id(receiver), given))
        return found[2] if found is not None and (found[1] is None or found[1]() is receiver) else None

    def learn(self, function: FunctionType, receiver: type | None, given: Given, found: Source) -> None:
        """Keep what was found out about a function."""
        if len(self._known) < _MOST:
            reference = None if receiver is None else ref(receiver)
            self._known[id(function.__code__), id(receiver), given] = (function.__code__, reference, found)

    def flow(self, code: CodeType) -> Flow | None:
        """Read a code object; None where it can't be read."""
        return self._reading.flow(code)

    def meaning(self, value: Any) -> Source:
        """What it means to mention ``value``."""
        if value is self.ambient and value is not None:
            return Source.AMBIENT
        kind = type(value)
        if kind is ContextVar:
            return Source.AMBIENT if self._says_who(value) else Source.CONTEXT
        if is_of_the_context(value):
            return Source.CONTEXT
        try:
            # How contextvars-extras, and others like it, wrap a variable into a descriptor.
            variable = object.__getattribute__(value, "context_var")
        except AttributeError:
            return Source.ELSEWHERE
        return self.meaning(variable) if type(variable) is ContextVar else Source.ELSEWHERE


class _Question:
    """One function, and what it calls. Threads that ask at the same time have nothing unfinished in common."""

    def __init__(self, dependence: Dependence) -> None:
        self.dependence = dependence
        self._asked: dict[_Key, Source | None] = {}
        """None while it is being found out: a function that calls itself adds nothing by that."""
        self._unfinished: set[_Key] = set()
        """What others were told of before it was found out: what they made of it holds for this question only."""

    def of(self, function: FunctionType, receiver: type | None, given: Given, depth: int) -> Source:
        """The same as the ``of`` of :class:`Dependence`, ``depth`` calls above the end."""
        function = beneath(function)
        known = self.dependence.known(function, receiver, given)
        if known is not None:
            return known
        key = (id(function.__code__), id(receiver), given)
        if depth < 0:
            return Source.ELSEWHERE
        if key in self._asked:
            asked = self._asked[key]
            if asked is None:
                self._unfinished.add(key)
            return asked or Source.ELSEWHERE
        self._asked[key] = None
        flow = self.dependence.flow(function.__code__)
        found = Source.ELSEWHERE
        if flow is not None:
            found = _Values(self, function, flow, receiver, dict(given), depth).result()
        self._asked[key] = found
        self._unfinished.discard(key)
        if not self._unfinished:
            self.dependence.learn(function, receiver, given, found)
        return found


class _Values:
    """The sources of one flow's nodes, gone through until nothing new is learned of its local names."""

    def __init__(
        self,
        question: _Question,
        function: FunctionType,
        flow: Flow,
        receiver: type | None,
        names: dict[str, Source],
        depth: int,
        around: _Values | None = None,
    ) -> None:
        self._question = question
        self._function = function
        self._flow = flow
        self._depth = depth
        self._around = around
        """The reading of the function that this one is made in."""
        code = flow.code
        self._first = code.co_varnames[0] if code.co_argcount and receiver is not None else None
        self._parameters = frozenset(code.co_varnames[: code.co_argcount])
        self._receiver = receiver
        self._names = names
        self._sources = [Source.ELSEWHERE] * len(flow.nodes)
        self._means: list[Any] = [UNKNOWN] * len(flow.nodes)
        """What nodes mean, where that can be told."""
        self._found = Source.ELSEWHERE
        self._grown = True

    def result(self) -> Source:
        """The highest source of anything that is returned or yielded."""
        for index, node in enumerate(self._flow.nodes):
            self._means[index] = self._meaning(node)
        for _ in range(_PASSES):
            if not self._grown:
                break
            self._grown = False
            for index, node in enumerate(self._flow.nodes):
                if node.kind in _EFFECTS:
                    self._effect(node)
                else:
                    self._raise_node(index, self._value(index, node))
        return self._found

    def kept(self, index: int) -> Source:
        """The source of a node, and of what comes out of it where it is a function."""
        called = self._called(function_of(self._means[index]), None)
        return max(self._sources[index], called)

    def name(self, name: str) -> tuple[Source, Any]:
        """Where a name that is not local to a function inside this one comes from, and what it means."""
        if name in self._flow.code.co_cellvars:
            return self._names.get(name, Source.ELSEWHERE), UNKNOWN
        if self._around is not None:
            return self._around.name(name)
        return Source.ELSEWHERE, named(self._function, name)

    # Meanings

    def _meaning(self, node: Node) -> Any:
        if node.kind is Kind.OUTER:
            return named(self._function, node.name) if self._around is None else self._outer(node.name)[1]
        if node.kind is not Kind.ATTRIBUTE:
            return UNKNOWN
        return member(self._class_of(node) or self._means[node.parts[0]], node.name)

    def _outer(self, name: str) -> tuple[Source, Any]:
        if self._around is None or name not in self._flow.code.co_freevars:
            return Source.ELSEWHERE, named(self._function, name)
        return self._around.name(name)

    def _class_of(self, node: Node) -> type | None:
        """The class whose member an attribute is, where it is one of the receiver's."""
        if node.kind is not Kind.ATTRIBUTE or self._first is None:
            return None
        base = self._flow.nodes[node.parts[0]]
        return self._receiver if base.kind is Kind.LOCAL and base.name == self._first else None

    # Values

    def _highest(self, parts: Iterable[int]) -> Source:
        return max((self._sources[part] for part in parts), default=Source.ELSEWHERE)

    def _value(self, index: int, node: Node) -> Source:
        kind = node.kind
        if self._names_the_user(index, node):
            return Source.AMBIENT
        if kind is Kind.LOCAL:
            return self._names.get(node.name, Source.ELSEWHERE)
        if kind is Kind.OUTER:
            means = self._means[index]
            return self._question.dependence.meaning(means) if means is not UNKNOWN else self._outer(node.name)[0]
        if kind is Kind.ATTRIBUTE:
            return self._attribute(index, node)
        if kind is Kind.CALL:
            return self._call(node)
        if kind is Kind.FUNCTION:
            return max(self._highest(node.parts), self._nested(node.value))
        if kind is Kind.IS_NONE:
            # The answer says whether somebody is running, which is the same for all who are.
            return Source.ELSEWHERE
        return self._highest(node.parts)

    def _attribute(self, index: int, node: Node) -> Source:
        means = self._means[index]
        if means is UNKNOWN:
            return Source.ELSEWHERE if self._is_no_reading(node) else self._sources[node.parts[0]]
        if isinstance(means, property):
            return self._called(function_of(means), self._class_of(node))
        return self._question.dependence.meaning(means)

    def _names_the_user(self, index: int, node: Node) -> bool:
        """True for what the context has under a name that says who is running: ``g.user``, ``session["user_id"]``."""
        if node.kind is Kind.OUTER:
            return says_who(node.name) and is_of_the_context(self._means[index])
        if node.kind is Kind.CALL and len(node.parts) > 1:  # session.get("user_id")
            method = self._flow.nodes[node.parts[0]]
            if method.kind is not Kind.ATTRIBUTE or method.name not in GETTERS:
                return False
            base, name = method.parts[0], self._flow.nodes[node.parts[1]].value
        elif node.kind is Kind.ITEM:
            base, name = node.parts[0], self._flow.nodes[node.parts[1]].value
        elif node.kind is Kind.ATTRIBUTE:
            base, name = node.parts[0], node.name
        else:
            return False
        held_by = self._flow.nodes[base]
        is_one = held_by.kind is Kind.OUTER and not is_of_the_call(held_by.name)
        return is_one and says_who(name) and is_of_the_context(self._means[base])

    def _is_no_reading(self, node: Node) -> bool:
        return node.kind is Kind.ATTRIBUTE and node.name in _NOT_READ and type(self._means[node.parts[0]]) is ContextVar

    def _call(self, node: Node) -> Source:
        called, *handed = node.parts
        callee = self._flow.nodes[called]
        if self._is_no_reading(callee):
            return Source.ELSEWHERE
        function = None if self._means[called] is UNKNOWN else function_of(self._means[called])
        found = self._highest(handed)
        if function is None or function.__module__ in STARTING:
            if found is Source.USER and not self._assembles(called) and self._selects(node):
                found = Source.ELSEWHERE
            return max(found, self._sources[called])
        given = NOTHING
        if found is Source.USER:
            given, found = self._given(node, function), Source.ELSEWHERE
        return max(found, self._called(function, self._class_of(callee), given))

    def _assembles(self, called: int) -> bool:
        """True for what makes something of what it is handed: a class, a builtin, a method of a literal, a task."""
        node = self._flow.nodes[called]
        if getattr(self._means[called], "__module__", None) in STARTING:
            return True
        if node.kind is Kind.ATTRIBUTE:
            return self._flow.nodes[node.parts[0]].kind is Kind.CONSTANT
        return issubclass(type(self._means[called]), type) or node.name in vars(builtins)

    def _selects(self, node: Node) -> bool:
        """True where something beside the user says what a call is to give: whether they may have it, who knows."""
        others = (part for part in node.parts[1:] if self._sources[part] is not Source.USER)
        return any(self._flow.nodes[part].kind is not Kind.CONSTANT for part in others)

    def _given(self, node: Node, function: FunctionType) -> Given:
        """The parameters of a function in which a call hands it the user."""
        code = function.__code__
        handed = node.parts[1:]
        users = frozenset(index for index, part in enumerate(handed) if self._sources[part] is Source.USER)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if node.starred:
            return frozenset((name, Source.USER) for name in names)
        plain = len(handed) - len(node.keywords)
        kind = type(self._means[node.parts[0]])
        of_receiver = self._class_of(self._flow.nodes[node.parts[0]]) is not None
        positions = names[kind is classmethod or (of_receiver and kind is not staticmethod) :]
        by_place = {positions[index] for index in users if index < plain and index < len(positions)}
        by_name = {node.keywords[index - plain] for index in users if index >= plain}
        return frozenset((name, Source.USER) for name in by_place | by_name)

    def _called(self, function: FunctionType | None, receiver: type | None, given: Given = NOTHING) -> Source:
        if function is None:
            return Source.ELSEWHERE
        return self._question.of(function, receiver, given, self._depth - 1)

    def _nested(self, code: CodeType) -> Source:
        """What comes out of a function that is made here, whoever calls it."""
        flow = self._question.dependence.flow(code)
        if flow is None:
            return Source.ELSEWHERE
        return _Values(self._question, self._function, flow, None, {}, self._depth, self).result()

    # Effects

    def _effect(self, node: Node) -> None:
        kind, parts = node.kind, node.parts
        control = self._highest(node.control)
        if kind is Kind.RETURN:
            returned = self._flow.nodes[parts[0]]
            if returned.kind is not Kind.CONSTANT or returned.value is not None:
                self._found = max(self._found, self._sources[parts[0]], control)
        elif kind is Kind.BIND:
            self._raise_name(node.name, max(self._sources[parts[0]], control))
        elif kind is Kind.BIND_OUTER and self._around is not None:
            self._around._raise_name(node.name, max(self._sources[parts[0]], control))  # noqa: SLF001 - its own class's
        elif kind is Kind.ADD:
            self._raise_node(parts[0], max(self._sources[parts[1]], control))
        elif kind is Kind.SET_ITEM:
            self._put(parts[0], max(self._sources[parts[2]], control))
        elif kind is Kind.DISCARD:
            self._discarded(self._flow.nodes[parts[0]], control)

    def _put(self, index: int, source: Source) -> None:
        """Something is put into what a local name has, or into an item of that."""
        node = self._flow.nodes[index]
        while node.kind is Kind.ITEM:
            node = self._flow.nodes[node.parts[0]]
        if node.kind is Kind.LOCAL:
            self._raise_name(node.name, source)

    def _discarded(self, call: Node, control: Source) -> None:
        """A call for its effect: what is handed to a method of a local object may be kept in it."""
        if call.kind is not Kind.CALL or len(call.parts) < 2:
            return
        method = self._flow.nodes[call.parts[0]]
        if method.kind is not Kind.ATTRIBUTE or method.name in LOGGING:
            return
        base = self._flow.nodes[method.parts[0]]
        if base.kind is Kind.LOCAL and base.name not in self._parameters:
            self._raise_name(base.name, max(control, self._highest(call.parts[1:])))

    def _raise_name(self, name: str, source: Source) -> None:
        if self._names.get(name, Source.ELSEWHERE) < source:
            self._names[name] = source
            self._grown = True

    def _raise_node(self, index: int, source: Source) -> None:
        if self._sources[index] < source:
            self._sources[index] = source
            self._grown = True


_EFFECTS: Final = frozenset({kind for kind in Kind if kind.value >= Kind.BIND.value})
