"""Messages of gRPC as plain data: what is searched of them, where they come in and where they leave."""

from __future__ import annotations

from typing import Any, Final

_LEVELS: Final = 20
_SCALARS: Final = frozenset(map(id, (str, bytes, int, float, bool, type(None))))


def plain(message: Any, levels: int = _LEVELS) -> Any:
    """A message of protocol buffers as dicts and lists, by the names of its fields; anything else as it is.

    Only fields that are set are there. What is nested deeper than ``levels`` is left out.
    """
    fields = getattr(message, "ListFields", None)
    if fields is None:
        return message
    return {descriptor.name: _value(value, levels - 1) for descriptor, value in fields()} if levels else {}


def _value(value: Any, levels: int) -> Any:
    if id(type(value)) in _SCALARS:
        return value
    if hasattr(value, "ListFields"):
        return plain(value, levels)
    if hasattr(value, "items"):  # a map
        return {str(key): _value(one, levels) for key, one in value.items()}
    return [_value(one, levels) for one in value]
