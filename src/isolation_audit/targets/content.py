"""Content: the payload of an event is searched for the marks of users whom no other witness names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.content.witness import foreign
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.layout import MISSING, Layout, Values, readers
from isolation_audit.instrument.reading.path_counts import ASKED, GAVE
from isolation_audit.instrument.tracking.observations import Carried, Passage
from isolation_audit.model.contexts import emission_variable
from isolation_audit.model.users import EVERYONE, Kind
from isolation_audit.targets.addressing import Addressee
from isolation_audit.targets.ownership import known, owner_of, owner_reader, record_of

if TYPE_CHECKING:
    from isolation_audit.config.model import Emitter
    from isolation_audit.content.index import Mark
    from isolation_audit.content.witness import ContentWitness
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.tracking.observations import Emission

CODE = "IA203"


class ContentPoint(Interceptor):
    """Beside the emission point of the same callable; added after it, so that the event is known when it is asked."""

    def __init__(
        self,
        entry: Emitter,
        method: str,
        receivers: Receivers | None,
        layout: Layout,
        runtime: Runtime,
        content: ContentWitness,
    ) -> None:
        self.place = f"{entry.target} (content)"
        self._entry = entry
        self._method = method
        self._receivers = receivers
        self._self_of = layout.receiver_reader() if layout.receiver else None
        self._runtime = runtime
        self._content = content
        cells = runtime.paths.of(entry, "payload")
        self._payload = readers(entry.payload, layout, cells)
        # The usual payload is one whole parameter.
        self._plain = layout.plain_argument(entry.payload) if len(entry.payload) == 1 else None
        self._plain_cell = cells(entry.payload[0]) if entry.payload else [0, 0]
        self._mentions = frozenset(entry.mentions)
        self._owner = owner_reader(entry, layout, runtime) if entry.owner else None
        self._addressee = Addressee(entry, method, layout, runtime)

    def before(self, values: Values) -> None:
        """Search the payload, and publish what is another user's; nothing is left to do after the call."""
        receivers = self._receivers
        if receivers is not None:
            kind = type(None if self._self_of is None else self._self_of(values))
            if kind is not receivers.plain and not receivers.accept(kind):
                return
        emission: Emission | None = emission_variable.get()
        if emission is None:
            return
        if self._plain is not None:
            payload, cell = values[self._plain], self._plain_cell
            cell[ASKED] += 1
            if payload is not None:
                cell[GAVE] += 1
                self.search(emission, payload, values)
            return
        for one in self._payload:
            payload = one.read(values)
            if payload is not MISSING and payload is not None:
                self.search(emission, payload, values)

    def search(self, emission: Emission, payload: Any, values: Values) -> None:
        """Search what an event holds, once; publish what is another user's."""
        if payload is emission.clean:
            return
        marks = None
        for earlier, found in emission.searched or ():
            if earlier is payload:
                marks = found  # by an outer layer
        if marks is None:
            marks, complete = self._content.marks(payload)
            if not complete:
                self._runtime.tally.payloads_truncated += 1
            if marks or emission.clean is not None:
                emission.searched = [*(emission.searched or ()), (payload, marks)]
        for mark in marks:
            # As a rule it names nobody but whose event it is, who may be shown to everybody.
            if mark.secret or mark.user is not emission.claimed:
                self._judge(emission, payload, marks, values)
                return
        emission.clean = payload

    def _judge(self, emission: Emission, payload: Any, marks: list[Mark], values: Values) -> None:
        runtime = self._runtime
        obj = None if self._self_of is None else self._self_of(values)
        ambient = known(runtime.ambient.current())
        addressee, _members = self._addressee.read(values, ambient)
        if any(user is not None and user.kind is Kind.SYSTEM for user in (ambient, addressee)):
            return
        owner = owner_of(obj, values, self._owner, ambient, runtime) if self._owner is not None else None
        witnesses = (ambient, owner, addressee, emission.claimed, *emission.audience)
        rightful = [user for user in witnesses if user is not None and user.kind is Kind.USER]
        if addressee is EVERYONE:
            # Whose event may go to everyone is IA205's question. A secret is nobody's to tell.
            marks = [] if "IA205" in emission.reported else [mark for mark in marks if mark.secret]
            rightful = []
        elif not rightful:
            return
        mark = foreign(marks, rightful)
        if mark is None or CODE in emission.reported:
            return
        if self._mentions:
            outside = self._content.marks_outside(payload, self._mentions)
            mark = foreign([one for one in outside if one.secret or addressee is not EVERYONE], rightful)
            if mark is None:
                return
        emission.reported.add(CODE)
        record = record_of(obj, runtime) if self._owner is not None else None
        passage = Passage(emission, self._entry, self._method, ambient, owner, addressee, record)
        runtime.publish(Carried(passage, mark.user))
