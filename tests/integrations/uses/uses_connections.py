"""Uses of connections without HTTP: protocols of the application's own on asyncio's servers, and bare sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import socketserver
import tempfile
import threading
from typing import Any

from uses import async_outcome, outcome, use
from uses_data import certificate

__all__: list[str] = []


class _Lines(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.transport.write(b"welcome\n")

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"refuse"):
            raise ValueError(data)
        self.transport.writelines([data.upper(), b"HTTP/1.1 is spoken by others\n"])
        told = [type(outcome(self.transport.write, wrong)).__name__ for wrong in ("text", None, 5)]
        self.transport.write(repr(told).encode() + b"\n")

    def connection_lost(self, _error: Any) -> None:
        self.transport = None


class _Closed(_Lines):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        raise LookupError("closed to all")

    def connection_lost(self, _error: Any) -> None:
        raise LookupError("closed for good")


async def _spoken(protocol: Any, *lines: bytes, serving: Any = None, trusting: Any = None) -> list[str]:
    """What is answered, and what the loop is told of."""
    told: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: told.append(repr(context.get("exception"))))
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=serving)
    name = None if trusting is None else "localhost"
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=name)
    for line in lines:
        writer.write(line)
        await asyncio.sleep(0.02)
    with contextlib.suppress(ConnectionError):
        told.append((await asyncio.wait_for(reader.read(400), 5)).decode())
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    server.close()
    await asyncio.sleep(0.02)
    return told


async def _on_a_file(protocol: Any, folder: str) -> str:
    """The same on a socket with the name of a file."""
    name = f"{folder}/socket"
    server = await asyncio.get_running_loop().create_unix_server(protocol, name)
    reader, writer = await asyncio.open_unix_connection(name)
    writer.write(b"what alice says to bob\n")
    told = (await reader.readuntil(b"BOB\n")).decode()
    writer.close()
    server.close()
    await asyncio.sleep(0.02)
    return told


@use("protocols")
def protocols() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        serving, trusting = certificate(folder)
        heard = asyncio.run(_on_a_file(_Lines, folder))
    lines = b"LOGIN alice secret\n", b"what alice says to bob\n", b"NICK bob\n"
    return [
        heard,
        asyncio.run(_spoken(_Lines, *lines)),
        asyncio.run(_spoken(_Lines, b"refuse\n")),
        asyncio.run(_spoken(_Closed, *lines)),
        asyncio.run(_spoken(_Lines, *lines, serving=serving, trusting=trusting)),
    ]


def _serve(connection: Any) -> None:
    buffer = bytearray(100)
    with connection:
        connection.sendall(connection.recv(100).upper())
        connection.send(bytes(buffer[: connection.recv_into(buffer)]).upper())
        told = [outcome(connection.send, "text"), outcome(connection.recv, -1), outcome(connection.recv_into, b"fixed")]
        connection.sendall(repr([type(one).__name__ for one in told]).encode())
        connection.recv(100)


def _asked(address: Any) -> str:
    with socket.create_connection(address, timeout=60) as client:
        for line in (b"LOGIN alice secret\n", b"what alice says to bob\n"):
            client.sendall(line)
            told = client.recv(100)
        client.shutdown(socket.SHUT_WR)
        return (told + client.recv(1000)).decode()


async def _in_coroutines() -> Any:
    loop, got = asyncio.get_running_loop(), []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        asking = asyncio.create_task(asyncio.to_thread(_asked, listener.getsockname()))
        connection, _ = await loop.sock_accept(listener)
        with connection:
            await loop.sock_sendall(connection, (await loop.sock_recv(connection, 100)).upper())
            buffer = bytearray(100)
            length = await loop.sock_recv_into(connection, buffer)
            await loop.sock_sendall(connection, bytes(buffer[:length]).upper())
            got.append(await async_outcome(loop.sock_recv(connection, -1)))
            got.append((await loop.sock_recv(connection, 100)).decode())
        return got, await asking


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        _serve(self.request)


@use("raw_sockets")
def raw_sockets() -> Any:
    told: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asking = threading.Thread(target=lambda: told.append(_asked(listener.getsockname())))
        asking.start()
        _serve(listener.accept()[0])
        asking.join()
    with socketserver.TCPServer(("127.0.0.1", 0), _Handler) as server:
        asking = threading.Thread(target=lambda: told.append(_asked(server.server_address)))
        asking.start()
        server.handle_request()
        asking.join()
    return [*told, asyncio.run(_in_coroutines())]
