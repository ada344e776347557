"""What a container still holds of what was written into it. Nothing of the application runs for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from isolation_audit.instrument.heap.parts import fields

if TYPE_CHECKING:
    from isolation_audit.rules.state.records import Write

NOTHING: Final = object()


def held_of(container: Any, key: Any, write: Write) -> Any:
    """What a container still holds of a write; ``NOTHING`` where that is gone."""
    try:
        if key is not None and issubclass(type(container), dict):
            value = dict.get(container, key[1], NOTHING)
            return value if value is not NOTHING and write.is_of(value) else NOTHING
        if key is not None:
            value = fields(container).get(key[1], NOTHING)
            return value if value is not NOTHING and write.is_of(value) else NOTHING
        for plain in (list, tuple, set, frozenset):
            if issubclass(type(container), plain):
                return next((one for one in plain.__iter__(container) if write.is_of(one)), NOTHING)
        return next((one for one in list(container) if write.is_of(one)), NOTHING)
    except (TypeError, RuntimeError):
        return NOTHING


def is_among(held: object, part: object) -> bool:
    """True for an element of the part that was read; texts are compared, which runs nothing."""
    return any(
        one is held or (type(one) is str and type(held) is str and one == held) for one in cast("list[object]", part)
    )
