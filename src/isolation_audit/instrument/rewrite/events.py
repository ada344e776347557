"""What rewritten code calls: it looks at what is read or stored, tells the listener, and gives back what it was given.

Nothing of the application runs for it: where a value can't be seen without that, nothing is told. The store or the read
itself happens in the application's own statement, so its frames and exceptions are what they were.
"""

from __future__ import annotations

import operator
from functools import partial
from sys import _getframe as current_frame
from threading import get_ident
from types import BuiltinFunctionType
from typing import Any, Final

from isolation_audit.instrument.barrier import STACK_END, raised_by_signal
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.contents import (
    ABSENT,
    Held,
    attribute_of,
    in_itself,
    is_of_containers,
    item_of,
    items_of,
)
from isolation_audit.instrument.rewrite.listener import (
    ALL,
    ANY,
    ATTRIBUTE,
    CELL,
    DEFAULT,
    ELEMENT,
    ENVIRON,
    GLOBAL,
    ITEM,
    LOCAL,
    arm,
    armed,
    ear,
    listen,
)
from isolation_audit.instrument.rewrite.methods import METHODS

__builtins__ = BUILTINS

_PLACE: Final = "state"
_UNNAMED: Final = frozenset({ITEM, ELEMENT, ENVIRON, ATTRIBUTE, LOCAL})
"""What may be read under a name that the source does not say, or as a part of all."""
_KEYS: Final = (str, bytes, int)
_held: Final[dict[tuple[int, int], Any]] = {}
"""By thread and site: a key between the two moments of ``d[key()] += x``."""


class Event:
    """A constant of rewritten code, which calls its attribute ``None`` (see :mod:`nodes`)."""

    __slots__ = ("None",)

    def __init__(self, function: Any) -> None:
        setattr(self, "None", function)


class Events:
    """What there is to call."""

    call: Any = staticmethod(operator.call)
    getitem = staticmethod(operator.getitem)
    setitem = staticmethod(operator.setitem)
    setattr = staticmethod(setattr)

    # Reads

    @staticmethod
    def attribute(owner: Any, name: str, site: int) -> Any:
        """Before ``owner.name`` is read; gives ``owner``."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                value = in_itself(owner, name)
                if value is not ABSENT:
                    listener.read(owner, ATTRIBUTE, name, value, site)
                else:
                    held = attribute_of(owner, name)
                    if held is not None:
                        listener.read(held.container, held.kind, held.key, held.value, site)
        except Exception as error:
            _fault(error)
        return owner

    @staticmethod
    def field(owner: Any, name: Any, site: int) -> Any:
        """Before ``owner.__dict__[name]`` is read; gives ``owner``."""
        return Events.attribute(owner, name, site) if type(name) is str else owner

    @staticmethod
    def item(owner: Any, key: Any, site: int) -> Any:
        """Before ``owner[key]`` is read; gives ``owner``."""
        try:
            _read_item(owner, key, site)
        except Exception as error:
            _fault(error)
        return owner

    @staticmethod
    def pair(owner: Any, key: Any, site: int) -> tuple[Any, Any]:
        """The same; gives both."""
        try:
            _read_item(owner, key, site)
        except Exception as error:
            _fault(error)
        return owner, key

    @staticmethod
    def all(owner: Any, site: int) -> Any:
        """Before all of ``owner`` is read; gives it."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                listener.read(owner, ALL, None, owner, site)
        except Exception as error:
            _fault(error)
        return owner

    @staticmethod
    def variable(value: Any, name: str, site: int) -> Any:
        """A global has been read; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                listener.read(current_frame(1).f_globals, GLOBAL, name, value, site)
        except Exception as error:
            _fault(error)
        return value

    @staticmethod
    def cell(value: Any, name: str, site: int, closure: Any) -> Any:
        """A closure's variable has been read; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                listener.read(closure.__closure__[0], CELL, name, value, site)
        except Exception as error:
            _fault(error)
        return value

    @staticmethod
    def default(value: Any, name: str, site: int) -> Any:
        """An argument has been read whose default is one object for all calls; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                listener.read(current_frame(1).f_code, DEFAULT, name, value, site)
        except Exception as error:
            _fault(error)
        return value

    @staticmethod
    def getting(site: int, *arguments: Any) -> tuple[Any, ...]:
        """Before ``getattr``; gives its arguments."""
        if type(arguments[1]) is str:
            Events.attribute(arguments[0], arguments[1], site)
        return arguments

    # Stores

    @staticmethod
    def born(owner: Any) -> None:
        """At the beginning of an ``__init__`` that sets attributes."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                listener.born(owner)
        except Exception as error:
            _fault(error)

    @staticmethod
    def stored_attribute(owner: Any, name: str, site: int) -> None:
        """After ``owner.name = x``."""
        try:
            listener = ear.listener
            if owner is not ABSENT and listener is not None and listener.unit() is not None:
                value = in_itself(owner, name)
                if value is not ABSENT:
                    _wrote(owner, ATTRIBUTE, name, value, site)
                else:
                    _tell(attribute_of(owner, name), site)
        except Exception as error:
            _fault(error)

    @staticmethod
    def stored_field(owner: Any, name: Any, site: int) -> None:
        """After ``owner.__dict__[name] = x``."""
        if type(name) is str:
            Events.stored_attribute(owner, name, site)

    @staticmethod
    def stored_item(owner: Any, key: Any, site: int) -> None:
        """After ``owner[key] = x``."""
        try:
            listener = ear.listener
            if owner is not ABSENT and listener is not None and listener.unit() is not None:
                for held in items_of(owner, key) if type(key) is slice else (item_of(owner, key),):
                    _tell(held, site)
        except Exception as error:
            _fault(error)

    @staticmethod
    def stored_variable(value: Any, name: str, site: int) -> None:
        """After a global got a value."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                _tell(Held(current_frame(1).f_globals, GLOBAL, name, value), site)
        except Exception as error:
            _fault(error)

    @staticmethod
    def stored_cell(value: Any, name: str, site: int, closure: Any) -> None:
        """After ``nonlocal`` gave a closure's variable a value."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                _tell(Held(closure.__closure__[0], CELL, name, value), site)
        except Exception as error:
            _fault(error)

    @staticmethod
    def hold(key: Any, site: int) -> Any:
        """The key of an item that is about to be added to; gives it."""
        if ear.listener is not None and type(key) in _KEYS:
            _held[get_ident(), site] = key
        return key

    @staticmethod
    def stored_held(owner: Any, site: int) -> None:
        """After an item was added to, whose key was held."""
        key = _held.pop((get_ident(), site), ABSENT)
        if key is not ABSENT:
            Events.stored_item(owner, key, site)

    @staticmethod
    def storing_attribute(value: Any, owner: Any, name: str, site: int) -> tuple[Any, str, Any]:
        """Before ``owner.name = value``; gives the arguments of ``setattr``."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                held = attribute_of(owner, name, value)
                _tell(held, site)
        except Exception as error:
            _fault(error)
        return owner, name, value

    @staticmethod
    def setting(site: int, owner: Any, name: Any, value: Any) -> tuple[Any, Any, Any]:
        """Before ``setattr``; gives its arguments."""
        if type(name) is str:
            Events.storing_attribute(value, owner, name, site)
        return owner, name, value

    @staticmethod
    def storing_item(value: Any, owner: Any, key: Any, site: int) -> tuple[Any, Any, Any]:
        """Before ``owner[key] = value``; gives the arguments of ``setitem``."""
        try:
            listener = ear.listener
            if listener is not None and listener.unit() is not None:
                _tell(item_of(owner, key, value), site)
        except Exception as error:
            _fault(error)
        return owner, key, value

    # Looking again

    @staticmethod
    def look(owner: Any, name: str) -> Any:
        """An attribute, where it can be seen."""
        try:
            held = None if owner is ABSENT else attribute_of(owner, name)
        except Exception as error:
            _fault(error)
            return ABSENT
        return ABSENT if held is None else held.value

    @staticmethod
    def look_in(owner: Any, key: Any) -> Any:
        """An item, where it can be seen."""
        try:
            held = None if owner is ABSENT else item_of(owner, key)
        except Exception as error:
            _fault(error)
            return ABSENT
        return ABSENT if held is None else held.value

    # Methods of containers

    @staticmethod
    def prepare(method: Any, site: int, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        """Before a method that containers have; gives the method and its arguments."""
        try:
            listener = ear.listener
            if listener is not None and (type(method) is BuiltinFunctionType or is_of_containers(method)):
                tell = METHODS.get(method.__name__)
                if tell is not None and listener.unit() is not None:
                    arguments = tell(method.__self__, arguments, named, _Teller(site))
        except Exception as error:
            _fault(error)
        return (partial(method, **named) if named else method, *arguments)


def _read_item(owner: Any, key: Any, site: int) -> None:
    listener = ear.listener
    if listener is not None and listener.unit() is not None:
        held = item_of(owner, key)
        if held is not None:
            listener.read(held.container, held.kind, held.key, held.value, site)


def _tell(held: Held | None, site: int) -> None:
    if held is not None:
        _wrote(held.container, held.kind, held.key, held.value, site)


def _wrote(container: Any, kind: str, key: Any, value: Any, site: int) -> None:
    """Tell of a store; what it stores to is read with a report from now on."""
    if site not in armed.sites:
        armed.sites.add(site)
        arm(sites.site(site).arms)
        if kind in _UNNAMED:
            arm((ANY,))
    if type(key) is str and key not in armed.names:
        armed.arm(key)
    listener = ear.listener
    if listener is not None:
        listener.wrote(container, kind, key, value, site)


class _Teller:
    """Tells of what a method of a container stores or reads."""

    __slots__ = ("_site",)

    def __init__(self, site: int) -> None:
        self._site = site

    def __call__(self, held: Held, *, read: bool) -> None:
        if not read:
            _tell(held, self._site)
        elif ear.listener is not None:
            ear.listener.read(held.container, held.kind, held.key, held.value, self._site)

    def safely(self, held: Held) -> None:
        """Tell of a write while the application's own method runs."""
        try:
            _tell(held, self._site)
        except Exception as error:
            _fault(error)


def _fault(error: Exception) -> None:
    if isinstance(error, RecursionError):  # no frame is left to count it with
        if ear.barrier is not None:
            ear.barrier.counts[STACK_END] += 1
        return
    if raised_by_signal(error):
        raise error
    if ear.barrier is not None and ear.barrier.fault(_PLACE, error):
        listen(None)
