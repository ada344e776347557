"""Agents of several frameworks on uvicorn, without a network: conversations that two users' runs add to, and agents
that are built around the first user's id."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

import pytest
from clients import NAMED
from servers import visits
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*deprecated")

pytest.importorskip("langgraph")

TOTALS = {"alice": 48211, "bob": 12}


def application(ask: Any) -> Any:
    """``/mine`` gives what ``ask(user)`` gives."""

    async def mine(request: Any) -> Any:
        return JSONResponse(await ask(request.headers["x-user"]))

    return Starlette(routes=[Route("/mine", mine), Route("/who", lambda _request: JSONResponse("somebody"))])


class Total(TypedDict):
    total: Annotated[int, operator.add]


def graph(checkpointer: Any = None, total: Any = lambda: 1) -> Any:
    """One node, which adds what ``total`` gives."""
    module = pytest.importorskip("langgraph.graph")

    async def add(_state: Any) -> Any:
        return {"total": total()}

    return module.StateGraph(Total).add_node("add", add).add_edge(module.START, "add").compile(checkpointer)


def saver() -> Any:
    return pytest.importorskip("langgraph.checkpoint.memory").InMemorySaver()


async def run(agent: Any, thread: str = "main") -> Any:
    return (await agent.ainvoke({"total": 0}, {"configurable": {"thread_id": thread}}))["total"]


def langgraph_thread(*, leaking: bool) -> Any:
    agent = graph(saver())
    return lambda user: run(agent, "main" if leaking else f"of {user}")


def langgraph_savers_of_their_own(*, leaking: bool) -> Any:
    agents: dict[str, Any] = {}

    def ask(user: str) -> Any:
        key = "all" if leaking else user
        agents[key] = agents.get(key) or graph(saver())
        return run(agents[key])

    return ask


def langchain_history(*, leaking: bool) -> Any:
    history = pytest.importorskip("langchain_core.runnables.history")
    chats = pytest.importorskip("langchain_core.chat_history")
    runnable = pytest.importorskip("langchain_core.runnables").RunnableLambda
    kept: dict[str, Any] = {}

    def kept_under(session_id: str) -> Any:
        return kept.setdefault(session_id, chats.InMemoryChatMessageHistory())

    def ask(user: str) -> Any:
        chain = history.RunnableWithMessageHistory(runnable(lambda messages: str(len(messages))), kept_under)
        return chain.ainvoke([("human", "hello")], {"configurable": {"session_id": "all" if leaking else user}})

    return ask


def openai_model(*output: Any) -> Any:
    agents = pytest.importorskip("agents")
    agents.set_tracing_disabled(disabled=True)

    class Model(agents.Model):
        async def get_response(self, *_asked: Any, **_more: Any) -> Any:
            return agents.ModelResponse(output=list(output), usage=agents.Usage(), response_id=None)

        def stream_response(self, *_asked: Any, **_more: Any) -> Any:
            raise NotImplementedError

    return agents, Model()


def openai_session(*, leaking: bool) -> Any:
    types = pytest.importorskip("openai.types.responses")
    text = types.ResponseOutputText(type="output_text", text="seven", annotations=[])
    agents, model = openai_model(
        types.ResponseOutputMessage(id="m", role="assistant", status="completed", type="message", content=[text])
    )
    agent, sessions = agents.Agent(name="helper", model=model), {}

    async def ask(user: str) -> Any:
        name = "all" if leaking else user
        session = sessions.setdefault(name, agents.SQLiteSession(name))
        return (await agents.Runner.run(agent, "hello", session=session)).final_output

    return ask


def langgraph_agent(*, leaking: bool) -> Any:
    agents: dict[str, Any] = {}

    def ask(user: str) -> Any:
        key = "all" if leaking else user
        agents[key] = agents.get(key) or graph(total=lambda: TOTALS[user])
        return run(agents[key])

    return ask


def openai_agent(*, leaking: bool) -> Any:
    types = pytest.importorskip("openai.types.responses")
    agents, model = openai_model(
        types.ResponseFunctionToolCall(call_id="c", name="total", arguments="{}", type="function_call")
    )
    built: dict[str, Any] = {}

    def build(user: str) -> Any:
        def total() -> int:
            """The total."""
            return TOTALS[user]

        tools = [agents.function_tool(total)]
        return agents.Agent(name="helper", model=model, tools=tools, tool_use_behavior="stop_on_first_tool")

    async def ask(user: str) -> Any:
        key = "all" if leaking else user
        built[key] = built.get(key) or build(user)
        return (await agents.Runner.run(built[key], "total")).final_output

    return ask


def pydantic_agent(*, leaking: bool) -> Any:
    ai = pytest.importorskip("pydantic_ai")
    test = pytest.importorskip("pydantic_ai.models.test")
    built: dict[str, Any] = {}

    async def ask(user: str) -> Any:
        key = "all" if leaking else user
        built[key] = built.get(key) or ai.Agent(test.TestModel(), instructions=f"You help {user}.")
        return (await built[key].run("hello")).output

    return ask


def pydantic_agent_of_nobody(*, leaking: bool) -> Any:
    """Built by whoever comes first, with the user in its dependencies."""
    ai = pytest.importorskip("pydantic_ai")
    test = pytest.importorskip("pydantic_ai.models.test")
    built: list[Any] = []

    async def ask(user: str) -> Any:
        if not built:
            built.append(ai.Agent(test.TestModel(), deps_type=str, instructions=lambda run: f"You help {run.deps}."))
        return (await built[0].run("hello", deps=user)).output

    return ask


# The SDK of OpenAI takes seconds to be imported.
LONG = pytest.mark.long
KEPT = [langgraph_thread, langgraph_savers_of_their_own, langchain_history, pytest.param(openai_session, marks=LONG)]
BUILT = [langgraph_agent, pytest.param(openai_agent, marks=LONG), pydantic_agent]


def found(done: Any) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (one.rule, one.severity.value, one.witnesses.owner, one.witnesses.addressee or one.witnesses.ambient)
        for rule, findings in done.findings.items()
        for one in findings
        if rule < "IA9"
    ]


@pytest.mark.parametrize("make", KEPT)
@pytest.mark.parametrize("leaking", [True, False])
def test_a_conversation_with_which_another_users_work_goes_on(audited, make: Any, leaking: bool) -> None:
    ask = make(leaking=leaking)
    done = audited(lambda: visits(application(ask)), NAMED)
    assert len(done.result) == 3
    told = {one[:2] for one in found(done)}
    assert told == ({("IA207", "warning")} if leaking else set())


@pytest.mark.parametrize("make", BUILT)
@pytest.mark.parametrize("leaking", [True, False])
def test_an_agent_that_is_built_around_the_first_users_id(audited, make: Any, leaking: bool) -> None:
    ask = make(leaking=leaking)
    done = audited(lambda: visits(application(ask)), NAMED)
    assert len(done.result) == 3
    assert found(done) == ([("IA201", "warning", "alice", "bob")] if leaking else [])


def test_an_agent_of_nobody(audited) -> None:
    done = audited(lambda: visits(application(pydantic_agent_of_nobody(leaking=True))), NAMED)
    assert len(done.result) == 3
    assert found(done) == []


def test_who_resumes_what_was_interrupted_may_be_somebody_else(audited) -> None:
    module, types = pytest.importorskip("langgraph.graph"), pytest.importorskip("langgraph.types")

    async def add(_state: Any) -> Any:
        return {"total": types.interrupt("agreed?")}

    agent = module.StateGraph(Total).add_node("add", add).add_edge(module.START, "add").compile(saver())

    async def ask(user: str) -> Any:
        asked = {"total": 0} if user == "alice" else types.Command(resume=7)
        return str(await agent.ainvoke(asked, {"configurable": {"thread_id": "main"}}))

    done = audited(lambda: visits(application(ask)), NAMED)
    assert len(done.result) == 3
    assert found(done) == []
