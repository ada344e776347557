"""What a call says in the source: the arguments that are written there, told from the caller's bytecode."""

from __future__ import annotations

import dis
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.instrument.stacks import RawStack


def writes(stack: RawStack, names: frozenset[str], position: int) -> bool:
    """True where the innermost frame's running call writes one of the arguments ``names``, or so many positional ones.

    An awaited call counts as running. False also where nothing can be told: ``*args``, ``**options``, a call that some
    event loop makes.
    """
    return bool(stack) and _writes(*stack[0], names, position)


def _writes(code: CodeType, lasti: int, names: frozenset[str], position: int) -> bool:
    before = [one for one in dis.get_instructions(code) if one.offset <= lasti]
    while before and not before[-1].opname.startswith("CALL"):
        before.pop()
    if not before or before[-1].opname not in ("CALL", "CALL_KW"):
        return False
    call = before.pop()
    if before and before[-1].opname == "PRECALL":
        before.pop()
    keywords: tuple[str, ...] = ()
    # Their names stand right before the call: 3.11 and 3.12 have an instruction of its own for them.
    if before and (call.opname == "CALL_KW" or before[-1].opname == "KW_NAMES"):
        keywords = code.co_consts[before[-1].arg or 0]
    return not names.isdisjoint(keywords) or (call.arg or 0) - len(keywords) > position
