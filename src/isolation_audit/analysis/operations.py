"""Operation by operation, what a code object does with its stack of nodes and its names."""

from __future__ import annotations

import dis
import opcode
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis import effects
from isolation_audit.analysis.bytecode import local_names
from isolation_audit.analysis.nodes import Kind, Node, UnreadableError

if TYPE_CHECKING:
    from isolation_audit.analysis.nodes import Flow

NULL: Final = -1
"""On the stack, what stands beside a callable that is no method."""

_NEWER: Final = "RETURN_CONST" in opcode.opmap
"""From 3.12 on one operation reads attributes, of methods too, and bits of its argument say which."""

_APART: Final = "SET_FUNCTION_ATTRIBUTE" in opcode.opmap
"""From 3.13 on functions get their defaults by operations of their own."""

_ASYNCHRONOUS: Final = 0x80 | 0x200
_BY_NAME: Final = frozenset({"STORE_NAME", "STORE_GLOBAL"})
_CATCHING: Final = frozenset({"CHECK_EXC_MATCH", "CHECK_EG_MATCH", "WITH_EXCEPT_START"})
_WRAP: Final = 4
"""The number of the intrinsic function that wraps what an asynchronous generator yields."""


class Operations:
    """The stack and the names of one code object; it is a function's, or that of a comprehension inside ``around``."""

    def __init__(self, flow: Flow, code: CodeType, around: Operations | None, rows: int) -> None:
        self.flow = flow
        self.code = code
        self.around = around
        self.depth: int = 0 if around is None else around.depth + 1
        self.offset = 0
        """Of the operation that is being done."""
        self.prefix: str = "" if around is None else f"{around.prefix}{around.offset}."
        """What tells the local names of a comprehension from others."""
        self.stack: list[int] = []
        self.tests: list[tuple[int, int]] = []
        """Decisions that are open here: where they end, and the nodes that decided."""
        self.catching: set[int] = set()
        """Nodes that say whether an exception is one that is caught here."""
        self.result: list[int] = []
        """What a comprehension gives."""
        self._rows = rows
        """What a comprehension goes through."""
        self._names = local_names(code)
        self._free = frozenset(code.co_freevars)
        self._keywords: tuple[str, ...] = ()
        self._wrapped = NULL
        """What an asynchronous generator is about to yield."""

    def do(self, name: str, arg: int) -> None:
        """Do an operation that is no jump."""
        self.flow.chooses = self.flow.chooses or name in effects.CHOOSING
        if name in effects.LOADS:
            self.stack.append(self._load(self._names[arg]))
        elif name in effects.STORES:
            self._store(self.code.co_names[arg] if name in _BY_NAME else self._names[arg], name)
        elif name in effects.FIXED or name in effects.COUNTED or name in effects.PEEKING:
            self._simple(name, arg)
        elif name in effects.ADDING:
            (value,) = self._take(1)
            self._effect(Kind.ADD, self.stack[-arg], value)
        elif name not in effects.NOTHING:
            handle = getattr(self, f"_on_{name.lower()}", None)
            if handle is None:
                raise UnreadableError(f"{self.code.co_qualname}: the operation {name} is not known")
            handle(arg)

    def comprehended(self, code: CodeType, rows: int) -> int:
        """The node of what a comprehension makes of ``rows``."""
        raise NotImplementedError

    # Nodes

    def node(self, kind: Kind, *parts: int, **more: Any) -> int:
        nodes = self.flow.nodes
        nodes.append(Node(kind, parts, offset=self.offset, **more))
        return len(nodes) - 1

    def made(self, *parts: int) -> int:
        return self.node(Kind.MADE, *(one for one in parts if one != NULL))

    def _effect(self, kind: Kind, *parts: int, name: str = "") -> None:
        self.node(kind, *parts, name=name, control=tuple([test for _end, test in self.tests]))

    def _take(self, count: int) -> list[int]:
        if count == 0:
            return []
        taken = self.stack[-count:]
        if len(taken) < count:
            raise IndexError(count)
        del self.stack[-count:]
        return taken

    def _simple(self, name: str, arg: int) -> None:
        stack = self.stack
        if name in effects.PEEKING:
            stack.append(self.made(*stack[-effects.PEEKING[name] :]))
        else:
            taken, put = effects.FIXED.get(name) or effects.COUNTED[name](arg)
            parts = self._take(taken)
            stack += [self.made(*parts)] * put if put else []
        if name in _CATCHING:
            self.catching.add(stack[-1])
        elif name == "ASYNC_GEN_WRAP" or (name == "CALL_INTRINSIC_1" and arg == _WRAP):
            self._wrapped = stack[-1]

    def variable(self, name: str) -> tuple[bool, str]:
        """True for a local variable, and what it is called in the flow."""
        if name not in self._free:
            return True, self.prefix + name
        return (False, name) if self.around is None else self.around.variable(name)

    def _load(self, name: str) -> int:
        if name == ".0" and self._rows != NULL:
            return self._rows
        local, name = self.variable(name)
        return self.node(Kind.LOCAL if local else Kind.OUTER, name=name)

    def _store(self, name: str, how: str) -> None:
        (value,) = self._take(1)
        local, name = (False, name) if how == "STORE_GLOBAL" else self.variable(name)
        self._effect(Kind.BIND if local else Kind.BIND_OUTER, value, name=name)

    def _leave(self, value: int) -> None:
        if self.around is not None:
            self.result.append(value)
        else:
            self._effect(Kind.RETURN, value)

    def _attribute(self, base: int, name: str, *, method: bool) -> None:
        if method:
            self.stack.append(NULL)
        self.stack.append(self.node(Kind.ATTRIBUTE, base, name=name))

    def _function(self, code: int, parts: list[int]) -> None:
        value = self.flow.nodes[code].value
        if type(value) is not CodeType:
            raise UnreadableError(f"{self.code.co_qualname}: a function is made from no code")
        self.flow.chooses = self.flow.chooses or value.co_name not in effects.COMPREHENSIONS
        self.stack.append(self.node(Kind.FUNCTION, *parts, value=value))

    def _call(self, handed: list[int], keywords: tuple[str, ...] = (), *, starred: bool = False) -> None:
        one, other = self._take(2)
        if NULL not in (one, other):
            handed, other = [other, *handed], NULL
        called = other if one == NULL else one
        node = self.flow.nodes[called]
        if node.kind is Kind.FUNCTION and node.value.co_name in effects.COMPREHENSIONS and len(handed) == 1:
            self.stack.append(self.comprehended(node.value, handed[0]))
        else:
            self.stack.append(self.node(Kind.CALL, called, *handed, keywords=keywords, starred=starred))

    # Operations that are like no other

    def _on_load_const(self, arg: int) -> None:
        self.stack.append(self.node(Kind.CONSTANT, value=self.code.co_consts[arg]))

    def _on_return_const(self, arg: int) -> None:
        self._leave(self.node(Kind.CONSTANT, value=self.code.co_consts[arg]))

    def _on_yield_value(self, _arg: int) -> None:
        value = self.stack[-1]
        # What a coroutine yields is the event loop's; what an asynchronous generator yields is wrapped before.
        if not self.code.co_flags & _ASYNCHRONOUS or value == self._wrapped:
            self._leave(value)
        self.stack[-1] = self.made()

    def _on_load_attr(self, arg: int) -> None:
        (base,) = self._take(1)
        name = self.code.co_names[arg >> 1 if _NEWER else arg]
        self._attribute(base, name, method=_NEWER and bool(arg & 1))

    def _on_load_method(self, arg: int) -> None:
        (base,) = self._take(1)
        self._attribute(base, self.code.co_names[arg], method=True)

    def _on_load_super_attr(self, arg: int) -> None:
        base = self.made(*self._take(3)[1:])
        self._attribute(base, self.code.co_names[arg >> 2], method=bool(arg & 1))

    def _on_load_global(self, arg: int) -> None:
        if arg & 1:
            self.stack.append(NULL)
        self.stack.append(self.node(Kind.OUTER, name=self.code.co_names[arg >> 1]))

    def _on_load_name(self, arg: int) -> None:
        self.stack.append(self.node(Kind.OUTER, name=self.code.co_names[arg]))

    def _on_store_attr(self, arg: int) -> None:
        value, base = self._take(2)
        self._effect(Kind.SET_ATTRIBUTE, base, value, name=self.code.co_names[arg])

    def _on_store_subscr(self, _arg: int) -> None:
        value, base, key = self._take(3)
        self._effect(Kind.SET_ITEM, base, key, value)

    def _on_store_slice(self, _arg: int) -> None:
        value, base, start, stop = self._take(4)
        self._effect(Kind.SET_ITEM, base, self.made(start, stop), value)

    def _on_binary_subscr(self, _arg: int) -> None:
        self.stack.append(self.node(Kind.ITEM, *self._take(2)))

    def _on_pop_top(self, _arg: int) -> None:
        (value,) = self._take(1)
        if value != NULL:
            self._effect(Kind.DISCARD, value)

    def _on_is_op(self, _arg: int) -> None:
        left, right = self._take(2)
        compared = self.flow.nodes[right]
        if compared.kind is Kind.CONSTANT and compared.value is None:
            self.stack.append(self.node(Kind.IS_NONE, left))
        else:
            self.stack.append(self.made(left, right))

    def _on_map_add(self, arg: int) -> None:
        key, value = self._take(2)
        self._effect(Kind.ADD, self.stack[-arg], self.made(key, value))

    def _on_make_function(self, arg: int) -> None:
        code = self._take(1)[0]
        self._function(code, self._take((arg & 0xF).bit_count()) if not _APART else [])

    def _on_set_function_attribute(self, _arg: int) -> None:
        part, function = self._take(2)
        known = self.flow.nodes[function]
        self.stack.append(self.node(Kind.FUNCTION, *known.parts, part, value=known.value))

    def _on_call(self, arg: int) -> None:
        keywords, self._keywords = self._keywords, ()
        self._call(self._take(arg), keywords)

    def _on_call_kw(self, arg: int) -> None:
        keywords = self.flow.nodes[self._take(1)[0]].value
        self._call(self._take(arg), keywords)

    def _on_call_function_ex(self, arg: int) -> None:
        self._call(self._take(1 + (arg & 1)), starred=True)

    def _on_push_exc_info(self, _arg: int) -> None:
        self.stack.insert(len(self.stack) - 1, self.made())

    def _on_push_null(self, _arg: int) -> None:
        self.stack.append(NULL)

    def _on_kw_names(self, arg: int) -> None:
        self._keywords = self.code.co_consts[arg]

    def _on_copy(self, arg: int) -> None:
        self.stack.append(self.stack[-arg])

    def _on_swap(self, arg: int) -> None:
        self.stack[-1], self.stack[-arg] = self.stack[-arg], self.stack[-1]

    def _on_delete_subscr(self, _arg: int) -> None:
        self._effect(Kind.DELETE_ITEM, *self._take(2))

    def _on_return_value(self, _arg: int) -> None:
        self._leave(self._take(1)[0])

    def _on_raise_varargs(self, _arg: int) -> None:
        """Nothing comes out of it."""

    _on_reraise = _on_raise_varargs

    def _on_load_fast_load_fast(self, arg: int) -> None:
        self.stack += [self._load(self._names[arg >> 4]), self._load(self._names[arg & 15])]

    def _on_store_fast_load_fast(self, arg: int) -> None:
        self._store(self._names[arg >> 4], "STORE_FAST")
        self.stack.append(self._load(self._names[arg & 15]))

    def _on_store_fast_store_fast(self, arg: int) -> None:
        self._store(self._names[arg >> 4], "STORE_FAST")
        self._store(self._names[arg & 15], "STORE_FAST")

    def _on_end_for(self, _arg: int) -> None:
        self._take(2 if dis.stack_effect(opcode.opmap["END_FOR"]) == -2 else 1)
