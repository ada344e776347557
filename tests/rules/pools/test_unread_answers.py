"""Streams of asyncio: an answer that was left unread is another user's finding; everything else is silent."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from auditing import Audit, config, current_user

from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.integrations.building_blocks.awaited_answers import AwaitingPoint
from isolation_audit.integrations.streams import WritePoint

HERE = Path(__file__).name


async def serve_slowly(reader: Any, writer: Any) -> None:
    """Answers each line with itself, a little later; a line that begins with `-` is not answered."""
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        while line := await reader.readline():
            await asyncio.sleep(0.03)
            if not line.startswith(b"-"):
                writer.write(b"answer to " + line)
    writer.close()


@contextlib.asynccontextmanager
async def connected(handler: Any = serve_slowly):
    """A server, and one connection to it."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await asyncio.sleep(0.06)
        server.close()


async def ask(streams: Any, user: str, *, between: float = 0.0, words: str = "") -> bytes:
    current_user.set(user)
    reader, writer = streams
    writer.write(f"{words or user}\n".encode())
    await writer.drain()
    if between:
        await asyncio.sleep(between)
    return await reader.readline()


async def cut_off(work: Any, after: float = 0.01) -> asyncio.Task[Any]:
    task = asyncio.create_task(work)
    await asyncio.sleep(after)
    task.cancel()
    await asyncio.wait([task])
    return task


def run(scenario: Any) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 20))


def test_cancelled_while_it_waits_for_the_answer(audit: Audit) -> None:
    async def scenario() -> bytes:
        async with connected() as streams:
            await cut_off(ask(streams, "alice"))
            return await asyncio.create_task(ask(streams, "bob"))

    assert run(scenario) == b"answer to alice\n"
    (finding,) = audit.found("IA505")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert [Path(site.top.file).name for site in (finding.site, finding.origin)] == [HERE, HERE]
    assert finding.site.top.function == finding.origin.top.function == "ask"


def test_cancelled_before_it_reads(audit: Audit) -> None:
    async def scenario() -> bytes:
        async with connected() as streams:
            await asyncio.create_task(ask(streams, "carol"))
            _kept = await cut_off(ask(streams, "alice", between=1.0))
            return await asyncio.create_task(ask(streams, "bob"))

    assert run(scenario) == b"answer to alice\n"
    assert audit.pairs("IA505") == {("alice", "bob")}


def test_a_time_limit_that_leaves_the_answer(audit: Audit) -> None:
    async def hurried(streams: Any, user: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.005):
                await ask(streams, user)

    async def scenario() -> bytes:
        async with connected() as streams:
            await asyncio.create_task(hurried(streams, "alice"))
            return await asyncio.create_task(ask(streams, "bob"))

    assert run(scenario) == b"answer to alice\n"
    assert audit.pairs("IA505") == {("alice", "bob")}


def test_the_answer_of_a_second_question_is_left_as_well(audit: Audit) -> None:
    async def scenario() -> bytes:
        async with connected() as streams:
            await cut_off(ask(streams, "alice"))
            await asyncio.create_task(ask(streams, "alice", words="alice again"))
            return await asyncio.create_task(ask(streams, "bob"))

    assert run(scenario) == b"answer to alice again\n"
    assert audit.pairs("IA505") == {("alice", "bob")}


def test_a_clean_connection_is_passed_on(audit: Audit) -> None:
    async def scenario() -> list[bytes]:
        async with connected() as streams:
            return [await asyncio.create_task(ask(streams, user)) for user in ("alice", "bob", "carol")]

    assert run(scenario) == [b"answer to alice\n", b"answer to bob\n", b"answer to carol\n"]
    assert audit.found("IA505") == []


def test_closing_what_was_cut_off_is_right(audit: Audit) -> None:
    async def scenario() -> bytes:
        async with connected() as streams:
            await cut_off(ask(streams, "alice"))
        async with connected() as streams:
            return await asyncio.create_task(ask(streams, "bob"))

    assert run(scenario) == b"answer to bob\n"
    assert audit.found("IA505") == []


def test_reading_what_was_left_is_right(audit: Audit) -> None:
    async def scenario() -> bytes:
        async with connected() as streams:
            await cut_off(ask(streams, "alice"))
            current_user.set("alice")
            await streams[0].readline()
            return await asyncio.create_task(ask(streams, "bob"))

    assert run(scenario) == b"answer to bob\n"
    assert audit.found("IA505") == []


async def look_for_nothing(reader: Any) -> None:
    await reader.read(0)


async def look_for_anything(reader: Any) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await reader.read(1)


async def give_up_looking(reader: Any) -> None:
    """As a coroutine that is thrown away in the middle: nobody tells how its reading ended."""
    if reader._buffer:
        return  # on a busy machine the answer that was left is there already
    looking = reader.read(1)
    looking.send(None)
    looking.close()
    reader._waiter = None


LOOKS = [look_for_nothing, look_for_anything, give_up_looking]


@pytest.mark.parametrize("look", LOOKS)
def test_a_pool_that_looks_at_a_connection_before_it_lends_it(audit: Audit, look: Any) -> None:
    """Nothing is there to be read: that tells nothing of the next one, whose answer is left."""

    async def borrow(streams: Any, user: str, *, looks: bool = True) -> bytes:
        current_user.set(user)
        if looks:
            await look(streams[0])
        return await ask(streams, user)

    async def scenario() -> bytes:
        async with connected() as streams:
            for user in ("alice", "bob", "carol"):
                await asyncio.create_task(borrow(streams, user))
            await cut_off(borrow(streams, "alice"))
            return await asyncio.create_task(borrow(streams, "bob", looks=look is not look_for_anything))

    assert run(scenario) == b"answer to alice\n"
    assert audit.pairs("IA505") == {("alice", "bob")}


def test_a_pool_that_empties_a_connection_before_it_lends_it(audit: Audit) -> None:
    async def borrow(streams: Any, user: str) -> bytes:
        current_user.set(user)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await streams[0].readline()
        return await ask(streams, user)

    async def scenario() -> list[bytes]:
        async with connected() as streams:
            got = []
            for user in ("bob", "carol"):
                await cut_off(ask(streams, "alice"))
                got.append(await asyncio.create_task(borrow(streams, user)))
            await cut_off(ask(streams, "alice"))
            got.append(await asyncio.create_task(ask(streams, "bob")))
            return got

    assert run(scenario) == [b"answer to bob\n", b"answer to carol\n", b"answer to alice\n"]
    assert audit.pairs("IA505") == {("alice", "bob")}, "of the last one, which was not emptied"


def test_one_reader_for_everybody(audit: Audit) -> None:
    async def scenario() -> list[Any]:
        waiting: list[asyncio.Future[bytes]] = []

        async def read_all(reader: Any) -> None:
            while line := await reader.readline():
                await asyncio.sleep(0.01)
                future = waiting.pop(0)
                if not future.done():
                    future.set_result(line)

        async def pipelined(writer: Any, user: str) -> bytes:
            current_user.set(user)
            future = asyncio.get_running_loop().create_future()
            waiting.append(future)
            writer.write(f"{user}\n".encode())
            return await future

        async with connected() as (reader, writer):
            current_user.set("alice")
            reading = asyncio.create_task(read_all(reader))
            first = asyncio.create_task(pipelined(writer, "carol"))
            await first
            got = []
            for _ in range(3):
                await cut_off(pipelined(writer, "alice"))
                await cut_off(pipelined(writer, "alice"), after=0.035)
                got.append(await asyncio.create_task(pipelined(writer, "bob")))
            reading.cancel()
            return got

    assert run(scenario) == [b"answer to bob\n"] * 3
    assert audit.found("IA505") == []


def test_a_subscription_that_ends(audit: Audit) -> None:
    async def listen(streams: Any, user: str) -> None:
        await ask(streams, user)
        await streams[0].readline()  # the next message, which does not come

    async def scenario() -> None:
        async with connected() as streams:
            await cut_off(listen(streams, "alice"), after=0.1)
            await cut_off(listen(streams, "bob"), after=0.1)

    run(scenario)
    assert audit.found("IA505") == []


def test_a_worker_that_polls(audit: Audit) -> None:
    """One task works for all, sends what is not answered, and looks for messages between."""

    async def scenario() -> None:
        async with connected() as (reader, writer):
            for user in ("alice", "bob", "alice", "bob"):
                current_user.set(user)
                writer.write(b"-said\n")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.005):
                        await reader.readline()

    run(scenario)
    assert audit.found("IA505") == []


def test_questions_that_nobody_answers(audit: Audit) -> None:
    async def count(writer: Any, user: str) -> None:
        current_user.set(user)
        writer.writelines([b"-count\n"])
        await asyncio.sleep(0.5)

    async def scenario() -> None:
        async with connected() as (_reader, writer):
            for user in ("alice", "bob"):
                await cut_off(count(writer, user))

    run(scenario)
    assert audit.found("IA505") == []


def test_a_chat_server_that_tells_everybody(audit: Audit) -> None:
    writers: list[Any] = []

    async def serve(reader: Any, writer: Any) -> None:
        writers.append(writer)
        user = (await reader.readline()).decode().strip()
        current_user.set(user)
        writer.write(b"welcome\n")
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.005):
                        line = await reader.readline()
                        for one in writers if line else ():
                            one.write(f"{user}: {line}\n".encode())
        writers.remove(writer)
        writer.close()

    async def scenario() -> None:
        async with connected(serve) as (_reader, alice):
            alice.write(b"alice\n")
            await asyncio.sleep(0.03)
            async with connected(serve) as (_other, bob):
                bob.write(b"bob\nhello\n")
                await asyncio.sleep(0.03)

    run(scenario)
    assert audit.found("IA505") == []


@pytest.mark.parametrize("point", [WritePoint, AwaitingPoint])
@pytest.mark.parametrize("method", ["before", "after", "failed"])
def test_faults_change_nothing(monkeypatch, point, method) -> None:
    def broken(*_args: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(point, method, broken)

    async def scenario() -> list[bytes]:
        async with connected() as streams:
            got = [await asyncio.create_task(ask(streams, user)) for user in ("alice", "bob")]
        async with connected() as streams:
            await cut_off(ask(streams, "alice"))
            return [*got, await asyncio.create_task(ask(streams, "bob"))]

    with Auditor(config()) as auditor:
        assert run(scenario) == [b"answer to alice\n", b"answer to bob\n", b"answer to alice\n"]
    never = (point, method) in ((WritePoint, "after"), (WritePoint, "failed"))
    assert bool(auditor.runtime.barrier.counts) is not never


def test_what_was_patched_comes_back_and_is_left_alone_where_it_is_switched_off() -> None:
    streams = (asyncio.StreamWriter.write, asyncio.StreamReader.readuntil)
    codes = [one.__code__ for one in streams]
    # Payloads are read there as well, and connections of servers are units of work.
    others = model.Integrations(disable=("stream_servers",))
    with Auditor(config(watch=model.Watch(pools=False, payloads=False), integrations=others)):
        assert [one.__code__ for one in streams] == codes
    with Auditor(config(integrations=others)):
        assert [one.__code__ for one in streams] != codes
    assert [one.__code__ for one in streams] == codes


def test_connections_are_forgotten_with_their_streams(audit: Audit) -> None:
    async def scenario() -> None:
        for _ in range(20):
            async with connected() as streams:
                await cut_off(ask(streams, "alice"), after=0.001)

    before = len(audit.auditor.runtime.objects)
    run(scenario)
    import gc

    gc.collect()
    assert len(audit.auditor.runtime.objects) <= before + 1
