"""Tasks that connections start: a server's own protocol, told to read on by somebody's task."""

from __future__ import annotations

import logging
from asyncio.base_events import BaseEventLoop

from auditing import HEAD

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.rules.context.suspicions import Suspicions

SERVER = """
import socket

class Lines(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        gone.set()

    def data_received(self, data):
        {received}
        self.task = asyncio.get_running_loop().create_task(self.answer(data))

    async def answer(self, data):
        {answer}
        self.transport.write(b"done\\n")

def handle():
    return current_user.get()

def ask(port):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for line in (b"alice\\n", b"-\\n"):
            connection.sendall(line)
            seen.append(connection.recv(100) and last[-1])

seen, last = [], []

async def serve():
    global gone
    gone = asyncio.Event()
    server = await asyncio.get_running_loop().create_server(Lines, "127.0.0.1", 0)
    await asyncio.to_thread(ask, server.sockets[0].getsockname()[1])
    await gone.wait()
    server.close()

def main():
    asyncio.run(serve())
    return seen
"""

LOGIN = "if data == b'alice\\\\n': current_user.set('alice')"
AGAIN = "self.transport.pause_reading(); self.transport.resume_reading()"


def program(received: str, answer: str) -> str:
    received = received.replace("\\\\", "\\").replace("; ", "\n        ")
    return SERVER.replace("{received}", received).replace(
        "{answer}", answer.replace("\\\\", "\\").replace("; ", "\n        ")
    )


def test_a_request_runs_as_the_user_whose_task_let_the_connection_read_on(outcome_of) -> None:
    outcome = outcome_of(program("pass", f"{LOGIN}; last.append(handle()); {AGAIN}"))
    assert outcome.result == ["alice", "alice"]
    assert outcome.found == [("IA503", "alice", None, "return current_user.get()")]


def test_a_fault_at_the_end_of_such_a_task_does_not_reach_the_event_loop(load_app, monkeypatch, caplog) -> None:
    app = load_app(HEAD + program("pass", f"{LOGIN}; last.append(handle()); {AGAIN}"))
    monkeypatch.setattr(Suspicions, "close", lambda *_: 1 / 0)
    with Auditor(parse_config({"ambient": {"contextvar": f"{app.__name__}:current_user"}})) as auditor:
        assert app.main() == ["alice", "alice"]
        assert auditor.runtime.barrier.counts["suspicion"] == 1
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


OPTIONS = """
from asyncio import base_events
create_task = base_events.BaseEventLoop.create_task

def passing_on(self, coro, **kwargs):
    return create_task(self, coro, **kwargs)

base_events.BaseEventLoop.create_task = passing_on
"""
"""As Python 3.14 and tools that wrap it have it: the context is a parameter that a call may leave out."""


def test_a_create_task_that_passes_its_options_on(outcome_of, monkeypatch) -> None:
    monkeypatch.setattr(BaseEventLoop, "create_task", BaseEventLoop.create_task)  # put back in the end
    outcome = outcome_of(OPTIONS + program("pass", f"{LOGIN}; last.append(handle()); {AGAIN}"))
    assert outcome.result == ["alice", "alice"]
    assert outcome.found == [("IA503", "alice", None, "return current_user.get()")]


def test_requests_that_set_their_user_first(outcome_of) -> None:
    answer = f"current_user.set(data.decode().strip()); last.append(handle()); {AGAIN}"
    outcome = outcome_of(program("pass", answer))
    assert outcome.result == ["alice", "-"]
    assert outcome.found == []


def test_a_connection_that_knows_its_own_client(outcome_of) -> None:
    """It logs in once; what comes later on this connection is alice's by design."""
    outcome = outcome_of(program(LOGIN, f"last.append(handle()); {AGAIN}"))
    assert outcome.result == ["alice", "alice"]
    assert outcome.found == []


def test_a_connection_to_somebody_else_s_server_belongs_to_whoever_opened_it(outcome_of) -> None:
    """A client's connection is used by one user after the other; what it starts is nobody's."""
    source = """
class Client(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.answers = transport, asyncio.Queue()

    def data_received(self, data):
        asyncio.get_running_loop().create_task(self.deliver(data))

    async def deliver(self, data):
        current_user.get()
        self.answers.put_nowait(data)

async def echo(reader, writer):
    while data := await reader.read(100):
        writer.write(data)
    writer.close()
    await writer.wait_closed()
    gone.set()

async def request(user, pool, port):
    current_user.set(user)
    if not pool:
        pool += await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    transport, client = pool
    transport.write(user.encode())
    answer = await client.answers.get()
    transport.pause_reading()
    transport.resume_reading()
    return answer.decode(), current_user.get()

async def serve():
    global gone
    server, pool, gone = await asyncio.start_server(echo, "127.0.0.1", 0), [], asyncio.Event()
    port = server.sockets[0].getsockname()[1]
    got = [await asyncio.create_task(request(user, pool, port)) for user in ("alice", "bob", "alice")]
    pool[0].close()
    await gone.wait()
    server.close()
    return got

def main():
    return asyncio.run(serve())
"""
    outcome = outcome_of(source)
    assert outcome.result == [(user, user) for user in ("alice", "bob", "alice")]
    assert outcome.found == []
