"""Servers that speak as much of a protocol as a client needs to store and to find: MongoDB's and memcached's."""

from __future__ import annotations

import socketserver
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bson

if TYPE_CHECKING:
    from collections.abc import Iterator

_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_GREETING = {
    "ismaster": True, "isWritablePrimary": True, "helloOk": True, "maxWireVersion": 21, "minWireVersion": 0,
    "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "ok": 1.0,
}  # fmt: skip


class _Mongo(socketserver.StreamRequestHandler):
    documents: list[dict[str, Any]]

    def handle(self) -> None:
        while head := self.rfile.read(16):
            length, request, _to, kind = struct.unpack("<iiii", head)
            body = self.rfile.read(length - 16)
            if kind == _OP_QUERY:
                answer = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(_GREETING)
                kind = _OP_REPLY
            else:
                answer = b"\0\0\0\0\0" + bson.encode(self._answered(*_sections(body[4:])))
            self.wfile.write(struct.pack("<iiii", 16 + len(answer), 0, request, kind) + answer)

    def _answered(self, command: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
        if "insert" in command:
            self.documents.extend(documents or command["documents"])
            return {"n": 1, "ok": 1.0}
        if "update" in command:
            return {"n": 0, "nModified": 0, "ok": 1.0}
        if "find" in command:
            asked = command["filter"].items()
            found = [one for one in self.documents if asked <= one.items()]
            return {"cursor": {"firstBatch": found, "id": 0, "ns": "test.notes"}, "ok": 1.0}
        return dict(_GREETING)


def _sections(body: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    command: dict[str, Any] = {}
    documents: list[dict[str, Any]] = []
    while body:
        size = struct.unpack("<i", body[1:5])[0]
        if body[0] == 0:
            command = bson.decode(body[1 : 1 + size])
        else:
            documents += bson.decode_all(body[1 : 1 + size][4:].partition(b"\0")[2])
        body = body[1 + size :]
    return command, documents


class _Memcached(socketserver.StreamRequestHandler):
    held: dict[bytes, bytes]

    def handle(self) -> None:
        while words := self.rfile.readline().split():
            if words[0] == b"set":
                self.held[words[1]] = self.rfile.read(int(words[4]) + 2)[:-2]
                if b"noreply" not in words:
                    self.wfile.write(b"STORED\r\n")
            elif words[0] == b"get":
                for key in words[1:]:
                    if key in self.held:
                        value = self.held[key]
                        self.wfile.write(b"VALUE %b 0 %d\r\n%b\r\n" % (key, len(value), value))
                self.wfile.write(b"END\r\n")


@contextmanager
def _serving(handler: type[socketserver.BaseRequestHandler], **held: Any) -> Iterator[int]:
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), type("Handler", (handler,), held)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def mongo() -> Any:
    """The port of a server with one collection."""
    return _serving(_Mongo, documents=[])


def memcached() -> Any:
    """The port of a server with an empty memory."""
    return _serving(_Memcached, held={})
