"""Payloads: gives the texts of whatever is being sent, each once, within bounds, running none of its code."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Iterable

NODES: Final = 100_000
"""Values of one payload that are looked at."""

CHARACTERS: Final = 1_000_000
"""Characters of one payload that are looked at; a longer text is cut there."""

_FEW: Final = 32
_SHORT: Final = 4096
"""Entries of a dict, and characters of each text in it, that are within all bounds."""

_LARGEST_NUMBER: Final = 10**40
_NOTHING: Final = type(None)
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)
_RECORDS: Final = frozenset(
    {"__dataclass_fields__", "__attrs_attrs__", "__pydantic_core_schema__", "__fields__", "__struct_fields__"}
)
"""What classes of plain fields carry: dataclasses, attrs, pydantic 2 and 1, msgspec."""


_namespace_of: Final = type.__dict__["__dict__"].__get__
"""Past whatever a metaclass makes of ``__dict__``."""

_CLASSES: Final = 2_000
_closed: Final[dict[int, tuple[ref[type], int]]] = {}
"""By identity: classes whose objects have no texts and nothing inside, as those of an ORM, each with so many names."""


class Gathering:
    """The texts of one payload; ``truncated`` where a bound was met.

    Walked: str, bytes-like (as UTF-8), int, UUID, the standard library's dict, list, tuple, set and deque with their
    subclasses, and the fields of classes that declare fields. ``skip`` names keys and fields that are left out, with
    everything below them.
    """

    def __init__(self, payload: Any, skip: frozenset[str] = frozenset()) -> None:
        self.texts: list[str] = []
        self.truncated = False
        self._skip = skip
        self._characters = CHARACTERS
        self._nodes = NODES
        self._walk(payload)

    def _walk(self, payload: Any) -> None:
        seen: set[int] = set()
        waiting = [payload]
        while waiting:
            value = waiting.pop()
            kind = type(value)
            if kind is str and len(value) < self._characters:  # as nearly always: nothing is called for it
                self._characters -= len(value) + 1
                self.texts.append(value)
            elif kind is str:
                self._take(value)
            elif kind is float or kind is bool or kind is _NOTHING:
                # One by one: in a set they would be compared by a metaclass's own __hash__ and __eq__.
                continue
            elif (
                (closed := _closed.get(id(kind))) is not None
                and closed[0]() is kind
                and closed[1] == len(_namespace_of(kind))
            ):
                continue
            elif (text := _text(value, kind, self._characters)) is not None:
                self._take(text)
            elif id(value) not in seen:
                # The payload holds its containers while it is walked, so their identities are their own.
                seen.add(id(value))
                children = list(islice(self._children(value, kind), self._nodes + 1))
                self._nodes -= len(children)
                waiting += reversed(children)
            if self._nodes < 0 or self._characters < 0:
                self.truncated = True
                return

    def _take(self, text: str) -> None:
        left = self._characters
        self._characters -= len(text) + 1
        self.texts.append(text if len(text) <= left else text[:left])

    def _children(self, value: Any, kind: type) -> Iterable[Any]:
        if issubclass(kind, dict):
            # dict's own method: a subclass may have made items() anything.
            items = list(islice(dict.items(value), self._nodes + 1))
            if self._skip:
                items = [(key, item) for key, item in items if type(key) is not str or key not in self._skip]
            return chain.from_iterable(items)
        for plain in _SEQUENCES:
            if issubclass(kind, plain):
                # A copy, so that another thread can't change what is being walked.
                return list(islice(plain.__iter__(value), self._nodes + 1))
        mro = type.__dict__["__mro__"].__get__(kind)
        namespaces = [_namespace_of(cls) for cls in mro]
        if any(not _RECORDS.isdisjoint(namespace) for namespace in namespaces):
            return self._fields(value, namespaces)
        if kind is not memoryview:  # some of which have a text
            if len(_closed) >= _CLASSES:
                _closed.clear()
            _closed[id(kind)] = ref(kind), len(namespaces[0])
        return ()

    def _fields(self, value: Any, namespaces: list[Any]) -> list[Any]:
        """What is stored in the instance: in its ``__dict__`` and its slots, past properties and ``__getattr__``."""
        found = []
        for namespace in namespaces:
            for name, member in list(namespace.items()):
                if type(member) is MemberDescriptorType and self._meant(name):
                    try:
                        found.append(member.__get__(value))
                    except AttributeError:
                        continue  # a slot that was never filled
                elif name == "__dict__" and type(member) is GetSetDescriptorType:
                    stored = member.__get__(value)
                    found += [item for field, item in list(dict.items(stored)) if self._meant(field)]
        return found

    def _meant(self, name: str) -> bool:
        if name.startswith("__"):
            return name == "__pydantic_extra__"
        return name not in self._skip


def plain_texts(payload: dict[Any, Any]) -> list[str] | None:
    """The texts of a small dict that holds nothing else, as most payloads of events do; None for any other."""
    if len(payload) > _FEW:
        return None
    texts: list[str] = []
    for key, value in [*payload.items()]:
        if type(key) is not str or type(value) is not str or len(key) > _SHORT or len(value) > _SHORT:
            return None
        texts += key, value
    return texts


def _text(value: Any, kind: type, limit: int) -> str | None:
    # By the type, never isinstance(): a proxy's __class__ would have the application's code run, and lie.
    if issubclass(kind, str):
        return str.__str__(value)
    if kind is int:
        # A number with thousands of digits is expensive to write down, and no id.
        return int.__repr__(value) if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else ""
    if kind is UUID:
        return UUID.__str__(value)
    for plain in (bytes, bytearray):
        if issubclass(kind, plain):
            # One byte more than the limit, so that the caller sees that there was more.
            return plain.__getitem__(value, slice(limit + 1)).decode("utf-8", "replace")
    if kind is memoryview:
        return bytes(value.cast("B")[: limit + 1]).decode("utf-8", "replace") if value.contiguous else None
    return None
