"""Names and values in what has come in or goes out: JSON, forms, queries, and what frameworks have made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from isolation_audit.content.naming import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST: Final = 16 * 1024
"""Characters that are looked through, and how deep:"""
_LEVELS: Final = 4


def _everywhere(_name: Any, _value: Any) -> bool:
    return True


def pairs_in(
    held: Any, levels: int = _LEVELS, enters: Callable[[Any, Any], bool] = _everywhere
) -> Iterator[tuple[str, Any]]:
    """Names and the values beside them; ``enters`` says whether what stands inside such a value counts as well.

    It is asked with the name and the value, which is an object or a list. A list of two texts that is a tuple is one
    pair of a form.
    """
    kind = type(held)
    if kind is str or kind is bytes:
        text = held if kind is str else str(held[:_LONGEST], "utf-8", "replace")
        within = parsed(text) if len(text) <= _LONGEST else None
        yield from (
            pairs_in(within, levels - 1, enters) if within is not None else parse_qsl(text) if "=" in text else ()
        )
    elif not levels:
        return
    elif issubclass(kind, dict):
        for name, value in list(dict.items(held)):
            if type(name) is str:
                yield name, value
            if issubclass(type(value), (dict, list)) and enters(name, value):
                yield from pairs_in(value, levels - 1, enters)
    elif kind is tuple and [*map(type, held)] == [str, str]:
        yield held
    elif kind is list or kind is tuple:
        for value in held:
            yield from pairs_in(value, levels if kind is list else levels - 1, enters)


def texts_by_name(held: Any) -> Iterator[tuple[str, str]]:
    """The pairs whose values are texts."""
    return ((name, value) for name, value in pairs_in(held) if type(value) is str)
