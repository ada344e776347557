"""How a report reaches the listener: what is written arms its name, and a fault goes no further."""

from __future__ import annotations

from typing import Any, Final

from isolation_audit.instrument.barrier import STACK_END, raised_by_signal
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.contents import Held
from isolation_audit.instrument.rewrite.listener import (
    ALL,
    ANY,
    ATTRIBUTE,
    ELEMENT,
    ENVIRON,
    GLOBAL,
    ITEM,
    LOCAL,
    QUEUED,
    arm,
    armed,
    concern,
    ear,
    events,
    listen,
)

__builtins__ = BUILTINS

_PLACE: Final = "state"
_UNNAMED: Final = frozenset({ITEM, ELEMENT, QUEUED, ENVIRON, ATTRIBUTE, LOCAL})
"""What may be read under a name that the source does not say, or as a part of all."""


def tell(unit: object, held: Held | None, site: int) -> None:
    if held is not None:
        wrote(unit, held.container, held.kind, held.key, held.value, site)


def tell_of(unit: object, owner: Any, held: Held | None, site: int) -> None:
    """The same, of what ``owner`` may have another object keep."""
    if held is not None and held.container is not owner:
        if held.kind == ITEM:
            concern(id(owner), None)
        else:
            events.always(held.key)
    tell(unit, held, site)


def wrote(unit: object, container: Any, kind: str, key: Any, value: Any, site: int) -> None:
    """Tell of a store; what it stores to is read with a report from now on."""
    if site not in armed.sites:
        armed.sites.add(site)
        arm(sites.site(site).arms)
        if kind in _UNNAMED:
            arm((ANY,))
    if type(key) is str and key not in armed.names:
        armed.arm(key)
    if kind == GLOBAL or (kind == ATTRIBUTE and isinstance(container, type)):
        events.always(key)  # it is read through a module, or through any object of the class
    listener = ear.listener
    if listener is not None:
        listener.wrote(unit, container, kind, key, value, site)


class Teller:
    """Tells of what a method of a container stores or reads in a unit of work."""

    __slots__ = ("_site", "_unit")

    def __init__(self, unit: object, site: int) -> None:
        self._unit, self._site = unit, site

    def __call__(self, held: Held, *, read: bool) -> None:
        if not read:
            tell(self._unit, held, self._site)
        elif ear.listener is not None:
            ear.listener.read(self._unit, held.container, held.kind, held.key, held.value, self._site)

    def safely(self, held: Held) -> None:
        """Tell of a write while the application's own method runs."""
        try:
            unit = None if ear.listener is None else ear.listener.unit()  # by now it may be another's work
            if unit is not None:
                tell(unit, held, self._site)
        except Exception as error:
            fault(error)


class OfFields(Teller):
    """The same of the dict that has an object's attributes."""

    __slots__ = ("_owner",)

    def __init__(self, unit: object, site: int, owner: Any) -> None:
        super().__init__(unit, site)
        self._owner = owner

    def __call__(self, held: Held, *, read: bool) -> None:
        if held.kind == ALL:
            super().__call__(Held(self._owner, ALL, None, self._owner), read=read)
        elif type(held.key) is str:
            super().__call__(Held(self._owner, ATTRIBUTE, held.key, held.value), read=read)


def fault(error: Exception) -> None:
    if isinstance(error, RecursionError):  # no frame is left to count it with
        if ear.barrier is not None:
            ear.barrier.counts[STACK_END] += 1
        return
    if raised_by_signal(error):
        raise error
    if ear.barrier is not None and ear.barrier.fault(_PLACE, error):
        listen(None)
