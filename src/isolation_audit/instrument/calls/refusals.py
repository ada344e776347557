"""Refusals: results by which an application says that it did not do what it was asked for."""

from __future__ import annotations

from typing import Any, Final

_ERROR: Final = 400
_STATUS: Final = ("status_code", "status")
_TELLING: Final = ("error", "errors")
_SUCCESS: Final = ("ok", "success")
_PLAIN: Final = frozenset(map(id, (str, list, dict, bool, int)))


def refuses(result: Any) -> bool:
    """True for an exception, a response or a dict that tells of an error, and what Flask makes such a response of.

    Only plain data is read: no attribute is computed for it.
    """
    kind = type(result)
    if issubclass(kind, BaseException):
        return True
    if kind is tuple:
        return any(_is_error(part) for part in result[1:])
    fields = result if kind is dict else _fields(result)
    if any(_is_error(fields.get(name)) for name in _STATUS):
        return True
    return kind is dict and (
        any(_tells(fields.get(name)) for name in _TELLING) or any(fields.get(name) is False for name in _SUCCESS)
    )


def _is_error(value: Any) -> bool:
    return type(value) is int and value >= _ERROR


def _tells(value: Any) -> bool:
    return id(type(value)) in _PLAIN and bool(value)


def _fields(result: Any) -> dict[str, Any]:
    try:
        fields = object.__getattribute__(result, "__dict__")
    except AttributeError:
        return {}
    return fields if type(fields) is dict else {}
