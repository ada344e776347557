"""How the values of an intercepted call lie in memory, and readers that fetch configured paths from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.paths import Attribute, Lookup, Path, Root, Step
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.reading.attributes import reader_of
from isolation_audit.instrument.reading.items import item_of
from isolation_audit.instrument.signatures import positional_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.users import User

MISSING: Final = object()
"""Nothing there: the value is unknown, and the next path is tried."""

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each parameter lies.

    ``exact``: ``values`` has one entry a parameter, in the order of the signature (``*args`` a tuple, ``**kwargs`` a
    dict). Otherwise ``values`` is ``(args, kwargs)`` as passed. ``receiver`` is True where the first value is ``self``
    or ``cls``.
    """

    exact: bool
    receiver: bool
    positions: Mapping[str, int] = field(default_factory=dict)
    positional: int = 0
    varargs: int | None = None
    varkw: int | None = None
    passed_on: Mapping[str, int] = field(default_factory=dict)
    """Positions, counted from the first parameter on, of names that ``*args`` hand to a decorated function."""

    def receiver_reader(self) -> Callable[[Values], Any]:
        """The fastest way to :meth:`self_of`."""
        return itemgetter(0) if self.exact and self.positional else self.self_of

    def self_of(self, values: Values) -> Any:
        """``self`` or ``cls`` of the call; None in a wrong call without one."""
        if self.exact and self.positional:
            return values[0]
        # The wrapper of a decorator may have no parameter of its own for it.
        received = values[0] if not self.exact else () if self.varargs is None else values[self.varargs]
        return received[0] if received else None

    def argument(self, name: str | int) -> Callable[[Values], Any]:
        """A reader of one parameter by name, or by position after ``self``."""
        if isinstance(name, int):
            return self._by_position(name + self.receiver)
        return self._by_name(name)

    def optional(self, name: str) -> Callable[[Values], Any]:
        """A reader of a parameter with a default; gives None where a decorator, which has no such default, got none."""
        read = self.argument(name)
        if self.exact and name in self.positions:
            return read

        def given(values: Values) -> Any:
            try:
                value = read(values)
            except LookupError:
                return None
            return None if value is MISSING else value

        return given

    def plain_argument(self, paths: tuple[Path, ...]) -> int | None:
        """The index of the value that the first path means, where it is one whole parameter of an exact layout."""
        path = paths[0] if paths else None
        if path is None or not self.exact or path.steps or path.binding is not None or path.root is not Root.ARGUMENT:
            return None
        return self.positions.get(path.argument) if isinstance(path.argument, str) else None

    def _by_position(self, index: int) -> Callable[[Values], Any]:
        if not self.exact:
            return lambda values: values[0][index]
        if index < self.positional:
            return itemgetter(index)
        if self.varargs is None:
            return _missing
        rest, offset = self.varargs, index - self.positional
        return lambda values: values[rest][offset]

    def _by_name(self, name: str) -> Callable[[Values], Any]:
        index = self.positions.get(name)
        if self.exact:
            if index is not None:
                return itemgetter(index)
            return self._passed_on(name)
        if index is None:
            return lambda values: values[1][name]
        return lambda values: values[1][name] if name in values[1] else values[0][index]

    def _passed_on(self, name: str) -> Callable[[Values], Any]:
        keywords, rest, index = self.varkw, self.varargs, self.passed_on.get(name)
        by_position = None if rest is None or index is None else self._by_position(index)
        if keywords is None:
            return by_position or _missing
        if by_position is None:
            return lambda values: values[keywords][name]
        return lambda values: values[keywords][name] if name in values[keywords] else by_position(values)


def loose_layout(function: Callable[..., Any] | None, *, receiver: bool) -> Layout:
    """The layout of ``(args, kwargs)`` calls; parameter names come from the signature where there is one."""
    names = positional_names(function) if function is not None else []
    positions = {name: index for index, name in enumerate(names)}
    return Layout(exact=False, receiver=receiver, positions=positions)


def _missing(_values: Values) -> Any:
    return MISSING


def walk(value: Any, steps: tuple[Step, ...]) -> Any:
    """Follow attribute and item steps; an attribute step means the item of that name on a mapping that has it.

    Nothing is loaded, queried or computed for it. Raises whatever it meets on the way.
    """
    for step in steps:
        value = attribute_or_item(value, step.name) if type(step) is Attribute else item_of(value, step.key)  # type: ignore[union-attr]
    return value


def attribute_or_item(value: Any, name: str) -> Any:
    """The attribute, or on a mapping the item of that name."""
    # A message is a plain dict nearly always: asking it for an attribute first would raise, and cost, each time.
    if type(value) is dict and name in value:
        return value[name]
    try:
        return reader_of(name)(value)
    except AttributeError:
        return _item(value, name)


def _item(value: Any, name: str) -> Any:
    # By its type: isinstance() would read a __class__ that may be the application's code.
    if not issubclass(type(value), Mapping):
        raise KeyError(name)
    return item_of(value, name)


_USUAL: Final = (AttributeError, LookupError, TypeError)
"""What a path meets that leads nowhere."""


def _safe(fetch: Callable[..., Any], *arguments: Any) -> Any:
    """What ``fetch`` gives; MISSING where it raises."""
    try:
        return fetch(*arguments)
    except _USUAL:
        return MISSING
    except Exception as error:
        if raised_by_signal(error):
            raise
        return MISSING


def value_reader(path: Path) -> Callable[[Any], Any]:
    """A reader of a path below a value; it gives MISSING instead of raising."""
    steps = path.steps
    if len(steps) == 1 and isinstance(steps[0], Attribute):
        return _attribute_reader(steps[0].name)
    return lambda value: _safe(walk, value, steps)


def _attribute_reader(name: str) -> Callable[[Any], Any]:
    """The same for one attribute, which most paths are."""
    usual = reader_of(name).usual

    def read(value: Any) -> Any:
        if id(type(value)) in usual:
            found = getattr(value, name, MISSING)
            if found is not MISSING:
                return found
        return _safe(attribute_or_item, value, name)

    return read


def fetcher(path: Path, layout: Layout, steps: tuple[Step, ...]) -> Callable[[Values, Any], Any]:
    """``fetch(values, result)`` for the start of ``path`` and some of its steps; it raises what it meets."""
    if any(type(step) is Lookup for step in steps):
        return _with_lookups(path, layout, steps)
    if path.root is Root.RETURN:
        return lambda _values, result: walk(result, steps)
    if path.root is Root.ARGUMENT and path.argument is not None:
        index = layout.positions.get(path.argument) if layout.exact and isinstance(path.argument, str) else None
        if index is not None:
            return _from(index, steps)
        start = layout.argument(path.argument)
        if start is _missing:
            return lambda _values, _result: MISSING
    elif path.root is Root.SELF and layout.receiver:
        start = layout.self_of
        if layout.exact and layout.positional:
            return _from(0, steps)
    else:
        return lambda _values, _result: MISSING
    if not steps:
        return lambda values, _result: start(values)
    return lambda values, _result: walk(start(values), steps)


def _with_lookups(path: Path, layout: Layout, steps: tuple[Step, ...]) -> Callable[[Values, Any], Any]:
    start = fetcher(path, layout, ())
    keys = [fetcher(step.path, layout, step.path.steps) if isinstance(step, Lookup) else None for step in steps]

    def fetch(values: Values, result: Any) -> Any:
        found = start(values, result)
        for step, key in zip(steps, keys, strict=True):
            found = walk(found, (step,)) if key is None else item_of(found, key(values, result))
        return found

    return fetch


def _from(index: int, steps: tuple[Step, ...]) -> Callable[[Values, Any], Any]:
    """The usual paths, `args.run_id`, `self.user_id` and `args.message.seq`, are worth readers without a loop."""
    if not steps:
        return lambda values, _result: values[index]
    if not all(type(step) is Attribute for step in steps):
        return lambda values, _result: walk(values[index], steps)
    names = [step.name for step in steps if isinstance(step, Attribute)]
    asked = [(name, reader_of(name).usual) for name in names]

    def fetch(values: Values, _result: Any) -> Any:
        value = values[index]
        for name, usual in asked:
            kind = type(value)
            if kind is dict and name in value:
                value = value[name]
            elif kind is dict or id(kind) not in usual:
                value = attribute_or_item(value, name)
            else:
                try:
                    value = getattr(value, name)
                except AttributeError:
                    value = _item(value, name)
        return value

    return fetch


class Reader:
    """One compiled path: ``read(values, result)`` gives the value, ``context`` the object one step before it.

    ``cell`` counts how often it was asked, and how often it gave a value: ``[asked, gave]``.
    """

    __slots__ = ("_context", "_index", "binding", "cell", "fetch", "has_context")

    def __init__(self, path: Path, layout: Layout, cell: list[int]) -> None:
        self.binding = path.binding
        self.cell = cell
        self.fetch = fetcher(path, layout, path.steps)
        self._index = layout.plain_argument((path,))
        shortest = 2 if path.root is Root.SELF else 1
        has_context = len(path.steps) >= shortest and path.binding is None
        self.has_context = has_context
        self._context = fetcher(path, layout, path.steps[:-1]) if has_context else None

    def read(self, values: Values, result: Any = MISSING) -> Any:
        """The value, or MISSING."""
        cell = self.cell
        cell[0] += 1
        if self._index is not None:
            value = values[self._index]
        else:
            try:
                value = self.fetch(values, result)
            except _USUAL:
                return MISSING
            except Exception as error:
                if raised_by_signal(error):
                    raise
                return MISSING
        if value is not None and value is not MISSING:
            cell[1] += 1
        return value

    def context(self, values: Values, result: Any = MISSING) -> Any:
        """The user-context object that the last step reads from; MISSING where the path has no such object."""
        return MISSING if self._context is None else _safe(self._context, values, result)


def readers(paths: tuple[Path, ...], layout: Layout, cells: Callable[[Path], list[int]]) -> list[Reader]:
    """Readers of several paths."""
    return [Reader(path, layout, cells(path)) for path in paths]


class UserReader:
    """Ordered paths to a user: the first that gives an id, or an id bound to a user, wins.

    ``user_of`` gives the user of an id: of a login the one that has exactly this id, else whom the id means.
    """

    __slots__ = ("_bindings", "_readers", "_token", "everyone", "has_context", "of_call")

    def __init__(
        self,
        paths: tuple[Path, ...],
        layout: Layout,
        user_of: Callable[[object], User | None],
        bindings: Bindings,
        cells: Callable[[Path], list[int]],
    ) -> None:
        self._token = user_of
        self._bindings = bindings
        self._readers = tuple([Reader(path, layout, cells(path)) for path in paths if path.root is not Root.EVERYONE])
        self.everyone = any(path.root is Root.EVERYONE for path in paths)
        self.of_call = bool(paths) and all(path.root is not Root.SELF for path in paths)
        """True where they say whose a call is, and nothing of the object that is called."""
        self.has_context = any(one.has_context for one in self._readers)
        """False where no path goes through a user-context object."""

    def __bool__(self) -> bool:
        return bool(self._readers)

    def read(self, values: Values, result: Any = MISSING) -> User | None:
        """The user, or None where no path leads to one."""
        for one in self._readers:
            cell = one.cell
            cell[0] += 1
            try:
                value = one.fetch(values, result)
            except _USUAL:
                continue
            except Exception as error:
                if raised_by_signal(error):
                    raise
                continue
            if value is None or value is MISSING:
                continue
            user = self._token(value) if one.binding is None else self._bindings.user_of(one.binding, value)
            if user is not None:
                cell[1] += 1
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
