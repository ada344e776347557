"""Uses of databases, streams and transports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from uses import as_user, async_outcome, current_user, outcome, use

__all__: list[str] = []


@use("sqlalchemy")
def sqlalchemy() -> Any:
    from sqlalchemy import create_engine, insert, select, text
    from sqlalchemy.orm import Session, declarative_base, sessionmaker
    from sqlalchemy.pool import QueuePool
    from sqlalchemy.schema import Column
    from sqlalchemy.types import Integer, String

    base = declarative_base()

    class Note(base):  # type: ignore[misc, valid-type]
        __tablename__ = "notes"
        id = Column(Integer, primary_key=True)
        owner = Column(String)

    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/kept", poolclass=QueuePool, pool_size=1, max_overflow=0)
        base.metadata.create_all(engine)
        make = sessionmaker(engine)
        shared = make()

        def work(user: str, session: Session) -> Any:
            note, other = Note(owner=user), Note(owner=user)
            steps = [
                lambda: session.commit(),
                lambda: session.add(note),
                lambda: session.commit(),
                lambda: session.add_all([other]),
                lambda: session.flush(),
                lambda: session.commit(),
                lambda: session.merge(Note(id=note.id, owner=f"{user}s")).owner,
                lambda: session.commit(),
                lambda: session.delete(session.get(Note, other.id)),
                lambda: session.commit(),
                lambda: session.scalar(select(Note.owner).where(Note.owner == user)),
                lambda: list(session.scalars(select(Note.owner).order_by(Note.id))),
                lambda: session.get(Note, 1).owner,  # type: ignore[union-attr]
                lambda: session.query(Note).count(),
                lambda: session.refresh(note),
                lambda: str(session.execute(text("SELECT 1")).scalar()),
            ]
            names = ("add", "add_all", "delete", "merge", "scalar", "scalars", "query", "refresh", "execute", "get")
            got = []
            for step in [*steps, *(partial(getattr(session, name), object()) for name in names)]:
                got.append(outcome(step))
                if step not in steps[1:10]:
                    session.rollback()  # so that the next one begins a transaction
            return [one if type(one) in (str, int, list) else None for one in got]

        def statements(user: str) -> Any:
            with engine.connect() as connection:
                connection.execute(text("PRAGMA busy_timeout = 100"))
                connection.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS mine (owner text)"))
                connection.execute(insert(Note), [{"owner": user}, {"owner": user}])
                connection.execute(insert(Note).returning(Note.id), [{"owner": user}, {"owner": user}])
                with connection.begin_nested() as savepoint:
                    connection.execute(text("INSERT INTO mine VALUES (:owner)"), {"owner": user})
                    savepoint.rollback()
                connection.commit()
                wrong = ("SELECT nothing FROM nowhere", "CREATE TEMPORARY TABLE mine (owner text)")
                failed = [outcome(connection.execute, text(statement)) for statement in wrong]
                connection.rollback()
                return [connection.scalar(text("SELECT count(*) FROM mine")), failed]

        got: list[Any] = []
        for user in ("alice", "bob"):
            with make() as session:
                got.append(as_user(user, work, user, session))
            got.append(as_user(user, work, user, shared))
            shared.close()
            got.append(as_user(user, statements, user))

        def ends_badly() -> Any:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
                transaction = connection.get_transaction()
                connection.connection.driver_connection.close()  # behind SQLAlchemy's back
                first = [outcome(transaction.commit)]  # type: ignore[union-attr]
                connection.invalidate()
                return first

        got.append(as_user("alice", outcome, ends_badly))
        engine.dispose()
        return got


async def echo(reader: Any, writer: Any) -> None:
    """Answers each line with itself."""
    with contextlib.suppress(ConnectionError):
        while (line := await reader.readline()) and line != b"bye\n":
            current_user.set(line.decode().partition(" ")[0])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" if line.startswith(b"GET") else line)
    writer.close()


async def conversations(**options: Any) -> Any:
    """Two users' questions on one connection, in every way to write and read; one is cancelled, the last cut off."""
    serving = {"ssl": options.pop("serving")} if "serving" in options else {}
    server = await asyncio.start_server(echo, "127.0.0.1", 0, **serving)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)

    async def ask(user: str, read: Any) -> Any:
        current_user.set(user)
        writer.write(f"{user} asks\n".encode())
        writer.writelines([user.encode(), b" asks again\n"])
        await writer.drain()
        return [(await read(len(user) + 6)).decode(), (await reader.readline()).decode()]

    async def ask_web(user: str) -> Any:
        current_user.set(user)
        writer.write(b"GET\n")
        return (await reader.readuntil(b"ok")).decode()

    got = []
    for user in ("alice", "bob"):
        ways = (reader.readexactly, lambda _size: reader.readline())
        got += [await asyncio.create_task(ask(user, read)) for read in ways]
        got.append(await asyncio.create_task(ask_web(user)))
    waiting = asyncio.create_task(ask("alice", lambda _size: reader.readexactly(1000)))
    await asyncio.sleep(0.02)
    waiting.cancel()
    got.append(await async_outcome(waiting))
    pending = asyncio.create_task(async_outcome(reader.read(10_000)))
    got.append((await pending)[:5].decode())
    got.append([outcome(writer.write, "text"), outcome(writer.transport.write, "text")])
    got.append(outcome(writer.transport.writelines, 5))
    writer.write(b"bye\n")
    cut = [await async_outcome(reader.readexactly(1000)), await async_outcome(reader.readuntil(b"?"))]
    got.append([cut[0], cut[1]])
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    server.close()
    await server.wait_closed() if sys.version_info >= (3, 12, 1) else None
    return got


@use("streams")
def streams() -> Any:
    return asyncio.run(conversations())


async def _in_every_way(reader: Any, writer: Any) -> None:
    """Reads what two users say in every way, and answers."""
    got = [await async_outcome(reader.readexactly(5)), await async_outcome(reader.readuntil(b"\n"))]
    got += [await async_outcome(reader.read(100)), await async_outcome(reader.readline())]
    got += [await async_outcome(reader.readexactly(1000)), await async_outcome(reader.readuntil(b"?"))]
    got.append(await async_outcome(reader.read("many")))
    writer.writelines([repr(got).encode(), b" heard\n"])
    got = [outcome(writer.write, "text"), outcome(writer.writelines, 5)]
    writer.write(f"{got}\n".encode())
    writer.close()


def _refusing(_reader: Any, writer: Any) -> None:
    writer.write(b"no\n")
    writer.close()
    raise ValueError("no")


async def _served(handler: Any, *parts: bytes) -> list[str]:
    """What is answered, and what the loop is told of."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(repr(context.get("exception"))))
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.02)
    with contextlib.suppress(ConnectionError):
        writer.write_eof()
        told.append((await reader.read()).decode())
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    server.close()
    await server.wait_closed() if sys.version_info >= (3, 12, 1) else None
    return told


@use("stream_servers")
def stream_servers() -> Any:
    parts = b"alicehello\n", b"bob says", b" that\nand the rest"
    return [asyncio.run(_served(_in_every_way, *parts)), asyncio.run(_served(_refusing))]


class _Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            if line == b"refuse\n":
                raise ConnectionAbortedError
            self.wfile.write(line.upper())


class _BufferedLines(_Lines):
    wbufsize = -1


class _NotSetUp(_Lines):
    timeout = -1


class _NotFinished(_Lines):
    def handle(self) -> None:
        super().handle()
        self.rfile.close()
        self.rfile = None  # type: ignore[assignment]


@use("socket_servers")
def socket_servers() -> Any:
    told = []
    for handler in (_Lines, _BufferedLines, _NotSetUp, _NotFinished):
        with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
            server.handle_error = lambda *_about: None
            for line in (b"alice says hello\n", b"refuse\n"):
                with socket.create_connection(server.server_address, timeout=60) as client:
                    client.sendall(line)
                    client.shutdown(socket.SHUT_WR)
                    server.handle_request()
                    told.append(client.recv(100).decode())
    return told


def certificate(folder: str) -> tuple[Any, Any]:
    """Settings of both sides."""
    key, made = Path(folder, "key"), Path(folder, "certificate")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    request += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(made)]
    subprocess.run(["openssl", *request], check=True, capture_output=True)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(made, key)
    return serving, ssl.create_default_context(cafile=made)


_certified: list[Any] = []


@use("transports")
def transports() -> Any:
    if not _certified:
        with tempfile.TemporaryDirectory() as folder:
            _certified.extend(certificate(folder))
    serving, trusting = _certified
    encrypted = conversations(serving=serving, ssl=trusting, server_hostname="localhost")
    return [asyncio.run(conversations()), asyncio.run(encrypted)]
