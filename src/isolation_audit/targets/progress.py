"""Progress: a run's event passes a layer; its order, its repetition, and whether it arrived."""

from __future__ import annotations

from asyncio import CancelledError
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from isolation_audit.analysis.texts import LONGEST
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.calls.probe import inside_the_auditor
from isolation_audit.instrument.reading.layout import MISSING, Layout, Reader, Values, readers
from isolation_audit.instrument.stacks import is_ours
from isolation_audit.instrument.tracking.observations import Deviated, Emission, Progress, Undelivered
from isolation_audit.model.contexts import current_scope, emission_variable
from isolation_audit.model.users import plain_name
from isolation_audit.targets.emission import event_reader

if TYPE_CHECKING:
    from isolation_audit.config.model import Emitter, EventName
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.cells import Cell
    from isolation_audit.instrument.runtime import Runtime

Ids = tuple["str | None", "int | str | None", "int | str | None"]


class Stepped(NamedTuple):
    """What counts the steps of runs whose ids were read with all else, and how often each id was there."""

    asked: Cell
    run: Cell
    number: Cell
    pair: Cell


_RESULTS = {"false": False, "none": None}


class ProgressPoint(Interceptor):
    """Beside the emission point of the same callable; added after it, so that the event is known when it is asked."""

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
        self.place = f"{entry.target} (progress)"
        self._entry = entry
        self._method = method
        self._receivers = receivers
        self._self_of = layout.receiver_reader() if layout.receiver else None
        self._runtime = runtime
        self._event = event_reader(entry, event, layout, runtime)
        self._name = event.name or method.removeprefix(event.strip)
        self._layer = entry.layer
        self._run = readers(entry.run, layout, runtime.paths.of(entry, "run"))
        self._number = readers(entry.sequence, layout, runtime.paths.of(entry, "sequence"))
        self._pair = readers(entry.pair, layout, runtime.paths.of(entry, "pair"))
        self._undelivered = tuple([_RESULTS[name] for name in entry.undelivered])

    def before(self, values: Values) -> Any:
        """Advance the run; publish a deviation."""
        receivers = self._receivers
        if receivers is not None:
            kind = type(None if self._self_of is None else self._self_of(values))
            if kind is not receivers.plain and not receivers.accept(kind):
                return None
        emission: Emission | None = emission_variable.get()
        if emission is None:
            return None
        name = emission.name
        if name is None:
            name = self._name if self._event is None else plain_name(self._event.read(values))
        return self.follow(emission, name, values)

    def follow(
        self,
        emission: Emission,
        name: str | None,
        values: Values,
        ids: Ids | None = None,
        stepped: Stepped | None = None,
    ) -> Any:
        """The same for an event that is known.

        ``ids`` are those of its run, its number and its pair, where they were read with all else, and then ``stepped``
        counts the steps of runs.
        """
        progress = emission.progress
        if progress is None:
            progress = emission.progress = Progress()
            self._runtime.tally.followed += 1
        layer = self._layer
        if layer in progress.inside:
            # An override that calls super(), or a fan-out that has begun: still the same step of the same event.
            return None
        progress.inside.append(layer)
        for runs in self._runtime.runs:
            if name is not None and name in runs.events:
                if ids is None or stepped is None:
                    run_id, number, pair = self._ids(values)
                else:
                    run_id, number, pair = ids
                    asked, gave_run, gave_number, gave_pair = stepped
                    asked.clean += 1.0
                    gave_run.clean += run_id is not None
                    gave_number.clean += number is not None
                    gave_pair.clean += pair is not None
                if run_id is None:
                    scope = current_scope()
                    run_id = None if scope is None else scope.ids.get(runs.protocol.key)
                    if run_id is None:
                        continue
                repeated = bool(progress.delivered) and _seen_before(progress, layer, values)
                deviation = runs.advance(layer, run_id, name, number, pair, repeated=repeated)
                if deviation is not None:  # in the usual case nothing comes back
                    self._runtime.publish(Deviated(self._entry, self._method, deviation))
        return (emission, progress, name, values)

    def after(self, state: Any, result: Any) -> None:
        """Note the delivery, or that there was none."""
        emission, progress, name, values = state
        progress.inside.remove(self._layer)
        failure, progress.failure = progress.failure, None
        if failure is not None:
            where, error = failure
            self._tell(emission, progress, name, f"{where} raised {type(error).__name__}, and {_caught(error)}")
        else:
            for one in self._undelivered:
                if result is one:
                    self._tell(emission, progress, name, f"it returned {result!r}")
                    return
            progress.delivered.append((self._layer, values))

    def failed(self, state: Any, error: BaseException) -> None:
        """Note the failure for the layer above: it passes it on, or it swallows it."""
        progress = state[1]
        progress.inside.remove(self._layer)
        if not progress.inside:
            progress.failure = None  # its caller is told
        elif isinstance(error, Exception) and not isinstance(error, CancelledError):
            known = progress.failure
            if known is None or known[1] is not error:  # else a layer below has raised it, and this one passes it on
                progress.failure = (f"{self._entry.target}.{self._method}", error)

    def _ids(self, values: Values) -> Ids:
        return self._run_id(values), _identifier(self._number, values), _identifier(self._pair, values)

    def _run_id(self, values: Values) -> str | None:
        for one in self._run:
            found = one.read(values)
            if type(found) is str and 0 < len(found) <= LONGEST:
                return found
            if found is not MISSING and (text := plain_name(found)):
                return text
        return None

    def _tell(self, emission: Emission, progress: Progress, name: str | None, reason: str) -> None:
        if not progress.lost:
            progress.lost = True
            tally = self._runtime.tally
            tally.undelivered += 1
            tally.count_user(tally.undelivered_of, emission.claimed)
        observed = Undelivered(self._entry, self._method, name, reason)
        inside_the_auditor(lambda: self._runtime.publish(observed))


def _caught(error: BaseException) -> str:
    """Who has caught an exception: its traceback begins at the frame that it has come up to."""
    trace = error.__traceback__
    while trace is not None and is_ours(trace.tb_frame.f_code):
        trace = trace.tb_next
    if trace is None:
        return "nobody above was told"
    code = trace.tb_frame.f_code
    return f"{code.co_qualname}() in {PurePath(code.co_filename).name}:{trace.tb_lineno} caught it"


def _identifier(readers: list[Reader], values: Values) -> int | str | None:
    for one in readers:
        found = one.read(values)
        if type(found) is int:
            return found
        if type(found) is str:
            return plain_name(found)
    return None


def _seen_before(progress: Progress, layer: str, values: Values) -> bool:
    """True where this layer has delivered this very message: the same objects, handed over once more."""
    return any(
        layer == earlier and len(values) == len(given) and all(map(_is, values, given))
        for earlier, given in progress.delivered
    )


def _is(one: object, other: object) -> bool:
    # An empty **kwargs, or an empty *args, is made anew for each call.
    return one is other or (
        (type(one) is dict or type(one) is tuple) and type(one) is type(other) and not one and not other
    )
