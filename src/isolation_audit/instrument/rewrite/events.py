"""What rewritten code calls: it looks at what is read or stored, tells the listener, and gives back what it was given.

Nothing of the application runs for it: where a value can't be seen without that, nothing is told. The store or the read
itself happens in the application's own statement, so its frames and exceptions are what they were.
"""

from __future__ import annotations

import operator
from collections import OrderedDict, defaultdict
from sys import _getframe as current_frame
from threading import get_ident
from types import CoroutineType
from typing import Any, Final

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.contents import (
    ABSENT,
    Held,
    attribute_of,
    in_itself,
    item_of,
)
from isolation_audit.instrument.rewrite.listener import (
    ALL,
    ATTRIBUTE,
    CARRIED,
    CELL,
    DEFAULT,
    GLOBAL,
    ITEM,
    QUEUED,
    StateListener,
    ear,
)
from isolation_audit.instrument.rewrite.methods import QUEUES, told_of_part
from isolation_audit.instrument.rewrite.telling import Teller, fault, tell, tell_of, wrote
from isolation_audit.instrument.shim_codes import code_of

__builtins__ = BUILTINS

_KEYS: Final = frozenset(map(id, (str, bytes, int)))
_held: Final[dict[tuple[int, int], Any]] = {}
"""By thread and site: a key between the two moments of ``d[key()] += x``."""


class Events:
    """What there is to call."""

    call: Any = staticmethod(operator.call)
    getitem = staticmethod(operator.getitem)
    setitem = staticmethod(operator.setitem)
    setattr = staticmethod(setattr)
    slice = staticmethod(slice)

    @staticmethod
    def within() -> bool:
        """True where a unit of work runs here."""
        try:
            listener = ear.listener
            return listener is not None and listener.unit() is not None
        except Exception as error:
            fault(error)
            return True

    # Reads

    @staticmethod
    def attribute(owner: Any, name: str, site: int) -> Any:
        """Before ``owner.name`` is read; gives ``owner``."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                read_attribute(listener, unit, owner, name, site)
        except Exception as error:
            fault(error)
        return owner

    @staticmethod
    def flow(value: Any, _site: int) -> Any:
        """What was read goes on; it was told when it was read."""
        return value

    @staticmethod
    def field(owner: Any, name: Any, site: int) -> Any:
        """Before ``owner.__dict__[name]`` is read; gives ``owner``."""
        return Events.attribute(owner, name, site) if type(name) is str else owner

    @staticmethod
    def item(owner: Any, key: Any, site: int) -> Any:
        """Before ``owner[key]`` is read; gives ``owner``."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                read_item(listener, unit, owner, key, site)
        except Exception as error:
            fault(error)
        return owner

    @staticmethod
    def pair(owner: Any, key: Any, site: int) -> tuple[Any, Any]:
        """The same; gives both."""
        return Events.item(owner, key, site), key

    @staticmethod
    def all(owner: Any, site: int) -> Any:
        """Before all of ``owner`` is read; gives it."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, owner, ALL, None, owner, site)
        except Exception as error:
            fault(error)
        return owner

    @staticmethod
    def variable(value: Any, name: str, site: int) -> Any:
        """A global has been read; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, current_frame(1).f_globals, GLOBAL, name, value, site)
        except Exception as error:
            fault(error)
        return value

    @staticmethod
    def cell(value: Any, name: str, site: int, closure: Any) -> Any:
        """A closure's variable has been read; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, closure.__closure__[0], CELL, name, value, site)
        except Exception as error:
            fault(error)
        return value

    @staticmethod
    def default(value: Any, name: str, site: int) -> Any:
        """An argument has been read whose default is one object for all calls; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, code_of(current_frame(1)), DEFAULT, name, value, site)
        except Exception as error:
            fault(error)
        return value

    @staticmethod
    def kept(value: Any, name: str | None, site: int) -> Any:
        """A variable has been read that is a container, and goes on after the call; gives it."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, value, CELL, name, value, site)
        except Exception as error:
            fault(error)
        return value

    @staticmethod
    def carried(value: Any, name: str, site: int) -> Any:
        """A variable of a generator or coroutine has been read; gives its value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, current_frame(1), CARRIED, name, value, site)
        except Exception as error:
            fault(error)
        return value

    @staticmethod
    def getting(site: int, *arguments: Any) -> tuple[Any, ...]:
        """Before ``getattr``; gives its arguments."""
        if type(arguments[1]) is str:
            Events.attribute(arguments[0], arguments[1], site)
        return arguments

    @staticmethod
    def gotten(item: Any, owner: Any, site: int) -> Any:
        """After ``owner.get()``: an item, if that is a queue; gives it."""
        try:
            listener = ear.listener
            is_item = isinstance(owner, QUEUES) and type(item) is not CoroutineType
            if is_item and listener is not None and (unit := listener.unit()) is not None:
                listener.read(unit, owner, QUEUED, None, item, site)
        except Exception as error:
            fault(error)
        return item

    @staticmethod
    def viewing(site: int, *arguments: Any) -> tuple[Any, ...]:
        """Before ``vars``; gives its argument."""
        Events.all(arguments[0], site)
        return arguments

    # Stores

    @staticmethod
    def born(owner: Any) -> None:
        """At the beginning of an ``__init__`` that sets attributes."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                listener.born(unit, owner)
        except Exception as error:
            fault(error)

    @staticmethod
    def stored_attribute(owner: Any, name: str, site: int) -> None:
        """After ``owner.name = x``."""
        try:
            listener = ear.listener
            if owner is not ABSENT and listener is not None and (unit := listener.unit()) is not None:
                value = in_itself(owner, name)
                if value is not ABSENT:
                    wrote(unit, owner, ATTRIBUTE, name, value, site)
                else:
                    tell_of(unit, owner, attribute_of(owner, name), site)
        except Exception as error:
            fault(error)

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
            if owner is not ABSENT and listener is not None and (unit := listener.unit()) is not None:
                kind = type(owner)
                of_ours = kind is dict or kind is OrderedDict or kind is defaultdict
                if of_ours and (type(key) is str or type(key) is int):  # as most are
                    if key in owner:
                        wrote(unit, owner, ITEM, key, owner[key], site)
                else:
                    tell_of(unit, owner, item_of(owner, key), site)
        except Exception as error:
            fault(error)

    @staticmethod
    def stored_variable(value: Any, name: str, site: int) -> None:
        """After a global got a value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                tell(unit, Held(current_frame(1).f_globals, GLOBAL, name, value), site)
        except Exception as error:
            fault(error)

    @staticmethod
    def stored_cell(value: Any, name: str, site: int, closure: Any) -> None:
        """After ``nonlocal`` gave a closure's variable a value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                tell(unit, Held(closure.__closure__[0], CELL, name, value), site)
        except Exception as error:
            fault(error)

    @staticmethod
    def stored_carried(value: Any, name: str, site: int) -> None:
        """After a variable of a generator or coroutine got a value."""
        try:
            listener = ear.listener
            if listener is not None and (unit := listener.unit()) is not None:
                tell(unit, Held(current_frame(1), CARRIED, name, value), site)
        except Exception as error:
            fault(error)

    @staticmethod
    def hold(key: Any, site: int) -> Any:
        """The key of an item that is about to be added to; gives it."""
        if ear.listener is not None and id(type(key)) in _KEYS:
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
            if listener is not None and (unit := listener.unit()) is not None:
                tell_of(unit, owner, attribute_of(owner, name, value), site)
        except Exception as error:
            fault(error)
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
            if listener is not None and (unit := listener.unit()) is not None:
                if type(key) is slice:
                    value = told_of_part(owner, value, Teller(unit, site))
                else:
                    tell_of(unit, owner, item_of(owner, key, value), site)
        except Exception as error:
            fault(error)
        return owner, key, value

    # Looking again

    @staticmethod
    def look(owner: Any, name: str) -> Any:
        """An attribute, where it can be seen."""
        try:
            value = ABSENT if owner is ABSENT else in_itself(owner, name)
            if value is not ABSENT:
                return value
            held = None if owner is ABSENT else attribute_of(owner, name)
        except Exception as error:
            fault(error)
            return ABSENT
        return ABSENT if held is None else held.value

    @staticmethod
    def look_in(owner: Any, key: Any) -> Any:
        """An item, where it can be seen."""
        try:
            held = None if owner is ABSENT else item_of(owner, key)
        except Exception as error:
            fault(error)
            return ABSENT
        return ABSENT if held is None else held.value


def read_attribute(listener: StateListener, unit: object, owner: Any, name: str, site: int) -> None:
    """Tell of an attribute that is being read."""
    value = in_itself(owner, name)
    if value is not ABSENT:
        listener.read(unit, owner, ATTRIBUTE, name, value, site)
        return
    held = attribute_of(owner, name)
    if held is not None:
        listener.read(unit, held.container, held.kind, held.key, held.value, site)


def read_item(listener: StateListener, unit: object, owner: Any, key: Any, site: int) -> None:
    """Tell of an item that is being read."""
    held = item_of(owner, key)
    if held is not None:
        listener.read(unit, held.container, held.kind, held.key, held.value, site)
