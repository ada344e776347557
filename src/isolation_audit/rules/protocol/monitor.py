"""IA3xx: a run's events are complete, in order, paired, exactly once, and delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.analysis.orders.automaton import START
from isolation_audit.instrument.tracking.observations import Deviated, Undelivered
from isolation_audit.instrument.tracking.run_states import LostBetween, Overdue
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes

if TYPE_CHECKING:
    from isolation_audit.instrument.tracking.layers import Passed
    from isolation_audit.instrument.tracking.run_states import Deviation, Run

_CONFIG = """\
[[emitters]]
target = "app:Emitter"
methods = { emit = "args.event" }
addressee = "args.to"
run = "args.run"

[protocols.run]
key = "run_id"
order = "started (thinking | tool_started tool_done)* done"
"""

_APP = """\
from isolation_audit import user_scope

class Emitter:
    def emit(self, event, to="alice", run="r1"):
        return True

def send(*events):
    with user_scope("alice", run_id="r1"):
        for event in events:
            Emitter().emit(event)

def main():
"""

_NESTED = """\
[[emitters]]
target = "app:Emitter"
methods = { emit = "args.event" }
addressee = "args.to"
layer = "emitter"

[[emitters]]
target = "app:Sink"
methods = { send = "args.event" }
addressee = "args.to"
layer = "sink"

[protocols.run]
key = "run_id"
order = "started done"
"""

_DELIVERY = """\
from isolation_audit import user_scope

class Sink:
    broken = False

    def send(self, event, to):
        if self.broken:
            raise OSError("connection is gone")

class Emitter:
    def emit(self, event, to="alice"):
        try:
            Sink().send(event, to)
        except OSError:
            pass

def run():
    with user_scope("alice", run_id="r1"):
        Emitter().emit("started")
        Emitter().emit("done")

def main():
"""

_OPTIONS = "`protocols.NAME.order`, `protocols.NAME.key`, `emitters.run`"


_TARGETS = 2
"""Targets of a layer that a finding names."""


class ProtocolMonitor(Monitor):
    """Judges what deviates from the order that a protocol declares."""

    rules = (
        Rule(
            "IA301",
            "first-event-missing",
            Severity.ERROR,
            "A run's first event is missing, or came after others.",
            "The client does not know yet that there is a run: it drops the events, or shows them in another one.",
            "emit the first event before anything else of the run",
            Example(
                config=_CONFIG,
                bad=_APP + '    send("thinking", "done")\n',
                good=_APP + '    send("started", "thinking", "done")\n',
            ),
            options=_OPTIONS,
        ),
        Rule(
            "IA302",
            "out-of-order",
            Severity.ERROR,
            "An event came where the protocol does not allow it.",
            "Clients build their view of a run from the order of its events, and ignore what comes after its last one.",
            "emit the events of one run from one place, in the order of the protocol",
            Example(
                config=_CONFIG,
                bad=_APP + '    send("started", "done", "thinking")\n',
                good=_APP + '    send("started", "thinking", "done")\n',
            ),
            options=_OPTIONS,
        ),
        Rule(
            "IA303",
            "unpaired",
            Severity.ERROR,
            "One of two events that belong together is missing.",
            "The client shows a tool that runs for ever, or a result of a tool that never began.",
            "emit the closing event in a finally block, also when the tool fails",
            Example(
                config=_CONFIG,
                bad=_APP + '    send("started", "tool_started", "done")\n',
                good=_APP + '    send("started", "tool_started", "tool_done", "done")\n',
            ),
            options=_OPTIONS + ", `emitters.pair`",
        ),
        Rule(
            "IA304",
            "never-completed",
            Severity.ERROR,
            "A run has not sent its last event, although its work ended without an exception, or its time limit has "
            "passed.",
            "The user waits for an answer that was computed and never announced. A first event under the id of a run "
            "that is complete, has failed or was given up begins a new run; where nothing follows it, it is told as "
            "one that came after the end (IA302, IA305).",
            "emit the last event on every way out of the function; a run whose scope ends with an exception needs none",
            Example(
                config=_CONFIG,
                bad=_APP + '    send("started", "thinking")\n',
                good=_APP + '    send("started", "thinking", "done")\n',
            ),
            options=_OPTIONS + ", `protocols.NAME.timeout`",
        ),
        Rule(
            "IA305",
            "duplicate",
            Severity.ERROR,
            "An event was sent once more although it had been delivered.",
            "Clients count, append or charge twice. The usual cause is a retry after a first try that did arrive.",
            "give the event a number within its run and retry only what was not delivered",
            Example(
                config=_CONFIG,
                bad=_APP + '    send("started", "started", "done")\n',
                good=_APP + '    send("started", "thinking", "thinking", "done")\n',
            ),
            options=_OPTIONS + ", `emitters.sequence`",
        ),
        Rule(
            "IA306",
            "delivery-failed",
            Severity.ERROR,
            "An event did not arrive, and the code that sent it went on as if it had.",
            "Nobody sends it again: the user misses a part of the answer, and no error tells of it. The finding names "
            "the layer that raised and the function that caught the exception. As a note it tells, when a run is "
            "over, of events that came to one layer more often than to the next, where the order does not mind; where "
            "it does, the finding of the order names the layer that has lost or doubled the event.",
            "pass the failure on to the caller, or handle it where the event can still be sent another way",
            Example(
                config=_NESTED,
                bad=_DELIVERY + "    Sink.broken = True\n    run()\n",
                good=_DELIVERY + "    run()\n",
            ),
            options="`emitters.layer`, `emitters.undelivered`",
        ),
    )

    @observes(Deviated)
    def on_deviated(self, deviated: Deviated) -> None:
        """Name the kind of the deviation."""
        deviation = deviated.deviation
        code, words = _judge(deviation)
        target = str(deviated.entry.target)
        self.report(
            code,
            "event {event} {detail}",
            target=target,
            event=deviation.event,
            detail=f"{words} (layer {deviated.entry.layer}, {target}.{deviated.method}{self._culprit(deviation)})",
            place="emitted here",
            ambient=self.runtime.ambient.current() or deviation.run.user,
            run=deviation.run.id,
        )

    @observes(Overdue)
    def on_overdue(self, overdue: Overdue) -> None:
        """A run that owes its end, or has opened something and never closed it."""
        run, passed = overdue.run, overdue.elsewhere
        if overdue.stray is not None:
            self._stray(run, overdue.stray)
            return
        why = "its work has ended" if run.ended else f"nothing came for {overdue.seconds:.0f} s"
        left = [f"{opener} is open" for opener in overdue.open]
        if overdue.missing:
            left.append(f"{' '.join(overdue.missing)} never came")
        self.report(
            "IA304" if overdue.missing else "IA303",
            "{run} of {ambient} stopped after {detail}",
            event=run.last,
            detail=f"{run.last} at layer {run.layer}: {why}, and {', '.join(left)}{self._lost(run.layer, passed)}",
            place="its first event was emitted here",
            at=run.place,
            began=run.began,
            run=run.id,
            ambient=run.user,
        )

    def _stray(self, run: Run, stray: Deviation) -> None:
        code, words = _judge(stray)
        self.report(
            code,
            "event {event} {detail}",
            event=stray.event,
            detail=f"{words} (layer {run.layer})",
            place="emitted here",
            at=run.place,
            ambient=run.user,
            run=run.id,
        )

    @observes(LostBetween)
    def on_lost_between(self, lost: LostBetween) -> None:
        """An event that the order can do without, and that a layer has not passed on."""
        run, counts, event = lost.run, lost.passed.counts, lost.passed.event
        after = lost.passed.next_after(run.layer)
        self.report(
            "IA306",
            "event {event} of {run} of {ambient} came to {measured}: {detail}",
            event=event,
            detail=f"layer {run.layer}{self._of_layer(run.layer)} has not passed all of them on",
            measured=f"layer {run.layer} {counts[run.layer]} times, to {after} {counts[after or run.layer]} times",
            place="the run's first event was emitted here",
            at=run.place,
            began=run.began,
            run=run.id,
            ambient=run.user,
            severity=Severity.NOTE,
        )

    def _culprit(self, deviation: Deviation) -> str:
        """Which layer has lost or doubled an event that the one before still had in order."""
        layer, passed = deviation.run.layer, deviation.elsewhere
        if passed is None or not deviation.repeated:
            return self._lost(layer, passed)
        before = passed.before(layer)
        if before is None or passed.counts[before] >= passed.counts[layer]:
            return ""
        return f"; layer {before}{self._of_layer(before)} had it once, and passed it on twice"

    def _lost(self, layer: str, passed: Passed | None) -> str:
        before = None if passed is None else passed.before(layer)
        if passed is None or before is None or passed.counts[before] <= passed.counts[layer]:
            return ""
        return f"; layer {before}{self._of_layer(before)} had {passed.event}, and did not pass it on"

    def _of_layer(self, layer: str) -> str:
        """The targets of a layer, in brackets."""
        targets = [str(one.target) for one in self.runtime.config.emitters if one.layer == layer]
        return f" ({', '.join(targets[:_TARGETS])})" if targets else ""

    @observes(Undelivered)
    def on_undelivered(self, undelivered: Undelivered) -> None:
        """An event that got lost on its way."""
        target = str(undelivered.entry.target)
        self.report(
            "IA306",
            "event {event} was not delivered through {detail}",
            target=target,
            event=undelivered.event,
            detail=f"{target}.{undelivered.method}: {undelivered.reason}",
            place="emitted here",
            ambient=self.runtime.ambient.current(),
        )


def _judge(deviation: Deviation) -> tuple[str, str]:
    automaton, previous = deviation.automaton, deviation.previous
    first = set(automaton.steps[START])
    if deviation.repeated:
        return "IA305", "came again after it had been delivered"
    if deviation.state == START:
        return "IA301", f"came first; a run begins with {' or '.join(sorted(first))}"
    if deviation.state in automaton.final:
        return "IA302", f"came after the run had ended with {previous}"
    unpaired = _unpaired(deviation)
    if unpaired is not None:
        return "IA303", unpaired
    if deviation.event in first:
        if deviation.run.had.get(deviation.event, 0) > 1:
            return "IA305", f"came again, after {previous}"
        return "IA301", f"came late, after {previous}"
    return "IA302", f"came after {previous}"


def _unpaired(deviation: Deviation) -> str | None:
    """What is missing of a pair, if that is the mistake."""
    automaton, event, previous = deviation.automaton, deviation.event, deviation.previous
    if deviation.open:
        waiting = (f"{opener} waits for {' or '.join(automaton.openers[opener])}" for opener in deviation.open)
        return f"completed the run while {', '.join(waiting)}"
    opener = automaton.closers.get(event)
    if opener is not None:
        return f"came without {opener} before it"
    pairs = automaton.pairs
    if previous in pairs and pairs[previous] != event:
        return f"came after {previous}, which has to be followed by {pairs[previous]}"
    if event in pairs.values() and deviation.missing:
        return f"came without {deviation.missing[-1]} before it"
    return None
