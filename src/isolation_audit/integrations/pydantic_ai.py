"""Pydantic AI: agents that are built around their first user. Message histories are the application's own affair."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.agents import BuiltPoint, RunPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_MADE: Final = "pydantic_ai.agent:Agent.__init__"
_RUNS: Final = "pydantic_ai.agent:Agent.iter"


class PydanticAI:
    """The integration; the users are those of the framework that serves the agent."""

    distribution = "pydantic-ai-slim"
    since = "2.0"
    packages = ("pydantic_ai", "pydantic_graph")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What makes an agent, and what all ways to run one end in."""
        yield Point(_MADE, partial(BuiltPoint, _MADE, runtime))
        yield Point(_RUNS, partial(RunPoint, _RUNS, runtime, lambda layout: layout.receiver_reader()))


integration = PydanticAI()
