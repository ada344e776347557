"""The owner witness of an object in use: what its configured paths say, else its record, else its first user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.identity.users import Kind
from isolation_audit.instrument.stacks import capture

if TYPE_CHECKING:
    from isolation_audit.identity.objects import Record
    from isolation_audit.identity.users import User
    from isolation_audit.instrument.layout import UserReader, Values
    from isolation_audit.instrument.runtime import Runtime

_ORIGIN_FRAMES = 4


def known(user: User | None) -> User | None:
    """A user as a witness: placeholders testify nothing."""
    return None if user is None or user.kind is Kind.PLACEHOLDER else user


def owner_of(
    obj: Any, values: Values, paths: UserReader, ambient: User | None, runtime: Runtime
) -> tuple[User | None, Record | None]:
    """Owner and record of ``obj``; an object without an owner is bound to the user it is first used for."""
    record = runtime.objects.get(obj)
    # The paths come first: where an object's user is overwritten under it, the present value is the truth.
    owner = known(paths.read(values)) if paths else None
    if owner is not None:
        return owner, record
    if record is not None and record.owner is not None:
        return record.owner, record
    if ambient is None or ambient.kind is not Kind.USER:
        return None, record
    record = runtime.objects.record(obj)
    if record is not None:
        record.owner = ambient
        record.origin = capture(_ORIGIN_FRAMES)
        record.origin_label = "first used for"
    return ambient, record


def differ(one: User | None, other: User | None) -> bool:
    """True where both are users, and not the same one; unknown and system principals never differ."""
    return (
        one is not other
        and one is not None
        and other is not None
        and one.kind is Kind.USER
        and other.kind is Kind.USER
        and one.id != other.id
    )
