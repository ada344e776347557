"""Listeners of SQLAlchemy's pools: which of them may clean a connection with the driver's own means, which nobody sees.

One that never uses the connection that it is given can't: it counts, measures or logs. That is read off its code.
"""

from __future__ import annotations

import dis
import inspect
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from isolation_audit.analysis.as_written import as_written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HARMLESS: Final = frozenset({"info", "record_info"})
"""Attributes of a connection's record that are the application's notes, and lead to no connection."""

_REFLECTION: Final = frozenset({"locals", "vars", "eval", "exec", "_getframe", "currentframe", "stack"})
"""Names by which a function gets at its parameters without naming them."""

_known: WeakKeyDictionary[CodeType, dict[bool, bool]] = WeakKeyDictionary()
"""By code, and by whether its first parameter is bound already."""


def may_clean(listeners: Iterable[Any]) -> bool:
    """True where one of these listeners may do something to the connection, or where that can't be told."""
    return any(_uses_connection(listener) for listener in listeners)


def _uses_connection(listener: Any) -> bool:
    bound = type(listener) is MethodType
    function = listener.__func__ if bound else listener
    if type(function) is not FunctionType:
        return True
    code = function.__code__
    known = _known.setdefault(code, {})
    if bound not in known:
        known[bound] = _reads(code, frozenset(_received(code, skip=int(bound))))
    return known[bound]


def _received(code: CodeType, skip: int) -> Iterator[str]:
    """The names of the parameters that are given something, all but the first ``skip``."""
    named = code.co_argcount + code.co_kwonlyargcount
    starred = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    yield from code.co_varnames[skip : named + starred]


def _reads(code: CodeType, names: frozenset[str]) -> bool:
    code = as_written(code)
    if names & set(code.co_cellvars) or _REFLECTION & set(code.co_names):
        return True
    steps = list(dis.get_instructions(code))
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        # Newer Pythons take two names at once.
        meant = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        if "FAST" not in step.opname or step.opname in {"STORE_FAST", "DELETE_FAST"} or names.isdisjoint(meant):
            continue
        if following is None or not _harmless(following):
            return True
    return False


def _harmless(step: dis.Instruction) -> bool:
    """True where what is done with a parameter runs nothing: its notes are read, or an attribute is set."""
    return step.opname == "STORE_ATTR" or ("ATTR" in step.opname and step.argval in _HARMLESS)
