"""Construction: who an object was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.layout import MISSING, UserReader, Values
from isolation_audit.instrument.observations import Built
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.scopes import current_scope
from isolation_audit.model.users import Kind
from isolation_audit.targets.ownership import owner_reader

if TYPE_CHECKING:
    from collections import Counter

    from isolation_audit.config.model import Deprecation, Emitter, Engine
    from isolation_audit.instrument.layout import Layout
    from isolation_audit.instrument.receivers import Receivers
    from isolation_audit.instrument.runtime import Runtime

_ORIGIN_FRAMES = 4

BUILT_FOR: Final = "built for"
"""Labels an origin that is the place where an object was made."""


class Registrar:
    """Turns a finished object into its record and a :class:`Built` observation; one for each configured entry."""

    def __init__(self, entry: Engine | Deprecation | Emitter, runtime: Runtime, counter: Counter[str] | None) -> None:
        self.entry = entry
        self.runtime = runtime
        self.counter = counter
        self.place = str(entry.target)
        self.every_call = False
        """True for a target that is a function: each call counts, whatever it returns; no ``__init__`` reports too."""
        self.constructing: set[int] = set()
        """Identities of objects inside their outermost instrumented ``__init__``; each is alive while it is listed."""

    def register(self, obj: Any, owner: UserReader, values: Values, result: Any, via: str | None) -> None:
        """Record ``obj`` once an entry, and tell the monitors."""
        runtime = self.runtime
        record = runtime.objects.record(obj)
        if record is not None:
            if self.place not in record.built_by:
                record.built_by = (*record.built_by, self.place)
            elif not self.every_call:
                return
        elif self.every_call:
            pass
        elif via is not None:
            # Without a record nothing tells whether __init__ has reported this object already: better once than twice.
            return
        runtime.tally.seen_so_far[self.place] += 1
        if self.counter is not None:
            self.counter[self.place] += 1
        ambient = runtime.ambient.current()
        named = owner.read(values, result)
        context = owner.context(values, result) if owner.has_context else MISSING
        if named is not None:
            if context is not MISSING and context is not None:
                runtime.ids.learn_names(context, named)
                runtime.ids.learn(runtime.ids.of(context), named, current_scope())
            runtime.ids.learn_returned(obj, named)
        user = named if named is not None and named.kind is not Kind.PLACEHOLDER else ambient
        if record is not None and record.owner is None and user is not None and user.kind is Kind.USER:
            record.owner = user
            record.origin = capture(_ORIGIN_FRAMES)
            record.origin_label = BUILT_FOR
        runtime.publish(Built(self.entry, self.place, obj, ambient, user, named, context, record, via))


class ConstructionPoint(Interceptor):
    """Around ``__init__``: registers at the end of the outermost one, when all attributes are there."""

    def __init__(self, registrar: Registrar, receivers: Receivers, layout: Layout) -> None:
        self.place = registrar.place
        self._registrar = registrar
        self._receivers = receivers
        self._self_of = layout.receiver_reader()
        self._owner = owner_reader(registrar.entry, layout, registrar.runtime)

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

    def failed(self, state: Any, _error: BaseException) -> None:
        """Nothing was built."""
        self._registrar.constructing.discard(id(state[0]))


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
