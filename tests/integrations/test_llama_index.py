"""LlamaIndex on uvicorn, with a model that answers without thinking: the chats of two users, and whose agents are."""

from __future__ import annotations

from typing import Any

import pytest
from clients import NAMED
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

pytest.importorskip("llama_index.core", reason="has an environment of its own: make libraries")

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import LLMMetadata, MockLLM
from llama_index.core.memory import ChatMemoryBuffer, ChatSummaryMemoryBuffer, Memory
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.tools import FunctionTool

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pydantic warns of what LlamaIndex asks it


class Model(MockLLM):
    """Says the same to everybody, also where it may call functions."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="model", is_function_calling_model=True)

    async def astream_chat_with_tools(self, *_args: Any, **_more: Any) -> Any:
        async def answers() -> Any:
            yield ChatResponse(message=ChatMessage(role="assistant", content="seven"), delta="seven")

        return answers()

    def get_tool_calls_from_response(self, *_args: Any, **_more: Any) -> list[Any]:
        return []


def application(ask: Any) -> Any:
    """``/mine`` gives what ``ask(user)`` gives."""

    async def mine(request: Any) -> Any:
        await ask(request.headers["x-user"])
        return JSONResponse("seven")

    return Starlette(routes=[Route("/mine", mine), Route("/who", lambda _request: JSONResponse("somebody"))])


def with_engines(*, leaking: bool) -> Any:
    engines: dict[str, Any] = {}

    async def ask(user: str) -> None:
        key = "all" if leaking else user
        engines[key] = engines.get(key) or SimpleChatEngine.from_defaults(llm=MockLLM())
        await engines[key].achat("how many")

    return ask


def with_a_store(*, leaking: bool) -> Any:
    """Each request makes a memory of its own; what they keep their messages in is one object."""
    store = SimpleChatStore()

    async def ask(user: str) -> None:
        key = "chat" if leaking else f"chat of {user}"
        memory = ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key=key)
        await SimpleChatEngine.from_defaults(llm=MockLLM(), memory=memory).achat("how many")

    return ask


def with_summaries(*, leaking: bool) -> Any:
    memories: dict[str, Any] = {}

    async def ask(user: str) -> None:
        memory = memories.setdefault("all" if leaking else user, ChatSummaryMemoryBuffer.from_defaults(token_limit=500))
        memory.put(ChatMessage(role="user", content="how many"))

    return ask


def with_a_file(folder: Any, *, leaking: bool) -> Any:
    """What is kept in a database is everybody's who opens it under the same name."""

    async def ask(user: str) -> None:
        memory = Memory.from_defaults(
            session_id="chat" if leaking else f"chat of {user}",
            async_database_uri=f"sqlite+aiosqlite:///{folder / 'chats.db'}",
        )
        await memory.aput(ChatMessage(role="user", content="how many"))
        await memory.sql_store._async_engine.dispose()

    return ask


def with_agents(*, leaking: bool) -> Any:
    """One agent for all: a run goes on with the memory that it is given."""
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(fn=lambda: 7, name="seven")], llm=Model())
    memories: dict[str, Any] = {}

    async def ask(user: str) -> None:
        memory = memories.setdefault("all" if leaking else user, Memory.from_defaults())
        await agent.run(user_msg="how many", memory=memory)

    return ask


def found(done: Any) -> set[tuple[str, str]]:
    return {
        (one.rule, one.severity.value) for rule, several in done.findings.items() for one in several if rule < "IA9"
    }


@pytest.mark.parametrize("make", [with_engines, with_a_store, with_summaries, with_agents])
@pytest.mark.parametrize("leaking", [True, False])
def test_a_chat_with_which_another_users_work_goes_on(audited, make: Any, leaking: bool) -> None:
    ask = make(leaking=leaking)
    done = audited(lambda: visits(application(ask)), NAMED)
    assert set(done.result) == {'"seven"'}
    assert found(done) == ({("IA207", "warning")} if leaking else set())


@pytest.mark.parametrize("leaking", [True, False])
def test_a_chat_in_a_database(audited, tmp_path, leaking: bool) -> None:
    ask = with_a_file(tmp_path, leaking=leaking)
    done = audited(lambda: visits(application(ask)), NAMED)
    assert set(done.result) == {'"seven"'}
    assert found(done) == ({("IA207", "warning")} if leaking else set())


def test_a_memory_that_is_given_another_history_each_time_is_nobodys(audited) -> None:
    """The application keeps the histories: what the engine has is put in by each request."""
    engine = SimpleChatEngine.from_defaults(llm=MockLLM(), memory=ChatMemoryBuffer.from_defaults(token_limit=500))
    histories: dict[str, list[ChatMessage]] = {}

    async def ask(user: str) -> None:
        history = histories.setdefault(user, [])
        engine.chat("how many", chat_history=list(history))
        history.append(ChatMessage(role="user", content="how many"))

    done = audited(lambda: visits(application(ask)), NAMED)
    assert set(done.result) == {'"seven"'}
    assert found(done) == set()


@pytest.mark.parametrize("leaking", [True, False])
def test_an_agent_that_is_built_around_the_first_users_id(audited, leaking: bool) -> None:
    agents: dict[str, Any] = {}

    async def ask(user: str) -> None:
        key = "all" if leaking else user
        agents[key] = agents.get(key) or FunctionAgent(llm=Model(), system_prompt=f"You help {user}.")
        await agents[key].run(user_msg="how many")

    done = audited(lambda: visits(application(ask)), NAMED)
    assert set(done.result) == {'"seven"'}
    assert found(done) == ({("IA201", "warning")} if leaking else set())
