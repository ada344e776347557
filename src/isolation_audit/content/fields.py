"""Fields: where in a JSON document something is, as a path such as ``$.items[3].owner``; the path holds no values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.naming import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    Holds = Callable[[Any], bool]

_DEPTH: Final = 32
_LONGEST: Final = 200

_is_name: Final = pattern(r"[A-Za-z_][A-Za-z_-]{0,39}[0-9]{0,2}")


def field_of(document: str, holds: Holds, private: Callable[[str], bool], skip: frozenset[str]) -> str | None:
    """The path of the first value in a JSON document for which ``holds`` is true; None for what is no JSON.

    ``holds`` is asked about values with all that is in them. What is below the keys in ``skip`` does not count. A key
    that is ``private``, such as the id of a user, or that is no name, is written ``*``.
    """
    value = parsed(document)
    if value is None or not holds(value):
        return None
    path = "$"
    for _ in range(_DEPTH):
        if type(value) is dict:
            below = _in_object(value, holds, private, skip)
        elif type(value) is list:
            below = _in_list(value, holds)
        else:
            below = None
        if below is None or len(path) > _LONGEST:
            break
        path, value = path + below[0], below[1]
    return path


def _in_object(
    value: dict[str, Any], holds: Holds, private: Callable[[str], bool], skip: frozenset[str]
) -> tuple[str, Any] | None:
    for key, item in value.items():
        if key in skip:
            continue
        if holds(key):
            return ".*", None
        if holds({key: item}):
            return (f".{key}" if _is_name.fullmatch(key) and not private(key) else ".*"), item
    return None


def _in_list(items: list[Any], holds: Holds) -> tuple[str, Any] | None:
    """By halves: asking costs what the length of the text is, and lists are long."""
    low, high = 0, len(items)
    if not holds(items):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if holds(items[low:middle]):
            high = middle
        else:
            low = middle
    return f"[{low}]", items[low]
