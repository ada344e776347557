"""What a class's own methods assign to ``self``, read from their code."""

from __future__ import annotations

import dis
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.resolve import dict_of, function_of, mro_of

if TYPE_CHECKING:
    from types import FunctionType

_OPENERS: Final = frozenset({"setattr", "__dict__", "vars", "__setattr__"})
"""Names in a method's code that may set attributes of any name."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """``names``: the attribute, and where it is a parameter's value the method and that parameter's annotation."""

    names: dict[str, tuple[FunctionType, Any]] = field(default_factory=dict)
    anything: bool = False
    """True where a method may set attributes of any name."""


def assigned_by(cls: type) -> Assigned:
    """What the methods of a class and of its bases assign."""
    names: dict[str, tuple[FunctionType, Any]] = {}
    anything = False
    for base in mro_of(cls):
        if base is object or is_pydantic(base):
            continue
        for raw in list(dict_of(base).values()):
            function = function_of(raw)
            if function is None:
                continue
            anything = anything or not _OPENERS.isdisjoint(function.__code__.co_names)
            for name, parameter in _stored(function):
                annotation = None if parameter is None else function.__annotations__.get(parameter)
                if name not in names or (names[name][1] is None and annotation is not None):
                    names[name] = (function, annotation)
    return Assigned(names, anything)


def is_pydantic(base: type) -> bool:
    """True for the library's own base classes: what their code does is not what a model takes."""
    return base.__module__.partition(".")[0] in ("pydantic", "pydantic_settings")


def _stored(function: FunctionType) -> list[tuple[str, str | None]]:
    """Attributes that are assigned, with the parameter where the value is one as it came."""
    code = function.__code__
    first = code.co_varnames[0] if code.co_argcount else None
    stored: list[tuple[str, str | None]] = []
    loaded: list[Any] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_ATTR":
            # `self.user = user` loads the value, then the object, and stores.
            value = loaded[-2] if len(loaded) >= 2 and loaded[-1] == first else None
            stored.append((instruction.argval, value))
        if instruction.opname.startswith("LOAD_FAST"):
            loaded += instruction.argval if isinstance(instruction.argval, tuple) else [instruction.argval]
        else:
            loaded = []
    return stored
