"""Lazy places: which functions of a module keep what they make once, and how to look there without making it.

Told are names that all users share: globals and what hangs on them, attributes of classes, names of a function around,
entries of dicts, attributes of the application that a request leads to. What a method keeps in its own object is that
object's, and told only where a module keeps the object.
"""

from __future__ import annotations

import inspect
import weakref
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.analysis.lazy_names import read, stores_something
from isolation_audit.instrument.reading.attributes import find_in, reader_of
from isolation_audit.instrument.reading.layout import MISSING
from isolation_audit.instrument.reading.lazy_objects import NotReadError
from isolation_audit.instrument.resolve import Resolved, dict_of, find, function_of, mro_of
from isolation_audit.instrument.shim_codes import beneath
from isolation_audit.model.owner_tags import drop_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.analysis.code_names import Chain
    from isolation_audit.analysis.lazy_names import LazyName, Reading
    from isolation_audit.instrument.reading.layout import Layout, Values

_GENERATORS: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_KINDS: Final = 10_000
_KEYS: Final = frozenset(map(id, (str, int, bytes, bool, type(None))))
_OBJECTS_OWN: Final = object.__getattribute__

Found = tuple[Resolved, "LazyName"]


def of_module(module: ModuleType) -> Iterator[Found]:
    """Functions, class methods and methods of metaclasses that keep something for everybody."""
    inside = list(dict_of(module).items())
    for _name, value in inside:
        if issubclass(type(value), type) and dict_of(value).get("__module__") == module.__name__:
            yield from _of_class(value)
    # After the classes: a name of the module may stand for a function of one of them.
    functions = {name: value for name, value in inside if type(value) is FunctionType and _is_of(value, module)}
    for name, lazies in _lazies(functions):
        lazy = next(filter(_is_everybodys, lazies), None)
        if lazy is not None:
            yield Resolved(module, name, functions[name], module), lazy


def of_objects(cls: type) -> Iterator[Found]:
    """Methods that keep something in their own object: told of objects that a module keeps."""
    for home in mro_of(cls):
        if home is object or home.__module__ == "builtins":
            continue
        methods = _methods(home)
        for name, lazies in _lazies(methods):
            raw, code = dict_of(home)[name], beneath(methods[name]).__code__
            lazy = next((one for one in lazies if _begins_with_receiver(one, code)), None)
            if lazy is not None and type(raw) is not classmethod:
                yield Resolved(home, name, raw, home), lazy


def _of_class(cls: type) -> Iterator[Found]:
    methods = _methods(cls)
    for name, lazies in _lazies(methods):
        raw, code = dict_of(cls)[name], beneath(methods[name]).__code__
        # The first value is the class: of `__new__`, and of a metaclass's own methods.
        of_class = type(raw) is classmethod or name == "__new__" or issubclass(cls, type)
        receives = of_class or type(raw) is not staticmethod
        for lazy in lazies:
            if receives and _begins_with_receiver(lazy, code):
                everybodys = of_class or (lazy.owner is not None and lazy.owner.attributes[:1] == ("__class__",))
            else:
                everybodys = _is_everybodys(lazy)
            if everybodys:
                yield Resolved(cls, name, raw, cls), lazy
                break


def _methods(cls: type) -> dict[str, FunctionType]:
    module = dict_of(cls).get("__module__")
    found = {}
    for name, raw in list(dict_of(cls).items()):
        function = function_of(raw)
        if function is not None and function.__module__ == module:
            found[name] = function
    return found


def _is_of(function: FunctionType, module: ModuleType) -> bool:
    """True for a module's own function, and for one that a decorator of the application's has made for it."""
    if function.__module__ == module.__name__:
        return True
    return bool(function.__closure__) and not is_installed(beneath(function).__code__.co_filename)


def _lazies(functions: dict[str, FunctionType]) -> Iterator[tuple[str, tuple[LazyName, ...]]]:
    """By name, the places that each function fills, itself or by calling another one of them."""
    codes = {name: beneath(function).__code__ for name, function in functions.items()}
    readings = {name: read(code) for name, code in codes.items() if stores_something(code)}
    for name, code in codes.items():
        if not code.co_flags & _GENERATORS:
            reading = readings.get(name)
            lazies = (*(() if reading is None else reading.lazy), *_by_another(name, code, readings))
            if lazies:
                yield name, lazies


def _by_another(name: str, code: CodeType, readings: dict[str, Reading]) -> list[LazyName]:
    """``if _pool is None: await connect()``, where ``connect`` fills it."""
    called = {one: readings[one] for one in code.co_names if one in readings and one != name and one[:2] != "__"}
    filled = {lazy for reading in called.values() for lazy in reading.stored}
    if not filled:
        return []
    return sorted(filled & read(code, frozenset(filled)).asked, key=str)


def _is_everybodys(lazy: LazyName) -> bool:
    """Whether what a function fills is there for all users, as far as it is no receiver's."""
    # Of a plain parameter nothing is known; request.app.state leads to the application.
    return lazy.owner is None or lazy.owner.root != "local" or bool(lazy.owner.attributes)


def _begins_with_receiver(lazy: LazyName, code: CodeType) -> bool:
    owner = lazy.owner
    return owner is not None and owner.root == "local" and bool(code.co_argcount) and owner.name == code.co_varnames[0]


class Slot:
    """Looks at one place, for the values of a call."""

    def __init__(self, function: FunctionType, lazy: LazyName, layout: Layout) -> None:
        self._owner_of = _cell_reader(function, lazy) or _chain_reader(lazy.owner, function, layout)
        self._key_of = _chain_reader(lazy.key, function, layout)
        self._read: Callable[[Any, Any], Any] = _READERS[lazy.form]

    def find(self, values: Values) -> tuple[Any, Any] | None:
        """Who has it, and under which key; None where that is not known, or is not the same for all."""
        owner, key = self._owner_of(values), self._key_of(values)
        if owner is None or owner is MISSING:
            return None
        return (owner, key) if id(type(key)) in _KEYS or issubclass(type(key), type) else None

    def value(self, owner: Any, key: Any) -> Any:
        """What is there; None for nothing, MISSING where it can't be told."""
        return self._read(owner, key)


def identity(owner: Any, key: Any) -> tuple[int, Any]:
    """What tells one place from others."""
    return id(owner), id(key) if issubclass(type(key), type) else key


def _cell_reader(function: FunctionType, lazy: LazyName) -> Callable[[Values], Any] | None:
    if lazy.form == "global":
        names = function.__globals__
        return lambda _values: names
    if lazy.form == "free":
        cell = _cell(function, lazy.key.name)
        return lambda _values: cell
    return None


def _cell(function: FunctionType, name: str) -> Any:
    free = function.__code__.co_freevars
    return function.__closure__[free.index(name)] if function.__closure__ and name in free else None


def _chain_reader(chain: Chain | None, function: FunctionType, layout: Layout) -> Callable[[Values], Any]:
    """A reader of what a chain leads to; it gives MISSING instead of raising, and makes nothing."""
    if chain is None:
        return lambda _values: None
    start = _root_reader(chain, function, layout)
    if not chain.attributes:
        return start

    def along(values: Values) -> Any:
        value = start(values)
        for name in chain.attributes:
            value = _attribute(value, name)
        return value

    return along


def _root_reader(chain: Chain, function: FunctionType, layout: Layout) -> Callable[[Values], Any]:
    name, names = chain.name, function.__globals__
    if chain.root == "constant":
        return lambda _values: name
    if chain.root == "globals":
        return lambda _values: names
    if chain.root == "global":
        return lambda _values: names.get(name, MISSING)
    if chain.root == "free":
        cell = _cell(function, name)
        return lambda _values: _in_cell(cell, None)
    code = function.__code__
    if layout.receiver and code.co_varnames[0] == name:
        return layout.receiver_reader()
    return layout.optional(name)


def _attribute(value: Any, name: str) -> Any:
    if value is MISSING or value is None:
        return MISSING
    if name == "__class__":
        return type(value)
    try:
        if issubclass(type(value), type):
            return _of_type(value, name)
        return MISSING if _is_stand_in(type(value)) and not _is_state(type(value)) else reader_of(name)(value)
    except (AttributeError, LookupError, NotReadError):
        return MISSING


def _of_type(cls: type, name: str) -> Any:
    home, found = find(cls, name)
    if home is None:
        found = find_in(type(cls), name)  # a metaclass may have it
    return None if found is MISSING else found


def _is_stand_in(kind: type) -> bool:
    """True where an attribute is another one in each request or thread: a proxy, ``threading.local``."""
    known = _stand_ins.get(id(kind))
    if known is None or known[0]() is not kind:
        known = _stand_ins[id(kind)] = weakref.ref(kind), _stands_in(kind)
        if len(_stand_ins) > _KINDS:
            drop_first(_stand_ins)
    return known[1]


_stand_ins: dict[int, tuple[weakref.ref[type], bool]] = {}


def _stands_in(kind: type) -> bool:
    setting, getting = find_in(kind, "__setattr__"), find_in(kind, "__getattribute__")
    return setting not in (None, type.__setattr__) or getting not in (None, _OBJECTS_OWN, type.__getattribute__)


def _is_state(kind: type) -> bool:
    return kind.__name__ == "State" and kind.__module__ == "starlette.datastructures"


def _in_object(owner: Any, name: Any) -> Any:
    kind = type(owner)
    if issubclass(kind, type):
        return MISSING if kind is not type and _is_stand_in(kind) else _of_type(owner, name)
    try:
        if _is_stand_in(kind):
            return _in_dict(_OBJECTS_OWN(owner, "_state"), name) if _is_state(kind) else MISSING
        return reader_of(name)(owner)
    except NotReadError:
        return MISSING
    except AttributeError:
        return None


def _in_dict(owner: Any, key: Any) -> Any:
    return dict.get(owner, key) if issubclass(type(owner), dict) else MISSING


def _in_cell(cell: Any, _key: Any) -> Any:
    try:
        return MISSING if cell is None else cell.cell_contents
    except ValueError:
        return None


_READERS: Final = {"global": _in_dict, "free": _in_cell, "attribute": _in_object, "item": _in_dict}


def kept_objects(module: ModuleType) -> Iterable[Any]:
    """Objects of classes that a module keeps under its names."""
    for value in list(dict_of(module).values()):
        kind = type(value)
        if not issubclass(kind, (type, FunctionType, ModuleType)) and kind.__module__ != "builtins":
            yield value
