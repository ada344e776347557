"""What integrations of agent frameworks share: the points around an agent's making and its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.vocabulary.agents import AgentBuilds

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


class BuiltPoint(Interceptor):
    """Around a constructor."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._builders = runtime.listener(AgentBuilds)
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Wait for what it makes."""
        return self._self_of(values)

    def after(self, made: Any, _result: Any) -> None:
        """It is there."""
        self._builders.built(made)


class RunPoint(Interceptor):
    """Around what runs an agent; ``agent_of`` makes a reader of it."""

    def __init__(
        self, place: str, runtime: Runtime, agent_of: Callable[[Layout], Callable[[Values], Any]], layout: Layout
    ) -> None:
        self.place = place
        self._builders = runtime.listener(AgentBuilds)
        self._agent_of = agent_of(layout)

    def before(self, values: Values) -> None:
        """Compare whose it is with whose work runs it."""
        self._builders.runs(self.place, self._agent_of(values))
