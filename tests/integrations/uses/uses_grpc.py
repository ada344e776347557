"""Uses of gRPC's servers, for threads and for event loops, by its own clients."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from uses import async_outcome, current_user, outcome, use
from uses_web import USERS

__all__: list[str] = []

_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


def _answer(text: str, context: Any) -> str:
    """What is answered to a text, or an exception of the handler's."""
    current_user.set(dict(context.invocation_metadata())["x-user"])
    if text == "break":
        raise LookupError(text)
    return f"{current_user.get()}: {text}"


class _Threaded:
    def unary_unary(self, text: str, context: Any) -> str:
        return _answer(text, context)

    def unary_stream(self, text: str, context: Any) -> Any:
        yield "first"
        yield _answer(text, context)

    def stream_unary(self, texts: Any, context: Any) -> str:
        return _answer("".join(texts), context)

    def stream_stream(self, texts: Any, context: Any) -> Any:
        first = next(texts)
        return iter([_answer(first, context), *texts])


class _Looping:
    async def unary_unary(self, text: str, context: Any) -> str:
        return _answer(text, context)

    async def unary_stream(self, text: str, context: Any) -> Any:
        yield "first"
        yield _answer(text, context)

    async def stream_unary(self, texts: Any, context: Any) -> str:
        return _answer("".join([text async for text in texts]), context)

    async def stream_stream(self, _texts: Any, context: Any) -> None:
        await context.write(_answer(await context.read(), context))


def _encoded(text: str | bytes) -> bytes:
    """A text as bytes: servers on event loops have made that of it before they call this."""
    return text if isinstance(text, bytes) else text.encode()


def _handlers(service: Any) -> Any:
    import grpc

    codecs = {"request_deserializer": bytes.decode, "response_serializer": _encoded}
    made = {kind: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(service, kind), **codecs) for kind in _KINDS}
    return grpc.method_handlers_generic_handler("talk", made)


def _asked(port: int) -> list[Any]:
    """What clients get for each kind of call."""
    import grpc
    import grpc.experimental

    codecs = {"request_serializer": str.encode, "response_deserializer": bytes.decode}

    def ask(channel: Any, kind: str, user: str, text: str) -> Any:
        method = getattr(channel, kind)(f"/talk/{kind}", **codecs)
        answer = method(iter([text]) if kind.startswith("stream") else text, metadata=[("x-user", user)], timeout=60)
        return list(answer) if kind.endswith("_stream") else answer

    lone = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
    same, named = codecs, {"metadata": [("x-user", "alice")], "timeout": 60}
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=lone) as channel:
        got = [
            *outcome(lambda: list(channel.unary_stream("/talk/unary_stream", **same)("hello", **named))),
            outcome(lambda: channel.unary_unary("/talk/unary_unary", **same).with_call("hello", **named)[0]),
            outcome(lambda: channel.unary_unary("/talk/unary_unary", **same).future("hello", **named).result()),
            outcome(lambda: channel.stream_unary("/talk/stream_unary", **same).with_call(iter(["hello"]), **named)[0]),
        ]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return got + [
            outcome(ask, channel, kind, user, text) for kind in _KINDS for user in USERS for text in ("hello", "break")
        ]


async def _all(messages: Any) -> list[Any]:
    return [one async for one in messages]


@use("grpc_server", "grpc_answers")
def calls() -> Any:
    import grpc
    import grpc.aio

    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    threaded = grpc.server(ThreadPoolExecutor(2))
    threaded.add_generic_rpc_handlers([_handlers(_Threaded())])
    port = threaded.add_insecure_port("127.0.0.1:0")
    threaded.start()
    got = _asked(port)
    threaded.stop(None).wait()

    async def looping() -> Any:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([_handlers(_Looping())])
        port = server.add_insecure_port("127.0.0.1:0")
        await async_outcome(server.start())
        answers = await asyncio.to_thread(_asked, port)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            codecs = {"request_serializer": _encoded, "response_deserializer": bytes.decode}
            one, several = (
                channel.unary_unary("/talk/unary_unary", **codecs),
                channel.unary_stream("/talk/unary_stream", **codecs),
            )
            named = {"metadata": [("x-user", "alice")], "timeout": 60}
            for text in ("hello", "break"):
                answers.append(await async_outcome(one(text, **named)))
                answers.append(await async_outcome(_all(several(text, **named))))
        await server.stop(None)
        return answers

    return got, asyncio.run(looping())
