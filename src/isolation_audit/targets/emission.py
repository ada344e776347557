"""Emission: an event passes a layer on its way to a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.analysis.texts import LONGEST
from isolation_audit.instrument.calls.asking import AGAIN
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import inside_the_auditor
from isolation_audit.instrument.compile.check import CarryingCheck, Check, compiled_paths
from isolation_audit.instrument.reading.layout import Layout, Reader, Values
from isolation_audit.instrument.reading.path_counts import ASKED, GAVE
from isolation_audit.instrument.tracking.observations import Emission, Lost, Passage, new_emission
from isolation_audit.model.contexts import current_scope, emission_variable
from isolation_audit.model.remembered import remembered
from isolation_audit.model.users import EVERYONE, SEVERAL, Kind, User, plain_name, same
from isolation_audit.targets.addressing import Addressee
from isolation_audit.targets.event_witnesses import Witnesses, first_user
from isolation_audit.targets.lone_event import LoneEvents
from isolation_audit.targets.ownership import differ, owner_of, owner_reader, record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.model import Emitter, EventName
    from isolation_audit.instrument.calls.interceptors import Before, Guarded, Joined
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.runtime import Runtime

    Joining = Callable[[tuple[Guarded, ...], Before], Joined | None]

_USER = Kind.USER
_PLACEHOLDER = Kind.PLACEHOLDER
_UNKNOWN: tuple[None, tuple[User, ...]] = (None, ())


class EmissionPoint(Interceptor):
    """Around one emitting callable of one layer."""

    ends_quietly = True

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
        self._self_of = layout.receiver_reader() if layout.receiver else None
        self._runtime = runtime
        self._tally = runtime.tally
        self._events_of: Any = runtime.tally.events_of
        self._ambient = runtime.ambient.current
        self._owner = owner_reader(entry, layout, runtime) if entry.owner else None
        self._addressee = Addressee(entry, method, layout, runtime)
        self._addressed = bool(self._addressee)
        self._event = event_reader(entry, event, layout, runtime)
        self._name = event.name or method.removeprefix(event.strip)
        # Where the addressee is one plain parameter, an inner layer can be seen to be clean by looking at it.
        plain = self._owner is None and not self._addressee.to_everyone
        self._plain_address = layout.plain_argument(entry.addressee) if plain else None
        cells = runtime.paths.of(entry, "addressee")
        self._address_cell = [0, 0] if self._plain_address is None else cells(entry.addressee[0])
        self._bound: tuple[str | None, str | None] = (None, None)
        """The kinds of the ids that owner and addressee are read as, where those are bound to users."""
        self._lone: LoneEvents | None = None
        """What begins and ends an event that is in no other one; None where its name has to be read first."""
        self.compiled_check = self._compiled(layout)
        self.reads_nothing = self._event is None
        self.usual: Joining | None = None
        """Makes one function of it and of the points that are asked after it, where that can be."""

    def joined(self, every: tuple[Guarded, ...], apart: Before) -> Joined | None:
        """One function for the usual event; from then on nothing else is remembered of it."""
        joined = None if self.usual is None else self.usual(every, apart)
        if joined is not None:
            self.compiled_check = None
        return joined

    def before(self, values: Values) -> Any:
        """Join the event that is under way or begin one; publish a passage whose witnesses disagree."""
        obj = None if self._self_of is None else self._self_of(values)
        receivers = self._receivers
        if receivers is not None and type(obj) is not receivers.plain and not receivers.accept(type(obj)):
            return None
        version, runtime = remembered.version, self._runtime
        self._tally.seen_so_far[self.place] += 1
        ambient = self._ambient()
        if ambient is not None and ambient.kind is _PLACEHOLDER:
            ambient = None
        outer: Emission | None = emission_variable.get()
        if outer is not None and self._passes_on(outer, values, ambient):
            return None
        owner = owner_of(obj, values, self._owner, ambient, runtime) if self._owner is not None else None
        addressee, members = self._addressee.read(values, owner or ambient) if self._addressed else _UNKNOWN
        name = self._name if self._event is None else self._read_name(values)
        emission = self.event(outer, name, ambient)
        if members:
            emission.audience = members
        elif emission.audience and addressee is not None and any(same(addressee, one) for one in emission.audience):
            addressee = SEVERAL  # an inner layer hands the members of a room one after the other
        if self._testify(emission, ambient, owner, addressee):
            record = record_of(obj, runtime) if self._owner is not None else None
            runtime.publish(Passage(emission, self._entry, self._method, ambient, owner, addressee, record))
        elif self.compiled_check is not None and not emission.audience and self.compiled_check.worth_it(version):
            self._remember(self.compiled_check, values, version, Witnesses(ambient, owner, addressee))
        if emission.claimed is None:
            emission.claimed = first_user(addressee, owner, ambient)
        emission.depth += 1
        if emission is outer:
            return (emission, None)
        emission_variable.set(emission)
        return (emission, (outer,))

    def passes(self, values: Values, witnesses: Witnesses) -> Any:
        """What :meth:`before` does, where the witnesses are those of the last clean event here."""
        outer: Emission | None = emission_variable.get()
        name = self._name if self._event is None else self._read_name(values)
        if outer is not None:
            claimed = outer.claimed
            if outer.audience or (claimed is not None and claimed is not witnesses.claimed):
                return AGAIN
            if (
                outer.depth
                and name == outer.name
                and claimed is outer.ambient
                and claimed is witnesses.ambient
                and claimed is witnesses.addressee
                and claimed is not None
            ):
                self._go_on(outer)
                return None
        emission = self.event(outer, name, witnesses.ambient)
        emission.known = emission.known or witnesses.known
        emission.verified = emission.verified or witnesses.verified
        if emission.claimed is None:
            emission.claimed = witnesses.claimed
        elif witnesses.addressee is not None:
            emission.verified = True  # the outer layer has said whose it is, and this one to whom it goes
        emission.depth += 1
        if emission is outer:
            return (emission, None)
        emission_variable.set(emission)
        return (emission, (outer,))

    def _compiled(self, layout: Layout) -> Check | None:
        """What makes an event clean at a glance: its owner and its addressee, each where the first path says it."""
        if not layout.exact or self._addressee.to_everyone or (self._owner is not None and self._owner.of_call):
            return None
        if self._addressed and not self._addressee.single:
            return None
        # What other processes have bound may change without a word.
        bound = self._runtime.bindings.elsewhere is None
        owner = compiled_paths("owner", self._entry.owner, layout, bound=bound)
        addressee = compiled_paths("addressee", self._addressee.single, layout, bound=bound)
        if owner is None or addressee is None:
            return None
        self._bound = (owner.binding, addressee.binding)
        check = CarryingCheck((*owner.reads, *addressee.reads), layout, self._runtime)
        if self._event is None:
            self._lone = LoneEvents(self._name, self._entry.layer, self._runtime, check, self._closes)
        owner.count(check.site, self._runtime.paths.of(self._entry, "owner"))
        addressee.count(check.site, self._runtime.paths.of(self._entry, "addressee"))
        check.site.counts_in(self._tally.seen_so_far, self.place)
        return check

    def _remember(self, check: Check, values: Values, version: object, witnesses: Witnesses) -> None:
        meant, user_of = self._runtime.names.meant, self._runtime.bindings.user_of
        of_owner, of_addressee = self._bound
        wanted = [(witnesses.owner, of_owner)] if self._owner is not None else []
        wanted += [(witnesses.addressee, of_addressee)] if self._addressed else []

        def fits(leaves: list[Any]) -> bool:
            for leaf, (user, kind) in zip(leaves, wanted, strict=True):
                if user is None or type(leaf) is not str:
                    return False
                if (meant(leaf) if kind is None else user_of(kind, leaf)) is not user:
                    return False
            return True

        lone = self._lone if self._runtime.spans is None else None
        check.fill(values, version, fits, witnesses, lone)

    def after(self, state: Any, _result: Any) -> None:
        """Close this layer; the outermost one closes the event."""
        emission, outer = state
        emission.depth -= 1
        if not emission.depth:
            emission.searched = emission.clean = None
        if outer is None:
            return
        if emission_variable.get() is emission:
            emission_variable.set(outer[0])
        counts, user = self._events_of, emission.claimed
        if user in counts:
            counts[user] += 1
        else:
            self._tally.count_user(counts, user)
        if not emission.known:
            inside_the_auditor(lambda: self._runtime.publish(Lost(emission, self._entry, self._method)))
        elif not emission.verified:
            self._runtime.tally.unverified += 1

    def failed(self, state: Any, _error: BaseException) -> None:
        """The event ends as well when its emission raises."""
        self.after(state, None)

    def _passes_on(self, outer: Emission, values: Values, ambient: User | None) -> bool:
        """The usual inner layer: the same event goes on, under the same user, to that very user. Nothing to undo."""
        index = self._plain_address
        if index is None or outer.depth == 0 or ambient is None:
            return False
        if ambient is not outer.ambient or ambient is not outer.claimed or ambient.kind is not _USER:
            return False
        address = values[index]
        if type(address) is not str or address != ambient.id:
            return False
        if (self._name if self._event is None else self._read_name(values)) != outer.name:
            return False
        self._address_cell[ASKED] += 1
        self._address_cell[GAVE] += 1
        self._go_on(outer)
        return True

    def _go_on(self, outer: Emission) -> None:
        layer = self._entry.layer
        self._tally.passages_so_far[layer] += 1
        if layer not in outer.layers:
            outer.layers = (*outer.layers, layer)
        outer.verified = True

    def event(self, outer: Emission | None, name: str | None, ambient: User | None) -> Emission:
        """The event that passes this layer: the one that is under way, or another one."""
        layer = self._entry.layer
        if outer is not None and self._continues(outer, name):
            self._tally.passages_so_far[layer] += 1
            if layer not in outer.layers:
                outer.layers = (*outer.layers, layer)
            return outer
        return self.begin(outer, name, ambient)

    def begin(self, outer: Emission | None, name: str | None, ambient: User | None) -> Emission:
        """Another event begins in this layer."""
        layer, tally = self._entry.layer, self._tally
        tally.passages_so_far[layer] += 1
        tally.events_so_far[layer] += 1
        scope = current_scope()
        if self._runtime.spans is not None:
            self._runtime.spans.event(scope, name, layer)
        if scope is not None:
            scope.events += 1
            work = scope.work
            if work is not None and not work.answered:
                self._runtime.levels.first_event(work, name)
        made = new_emission(name, ambient, layer)
        if outer is not None and outer.depth:
            made.searched = outer.searched  # the same payload, as a rule: it is searched once
            made.clean = outer.clean if outer.claimed is ambient else None
        return made

    def _closes(self, emission: Emission) -> None:
        self.after((emission, (None,)), None)

    def _continues(self, outer: Emission, name: str | None) -> bool:
        if outer.name is not None and name is not None and outer.name != name:
            return False
        # A task started during an emission inherits it for life. Once the emission is over, only a layer that it has
        # not passed yet may still be part of it (hand-over to a sender); whatever comes again is a new event.
        return outer.depth > 0 or self._entry.layer not in outer.layers

    @staticmethod
    def _testify(emission: Emission, ambient: User | None, owner: User | None, addressee: User | None) -> bool:
        """Note which witnesses there were; True where two of them disagree."""
        claimed = emission.claimed
        if addressee is None:
            if ambient is None or owner is None:
                emission.known = emission.known or ambient is not None or owner is not None
                return False
            emission.known = emission.verified = True
            return owner is not ambient and differ(owner, ambient)
        emission.known = True
        if ambient is addressee and (owner is addressee or owner is None) and (claimed is addressee or claimed is None):
            emission.verified = True
            return False
        emission.verified = emission.verified or ambient is not None or owner is not None or claimed is not None
        return (
            addressee is EVERYONE
            or differ(owner, ambient)
            or differ(addressee, ambient)
            or differ(addressee, owner)
            or differ(addressee, claimed)
        )

    def _read_name(self, values: Values) -> str | None:
        name = None if self._event is None else self._event.read(values)
        return name if type(name) is str and len(name) <= LONGEST else plain_name(name)


def event_reader(entry: Emitter, event: EventName, layout: Layout, runtime: Runtime) -> Reader | None:
    """A reader of an event's name; None where the configuration says the name itself."""
    return None if event.path is None else Reader(event.path, layout, runtime.paths.of(entry, "methods")(event.path))
