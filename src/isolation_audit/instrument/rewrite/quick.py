"""What rewritten code calls where the listener has named the objects that concern it: most reads end after one look."""

from __future__ import annotations

from typing import Any, Final

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.calls import Calls
from isolation_audit.instrument.rewrite.events import Events
from isolation_audit.instrument.rewrite.listener import (
    ATTRIBUTE,
    ENVIRON,
    ITEM,
    LOCAL,
    Event,
    concerned,
    ear,
    events,
)
from isolation_audit.instrument.rewrite.telling import fault

__builtins__ = BUILTINS

_TEXTS: Final[frozenset[type]] = frozenset({str, bytes, int, float, bool, type(None)})
"""What is known by what it is, and not by its identity."""
_NAMED: Final = (ATTRIBUTE, LOCAL)
_KEYED: Final = (ITEM, ENVIRON)
"""What an attribute may be, and an item."""


class Quick:
    """The same as ``Events`` has under these names."""

    @staticmethod
    def attribute(owner: Any, name: str, site: int, concerned: set[int] = concerned) -> Any:
        """Before ``owner.name`` is read; gives ``owner``."""
        if id(owner) in concerned:
            try:
                heard = ear.hears(id(owner), _NAMED, name)
            except Exception as error:
                fault(error)
                return owner
            if heard:
                Events.attribute(owner, name, site)
        return owner

    @staticmethod
    def item(owner: Any, key: Any, site: int, concerned: set[int] = concerned) -> Any:
        """Before ``owner[key]`` is read; gives ``owner``."""
        return Events.item(owner, key, site) if id(owner) in concerned and _hears(owner, _KEYED, key) else owner

    @staticmethod
    def pair(owner: Any, key: Any, site: int, concerned: set[int] = concerned) -> tuple[Any, Any]:
        """The same; gives both."""
        return Events.pair(owner, key, site) if id(owner) in concerned and _hears(owner, _KEYED, key) else (owner, key)

    @staticmethod
    def flow(value: Any, site: int, concerned: set[int] = concerned, texts: frozenset[type] = _TEXTS) -> Any:
        """What was read of another object goes on, and is told if it concerns the listener itself."""
        if type(value) in texts or id(value) not in concerned or not _hears(value, (), None):
            return value
        return Events.kept(value, None, site)


def _hears(obj: Any, kinds: tuple[str, ...], key: Any) -> bool:
    try:
        return ear.hears(id(obj), kinds, key)
    except Exception as error:
        fault(error)
        return False


def made(rest: str) -> Event:
    """The constant of this name, and of attributes the name of the attribute."""
    name, _, attribute = rest.partition("\0")
    quick = getattr(Quick, name, None)
    event = Event(getattr(Calls, name), quick)
    return event if quick is None else events.add(event, attribute)
