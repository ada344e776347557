"""The values and effects of a function, as a list: each node names earlier ones as its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType


class Kind(Enum):
    """What a node is. The last ones are effects, which nothing has as a part."""

    CONSTANT = auto()
    LOCAL = auto()
    """A local variable, read: ``name``."""
    OUTER = auto()
    """A name of a function around this one, of the module, or of the builtins."""
    ATTRIBUTE = auto()
    """``name`` of the one part."""
    ITEM = auto()
    """Of the first part, under the second one."""
    CALL = auto()
    """Of the first part; the others are handed over, the last ones under ``keywords``."""
    FUNCTION = auto()
    """A function made here, from ``value``, its code."""
    IS_NONE = auto()
    MADE = auto()
    """Anything that is made from its parts."""

    BIND = auto()
    """The part gets the local ``name``."""
    BIND_OUTER = auto()
    ADD = auto()
    """The second part is put into the first, a list or the like that is being built."""
    SET_ATTRIBUTE = auto()
    """``name`` of the first part becomes the second."""
    SET_ITEM = auto()
    """Of the first part, under the second, becomes the third."""
    DELETE_ITEM = auto()
    DISCARD = auto()
    """The part was made for its effect only."""
    RETURN = auto()
    """Also what is yielded."""


@dataclass(slots=True)
class Node:
    """One value or effect; ``control`` are the tests that have led here."""

    kind: Kind
    parts: tuple[int, ...] = ()
    name: str = ""
    value: Any = None
    keywords: tuple[str, ...] = ()
    starred: bool = False
    """A call that is handed ``*args`` or ``**kwargs``: its second part, and its third."""
    control: tuple[int, ...] = ()
    offset: int = 0


@dataclass(slots=True)
class Flow:
    """One code object, read. ``chooses`` is True where it decides something, or makes a function for later."""

    code: CodeType
    nodes: list[Node] = field(default_factory=list)
    chooses: bool = False


class UnreadableError(Exception):
    """The code has an operation that is not known, or not as it is known."""
