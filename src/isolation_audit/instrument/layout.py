"""How the values of an intercepted call lie in memory, and readers that fetch configured paths from them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.paths import Attribute, Path, Root, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.identity.bindings import Bindings
    from isolation_audit.identity.users import User, Users

MISSING: Final = object()
"""Nothing there: the value is unknown, and the next path is tried."""

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each parameter lies.

    ``exact``: ``values`` has one entry a parameter, in the order of the signature (``*args`` a tuple, ``**kwargs`` a dict).
    Otherwise ``values`` is ``(args, kwargs)`` as passed. ``receiver`` is True where the first value is ``self`` or ``cls``.
    """

    exact: bool
    receiver: bool
    positions: Mapping[str, int] = field(default_factory=dict)
    positional: int = 0
    varargs: int | None = None
    varkw: int | None = None

    def self_of(self, values: Values) -> Any:
        """``self`` or ``cls`` of the call."""
        return values[0] if self.exact else values[0][0]

    def argument(self, name: str | int) -> Callable[[Values], Any]:
        """A reader of one parameter by name, or by position after ``self``."""
        if isinstance(name, int):
            return self._by_position(name + self.receiver)
        return self._by_name(name)

    def _by_position(self, index: int) -> Callable[[Values], Any]:
        if not self.exact:
            return lambda values: values[0][index]
        if index < self.positional:
            return lambda values: values[index]
        if self.varargs is None:
            return _missing
        rest, offset = self.varargs, index - self.positional
        return lambda values: values[rest][offset]

    def _by_name(self, name: str) -> Callable[[Values], Any]:
        index = self.positions.get(name)
        if self.exact:
            if index is not None:
                return lambda values: values[index]
            if self.varkw is None:
                return _missing
            keywords = self.varkw
            return lambda values: values[keywords][name]
        if index is None:
            return lambda values: values[1][name]
        return lambda values: values[1][name] if name in values[1] else values[0][index]


def loose_layout(function: Callable[..., Any] | None, *, receiver: bool) -> Layout:
    """The layout of ``(args, kwargs)`` calls; parameter names come from the signature where there is one."""
    positions: dict[str, int] = {}
    try:
        parameters = list(inspect.signature(function).parameters.values()) if function is not None else []
    except (TypeError, ValueError):
        parameters = []
    for index, parameter in enumerate(parameters):
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            positions[parameter.name] = index
    return Layout(exact=False, receiver=receiver, positions=positions)


def _missing(_values: Values) -> Any:
    return MISSING


def walk(value: Any, steps: tuple[Step, ...]) -> Any:
    """Follow attribute and item steps; an attribute step falls back to the item of that name on a mapping.

    Raises whatever the application's objects raise on the way.
    """
    for step in steps:
        if type(step) is Attribute:
            try:
                value = getattr(value, step.name)
            except AttributeError:
                if not isinstance(value, Mapping):
                    raise
                value = value[step.name]
        else:
            value = value[step.key]  # type: ignore[union-attr]
    return value


def value_reader(path: Path) -> Callable[[Any], Any]:
    """A reader of a path below a value; it gives MISSING instead of raising."""

    def read(value: Any) -> Any:
        try:
            return walk(value, path.steps)
        except Exception:
            return MISSING

    return read


@dataclass(frozen=True, slots=True)
class Reader:
    """One compiled path: ``read(values, result)`` gives the value, ``context`` the object one step before it."""

    path: Path
    start: Callable[[Values, Any], Any]

    def read(self, values: Values, result: Any = MISSING) -> Any:
        """The value, or MISSING."""
        try:
            return walk(self.start(values, result), self.path.steps)
        except Exception:
            return MISSING

    def context(self, values: Values, result: Any = MISSING) -> Any:
        """The user-context object that the last step reads from; MISSING where the path has no such object."""
        shortest = 2 if self.path.root is Root.SELF else 1
        if len(self.path.steps) < shortest or self.path.binding is not None:
            return MISSING
        try:
            return walk(self.start(values, result), self.path.steps[:-1])
        except Exception:
            return MISSING


def reader(path: Path, layout: Layout) -> Reader:
    """Compile ``path`` for calls of this layout."""
    if path.root is Root.ARGUMENT and path.argument is not None:
        fetch = layout.argument(path.argument)
        return Reader(path, lambda values, _result: fetch(values))
    if path.root is Root.SELF and layout.receiver:
        return Reader(path, lambda values, _result: layout.self_of(values))
    if path.root is Root.RETURN:
        return Reader(path, lambda _values, result: result)
    return Reader(path, lambda _values, _result: MISSING)


class UserReader:
    """Ordered paths to a user: the first that gives an id, or an id bound to a user, wins."""

    __slots__ = ("_bindings", "_readers", "_users", "everyone")

    def __init__(self, paths: tuple[Path, ...], layout: Layout, users: Users, bindings: Bindings) -> None:
        self._users = users
        self._bindings = bindings
        self._readers = tuple(reader(path, layout) for path in paths if path.root is not Root.EVERYONE)
        self.everyone = any(path.root is Root.EVERYONE for path in paths)

    def __bool__(self) -> bool:
        return bool(self._readers)

    def read(self, values: Values, result: Any = MISSING) -> User | None:
        """The user, or None where no path leads to one."""
        for one in self._readers:
            value = one.read(values, result)
            if value is None or value is MISSING:
                continue
            binding = one.path.binding
            user = self._users.token(value) if binding is None else self._bindings.user_of(binding, value)
            if user is not None:
                return user
        return None

    def context(self, values: Values, result: Any = MISSING) -> Any:
        """The first user-context object on the way that is there and not None; else None or MISSING."""
        found = MISSING
        for one in self._readers:
            value = one.context(values, result)
            if value is not MISSING and value is not None:
                return value
            if value is None:
                found = None
        return found
