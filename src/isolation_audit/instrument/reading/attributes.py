"""Reading one attribute of the application's objects, without having anything loaded, queried or computed for it.

An attribute is read where it lies there: in the object's ``__dict__``, in a slot, in a cache that is filled already, or
behind a property that only hands on what lies there. Anything else is not known for now, and is asked for again at the
next call. How a class keeps an attribute is found out once.
"""

from __future__ import annotations

import weakref
from types import FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.reading.lazy_objects import NotReadError, behind, kept_elsewhere, of_fields_cache
from isolation_audit.instrument.reading.plain_properties import getattr_hands_on_to, hands_on, reads_only
from isolation_audit.instrument.resolve import dict_of, function_of, mro_of

if TYPE_CHECKING:
    from collections.abc import Callable

__builtins__ = BUILTINS

_IN_C: Final = frozenset(map(id, (WrapperDescriptorType, MethodDescriptorType)))
"""What the ``__get__`` of a descriptor is that is written in C: a slot's, a method's, a named tuple's."""

_OBJECTS_OWN: Final = object.__getattribute__
_MOST: Final = 10_000


class AttributeReader:
    """Reads the attribute ``name`` of whatever it is given.

    It raises AttributeError where there is none, and NotReadError where it is not known for now.
    """

    __slots__ = ("_ways", "name", "usual")

    def __init__(self, name: str) -> None:
        self.name = name
        self.usual: dict[int, weakref.ref[type]] = {}
        """Identities of classes for which ``getattr`` is safe; an entry goes with its class."""
        self._ways: dict[int, tuple[weakref.ref[type], Callable[[Any], Any]]] = {}
        """How objects of all other classes are read."""

    def __call__(self, value: Any) -> Any:
        """The attribute."""
        key = id(type(value))
        if key in self.usual:
            return getattr(value, self.name)
        entry = self._ways.get(key)
        way = entry[1] if entry is not None else self._learn(type(value))
        return getattr(value, self.name) if way is None else way(value)

    def is_usual(self, kind: type) -> bool:
        """True where ``getattr`` is safe."""
        key = id(kind)
        return key in self.usual or (key not in self._ways and self._learn(kind) is None)

    def _learn(self, kind: type) -> Callable[[Any], Any] | None:
        key, ways, usual = id(kind), self._ways, self.usual
        way = self._way(kind)
        if len(ways) + len(usual) >= _MOST:
            return way
        if way is None:
            usual[key] = weakref.ref(kind, lambda _gone: usual.pop(key, None))
        else:
            ways[key] = (weakref.ref(kind, lambda _gone: ways.pop(key, None)), way)
        return way

    def _way(self, kind: type) -> Callable[[Any], Any] | None:
        """How objects of a class are to be read; None for the usual way."""
        unusual = behind(kind)
        if unusual is not None:
            return lambda value: reader_of(self.name)(unusual(value, reader_of))
        if issubclass(kind, type):
            return None  # of a class itself, a property is just a property
        if type(find_in(kind, "__getattribute__")) is FunctionType:
            return self._unknown
        raw, missing = find_in(kind, self.name), find_in(kind, "__getattr__")
        found = self._of_class(kind, raw)
        if found is None and missing is not None and type(missing) is FunctionType:
            return self._without_fallback(kind, missing)
        return found

    def _of_class(self, kind: type, raw: Any) -> Callable[[Any], Any] | None:
        """The same, going by what the class has under the name."""
        special = kept_elsewhere(kind, self.name)
        if special is not None:
            return lambda value: special(value, reader_of)
        if type(raw) is property:
            return self._of_property(raw)
        getting = None if raw is None else find_in(type(raw), "__get__")
        if getting is None or id(type(getting)) in _IN_C:
            return None
        return self._in_dict

    def _of_property(self, raw: property) -> Callable[[Any], Any]:
        function = function_of(raw)
        chain = None if function is None else hands_on(function)
        if chain is not None:
            steps = [reader_of(name) for name in chain]

            def along(value: Any) -> Any:
                for step in steps:
                    value = step(value)
                return value

            return along
        reads = None if function is None else reads_only(function)
        if reads is None:
            return self._unknown

        def way(value: Any) -> Any:
            if not reads(value, reader_of):
                raise NotReadError(self.name)
            return raw.__get__(value)

        return way

    def _in_dict(self, value: Any) -> Any:
        """What a descriptor written in Python has left in the object: a cached value, a loaded column."""
        try:
            fields = _OBJECTS_OWN(value, "__dict__")
        except AttributeError:
            raise NotReadError(self.name) from None
        if type(fields) is dict and self.name in fields:
            return fields[self.name]
        return of_fields_cache(value, self.name)

    def _without_fallback(self, kind: type, missing: FunctionType) -> Callable[[Any], Any]:
        """Look where attributes lie; ``__getattr__`` is not asked, but where it only hands on to another object."""
        inner = getattr_hands_on_to(missing)

        def way(value: Any) -> Any:
            try:
                return _OBJECTS_OWN(value, self.name)
            except AttributeError:
                if inner is None or kind is not type(value):
                    raise NotReadError(self.name) from None
            return reader_of(self.name)(reader_of(inner)(value))

        return way

    def _unknown(self, _value: Any) -> Any:
        raise NotReadError(self.name)


_readers: dict[str, AttributeReader] = {}


def reader_of(name: str) -> AttributeReader:
    """The reader of an attribute; names come from the configuration, and from the code of properties on its paths."""
    reader = _readers.get(name)
    if reader is None:
        if len(_readers) >= _MOST:
            _readers.clear()
        reader = _readers[name] = AttributeReader(name)
    return reader


def find_in(kind: type, name: str) -> Any:
    """What a class has under a name; None for nothing. ``object`` has nothing that matters here."""
    for base in mro_of(kind):
        if base is not object and name in dict_of(base):
            return dict_of(base)[name]
    return None
