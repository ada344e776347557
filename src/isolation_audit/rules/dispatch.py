"""Who hears of which observation: the monitors of one audit, each behind the fault barrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.tracking.observations import Built
from isolation_audit.rules import all_monitors, unusable
from isolation_audit.rules.selfcheck.monitor import SelfCheckMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.tracking.observations import Again
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.recording.recorder import Recorder
    from isolation_audit.rules.base import Monitor

    Handler = tuple[str, Callable[[Any], Any]]

_OURS: Final = "isolation_audit."


class Dispatch:
    """Gives observations to the monitors that have subscribed to them."""

    def __init__(self) -> None:
        # Here, and not in a forked child: a fork hook looks for no packages and imports nothing.
        self._kinds, self._unusable = all_monitors(), unusable()
        self.monitors: list[Monitor] = []
        self.handlers: dict[type, tuple[Handler, ...]] = {}
        """By the class of the observation, in the order in which they are told; each beside its monitor's name."""

    def listen(self, runtime: Runtime, recorder: Recorder, pseudonyms: Pseudonyms) -> None:
        """Make the monitors of an audit anew."""
        self._runtime = runtime
        taken = self._hear(runtime)
        self.monitors = list(self._made(runtime, recorder, pseudonyms))
        runtime.builds = object()
        self.handlers = {}
        for monitor in self.monitors:
            for kind, name in monitor.handlers.items():
                handler = (type(monitor).__name__, getattr(monitor, name))
                self.handlers[kind] = (*self.handlers.get(kind, ()), handler)
        selfcheck = next(monitor for monitor in self.monitors if isinstance(monitor, SelfCheckMonitor))
        runtime.barrier.on_fault = selfcheck.on_fault
        for name, error in self._unusable.items():
            runtime.barrier.fault(f"rules {name}", error)
        for name, error in taken.items():
            runtime.barrier.fault(f"monitor {name}", error)

    def _hear(self, runtime: Runtime) -> dict[str, Exception]:
        """Enter who listens to what integrations tell, ours first; and by monitor, what another one listens to."""
        taken: dict[str, Exception] = {}
        for monitor in sorted(self._kinds, key=lambda kind: not kind.__module__.startswith(_OURS)):
            for word, place in monitor.hears:
                if runtime.listeners.setdefault(word, place) != place:
                    taken[monitor.__name__] = LookupError(f"{runtime.listeners[word]} listens to {word} already")
        return taken

    def _made(self, runtime: Runtime, recorder: Recorder, pseudonyms: Pseudonyms) -> Iterator[Monitor]:
        for monitor in self._kinds:
            try:
                yield monitor(runtime, recorder, pseudonyms)
            except Exception as error:
                runtime.barrier.fault(f"monitor {monitor.__name__}", error)

    def publish(self, observation: object) -> None:
        """Tell of an observation; a monitor that fails too often is told no more."""
        kind = type(observation)
        for handler in self.handlers.get(kind, ()):
            try:
                handler[1](observation)
            except Exception as error:
                self._failed(kind, handler, error)

    def ask(self, built: Built) -> tuple[tuple[str, Again | None], ...]:
        """The same of a construction; and what each monitor answers, beside its name."""
        answers: list[tuple[str, Again | None]] = []
        for handler in self.handlers.get(Built, ()):
            try:
                answers.append((f"monitor {handler[0]}", handler[1](built)))
            except Exception as error:
                answers.append((f"monitor {handler[0]}", None))
                self._failed(Built, handler, error)
        return tuple(answers)

    def _failed(self, kind: type, handler: Handler, error: Exception) -> None:
        if self._runtime.barrier.fault(f"monitor {handler[0]}", error):
            self.handlers[kind] = tuple([one for one in self.handlers[kind] if one is not handler])
            self._runtime.builds = object()
