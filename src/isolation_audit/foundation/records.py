"""``dataclass`` and ``record``, of which a start defines more than a hundred: cheap to define.

The standard library writes six functions as text for each class, and compiles them. Here all classes share a few
functions that go by the fields. To make an instance takes longer, so this is for what is made once, as configuration,
or seldom, as what a finding is made of.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, TypeVar, dataclass_transform

__all__ = ["dataclass", "record"]

_T = TypeVar("_T")

_MISSING: Final = dataclasses.MISSING


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    kind = type(self)
    setters = kind.__field_setters__
    if len(args) > len(setters):
        raise TypeError(f"{kind.__name__}() takes {len(setters)} arguments but {len(args)} were given")
    for (_, put, _, _), value in zip(setters, args, strict=False):
        put(self, value)
    for name, put, default, factory in setters[len(args) :]:
        value = kwargs.pop(name, _MISSING) if kwargs else _MISSING
        if value is _MISSING:
            value = default if factory is _MISSING else factory()
            if value is _MISSING:
                raise TypeError(f"{kind.__name__}() missing required argument {name!r}")
        put(self, value)
    if kwargs:
        name = min(kwargs)
        what = "multiple values for" if name in kind.__match_args__ else "an unexpected keyword"
        raise TypeError(f"{kind.__name__}() got {what} argument {name!r}")
    after = getattr(kind, "__post_init__", None)
    if after is not None:
        after(self)


def _setters(cls: Any) -> tuple[tuple[str, Any, Any, Any], ...]:
    """Of each field its name, what sets its slot, its default and what makes its default."""
    fields = cls.__dataclass_fields__.items()
    return tuple([(name, getattr(cls, name).__set__, one.default, one.default_factory) for name, one in fields])


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in type(self).__match_args__])


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    kind = type(self)
    shown = [f"{name}={getattr(self, name)!r}" for name, field in kind.__dataclass_fields__.items() if field.repr]
    return f"{kind.__qualname__}({', '.join(shown)})"


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), _values(self)


def _set(_self: Any, name: str, _value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS: Final = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__reduce__": _reduce,
    "__setattr__": _set,
    "__delattr__": _delete,
}


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool):
        """A class decorator; ``frozen`` and ``slots`` are said for whoever reads them, and are always true."""
        if not (frozen and slots):
            raise TypeError("for frozen classes with slots alone")

        def decorate(cls: type) -> type:
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
            made.__field_setters__ = _setters(made)
            for name, method in _METHODS.items():
                # What the class body has is its own; slots have made another class of it, so look there.
                if name not in cls.__dict__ or cls.__dict__[name] is None:
                    setattr(made, name, method)
            return made

        return decorate


@dataclass_transform(eq_default=False)
def record(cls: type[_T]) -> type[_T]:
    """A class decorator like ``dataclass(slots=True, eq=False, repr=False)``."""
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    setattr(made, "__field_setters__", _setters(made))  # noqa: B010
    setattr(made, "__init__", _init)  # noqa: B010 - an assignment to a method is none for mypy
    return made
