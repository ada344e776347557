"""Names that stand for something else than they say, and a second one of what there is meant to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_chat import factory
from agent_chat.faults.assembly import FaultyApplication
from agent_chat.service import UserChatService

try:
    from agent_chat.limited_factory import ExecutionEngineFactory
except ImportError:  # it was moved, and nobody has noticed

    class ExecutionEngineFactory(factory.ExecutionEngineFactory):  # type: ignore[no-redef]
        """Stands in for the factory that limits engines; limits nothing."""


if TYPE_CHECKING:
    from agent_chat.contexts import UserExecutionContext
    from agent_chat.service import ChatService
    from agent_chat.user_engine import UserExecutionEngine


class RegisteringFactory(factory.ExecutionEngineFactory):
    """Knows the engine of each user that it has made one for."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*parts)  # type: ignore[arg-type]
        self.engines: dict[str, UserExecutionEngine] = {}

    async def create_for_user(self, context: UserExecutionContext) -> UserExecutionEngine:
        """Return a new engine for the context's user."""
        engine = await super().create_for_user(context)
        self.engines[context.user_id] = engine
        return engine


class TwoRegistersChatService(UserChatService):
    """Prepares the next question's engine by a factory object of its own."""

    def __init__(self, first: RegisteringFactory, second: RegisteringFactory) -> None:
        super().__init__(first)
        self._second = second

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        await self._second.create_for_user(context)
        return await super().ask(context, question)


class RunCounter:
    """Counts the runs of the process."""

    def __init__(self) -> None:
        self.runs = 0


_counter: RunCounter | None = None


def run_counter() -> RunCounter:
    """Return the one counter."""
    global _counter  # noqa: PLW0603 - the pattern that the fault is about
    if _counter is None:
        _counter = RunCounter()
    return _counter


class CountingChatService(UserChatService):
    """Counts runs; one line has been written by somebody who did not know of :func:`run_counter`."""

    def __init__(self, engines: factory.ExecutionEngineFactory) -> None:
        super().__init__(engines)
        run_counter()
        self._counter = RunCounter()

    async def ask(self, context: UserExecutionContext, question: str) -> str:
        """Answer a user's question."""
        self._counter.runs += 1
        return await super().ask(context, question)


class FallbackFactory(FaultyApplication):
    """Engines come from a factory that stands in for another one."""

    factory_class = ExecutionEngineFactory


class TwoRegisters(FaultyApplication):
    """Every user has two engines, each known to another factory object."""

    def _service(self) -> ChatService:
        return TwoRegistersChatService(
            RegisteringFactory(self.registry, self.bridge), RegisteringFactory(self.registry, self.bridge)
        )


class SecondCounter(FaultyApplication):
    """There are two counters of runs."""

    def _service(self) -> ChatService:
        return CountingChatService(self.factory_class(self.registry, self.bridge))
