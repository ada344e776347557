"""Construction: who an object was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakSet

from isolation_audit.config.model import Deprecation
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.compile.check import compiled_paths
from isolation_audit.instrument.compile.tagging import ConstructionCheck, tag_like
from isolation_audit.instrument.reading.layout import MISSING, UserReader, Values
from isolation_audit.instrument.stacks import capture_again
from isolation_audit.instrument.tracking.observations import Built
from isolation_audit.model.contexts import current_moment, current_scope
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import Kind
from isolation_audit.targets.known_constructions import KnownConstructions
from isolation_audit.targets.ownership import owner_reader

if TYPE_CHECKING:
    from collections import Counter

    from isolation_audit.config.model import Emitter, Engine
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.reading.layout import Layout
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_ORIGIN_FRAMES: Final = 4
_USER: Final = Kind.USER
_PLACEHOLDER: Final = Kind.PLACEHOLDER

BUILT_FOR: Final = "built for"
"""Labels an origin that is the place where an object was made."""


class Registered(NamedTuple):
    """What was found out of a construction: whose it is, whom the paths name, and where it was built."""

    user: User
    named: User | None
    origin: RawStack


class Registrar:
    """Turns a finished object into its record and a :class:`Built` observation; one for each configured entry."""

    def __init__(self, entry: Engine | Deprecation | Emitter, runtime: Runtime, counter: Counter[str] | None) -> None:
        self.entry = entry
        self.runtime = runtime
        self.counter = counter
        self.place = str(entry.target)
        self.every_call = False
        """True for a target that is a function: each call counts, whatever it returns; no ``__init__`` reports too."""
        self.alone = (self.place,)
        """What its objects are built as, as a rule."""
        self.constructing: set[int] = set()
        """Identities of objects inside their outermost instrumented ``__init__``; each is alive while it is listed."""
        self.origins_asked = False
        """True where it is asked of an object in use whether it is being constructed."""
        self.points: WeakSet[ConstructionPoint] = WeakSet()
        """One for each instrumented ``__init__``: several, where a subclass has its own."""
        self._known = KnownConstructions(runtime)
        self._last: RawStack = ()
        """Where one was built last."""

    def stands(self, point: ConstructionPoint) -> None:
        """One more ``__init__`` is instrumented: of several, one may run inside another one."""
        self.points.add(point)
        alone = len(self.points) == 1
        for one in list(self.points):
            if one.compiled_check is not None:
                one.compiled_check.site.alone = alone

    def register(self, obj: Any, owner: UserReader, values: Values, result: Any, via: str | None) -> Registered | None:
        """Record ``obj`` once an entry, and tell the monitors.

        What comes back is what was found out, where for one like it nothing more is to be done than to record it.
        """
        runtime = self.runtime
        record = runtime.objects.record(obj)
        if record is not None:
            if self.place not in record.built_by:
                record.built_by = (*record.built_by, self.place) if record.built_by else self.alone
            elif not self.every_call:
                return None
        elif via is not None and not self.every_call:
            # Without a record nothing tells whether __init__ has reported this object already: better once than twice.
            return None
        runtime.tally.seen_so_far[self.place] += 1
        if self.counter is not None:
            self.counter[self.place] += 1
        ambient, ids, asked = runtime.ambient.current(), runtime.ids, runtime.ids.asked
        named = owner.read(values, result)
        context = owner.context(values, result) if owner.has_context else MISSING
        if named is not None and context is not MISSING and context is not None:
            ids.learn_names(context, named)
            ids.learn(ids.of(context), named, current_scope())
        if named is not None and asked:
            ids.learn_returned(obj, named)
        user = named if named is not None and named.kind is not _PLACEHOLDER else ambient
        built = Built(self.entry, self.place, obj, ambient, user, named, context, record, via)
        if record is None or record.owner is not None or user is None or user.kind is not _USER:
            self._known.tell(built, ())
            return None
        record.owner = user
        origin = record.origin = self._last = capture_again(self._last, _ORIGIN_FRAMES)
        record.origin_label = BUILT_FOR
        record.origin, idle = self._known.tell(built, origin)
        idle = idle and context is MISSING and not asked and record.built_by is self.alone
        return Registered(user, named, record.origin) if idle else None


class ConstructionPoint(Interceptor):
    """Around ``__init__``: registers at the end of the outermost one, when all attributes are there."""

    compiled_check: ConstructionCheck | None

    def __init__(self, registrar: Registrar, receivers: Receivers, layout: Layout) -> None:
        self.place = registrar.place
        self._registrar = registrar
        self._receivers = receivers
        self._self_of = layout.receiver_reader()
        self._owner = owner_reader(registrar.entry, layout, registrar.runtime)
        self.compiled_check = self._compiled(layout)
        registrar.stands(self)

    def before(self, values: Values) -> Any:
        """Begin a construction; None for receivers that are not meant."""
        obj = self._self_of(values)
        if not self._receivers.accept(type(obj)):
            return None
        constructing = self._registrar.constructing
        if id(obj) in constructing:
            return None
        constructing.add(id(obj))
        return (obj, values)

    def after(self, state: Any, _result: Any) -> None:
        """Register the object: its outermost instrumented ``__init__`` has ended."""
        obj, values = state
        self._registrar.constructing.discard(id(obj))
        self._registrar.register(obj, self._owner, values, MISSING, None)

    def ended(self, values: Values) -> None:
        """Register the object, where no other ``__init__`` can be around this one."""
        version, obj = remembered.version, values[0]
        kind, receivers = type(obj), self._receivers
        if kind is not receivers.plain and not receivers.accept(kind):
            return
        registrar, check = self._registrar, self.compiled_check
        found = registrar.register(obj, self._owner, values, MISSING, None)
        if found is None or check is None or current_moment() is not None or not check.worth_it(version):
            return  # in a unit of work it is watched how long each object lives
        meant, named = registrar.runtime.names.meant, found.named

        def fits(leaves: list[Any]) -> bool:
            return all(type(leaf) is str and meant(leaf) is named for leaf in leaves)

        tag = tag_like(registrar.runtime.objects, found.user, found.origin, BUILT_FOR, registrar.alone, _ORIGIN_FRAMES)
        if tag is not None and (named is not None) is bool(check.reads):
            check.fill(values, version, fits, tag)

    def failed(self, state: Any, _error: BaseException) -> None:
        """Nothing was built."""
        self._registrar.constructing.discard(id(state[0]))

    def _compiled(self, layout: Layout) -> ConstructionCheck | None:
        """What makes an object like the one before: its user, where the first path says it, else who is at work."""
        registrar, entry = self._registrar, self._registrar.entry
        if isinstance(entry, Deprecation) or not (layout.receiver and layout.exact and layout.positional):
            return None
        owner = compiled_paths("owner", entry.owner, layout)
        if registrar.origins_asked or owner is None:
            return None
        runtime = registrar.runtime
        check = ConstructionCheck(owner.reads, layout, runtime)
        owner.count(check.site, runtime.paths.of(entry, "owner"))
        check.site.counts_in(runtime.tally.seen_so_far, self.place)
        if registrar.counter is not None:
            check.site.counts_in(registrar.counter, self.place)
        return check


class ConstructorPoint(Interceptor):
    """Around an alternative constructor: whatever it returns was built by it, whether or not ``__init__`` ran."""

    def __init__(self, registrar: Registrar, via: str, layout: Layout) -> None:
        self.place = registrar.place
        self._registrar = registrar
        self._via = via
        self._owner = owner_reader(registrar.entry, layout, registrar.runtime)

    def before(self, values: Values) -> Any:
        """Keep the arguments for the end."""
        return values

    def after(self, state: Any, result: Any) -> None:
        """Register the returned object."""
        if result is not None or self._registrar.every_call:
            self._registrar.register(result, self._owner, state, result, self._via)
