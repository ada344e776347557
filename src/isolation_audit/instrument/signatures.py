"""Signatures of callables, told without parsing: ``inspect`` parses those of C functions as if they were source.

CPython 3.11 counts the recursion of ``ast`` for the whole process: while one thread parses, another one's
``ast.literal_eval`` raises SystemError.
"""

from __future__ import annotations

import inspect
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.resolve import dict_of, mro_of

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST: Final = 32


def positional_names(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters that may be passed by position; none where they can't be told."""
    if not _is_written_in_python(function):
        return _names_in_text(function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except Exception:  # none to be had, or a __signature__ of the application's making
        return []
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def signature_of_class(cls: type) -> inspect.Signature | None:
    """What calling a class takes; None where that can't be told."""
    makers = [dict_of(base)[name] for base in mro_of(cls) for name in _MAKERS if name in dict_of(base)]
    own = [maker for maker in makers if maker not in (object.__init__, object.__new__)]
    try:
        if any("__signature__" in dict_of(base) for base in mro_of(cls)):
            return inspect.signature(cls)
        if own:
            return inspect.signature(cls) if type(own[0]) is FunctionType or type(own[0]) is staticmethod else None
    except Exception:  # a __signature__ of the application's making
        return None
    return inspect.Signature() if type(cls).__call__ is type.__call__ else None


_MAKERS: Final = ("__new__", "__init__")


def _is_written_in_python(function: Any) -> bool:
    for _ in range(_DEEPEST):
        kind = type(function)
        if kind is FunctionType or hasattr(function, "__signature__"):
            return True
        if kind is MethodType:
            function = function.__func__
        elif issubclass(kind, partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif issubclass(kind, type):
            return signature_of_class(function) is not None
        else:
            # An object with a __call__ of its own.
            called = next((dict_of(base)["__call__"] for base in mro_of(kind) if "__call__" in dict_of(base)), None)
            return type(called) is FunctionType
    return False


def _names_in_text(function: Any) -> list[str]:
    """The names in a text like ``($self, key, default=None, /, *, flag=False)``."""
    text = getattr(function, "__text_signature__", None)
    if type(text) is not str:
        return []
    names = []
    for part in text.partition("(")[2].rpartition(")")[0].split(","):
        name = part.partition("=")[0].strip()
        if name.startswith("*"):
            break
        if name.startswith("$") and type(function) is BuiltinFunctionType:
            continue  # it is bound already
        if name.lstrip("$").isidentifier():
            names.append(name.lstrip("$"))
    return names
