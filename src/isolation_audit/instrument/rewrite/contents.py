"""What lies in an object under a name or a key, without having anything loaded, queried or computed for it."""

from __future__ import annotations

import gc
import os
import weakref
from collections import OrderedDict, UserDict, UserList, defaultdict, deque
from threading import local
from types import FunctionType, MappingProxyType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary, WeakValueDictionary

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.reading.attributes import find_in, reader_of
from isolation_audit.instrument.reading.lazy_objects import NotReadError, behind
from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.instrument.rewrite.listener import ATTRIBUTE, ELEMENT, ENVIRON, GLOBAL, ITEM, LOCAL, PART

__builtins__ = BUILTINS

ABSENT: Final = object()
"""Stands for what can't be seen."""

_OF_QUEUES: Final = ("queue", "asyncio.queues", "_queue")
_LIBRARY: Final = frozenset(
    {"collections", "collections.abc", "weakref", "os", "_collections_abc", "_weakrefset", *_OF_QUEUES}
)
_MAPPINGS: Final = frozenset(map(id, (dict, OrderedDict, defaultdict)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""
_CONTAINERS: Final = _MAPPINGS | frozenset(map(id, (list, tuple, deque, set)))
_AROUND_ONE: Final = frozenset(map(id, (UserDict, UserList)))
_WEAK: Final = frozenset(map(id, (WeakValueDictionary, WeakKeyDictionary)))
_NOT_DATA: Final = frozenset(map(id, (FunctionType, classmethod, staticmethod, property)))


class Held(NamedTuple):
    """A value, and what holds it: container, kind and key as a listener is told."""

    container: Any
    kind: str
    key: Any
    value: Any


def attribute_of(owner: Any, name: str, value: Any = ABSENT) -> Held | None:
    """The attribute of an object; ``value`` is what it is about to be."""
    found = in_itself(owner, name) if value is ABSENT else ABSENT
    if found is not ABSENT:
        return Held(owner, ATTRIBUTE, name, found)
    return _attribute_of(type(owner), owner, name, value)


def in_itself(owner: Any, name: str) -> Any:
    """The attribute, where it is known to lie in the object if anywhere; ABSENT for all others."""
    names = _plain.get(id(type(owner)))
    if names is None or name not in names:
        return ABSENT
    try:
        return _OBJECTS_OWN(owner, name)
    except AttributeError:
        return ABSENT


def _attribute_of(kind: type, owner: Any, name: str, value: Any) -> Held | None:
    """The same, for the first time with this class and name, and always where a class has ways of its own."""
    if issubclass(kind, ModuleType):
        return _in_dict(dict_of(owner), GLOBAL, name, value, dict_of(owner))
    if issubclass(kind, type):
        return _of_class(owner, name, value)
    if issubclass(kind, local):
        return _in_dict(owner, LOCAL, name, value, owner.__dict__)
    raw = find_in(kind, name)
    if id(type(raw)) in _NOT_DATA:
        return None
    inner = behind(kind)
    if inner is not None:
        return _of_another(inner, owner, name, value)
    if find_in(kind, "__getattribute__") is not None:
        return None  # a way of its own: a weak proxy, for one, asks another object
    if raw is None or type(raw) is MemberDescriptorType:
        _remember(kind, name)
    return _of_instance(owner, raw, name, value)


def _remember(kind: type, name: str) -> None:
    """Objects of this class have the attribute in themselves, or in a slot: nothing runs when it is read."""
    key = id(kind)
    if key not in _plain:
        if len(_plain) >= _KINDS:
            return
        _plain[key] = set()
        _references[key] = weakref.ref(kind, lambda _gone: (_plain.pop(key, None), _references.pop(key, None)))
    _plain[key].add(name)


_OBJECTS_OWN: Final = object.__getattribute__
_KINDS: Final = 20_000
_plain: Final[dict[int, set[str]]] = {}
"""By the identity of a class: names that no class of it has, but for slots; an entry goes with its class."""
_references: Final[dict[int, weakref.ref[type]]] = {}


def _of_instance(owner: Any, raw: Any, name: str, value: Any) -> Held | None:
    if value is not ABSENT:
        return Held(owner, ATTRIBUTE, name, value)
    try:
        found = reader_of(name)(owner)
    except (AttributeError, NotReadError):
        return None
    if raw is not None and found is raw:
        return _of_class(type(owner), name, ABSENT)
    return Held(owner, ATTRIBUTE, name, found)


def _in_dict(owner: Any, kind: str, name: str, value: Any, fields: Any) -> Held | None:
    found = fields.get(name, ABSENT) if value is ABSENT else value
    return None if found is ABSENT else Held(owner, kind, name, found)


def _of_another(inner: Any, owner: Any, name: str, value: Any) -> Held | None:
    try:
        return attribute_of(inner(owner, reader_of), name, value)
    except (NotReadError, AttributeError):  # of one that is in the middle of its own making
        return None


def _of_class(owner: type, name: str, value: Any) -> Held | None:
    if value is not ABSENT:
        return Held(owner, ATTRIBUTE, name, value)
    for base in mro_of(owner) or ():  # none in the middle of its own making
        if name in dict_of(base):
            raw = dict_of(base)[name]
            return None if hasattr(type(raw), "__get__") else Held(base, ATTRIBUTE, name, raw)
    return None


def container_of(owner: Any) -> Any:
    """What really holds the items of a container; ABSENT for what is none that can be looked into."""
    kind = type(owner)
    if kind is MappingProxyType:
        inside = gc.get_referents(owner)  # whose methods a proxy would call
        return inside[0] if len(inside) == 1 and id(type(inside[0])) in _MAPPINGS else ABSENT
    if id(kind) in _CONTAINERS:
        return owner
    if not _AROUND_ONE.isdisjoint(map(id, mro_of(kind))):  # as an abstract class, each asks for the other's hash
        return owner.__dict__.get("data", ABSENT)
    inner = behind(kind)
    if inner is not None:
        try:
            return container_of(inner(owner, reader_of))
        except (NotReadError, AttributeError):
            return ABSENT
    if issubclass(kind, (dict, list, tuple, deque, set)):
        return owner
    return ABSENT


def item_of(owner: Any, key: Any, value: Any = ABSENT) -> Held | None:
    """The item of a container; ``value`` is what it is about to be."""
    if type(key) is slice:
        return _part_of(owner, key)
    if owner is os.environ:
        found = owner.get(key, ABSENT) if value is ABSENT else value
        return None if found is ABSENT else Held(owner, ENVIRON, key, found)
    if id(type(owner)) in _WEAK:
        found = _in_weak(owner, key) if value is ABSENT else value
        return None if found is ABSENT else Held(owner, ITEM, key, found)
    holder = container_of(owner)
    if holder is ABSENT:
        return None
    if isinstance(holder, dict):
        if value is ABSENT:
            value = _in_mapping(holder, key)
        return None if value is ABSENT else Held(holder, ITEM, key, value)
    if type(key) is not int:
        return None
    if value is ABSENT:
        value = _in_sequence(holder, key)
    return None if value is ABSENT else Held(holder, ELEMENT, key, value)


def _part_of(owner: Any, key: slice) -> Held | None:
    """A part of a list: its elements, as a list of their own."""
    holder = container_of(owner)
    kind: Any
    for kind in (list, tuple):
        if isinstance(holder, kind) and type(holder).__getitem__ is kind.__getitem__:
            limits = (key.start, key.stop, key.step)
            if all(one is None or type(one) is int for one in limits):
                return Held(holder, PART, None, list(kind.__getitem__(holder, key)))
    return None


def is_of_containers(method: Any) -> bool:
    """True for a method of a container that the standard library has written in Python."""
    return (
        type(method) is MethodType and type(method.__func__) is FunctionType and method.__func__.__module__ in _LIBRARY
    )


def _in_mapping(holder: Any, key: Any) -> Any:
    if type(holder).__getitem__ not in (dict.__getitem__, OrderedDict.__getitem__):
        return ABSENT
    if not _is_plain_key(key):
        return ABSENT
    return dict.get(holder, key, ABSENT)


def _in_weak(owner: Any, key: Any) -> Any:
    if not _is_plain_key(key):
        return ABSENT
    try:
        return owner.get(key, ABSENT)
    except TypeError:  # what allows no weak reference is no key
        return ABSENT


def _in_sequence(holder: Any, key: int) -> Any:
    kind: Any
    for kind in (list, tuple, deque):
        if isinstance(holder, kind) and type(holder).__getitem__ is kind.__getitem__:
            size = kind.__len__(holder)
            return kind.__getitem__(holder, key) if -size <= key < size else ABSENT
    return ABSENT


def _is_plain_key(key: Any) -> bool:
    """True where hashing and comparing runs nothing of the application."""
    kind: Any = type(key)
    if kind is tuple:
        return all(_is_plain_key(one) for one in key)
    return kind.__hash__ in _PLAIN_HASHES and kind.__eq__ in _PLAIN_EQUALS


_PLAIN: Final[tuple[Any, ...]] = (str, int, bytes, float, complex, bool, type(None), object, type, frozenset)
_PLAIN_HASHES: Final = frozenset(kind.__hash__ for kind in _PLAIN)
_PLAIN_EQUALS: Final = frozenset(kind.__eq__ for kind in _PLAIN)
