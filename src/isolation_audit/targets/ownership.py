"""The owner witness of an object in use: what its configured paths say, else its record, else its first user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.reading.layout import UserReader
from isolation_audit.instrument.stacks import capture
from isolation_audit.instrument.tracking.observations import Shared
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from isolation_audit.config.model import Deprecation, Emitter, Engine
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.owner_records import Record
    from isolation_audit.model.users import User

FIRST_USE: Final = "first used for"

_ORIGIN_FRAMES: Final = 4
# A member looked up through its Enum class costs more than the rest of these functions.
_USER: Final = Kind.USER
_PLACEHOLDER: Final = Kind.PLACEHOLDER


def known(user: User | None) -> User | None:
    """A user as a witness: placeholders testify nothing."""
    return None if user is None or user.kind is _PLACEHOLDER else user


def record_of(obj: Any, runtime: Runtime) -> Record | None:
    """What is known of the object, for a finding."""
    return runtime.objects.get(obj)


def owner_reader(entry: Engine | Deprecation | Emitter, layout: Layout, runtime: Runtime) -> UserReader:
    """A reader of what an entry's ``owner`` says."""
    return UserReader(entry.owner, layout, runtime.names.meant, runtime.bindings, runtime.paths.of(entry, "owner"))


def owner_of(
    obj: Any,
    values: Values,
    paths: UserReader | None,
    ambient: User | None,
    runtime: Runtime,
    method: str | None = None,
) -> User | None:
    """The owner of ``obj``; an object without one is bound to the user it is first used for.

    Where the paths tell whose a call is, and not whose the object, it is bound for as long as all have been one user.
    """
    of_call = paths is not None and paths.of_call
    # The paths come first: where an object's user is overwritten under it, the present value is the truth.
    if paths is not None:
        owner = paths.read(values)
        if owner is not None and owner.kind is not _PLACEHOLDER:
            if of_call and owner.kind is _USER:
                _serves(obj, owner, runtime)
            return owner
    record = runtime.objects.get(obj)
    if record is not None and record.owner is not None:
        if of_call and record.origin_label == FIRST_USE and ambient is not None and differ(record.owner, ambient):
            _share(obj, record, record.owner, ambient, runtime)
            return None
        if record.only is not method:
            record.only = None
        return record.owner
    if ambient is None or ambient.kind is not _USER or (record is not None and record.shared):
        return None
    record = runtime.objects.record(obj)
    if record is not None:
        if record.served is not None and differ(record.served, ambient):
            _share(obj, record, record.served, ambient, runtime)
            return None
        record.owner = ambient
        record.only = method
        record.origin = capture(_ORIGIN_FRAMES)
        record.origin_label = FIRST_USE
    return ambient


def _serves(obj: Any, user: User, runtime: Runtime) -> None:
    """A call has named its user: the first, the same again, or another one, and then the object is nobody's own."""
    record = runtime.objects.record(obj)
    if record is None or record.shared or record.served is user:
        return
    if record.owner is not None and record.origin_label != FIRST_USE:
        return  # it was built for somebody
    before = record.served or record.owner
    if before is None or same(before, user):
        record.served = user
    else:
        _share(obj, record, before, user, runtime)


def _share(obj: Any, record: Record, first: User, other: User, runtime: Runtime) -> None:
    record.shared = True
    remembered.forget()
    cls = type(obj)
    runtime.publish(Shared(f"{cls.__module__}:{cls.__qualname__}", first, other, record))
    record.owner = None


def differ(one: User | None, other: User | None) -> bool:
    """True where both are users, and not the same one; unknown and system principals never differ."""
    return (
        one is not other
        and one is not None
        and other is not None
        and one.kind is _USER
        and other.kind is _USER
        and not same(one, other)
    )
