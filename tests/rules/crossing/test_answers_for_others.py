"""What a language model has answered alice goes to bob's connection: real WebSockets, and answers that name nobody."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from language_model import language_model
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

pytest.importorskip("websockets.asyncio", reason="the clients of these tests are those of websockets 13.0 and later")

ALICE, BOB = "alice.liddell", "bob.builder"
HERS, HIS = "the mole on my shoulder itches and bleeds", "the cake in my oven has fallen"


class Engine:
    """Asks the model, and sends to whom ``addressees`` gives: by default to whoever it was told of last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sockets: dict[str, Any] = {}
        self.user = ""
        self.delivered = 0

    greets = True
    """It sends something before the answer."""
    in_tasks = False

    async def run(self, user: str, told: dict[str, str]) -> None:
        self.user = user
        if self.greets:
            await self.emit(self.sockets[user], {"type": "started"})
        turns = [{"role": "user", "content": told["text"]}]
        async with httpx.AsyncClient() as client:
            answer = await client.post(self.url, json={"model": "m", "messages": turns})
        # Whoever asks second is answered second.
        while user == ALICE and self.user == ALICE:
            await asyncio.sleep(0.005)
        await self.deliver(user, told, answer.json()["choices"][0]["message"]["content"])
        self.delivered += 1

    async def deliver(self, _user: str, _told: dict[str, str], text: str) -> None:
        await self.emit(self.sockets[self.user], {"type": "completed", "text": text})

    def also(self, _other: str) -> dict[str, str]:
        """What a client sends beside its question."""
        return {}

    async def emit(self, socket: Any, event: dict[str, str]) -> None:
        await socket.send_json(event)


class ToTheAsker(Engine):
    async def deliver(self, user: str, _told: dict[str, str], text: str) -> None:
        await self.emit(self.sockets[user], {"type": "completed", "text": text})


class ToAll(Engine):
    """A room: the asker's copy looks different, and comes last."""

    async def deliver(self, user: str, _told: dict[str, str], text: str) -> None:
        for name, socket in [*self.sockets.items()]:
            if name != user:
                await self.emit(socket, {"type": "completed", "text": text})
        await self.emit(self.sockets[user], {"type": "completed", "text": text, "yours": "yes"})


class ToTheAskerFirst(ToAll):
    async def deliver(self, user: str, told: dict[str, str], text: str) -> None:
        await self.emit(self.sockets[user], {"type": "completed", "text": text, "yours": "yes"})
        await super().deliver(user, told, text)


class ByParts(Engine):
    """The asker is sent each word; the others are sent the whole."""

    async def deliver(self, user: str, _told: dict[str, str], text: str) -> None:
        for word in text.split():
            await self.emit(self.sockets[user], {"type": "token", "token": word})
        for name, socket in [*self.sockets.items()]:
            if name != user:
                await self.emit(socket, {"type": "completed", "text": text})


class ToTheNamed(Engine):
    """A letter that the model writes, for whom it was ordered."""

    def also(self, other: str) -> dict[str, str]:
        return {"to": other}

    async def deliver(self, _user: str, told: dict[str, str], text: str) -> None:
        await self.emit(self.sockets[told["to"]], {"type": "letter", "text": text})


class NothingElse(Engine):
    """All that is ever sent are the answers."""

    greets = False


class InTasks(NothingElse):
    in_tasks = True


class InTasksToTheAsker(InTasks, ToTheAsker):
    """The answers are for those who have asked."""


class InTasksToAll(InTasks, ToAll):
    """A room."""


class Interpreter(NothingElse):
    """What the model makes of anybody's words is for the other one, and nobody is given their own."""

    async def deliver(self, user: str, _told: dict[str, str], text: str) -> None:
        await self.emit(self.sockets[BOB if user == ALICE else ALICE], {"type": "said", "text": text})


class Screen(NothingElse):
    """One of two shows whatever anybody asks for; the other is given nothing."""

    async def deliver(self, user: str, _told: dict[str, str], text: str) -> None:
        await self.emit(self.sockets[ALICE], {"type": "shown", "text": text if user == BOB else "thank you"})


class WordByWord(Engine):
    """The answer in words of one message each, to whoever has asked last."""

    def receivers(self, _user: str, _told: dict[str, str]) -> list[Any]:
        return [self.sockets[self.user]]

    async def deliver(self, user: str, told: dict[str, str], text: str) -> None:
        for word in text.split():
            for socket in self.receivers(user, told):
                await self.emit(socket, {"type": "token", "token": word})


class OnlyWords(WordByWord):
    """All that is ever sent are the words of answers."""

    greets = False


class OnlyWordsInTasks(OnlyWords):
    in_tasks = True


class OnlyWordsInTasksForTheAsker(OnlyWordsInTasks):
    def receivers(self, user: str, _told: dict[str, str]) -> list[Any]:
        return [self.sockets[user]]


class WordsOfAnInterpreter(OnlyWords):
    """What anybody says goes to the other one, and to nobody else."""

    def receivers(self, user: str, _told: dict[str, str]) -> list[Any]:
        return [self.sockets[BOB if user == ALICE else ALICE]]


class BareWords(WordByWord):
    """Nothing but the words, with their spaces, but for the marks of the beginning and the end."""

    async def emit(self, socket: Any, event: dict[str, str]) -> None:
        await socket.send_text(event["token"] + " " if "token" in event else f"[{event['type']}]")


class WordsForTheAsker(WordByWord):
    def receivers(self, user: str, _told: dict[str, str]) -> list[Any]:
        return [self.sockets[user]]


class WordsForAll(WordByWord):
    def receivers(self, user: str, _told: dict[str, str]) -> list[Any]:
        return [*self.sockets.values()]


class WordsForTheNamed(WordByWord):
    def also(self, other: str) -> dict[str, str]:
        return {"to": other}

    def receivers(self, _user: str, told: dict[str, str]) -> list[Any]:
        return [self.sockets[told["to"]]]


class OtherWords(WordByWord):
    """What the application says to the other one is no answer: nobody has told it."""

    async def deliver(self, user: str, told: dict[str, str], text: str) -> None:
        await super().deliver(user, told, " ".join(["somebody", "else", "has", "asked", "as", "well", "by", "now"]))


def app_of(engine: Engine) -> Any:
    async def endpoint(socket: Any) -> None:
        user = socket.headers["x-user"]
        await socket.accept()
        engine.sockets[user] = socket
        running = []
        async for told in socket.iter_json():
            if engine.in_tasks:
                running.append(asyncio.create_task(engine.run(user, told)))
            else:
                await engine.run(user, told)
        await asyncio.gather(*running)

    return Starlette(routes=[WebSocketRoute("/ws", endpoint)])


async def talk(port: int, engine: Engine) -> None:
    """Both ask, Alice first, and stay until all was sent."""
    address = f"ws://127.0.0.1:{port}/ws"
    async with (
        websockets.connect(address, additional_headers={"x-user": ALICE}) as alice,
        websockets.connect(address, additional_headers={"x-user": BOB}) as bob,
    ):
        await alice.send(json.dumps({"text": HERS} | engine.also(BOB)))
        while engine.user != ALICE:
            await asyncio.sleep(0.01)
        await bob.send(json.dumps({"text": HIS} | engine.also(ALICE)))
        while engine.delivered < 2:
            await asyncio.sleep(0.01)


def found_with(kind: type[Engine]) -> list[tuple[str, str, str | None, str | None]]:
    with language_model() as url, Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        engine = kind(url)
        server = uvicorn.Server(uvicorn.Config(app_of(engine), port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            asyncio.run(talk(server.servers[0].sockets[0].getsockname()[1], engine))
        finally:
            server.should_exit = True
            thread.join()
        auditor.settle()
        found = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule != "IA904"]
    assert auditor.runtime.barrier.counts == {}
    return [(one.rule, one.severity.value, one.witnesses.content, one.witnesses.addressee) for one in found]


@pytest.mark.parametrize("kind", [Engine, NothingElse, InTasks])
def test_an_answer_goes_to_whoever_has_asked_last(kind: type[Engine]) -> None:
    assert found_with(kind) == [("IA202", "warning", ALICE, BOB)]


@pytest.mark.parametrize("kind", [WordByWord, BareWords, OnlyWords, OnlyWordsInTasks])
def test_an_answer_goes_word_by_word_to_whoever_has_asked_last(kind: type[Engine]) -> None:
    assert found_with(kind) == [("IA202", "warning", ALICE, BOB)]


@pytest.mark.parametrize(
    "kind",
    [WordsForTheAsker, WordsForAll, WordsForTheNamed, OtherWords, OnlyWordsInTasksForTheAsker, WordsOfAnInterpreter],
)
def test_whom_the_words_of_an_answer_are_meant_for(kind: type[Engine]) -> None:
    assert found_with(kind) == []


@pytest.mark.parametrize("kind", [ToTheAsker, ToAll, ToTheAskerFirst, ByParts, ToTheNamed])
def test_whom_an_answer_is_meant_for(kind: type[Engine]) -> None:
    assert found_with(kind) == []


@pytest.mark.parametrize("kind", [InTasksToTheAsker, InTasksToAll, Interpreter, Screen])
def test_whom_an_answer_is_meant_for_where_nothing_else_is_sent(kind: type[Engine]) -> None:
    assert found_with(kind) == []
