"""Use: a method of an object that belongs to one user is called."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.reading import only_reads
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.compile.check import Check, compiled_paths
from isolation_audit.instrument.stacks import here
from isolation_audit.instrument.tracking.observations import Used
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import Kind, same
from isolation_audit.targets.ownership import FIRST_USE, differ, owner_of, owner_reader, record_of

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.config.model import Engine
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.owner_records import Record
    from isolation_audit.model.users import User
    from isolation_audit.targets.manufacture import Origins

_SCALARS: Final = frozenset(map(id, (bool, int, float, type(None))))
_PLACEHOLDER = Kind.PLACEHOLDER


class UsePoint(Interceptor):
    """Around a public method of an engine: owner against ambient.

    In two cases what the call gives decides, so that it is waited for: whoever has built an object may look at it
    during anybody's work, and an object that was used only to make others of its kind is a template, and nobody's.
    """

    def __init__(
        self,
        entry: Engine,
        method: str,
        codes: list[CodeType],
        receivers: Receivers,
        layout: Layout,
        runtime: Runtime,
        origins: Origins | None = None,
    ) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._codes = codes
        self._receivers = receivers
        self._self_of = layout.receiver_reader()
        self._runtime = runtime
        self._seen = runtime.tally.seen_so_far
        self._ambient = runtime.ambient.current
        self._owner = owner_reader(entry, layout, runtime) if entry.owner else None
        self._origins = origins
        """Where it matters how an object was made."""
        self.compiled_check = self._compiled(layout)

    def before(self, values: Values) -> Any:
        """Compare, and publish a disagreement; the observation itself, where it has to wait for the result."""
        version = remembered.version
        obj = self._self_of(values)
        kind, receivers = type(obj), self._receivers
        if kind is not receivers.plain and not receivers.accept(kind):
            return None
        self._seen[self.place] += 1
        ambient = self._ambient()
        if ambient is not None and ambient.kind is _PLACEHOLDER:
            ambient = None
        if self._runtime.used is not None:
            self._runtime.used(obj)
        if self._origins is not None:
            self._origins.check(obj, ambient)
        owner = owner_of(obj, values, self._owner, ambient, self._runtime, self._method)
        if owner is not ambient and differ(owner, ambient):
            assert owner is not None and ambient is not None  # noqa: S101, PT018 - differ() says so
            record = record_of(obj, self._runtime)
            used = Used(self._entry, self._method, ambient, owner, record, here())
            if record is not None and (self._may_be_template(record) or self._looked_at(record, used.stack)):
                return used, obj
            self._runtime.publish(used)
        elif (
            self.compiled_check is not None
            and (self._runtime.ended is None or not self._runtime.ended)
            and self.compiled_check.worth_it(version)
        ):
            self.compiled_check.fill(
                values, version, lambda leaves: all(self._is_owner(leaf, owner) for leaf in leaves)
            )
        return None

    def _compiled(self, layout: Layout) -> Check | None:
        """What makes a call clean at a glance: the owner that the object itself, or a context, says."""
        if self._origins is not None or not (layout.receiver and layout.exact and layout.positional):
            return None
        if self._owner is None:
            check = Check((), layout, self._runtime, of_object=True)
            check.site.counts_in(self._seen, self.place)
            return check
        if self._owner.of_call:
            return None
        owner = compiled_paths("owner", self._entry.owner, layout)
        if owner is None:
            return None
        check = Check(owner.reads, layout, self._runtime)
        owner.count(check.site, self._runtime.paths.of(self._entry, "owner"))
        check.site.counts_in(self._seen, self.place)
        return check

    def _is_owner(self, leaf: Any, owner: User | None) -> bool:
        return type(leaf) is str and owner is not None and self._runtime.names.meant(leaf) is owner

    def after(self, state: Any, result: Any) -> None:
        """Publish what was waited for, unless the result shows that it was no use of somebody's object."""
        used, obj = state
        if self._may_be_template(used.record) and self._is_new(result, obj, used.ambient):
            used.record.owner = None
            remembered.forget()
        elif not (plain(result) and self._looked_at(used.record, used.stack)):
            self._runtime.publish(used)

    def failed(self, state: Any, _error: BaseException) -> None:
        """It gave nothing that would excuse it."""
        self._runtime.publish(state[0])

    def _may_be_template(self, record: Record) -> bool:
        return record.origin_label == FIRST_USE and record.only is self._method

    def _is_new(self, result: Any, obj: Any, ambient: User) -> bool:
        if result is obj or not self._receivers.accept(type(result)):
            return False
        record = self._runtime.objects.get(result)
        return record is None or record.owner is None or same(record.owner, ambient)

    def _looked_at(self, record: Record, stack: RawStack | None) -> bool:
        """True where the class that has built an object, or its declared factory, calls what does nothing but read."""
        if not stack or record.origin_label == FIRST_USE:
            return False
        caller, factories = stack[0][0], self._runtime.factory_codes.values()
        makers = [code for code, factory in factories if factory.builds == self._entry.target]
        makers += [record.origin[0][0]] if record.origin else []
        return (
            any(_of_one(caller, maker) for maker in makers) and bool(self._codes) and all(map(only_reads, self._codes))
        )


def _of_one(caller: CodeType, maker: CodeType) -> bool:
    """True for methods of one class. A module's functions may be anybody's: handlers beside a factory."""
    cls = _class_of(maker)
    return cls is not None and cls == _class_of(caller) and caller.co_filename == maker.co_filename


def _class_of(code: CodeType) -> str | None:
    """The name of the class that has the method which the code is, or is a part of."""
    name, _, rest = code.co_qualname.partition(".")
    return name if rest and not rest.startswith("<locals>") else None


def plain(result: Any) -> bool:
    """True for a number, a truth value, a member of an enumeration, nothing, and a dict of these: nobody's data."""
    if type(result) is dict:
        return all(_is_scalar(value) for value in list(result.values()))
    return _is_scalar(result)


def _is_scalar(value: Any) -> bool:
    return id(type(value)) in _SCALARS or issubclass(type(value), Enum)
