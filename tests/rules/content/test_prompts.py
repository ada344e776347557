"""Conversations that are sent to a language model in bob's work, and what alice has said in hers."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier, Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from test_sent_credentials import ALICE, BOB, CLIENTS, bank, in_a_pool, with_urllib

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

HERS = "my salary is 73250 a year and my landlord is Gustav Meyerink"
HIS = "recommend me a book about gardening please"
FOUND = [("IA203", "warning", BOB, ALICE)]


class Chat:
    """Puts what is said to a model: ``key_of`` tells whose conversation goes on, ``body_of`` how it is written."""

    def __init__(
        self, url: str, key_of: Callable[[str], str], body_of: Callable[[list[str]], Any], request: Any = with_urllib
    ) -> None:
        self.url, self.request, self.key_of, self.body_of = url, request, key_of, body_of
        self.said: dict[str, list[str]] = {}
        self.app = Starlette(
            routes=[
                Route("/say", self.say, methods=["POST"]),
                Route("/rooms/{room}", self.say, methods=["POST"]),
                Route("/settings", self.settings, methods=["POST"]),
            ]
        )
        self.instructions = ""

    async def say(self, request: Any) -> JSONResponse:
        told = (await request.json())["text"]
        said = self.said.setdefault(request.path_params.get("room") or self.key_of(request.headers["x-user"]), [])
        said.append(told)
        body = json.dumps(self.body_of([self.instructions, *said])).encode()
        headers = {"Content-Type": "application/json"}
        answer = self.request("POST", f"{self.url}/chat", headers, body)
        if asyncio.iscoroutine(answer):
            await answer
        return JSONResponse({"answer": "Thank you."})

    async def settings(self, request: Any) -> JSONResponse:
        self.instructions = (await request.json())["text"]
        return JSONResponse({})


def as_turns(said: list[str]) -> Any:
    system, *rest = said
    turns = [{"role": "user", "content": one} for one in rest]
    return {"model": "m", "messages": [{"role": "system", "content": system}, *turns]}


def talk(
    app: Any, *said: tuple[str, str, str], together: bool = False
) -> list[tuple[str, str, str | None, str | None]]:
    """Errors and warnings after requests of users, each to a path and with a text."""

    async def ask(user: str, path: str, text: str) -> None:
        headers = [(b"x-user", user.encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        body = json.dumps({"text": text}).encode()

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(_message: Any) -> None:
            pass

        await app(scope, receive, send)

    async def ask_all() -> None:
        if together:
            await asyncio.gather(*(ask(*one) for one in said))
        else:
            for one in said:
                await ask(*one)

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        asyncio.run(ask_all())
        found = [entry.finding for entry in auditor.recorder.entries()]
    assert auditor.runtime.barrier.counts == {}
    return [
        (one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content)
        for one in found
        if one.rule != "IA904" and one.severity.value != "note"
    ]


BOTH = (ALICE, "/say", HERS), (BOB, "/say", HIS)


@CLIENTS
@pytest.mark.parametrize("own", [False, True], ids=["one for all", "one for each"])
def test_a_conversation_goes_to_the_model(request_with: Any, own: bool) -> None:
    with bank() as (url, seen):
        found = talk(Chat(url, lambda user: user if own else "all", as_turns, request_with).app, *BOTH)
    assert len(seen) == 2
    assert found == ([] if own else FOUND)


@pytest.mark.parametrize(
    "body_of",
    [
        lambda said: {"contents": [{"role": "user", "parts": [{"text": one}]} for one in said]},
        lambda said: {"model": "m", "input": [{"role": "user", "content": one} for one in said]},
        lambda said: {"model": "m", "prompt": "\n".join(said)},
        lambda said: {"model": "m", "message": said[-1], "chat_history": [{"role": "USER", "message": said[1]}]},
    ],
    ids=["contents", "input", "prompt", "history"],
)
@pytest.mark.parametrize("own", [False, True], ids=["one for all", "one for each"])
def test_the_forms_of_prompts(body_of: Any, own: bool) -> None:
    with bank() as (url, _seen):
        found = talk(Chat(url, lambda user: user if own else "all", body_of).app, *BOTH)
    assert found == ([] if own else FOUND)


def in_a_thread(*request: Any) -> Any:
    answers: list[Any] = []
    thread = Thread(target=lambda: answers.append(with_urllib(*request)))
    thread.start()
    thread.join()
    return answers[0]


async def in_the_loops_pool(*request: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, with_urllib, *request)


@pytest.mark.parametrize("elsewhere", [in_a_thread, in_the_loops_pool])
@pytest.mark.parametrize("own", [False, True], ids=["one for all", "one for each"])
def test_a_thread_that_has_no_context_of_its_own_sends_it(elsewhere: Any, own: bool) -> None:
    with bank() as (url, seen):
        found = talk(Chat(url, lambda user: user if own else "all", as_turns, elsewhere).app, *BOTH)
    assert len(seen) == 2
    assert found == ([] if own else FOUND)


def test_a_room_whose_prompts_a_thread_sends() -> None:
    with bank() as (url, _seen):
        chat = Chat(url, lambda user: user, as_turns, in_a_pool)
        assert talk(chat.app, (ALICE, "/rooms/garden-7", HERS), (BOB, "/rooms/garden-7", HIS)) == []


def test_a_thread_for_all_that_the_first_request_has_started() -> None:
    """It takes several prompts from a queue, and then sends them one after another."""
    waiting: Queue[Any] = Queue()
    threads: list[Thread] = []
    both = Barrier(2)

    def work() -> None:
        for request, done in [waiting.get(), waiting.get()]:
            with_urllib(*request)
            done.set()

    def through_the_queue(*request: Any) -> None:
        if both.wait(60) == 0:
            threads.append(Thread(target=work))
            threads[0].start()
        done = Event()
        waiting.put((request, done))
        assert done.wait(60)

    async def side_by_side(*request: Any) -> None:
        await asyncio.to_thread(through_the_queue, *request)

    with bank() as (url, seen):
        assert talk(Chat(url, lambda user: user, as_turns, side_by_side).app, *BOTH, together=True) == []
    threads[0].join()
    assert len(seen) == 2


def _message(body: bytes) -> Any:
    """The same conversation in protocol buffers."""
    pb2, pool = (
        pytest.importorskip("google.protobuf.descriptor_pb2"),
        pytest.importorskip("google.protobuf.descriptor_pool"),
    )
    from google.protobuf.message_factory import GetMessageClass

    file = pb2.FileDescriptorProto(name="chat.proto", package="chat", syntax="proto3")
    for name, fields in (("Turn", {"role": 1, "text": 2}), ("Asked", {"model": 1, "contents": 2})):
        message = file.message_type.add(name=name)
        for field, number in fields.items():
            several = field == "contents"
            made = message.field.add(name=field, number=number, label=3 if several else 1, type=11 if several else 9)
            if several:
                made.type_name = ".chat.Turn"
    known = pool.DescriptorPool()
    known.Add(file)
    kind = GetMessageClass(known.FindMessageTypeByName("chat.Asked"))
    turns_ = [{"role": one["role"], "text": one["content"]} for one in json.loads(body)["messages"]]
    return kind(model="m", contents=turns_)


@pytest.mark.parametrize("kind", ["unary", "future", "stream", "unary on a loop", "stream on a loop"])
@pytest.mark.parametrize("written", [bytes, _message], ids=["bytes", "protocol buffers"])
@pytest.mark.parametrize("own", [False, True], ids=["one for all", "one for each"])
def test_a_model_that_is_asked_over_grpc(kind: str, written: Any, own: bool) -> None:
    grpc = pytest.importorskip("grpc.aio") and pytest.importorskip("grpc")

    seen: list[bytes] = []

    class Model(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            if details.method.endswith("stream"):
                return grpc.unary_stream_rpc_method_handler(lambda asked, _context: [seen.append(asked) or b"ok"])
            return grpc.unary_unary_rpc_method_handler(lambda asked, _context: seen.append(asked) or b"ok")

    def encoded(message: Any) -> bytes:
        return message if type(message) is bytes else message.SerializeToString()

    def threaded(_method: str, url: str, _headers: Any, body: bytes) -> None:
        with grpc.insecure_channel(url.removesuffix("/chat")) as channel:
            if kind == "stream":
                list(channel.unary_stream("/model/stream", request_serializer=encoded)(written(body)))
            else:
                call = channel.unary_unary("/model/one", request_serializer=encoded)
                call(written(body)) if kind == "unary" else call.future(written(body)).result()

    async def looping(_method: str, url: str, _headers: Any, body: bytes) -> None:
        async with grpc.aio.insecure_channel(url.removesuffix("/chat")) as channel:
            if kind.startswith("stream"):
                async for _answer in channel.unary_stream("/model/stream", request_serializer=encoded)(written(body)):
                    pass
            else:
                await channel.unary_unary("/model/one", request_serializer=encoded)(written(body))

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([Model()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        ask = looping if kind.endswith("loop") else threaded
        found = talk(Chat(f"127.0.0.1:{port}", lambda user: user if own else "all", as_turns, ask).app, *BOTH)
    finally:
        server.stop(None).wait()
    assert len(seen) == 2
    assert found == ([] if own else FOUND)


def test_other_requests_may_be_about_several_users() -> None:
    with bank() as (url, _seen):
        batch = Chat(url, lambda _user: "all", lambda said: {"events": [{"kind": "said", "text": one} for one in said]})
        assert talk(batch.app, *BOTH) == []


def test_what_an_administrator_tells_the_model_for_all() -> None:
    with bank() as (url, _seen):
        chat = Chat(url, lambda user: user, as_turns)
        asked = (ALICE, "/settings", "always answer like a friendly gardener from Dorset"), (BOB, "/say", HIS)
        assert talk(chat.app, *asked) == []


class Memory(Chat):
    """Tells the model what its users have said before, in instructions."""

    async def say(self, request: Any) -> JSONResponse:
        told = (await request.json())["text"]
        known = self.said.setdefault(self.key_of(request.headers["x-user"]), [])
        instructions = "You help people. What is known: " + "; ".join(known)
        turns = [{"role": "system", "content": instructions}, {"role": "user", "content": told}]
        known.append(told)
        body = json.dumps({"model": "m", "messages": turns}).encode()
        self.request("POST", f"{self.url}/chat", {"Content-Type": "application/json"}, body)
        return JSONResponse({"answer": "Thank you."})


@pytest.mark.parametrize("own", [False, True], ids=["one for all", "one for each"])
def test_what_has_been_said_before_goes_to_the_model_as_instructions(own: bool) -> None:
    with bank() as (url, _seen):
        memory = Memory(url, lambda user: user if own else "all", as_turns)
        assert talk(memory.app, *BOTH) == ([] if own else FOUND)


def test_a_room_that_both_have_asked_for_by_its_name() -> None:
    with bank() as (url, _seen):
        chat = Chat(url, lambda user: user, as_turns)
        assert talk(chat.app, (ALICE, "/rooms/garden-7", HERS), (BOB, "/rooms/garden-7", HIS)) == []


def test_a_conversation_that_says_who_speaks() -> None:
    with bank() as (url, _seen):
        chat = Chat(url, lambda _user: "all", as_turns)
        assert talk(chat.app, (ALICE, "/say", f"{ALICE}: {HERS}"), (BOB, "/say", f"{BOB}: {HIS}")) == []
