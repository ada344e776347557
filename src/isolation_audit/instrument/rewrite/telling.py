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


def tell(held: Held | None, site: int) -> None:
    if held is not None:
        wrote(held.container, held.kind, held.key, held.value, site)


def tell_of(owner: Any, held: Held | None, site: int) -> None:
    """The same, of what ``owner`` may have another object keep."""
    if held is not None and held.container is not owner:
        if held.kind == ITEM:
            concern(id(owner))
        else:
            events.always(held.key)
    tell(held, site)


def wrote(container: Any, kind: str, key: Any, value: Any, site: int) -> None:
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
        listener.wrote(container, kind, key, value, site)


class Teller:
    """Tells of what a method of a container stores or reads."""

    __slots__ = ("_site",)

    def __init__(self, site: int) -> None:
        self._site = site

    def __call__(self, held: Held, *, read: bool) -> None:
        if not read:
            tell(held, self._site)
        elif ear.listener is not None:
            ear.listener.read(held.container, held.kind, held.key, held.value, self._site)

    def safely(self, held: Held) -> None:
        """Tell of a write while the application's own method runs."""
        try:
            tell(held, self._site)
        except Exception as error:
            fault(error)


class OfFields(Teller):
    """The same of the dict that has an object's attributes."""

    __slots__ = ("_owner",)

    def __init__(self, site: int, owner: Any) -> None:
        super().__init__(site)
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
