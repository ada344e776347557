"""What a function puts into a cache at one of its lines: by a call of a method that stores, or by an assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.nodes import Kind

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.analysis.nodes import Flow, Node

_ASSIGNED: Final = {Kind.SET_ITEM: 2, Kind.SET_ATTRIBUTE: 1, Kind.BIND_OUTER: 0}
"""Which part of an assignment is the value."""

_STORING: Final = frozenset({"add", "aadd", "aget_or_set", "aset", "get_or_set", "set", "setdefault"})
"""Methods of caches whose second argument is the value, or a function that makes it."""


def stored_at(flow: Flow, line: int) -> list[int]:
    """The nodes of the values that are put into a cache at ``line``."""
    places = {start: ends for start, ends in _lines(flow.code).items() if ends[0] <= line <= ends[1]}
    found: list[int] = []
    for node in flow.nodes:
        if node.offset not in places:
            continue
        if node.kind in _ASSIGNED:
            found.append(node.parts[_ASSIGNED[node.kind]])
        elif node.kind is Kind.CALL:
            method = flow.nodes[node.parts[0]]
            if method.kind is Kind.ATTRIBUTE and method.name in _STORING:
                found += _second(node)
    return found


def _second(call: Node) -> list[int]:
    """The second argument of a call, or the one that is called ``value`` or ``default``."""
    handed = call.parts[1:]
    if call.starred:
        return list(handed)
    plain = len(handed) - len(call.keywords)
    named_ones = zip(call.keywords, handed[plain:], strict=True)
    return [*handed[1:plain][:1], *(part for name, part in named_ones if name in {"value", "default"})]


def _lines(code: CodeType) -> dict[int, tuple[int, int]]:
    """The first and last line of each operation, by its offset."""
    found = {}
    for index, (first, last, _column, _end) in enumerate(code.co_positions()):
        if first is not None:
            found[2 * index] = (first, last if last is not None else first)
    return found
