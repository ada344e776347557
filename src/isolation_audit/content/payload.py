"""Payloads: walks whatever is being sent and gives its text once, within bounds, running none of its code."""

from __future__ import annotations

import dataclasses
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NODES: Final = 20_000
"""Containers and texts of one payload that are looked at."""

CHARACTERS: Final = 1_000_000
"""Characters of one payload that are looked at; a longer text is cut there."""

_ATOMS: Final = frozenset({int, float, bool, type(None)})
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)


class Texts:
    """Iterates over the texts in a payload; afterwards ``truncated`` tells whether a bound was met.

    Walked: str, bytes-like (as UTF-8), mappings and sequences of the standard library, dataclasses, pydantic models.
    ``skip`` names keys and fields that are left out, with everything below them.
    """

    def __init__(self, payload: Any, skip: frozenset[str] = frozenset()) -> None:
        self._payload = payload
        self._skip = skip
        self.truncated = False

    def __iter__(self) -> Iterator[str]:
        left, nodes = CHARACTERS, NODES
        seen: set[int] = set()
        waiting: list[Any] = [self._payload]
        while waiting:
            value = waiting.pop()
            nodes -= 1
            if nodes < 0 or left <= 0:
                self.truncated = True
                return
            text = _text(value, left)
            if text is not None:
                self.truncated = self.truncated or len(text) > left
                yield text[:left]
                left -= len(text)
            elif type(value) not in _ATOMS and id(value) not in seen:
                # The payload holds its containers while it is walked, so their identities are their own.
                seen.add(id(value))
                waiting.extend(self._children(value))

    def _children(self, value: Any) -> Iterable[Any]:
        kind = type(value)
        if issubclass(kind, dict):
            # dict's own method: a subclass may have made items() anything.
            for key, item in dict.items(value):
                if type(key) is not str or key not in self._skip:
                    yield key
                    yield item
        elif issubclass(kind, _SEQUENCES):
            yield from _plain_iteration(value)
        else:
            yield from self._fields(value)

    def _fields(self, value: Any) -> Iterable[Any]:
        kind = type(value)
        if dataclasses.is_dataclass(kind):
            names = [field.name for field in dataclasses.fields(kind)]
        elif _is_pydantic(kind):
            names = list(vars(value))
        else:
            return
        for name in names:
            if name not in self._skip:
                try:
                    yield object.__getattribute__(value, name)
                except AttributeError:
                    continue  # a field that was never set


def _plain_iteration(value: Any) -> Iterable[Any]:
    for kind in _SEQUENCES:
        if issubclass(type(value), kind):
            # The standard library's own iteration, for the same reason.
            return list(kind.__iter__(value))
    return ()


def _text(value: Any, limit: int) -> str | None:
    # type(), never isinstance(): a proxy's __class__ would have the application's code run, and lie.
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, (bytes, bytearray)):
        # One byte more than the limit, so that the caller sees that there was more.
        return bytes(value[: limit + 1]).decode("utf-8", "replace")
    if kind is memoryview:
        return bytes(value.cast("B")[: limit + 1]).decode("utf-8", "replace") if value.contiguous else None
    return None


def _is_pydantic(kind: type) -> bool:
    # Its package is never imported for this; where it isn't, no object can be one of its models.
    pydantic = sys.modules.get("pydantic")
    model = getattr(pydantic, "BaseModel", None)
    return model is not None and model in kind.__mro__
