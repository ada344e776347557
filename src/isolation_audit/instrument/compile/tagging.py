"""Checks of constructions: an object that is built like the last one is recorded by the code of the constructor itself.

The comparisons come after the constructor, when the object has its attributes. Where they hold, and the innermost
frames are those of the last time, the object gets its record, and nobody is asked.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.compile.check import Check
from isolation_audit.instrument.compile.site import Site
from isolation_audit.instrument.stacks import outside_of_shim
from isolation_audit.model.owner_records import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.owner_records import Objects
    from isolation_audit.model.users import User

_FRAMES: Final = 8
"""Frames that are compared, at most: those of the application, and what stands between them."""


class ConstructionSite(Site):
    """What one constructor remembers of its last object."""

    __slots__ = ("alone",)

    alone: bool
    """True as long as no other constructor that is instrumented for the same entry can run around this one."""


class ConstructionCheck(Check):
    """What makes a construction like the last one; what is carried is the function that records the object."""

    carried = ("tag",)
    ends = True
    site_kind = ConstructionSite
    site: ConstructionSite


def tag_like(
    objects: Objects, owner: User, origin: RawStack, label: str, built_by: tuple[str, ...], frames: int
) -> Callable[[Any], bool] | None:
    """``tag(obj)``, called by the shim of a constructor: records ``obj``; False where it is not called from this place.

    None where this place can't be told again. ``frames`` of the application are compared.
    """
    found = outside_of_shim(frames, _FRAMES)
    if found is None:
        return None
    place, complete = found
    records, forget, running = objects.records, objects.forget, sys._getframe  # noqa: SLF001 - the documented way

    def tag(obj: Any) -> bool:
        try:
            frame: Any = running(2)
            for code, lasti in place:
                if frame is None or frame.f_code is not code or frame.f_lasti != lasti:
                    return False
                frame = frame.f_back
            if complete and frame is not None:
                return False
            record = Record(obj, forget)
            record.key = key = id(obj)
            record.owner, record.origin, record.origin_label, record.built_by = owner, origin, label, built_by
            # Whoever has a record already, from a use in the constructor, is looked at.
            return records.setdefault(key, record) is record
        except Exception as error:
            if raised_by_signal(error):
                raise
            return False

    return tag
