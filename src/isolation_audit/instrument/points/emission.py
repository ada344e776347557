"""Emission: an event passes a layer on its way to a user."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from isolation_audit.identity.scopes import current_scope, emission_variable
from isolation_audit.identity.users import EVERYONE, Kind, User
from isolation_audit.instrument.layout import Layout, UserReader, Values, reader
from isolation_audit.instrument.observations import Emission, Lost, Passage
from isolation_audit.instrument.points.ownership import differ, known, owner_of

if TYPE_CHECKING:
    from isolation_audit.config.model import Emitter, EventName
    from isolation_audit.instrument.points.receivers import Receivers
    from isolation_audit.instrument.runtime import Runtime


class EmissionPoint:
    """Around one emitting callable of one layer."""

    def __init__(
        self,
        entry: Emitter,
        method: str,
        event: EventName,
        receivers: Receivers | None,
        layout: Layout,
        runtime: Runtime,
    ) -> None:
        self.place = str(entry.target)
        self._entry = entry
        self._method = method
        self._receivers = receivers
        self._layout = layout
        self._runtime = runtime
        self._owner = UserReader(entry.owner, layout, runtime.users, runtime.bindings)
        self._addressee = UserReader(entry.addressee, layout, runtime.users, runtime.bindings)
        self._to_everyone = any(fnmatchcase(method, glob) for glob in entry.broadcast)
        self._event = reader(event.path, layout) if event.path is not None else None
        self._name = event.name or method.removeprefix(event.strip)

    def before(self, values: Values) -> Any:
        """Join the event that is under way or begin one; publish a passage whose witnesses disagree."""
        obj = self._layout.self_of(values) if self._layout.receiver else None
        if self._receivers is not None and not self._receivers.accept(type(obj)):
            return None
        runtime = self._runtime
        runtime.tally.seen[self.place] += 1
        ambient = known(runtime.ambient.current())
        owner, record = None, None
        if self._entry.owner:
            owner, record = owner_of(obj, values, self._owner, ambient, runtime)
        addressee = self._read_addressee(values)
        outer: Emission | None = emission_variable.get()
        emission = self._emission(outer, self._read_name(values), ambient)
        self._testify(emission, ambient, owner, addressee)
        if addressee is EVERYONE or differ(owner, ambient) or self._misdirected(emission, ambient, owner, addressee):
            runtime.publish(Passage(emission, self._entry, self._method, ambient, owner, addressee, record))
        if emission.claimed is None:
            emission.claimed = next(
                (user for user in (addressee, owner, ambient) if user and user.kind is Kind.USER), None
            )
        emission.depth += 1
        if emission is outer:
            return (emission, None)
        emission_variable.set(emission)
        return (emission, (outer,))

    def after(self, state: Any, _result: Any) -> None:
        """Close this layer; the outermost one closes the event."""
        emission, outer = state
        emission.depth -= 1
        if outer is None:
            return
        if emission_variable.get() is emission:
            emission_variable.set(outer[0])
        if not emission.known:
            self._runtime.publish(Lost(emission, self._entry, self._method))
        elif not emission.verified:
            self._runtime.tally.unverified += 1

    def failed(self, state: Any, _error: BaseException) -> None:
        """The event ends as well when its emission raises."""
        self.after(state, None)

    def _emission(self, outer: Emission | None, name: str | None, ambient: User | None) -> Emission:
        layer = self._entry.layer
        tally = self._runtime.tally
        tally.passages[layer] += 1
        if outer is not None and self._continues(outer, name):
            outer.layers.add(layer)
            return outer
        tally.events[layer] += 1
        scope = current_scope()
        if scope is not None:
            scope.events += 1
        return Emission(name, ambient, layers={layer})

    def _continues(self, outer: Emission, name: str | None) -> bool:
        if outer.name is not None and name is not None and outer.name != name:
            return False
        # A task started during an emission inherits it for life. Once the emission is over, only a layer that it has not
        # passed yet may still be part of it (hand-over to a sender); whatever comes again is a new event.
        return outer.depth > 0 or self._entry.layer not in outer.layers

    @staticmethod
    def _testify(emission: Emission, ambient: User | None, owner: User | None, addressee: User | None) -> None:
        witnesses = sum(user is not None for user in (ambient, owner, addressee))
        emission.verified = (
            emission.verified or witnesses > 1 or (emission.claimed is not None and addressee is not None)
        )
        emission.known = emission.known or witnesses > 0

    @staticmethod
    def _misdirected(emission: Emission, ambient: User | None, owner: User | None, addressee: User | None) -> bool:
        return differ(addressee, ambient) or differ(addressee, owner) or differ(addressee, emission.claimed)

    def _read_addressee(self, values: Values) -> User | None:
        if self._to_everyone:
            return EVERYONE
        addressee = known(self._addressee.read(values)) if self._addressee else None
        return EVERYONE if addressee is None and self._addressee.everyone else addressee

    def _read_name(self, values: Values) -> str | None:
        if self._event is None:
            return self._name
        name = self._event.read(values)
        return name if isinstance(name, str) else None
