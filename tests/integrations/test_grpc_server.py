"""gRPC's servers of both kinds, with calls of all four kinds: whose a call is, and what its messages say."""

from __future__ import annotations

import asyncio
import inspect
import sys
from concurrent import futures
from contextlib import asynccontextmanager
from typing import Any

import pytest
from clients import NAMED, known, told

grpc = pytest.importorskip("grpc")
pytest.importorskip("grpc.aio")
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


@pytest.fixture(autouse=True)
def _the_one_library(monkeypatch):
    """Written in C, it can't be imported twice."""
    monkeypatch.setitem(sys.modules, "grpc", grpc)


class Notes:
    """What the services of both kinds share: with ``leaking``, everybody gets the first note that was kept."""

    def __init__(self, *, leaking: bool) -> None:
        self._leaking = leaking
        self._kept: list[dict[str, Any]] = []
        self.users: list[str | None] = []

    def answer(self, asked: Any) -> Any:
        self.users.append(known())
        self._kept.append({"owner": asked.user, "text": asked.text})
        return Note(**self._kept[0 if self._leaking else -1])


class Threaded(Notes):
    """For servers on threads."""

    def unary_unary(self, asked: Any, _context: Any) -> Any:
        return self.answer(asked)

    def unary_stream(self, asked: Any, _context: Any) -> Any:
        yield Note(text="first")
        yield self.answer(asked)

    def stream_unary(self, several: Any, _context: Any) -> Any:
        return self.answer(list(several)[-1])

    def stream_stream(self, several: Any, _context: Any) -> Any:
        return iter([self.answer(one) for one in several])


class Looping(Notes):
    """For servers on event loops."""

    async def unary_unary(self, asked: Any, _context: Any) -> Any:
        await asyncio.sleep(0)
        return self.answer(asked)

    async def unary_stream(self, asked: Any, _context: Any) -> Any:
        yield Note(text="first")
        await asyncio.sleep(0)
        yield self.answer(asked)

    async def stream_unary(self, several: Any, _context: Any) -> Any:
        return self.answer([one async for one in several][-1])

    async def stream_stream(self, _several: Any, context: Any) -> None:
        asked = await context.read()
        await context.write(self.answer(asked))


def _message_class() -> Any:
    """A message of protocol buffers with three texts, as its compiler makes one of a file."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="note.proto", package="tests", syntax="proto3")
    note = file.message_type.add(name="Note")
    for number, name in enumerate(("user", "text", "owner"), 1):
        kinds = {"type": FieldDescriptorProto.TYPE_STRING, "label": FieldDescriptorProto.LABEL_OPTIONAL}
        note.field.add(name=name, number=number, **kinds)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("tests.Note"))


Note = _message_class()


def handlers(service: Any) -> Any:
    codecs = {"request_deserializer": Note.FromString, "response_serializer": Note.SerializeToString}
    made = {kind: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(service, kind), **codecs) for kind in KINDS}
    return grpc.method_handlers_generic_handler("notes", made)


@asynccontextmanager
async def serving(service: Any, *, in_loop: bool):
    """The port of a server."""
    server = grpc.aio.server() if in_loop else grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([handlers(service)])
    port = server.add_insecure_port("127.0.0.1:0")
    started = server.start()
    if in_loop:
        await started
    yield port
    if in_loop:
        await server.stop(None)
    else:
        await asyncio.to_thread(server.stop(None).wait)


async def call(port: int, kind: str, user: str, metadata: Any, text: str) -> list[Any]:
    """The messages that answer one call of ``user``."""
    return await asyncio.to_thread(_call, port, kind, user, metadata, text)


def _call(port: int, kind: str, user: str, metadata: Any, text: str) -> list[Any]:
    codecs = {"request_serializer": Note.SerializeToString, "response_deserializer": Note.FromString}
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = getattr(channel, kind)(f"/notes/{kind}", **codecs)
        asked = Note(user=user, text=text)
        answer = method(iter([asked]) if kind.startswith("stream") else asked, metadata=metadata, timeout=60)
        return [one.owner for one in (answer if kind.endswith("_stream") else [answer])]


def ask(service: Any, kind: str, *, in_loop: bool, named: bool = True) -> Any:
    async def run() -> list[Any]:
        async with serving(service, in_loop=in_loop) as port:
            return [
                await call(port, kind, user, [("x-user", user)] if named else None, text)
                for user, text in (("alice", "the code is 4711-0815"), ("bob", "buy milk"))
            ]

    return run


@pytest.mark.parametrize("leaking", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("in_loop", [False, True], ids=["threads", "loop"])
def test_a_note_that_is_kept_for_everybody_leaves_in_another_s_answer(audited, in_loop, kind, leaking):
    service = (Looping if in_loop else Threaded)(leaking=leaking)
    done = audited(ask(service, kind, in_loop=in_loop), NAMED)
    assert [one[-1] for one in done.result] == ["alice", "alice" if leaking else "bob"]
    assert service.users == ["alice", "bob"]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    for finding in (one for found in done.findings.values() for one in found):
        assert finding.route == f"{type(service).__name__}.{kind}"
        assert finding.site.top.file == __file__
    tally = done.auditor.runtime.tally
    assert (tally.requests, tally.requests_named) == (2, 2)


@pytest.mark.parametrize("leaking", [True, False])
@pytest.mark.parametrize("in_loop", [False, True], ids=["threads", "loop"])
def test_the_user_may_stand_beside_the_text_in_the_message(audited, in_loop, leaking):
    service = (Looping if in_loop else Threaded)(leaking=leaking)
    done = audited(ask(service, "unary_unary", in_loop=in_loop, named=False), NAMED)
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])


def test_a_synchronous_handler_on_an_event_loop_s_server(audited):
    service = Threaded(leaking=True)
    done = audited(ask(service, "unary_unary", in_loop=True), NAMED)
    assert service.users == ["alice", "bob"]
    assert told(done.findings) == [("IA203", "bob", "alice")]


class Refusing:
    """A handler of each kind that gives up."""

    def __init__(self, *, late: bool) -> None:
        self._late = late

    def unary_unary(self, _asked: Any, context: Any) -> Any:
        context.abort(_status("PERMISSION_DENIED"), "not yours")

    def unary_stream(self, _asked: Any, context: Any) -> Any:
        yield Note(text="first")
        context.abort(_status("PERMISSION_DENIED"), "not yours")

    def stream_unary(self, _several: Any, _context: Any) -> Any:
        raise ValueError("broken")

    def stream_stream(self, several: Any, _context: Any) -> Any:
        if not self._late:
            raise ValueError("broken")
        return (Note(text=one.text[: 1 // 0]) for one in several)


def _status(name: str) -> Any:
    return grpc.StatusCode[name]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_handler_raises_reaches_the_client_as_without_the_auditor(audited, kind, late):
    async def refused() -> list[Any]:
        async with serving(Refusing(late=late), in_loop=False) as port:
            try:
                await call(port, kind, "alice", [("x-user", "alice")], "hello")
            except grpc.RpcError as error:
                return [error.code(), error.details()]
        return []

    bare = asyncio.run(refused())
    assert bare
    assert audited(refused, NAMED).result == bare


def test_handlers_stay_of_their_kind(audited):
    async def made() -> list[Any]:
        looping = Looping(leaking=False)
        found = [
            getattr(grpc, f"{kind}_rpc_method_handler")(getattr(one, kind))
            for kind in KINDS
            for one in (looping, Threaded(leaking=False))
        ]
        behaviors = [one.unary_unary or one.unary_stream or one.stream_unary or one.stream_stream for one in found]
        return [
            (
                inspect.iscoroutinefunction(one),
                inspect.isasyncgenfunction(one),
                one.__name__,
                str(inspect.signature(one)),
            )
            for one in behaviors
        ]

    bare = asyncio.run(made())
    assert audited(made, NAMED).result == bare
