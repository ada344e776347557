"""CrewAI: memories in which one user's work finds what another's has put there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.agents import AgentConversations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_MEMORY: Final = "crewai.memory.unified_memory:Memory"
_SAVES: Final = ("remember", "remember_many")
_KIND: Final = "the memory of CrewAI"


class CrewAI:
    """The integration; the users are those of the framework that serves the crew."""

    distribution = "crewai"
    since = "1.10"
    packages = ("crewai", "crewai_core", "crewai_cli", "crewai_tools")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What all ways to save in a memory, to ask it and to empty it end in."""
        points = {**dict.fromkeys(_SAVES, SavePoint), "recall": RecallPoint, "reset": ResetPoint}
        for name, kind in points.items():
            place = f"{_MEMORY}.{name}"
            yield Point(place, partial(kind, place, runtime))


class MemoryPoint(Interceptor):
    """Around a method of a memory that is called with a scope."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._conversations = runtime.listener(AgentConversations)
        self._memory = layout.receiver_reader()
        self._scope = layout.argument("scope")

    def _kept(self, values: Values) -> tuple[str, Any]:
        """The scope that the call is about, and what it is kept in."""
        memory = self._memory(values)
        return _scope(memory, self._scope(values)), _storage(memory)


class SavePoint(MemoryPoint):
    """Around what saves: in the caller's context, before a thread of the memory's own takes over."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        super().__init__(place, runtime, layout)
        self._private = layout.argument("private")

    def before(self, values: Values) -> None:
        """What is private is given to nobody but its own source."""
        if self._private(values) is not True:
            self._conversations.keeps(*self._kept(values))


class RecallPoint(MemoryPoint):
    """Around what asks a memory."""

    def before(self, values: Values) -> None:
        """It is asked for everything below a scope."""
        self._conversations.recalls(_KIND, *self._kept(values))


class ResetPoint(MemoryPoint):
    """Around what empties a memory."""

    def before(self, values: Values) -> None:
        """What is saved from here on is found."""
        self._conversations.forgets(*self._kept(values))


def _scope(memory: Any, scope: Any) -> str:
    """Where it is kept; below the memory's own root, where it has one."""
    root = memory.__dict__.get("root_scope") or ""
    inner = scope if type(scope) is str else ""
    return "/".join(("", *(part for part in f"{root}/{inner}".split("/") if part)))


def _storage(memory: Any) -> Any:
    """What several memories may have in common."""
    return (getattr(memory, "__pydantic_private__", None) or {}).get("_storage", memory)


integration = CrewAI()
