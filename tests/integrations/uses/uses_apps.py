"""Uses of UI frameworks: the applications of their tests, which know nothing of an auditor but where they ask it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
import threading
from pathlib import Path
from typing import Any

from uses import as_user, async_outcome, outcome, use

__all__: list[str] = []


@use("gradio")
def gradio() -> Any:
    import test_gradio as site

    async def talk(page: Any) -> Any:
        return [await page.call("note", "alice", None), await page.call("again", None)]

    return as_user(None, asyncio.run, site.visiting(site.application(leaking=True, seen=[]), talk))


@use("nicegui")
def nicegui() -> Any:
    import test_nicegui as site

    for name in ("nicegui", "socketio.server", "engineio.server", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    async def talk(first: Any, second: Any) -> Any:
        shown = []
        for tab in (first, second):
            await tab.click("plain", "awaited", "broken")
            shown.append(tab.text())
        await second.nonsense()
        await first.click("out")
        return shown

    return as_user(None, asyncio.run, site.talking(talk, leaking=True))


@use("chainlit")
def chainlit() -> Any:
    import test_chainlit as site

    async def main() -> Any:
        site.callbacks(leaking=True, seen=[])
        async with site.serving(site.app) as url:
            base = url.replace("ws", "http", 1)
            return [await site.chat(base, user) for user in ("alice", "bob")]

    return as_user(None, asyncio.run, main())


@use("streamlit")
def streamlit() -> Any:
    import streamlit as library
    import test_streamlit as site
    from streamlit.runtime import Runtime

    library.config.set_option("server.fileWatcherType", "none")  # its threads outlive the server
    Runtime._instance = None
    library.cache_data.clear()
    library.cache_resource.clear()
    name = "st.session_state.username"
    show = f"st.text(note({name}))\nst.text(st.cache_resource(lambda: ['tea'])()[0])\ndel {name}"

    async def main() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            app = site.script(Path(folder) / "script.py", show)
            async with site.serving(app, lifespan="on") as url, site.Tab(url) as tab, site.Tab(url) as other:
                shown = [await one.run(f"user={user}") for one, user in ((tab, "alice"), (other, "bob"))]
        return [one[1:] for one in shown]

    before = set(threading.enumerate())
    shown = as_user(None, asyncio.run, main())
    for thread in {*threading.enumerate()} - before:
        thread.join(2)  # what works for a session ends a little later
    return shown


@use("ag2")
def ag2() -> Any:
    import ag2
    from ag2.testing import TestConfig

    async def ask() -> Any:
        helper = ag2.Agent("helper", config=TestConfig("seven", "eight", LookupError("broken")))
        first = await helper.ask("hello")
        second = await first.ask("and now?")
        return [first.body, second.body, await async_outcome(second.ask("more"))]

    broken = outcome(ag2.Agent, "helper", plugins=7)
    return [[as_user(None, asyncio.run, ask()) for _ in range(2)], broken]


@use("llama_index")
def llama_index() -> Any:
    import test_llama_index as site
    from llama_index.core.chat_engine import SimpleChatEngine

    async def ask() -> Any:
        engine = SimpleChatEngine.from_defaults(
            llm=site.MockLLM(), memory=site.ChatMemoryBuffer.from_defaults(token_limit=500)
        )
        said = [str(await engine.achat(text)) for text in ("hello", "and now?")]
        message = site.ChatMessage(role="user", content="before")
        said += [
            str(engine.chat("more", chat_history=[message])),
            str(await engine.achat("more", chat_history=[message])),
        ]
        engine.reset()
        summary = site.ChatSummaryMemoryBuffer.from_defaults(token_limit=500)
        summary.put(message)
        await summary.aput(message)
        memory = site.Memory.from_defaults(session_id="chat", token_limit=500)
        await memory.aput(message)
        await memory.aset([message])
        agent = site.FunctionAgent(llm=site.Model(), system_prompt="You help.")
        said.append(str(await agent.run(user_msg="how many", memory=memory)))
        said += [str(len(await memory.aget_all())), str(len(summary.get_all()))]
        await memory.areset()
        return [*said, await async_outcome(memory.aput(None))]

    broken = outcome(site.FunctionAgent, tools=7)
    return [[as_user(None, asyncio.run, ask()) for _ in range(2)], broken]


@use("crewai")
def crewai() -> Any:
    import test_crewai as site

    site.numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        kept = site.memory(Path(folder) / "memory")

        def ask(user: str) -> Any:
            site.save(kept, f"tea for {user}", scope="/plans")
            kept.remember_many([f"cake for {user}"], scope="/plans", categories=[], metadata={}, importance=0.5)
            return [sorted(site.recalled(kept, scope="/plans")), outcome(kept.recall, 7), outcome(kept.remember, 7)]

        got = [as_user(None, ask, user) for user in ("alice", "bob")]
        kept.reset()
        return [got, outcome(kept.reset, 7)]
