"""Reading one item of the application's mappings and sequences, without having anything loaded or noted for it.

Dicts, lists and tuples are read past what their subclasses do: a session that is one notes that it was asked. A class
written in C, and the mappings of known libraries, are asked. One of the application's own is, where it only hands on.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final

from isolation_audit.instrument.reading.attributes import find_in, reader_of
from isolation_audit.instrument.reading.lazy_objects import NotReadError, behind, item_behind
from isolation_audit.instrument.reading.plain_properties import getitem_hands_on_to

_PURE: Final = ("collections", "starlette.datastructures", "werkzeug.datastructures", "django.utils.datastructures",
                "django.http", "multidict", "requests.structures", "httpx", "email.message")  # fmt: skip
"""Modules whose mappings give what they hold, and do nothing else."""


def item_of(value: Any, key: Any) -> Any:
    """The item; LookupError where there is none, or where it is not known for now."""
    kind = type(value)
    if issubclass(kind, dict):
        return _of_dict(value, key)
    for plain in (list, tuple, str):
        if issubclass(kind, plain):
            return plain.__getitem__(value, key)
    unusual = behind(kind)
    if unusual is not None:
        return item_of(unusual(value, reader_of), key)
    special = item_behind(kind)
    if special is not None:
        return special(value, key)
    getting = find_in(kind, "__getitem__")
    if type(getting) is not FunctionType or getting.__module__.startswith(_PURE):
        return value[key]
    inner = getitem_hands_on_to(getting)
    if inner is None:
        raise NotReadError(key)
    return item_of(reader_of(inner)(value), key)


def _of_dict(value: dict[Any, Any], key: Any) -> Any:
    # Not by the class's own way: a defaultdict would make what is not there.
    if not dict.__contains__(value, key):
        raise KeyError
    found = dict.__getitem__(value, key)
    getting = find_in(type(value), "__getitem__")
    several = type(getting) is FunctionType and getting.__module__.startswith(_PURE) and type(found) is list
    return found[-1] if several and found else found
