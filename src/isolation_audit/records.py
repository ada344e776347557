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
    names = kind.__match_args__
    if len(args) > len(names):
        raise TypeError(f"{kind.__name__}() takes {len(names)} arguments but {len(args)} were given")
    given = dict(zip(names, args, strict=False))
    twice = given.keys() & kwargs
    unknown = kwargs.keys() - set(names)
    if twice or unknown:
        what = "multiple values for" if twice else "an unexpected keyword"
        raise TypeError(f"{kind.__name__}() got {what} argument {min(twice or unknown)!r}")
    given |= kwargs
    for name, field in kind.__dataclass_fields__.items():
        if name in given:
            value = given[name]
        elif field.default is not _MISSING:
            value = field.default
        elif field.default_factory is not _MISSING:
            value = field.default_factory()
        else:
            raise TypeError(f"{kind.__name__}() missing required argument {name!r}")
        object.__setattr__(self, name, value)
    after = getattr(kind, "__post_init__", None)
    if after is not None:
        after(self)


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
    setattr(made, "__init__", _init)  # noqa: B010 - an assignment to a method is none for mypy
    return made
