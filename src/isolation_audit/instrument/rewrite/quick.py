"""What rewritten code calls where the listener has named the objects that concern it: most reads end after one look."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.calls import Calls
from isolation_audit.instrument.rewrite.events import read_attribute, read_item
from isolation_audit.instrument.rewrite.listener import (
    ATTRIBUTE,
    CELL,
    ENVIRON,
    ITEM,
    LOCAL,
    TEXTS,
    Event,
    concerned,
    ear,
    events,
)
from isolation_audit.instrument.rewrite.telling import fault

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.listener import StateListener

__builtins__ = BUILTINS

OnlyOf = Callable[[int, object], object]
_NAMED: Final = (ATTRIBUTE, LOCAL)
_KEYED: Final = (ITEM, ENVIRON)
"""What an attribute may be, and an item."""


_NOBODY: Final = object()


class Quick:
    """The same as ``Events`` has under these names."""

    @staticmethod
    def attribute(owner: Any, name: str, site: int, only_of: OnlyOf = concerned.get, nobody: object = _NOBODY) -> Any:
        """Before ``owner.name`` is read; gives ``owner``."""
        only = only_of(id(owner), nobody)
        if only is not nobody:
            try:
                unit = ear.unit()
                if unit is not None and unit is not only and ear.hears(unit, id(owner), _NAMED, name):
                    read_attribute(cast("StateListener", ear.listener), unit, owner, name, site)
            except Exception as error:
                fault(error)
        return owner

    @staticmethod
    def item(owner: Any, key: Any, site: int, only_of: OnlyOf = concerned.get, nobody: object = _NOBODY) -> Any:
        """Before ``owner[key]`` is read; gives ``owner``."""
        only = only_of(id(owner), nobody)
        if only is not nobody:
            try:
                unit = ear.unit()
                if unit is not None and unit is not only and ear.hears(unit, id(owner), _KEYED, key):
                    read_item(cast("StateListener", ear.listener), unit, owner, key, site)
            except Exception as error:
                fault(error)
        return owner

    @staticmethod
    def pair(owner: Any, key: Any, site: int) -> tuple[Any, Any]:
        """The same; gives both."""
        return Quick.item(owner, key, site), key

    @staticmethod
    def flow(value: Any, site: int, only_of: OnlyOf = concerned.get, nobody: object = _NOBODY) -> Any:
        """What was read of another object goes on, and is told if it concerns the listener itself."""
        if id(type(value)) not in TEXTS:
            only = only_of(id(value), nobody)
            if only is not nobody:
                try:
                    unit = ear.unit()
                    if unit is not None and unit is not only and ear.hears(unit, id(value), (), None):
                        cast("StateListener", ear.listener).read(unit, value, CELL, None, value, site)
                except Exception as error:
                    fault(error)
        return value


def made(rest: str) -> Event:
    """The constant of this name, and of attributes the name of the attribute."""
    name, _, attribute = rest.partition("\0")
    quick = getattr(Quick, name, None)
    event = Event(getattr(Calls, name), quick)
    return event if quick is None else events.add(event, attribute)
