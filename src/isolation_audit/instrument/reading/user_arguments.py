"""The parameters in which a call was handed a user: the id, an object with the id, or one that has such an object."""

from __future__ import annotations

import sys
from inspect import CO_NEWLOCALS, CO_OPTIMIZED, CO_VARARGS, CO_VARKEYWORDS
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.model.user_names import FIELDS, field_of, fields_of, plain_id, slots_of
from isolation_audit.model.users import plain_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from types import CodeType, FrameType

_VALUES: Final = 32
"""Parameters of a call, and fields of an object, that are looked at."""

_REFLECTION: Final = frozenset({"locals", "vars", "eval", "exec", "_getframe", "currentframe", "stack"})
"""Names by which code gets at its own frame: its variables are not looked at."""

_FUNCTION: Final = CO_OPTIMIZED | CO_NEWLOCALS


def of_call(code: CodeType, args: tuple[Any, ...], kwargs: Mapping[str, Any], user_id: str) -> frozenset[str]:
    """The parameters of ``code`` in which these arguments hand over the user."""
    plain = code.co_varnames[: code.co_argcount]
    own = (*plain, *code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
    rest = code.co_varnames[len(own)] if code.co_flags & CO_VARARGS else None
    others = code.co_varnames[len(own) + (rest is not None)] if code.co_flags & CO_VARKEYWORDS else None
    names = [*plain, *[rest] * max(0, len(args) - len(plain))]
    handed = [*zip(names, args, strict=False), *((name if name in own else others, kwargs[name]) for name in kwargs)]
    return _holding(handed, user_id)


def of_frame(frame: FrameType, user_id: str) -> frozenset[str]:
    """The parameters of a running function that hold the user."""
    code = frame.f_code
    if code.co_flags & _FUNCTION != _FUNCTION or not _REFLECTION.isdisjoint(code.co_names) or sys.gettrace():
        return frozenset()
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    variables = frame.f_locals
    found = _holding([(name, variables[name]) for name in names if name in variables], user_id)
    if type(variables) is dict:
        # Before Python 3.13 this is a copy that stays with the frame, and would keep alive what the function lets go.
        variables.clear()
    return found


def without(
    names: Collection[str], code: CodeType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments, but for those that the key leaves out."""
    own = code.co_varnames[: code.co_argcount]
    kept = [value for index, value in enumerate(args) if index >= len(own) or own[index] not in names]
    return tuple(kept), {name: value for name, value in kwargs.items() if name not in names}


def _holding(handed: Iterable[tuple[str | None, Any]], user_id: str) -> frozenset[str]:
    return frozenset(name for name, value in islice(handed, _VALUES) if name is not None and _holds(value, user_id))


def _holds(value: Any, user_id: str) -> bool:
    kind = type(value)
    if issubclass(kind, str):
        return plain_text(value) == user_id
    if issubclass(kind, UUID):
        return UUID.__str__(value) == user_id
    if id(kind) in _PLAIN:
        return False
    return _is_user(value, user_id) or any(_is_user(inner, user_id) for inner in _inside(value))


def _inside(value: Any) -> list[Any]:
    return [inner for inner in islice(fields_of(value).values(), _VALUES) if id(type(inner)) not in _PLAIN]


def _is_user(value: Any, user_id: str) -> bool:
    """True for an object, or a mapping, one of whose telling fields is the id."""
    fields = fields_of(value)
    if "_wrapped" in fields:  # Django's lazy objects
        value = fields["_wrapped"]
        fields = fields_of(value)
    if not fields:
        fields = {name: field_of(value, name) for name in FIELDS} if slots_of(type(value)) else {}
    for name in FIELDS if fields else ():
        held = fields.get(name)
        if held is not None and plain_id(held) == user_id:
            return True
    return False


_PLAIN: Final = frozenset(map(id, (bool, int, float, complex, bytes, type(None), list, tuple, set, frozenset)))
"""Types that are no user, nor hold one as a field."""
