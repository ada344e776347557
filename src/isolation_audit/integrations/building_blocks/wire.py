"""Responses of HTTP/1 in the bytes that a server writes: their heads, lengths and chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.work.answered import AnsweredRequest
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.vocabulary.exits import PUSHED

if TYPE_CHECKING:
    from isolation_audit.vocabulary.exits import Exits, LeavingResponse

HEAD: Final = b"HTTP/1."
"""What the head of a response begins with."""

_LONGEST_HEAD: Final = 64 * 1024

_DIGITS: Final = 18
"""Of a length that is counted down; Python makes no number of some thousand digits."""

_LONGEST_SIZE: Final = 256
"""Bytes of a line that may be a chunk's size."""

_headers: Final = pattern(rb"(?i)\r\n(content-(?:length|type|encoding)|transfer-encoding): *([^\r]*)")
_size: Final = pattern(rb"([0-9A-Fa-f]{1,16})\s*(?:;.*)?")


class Chunks:
    """Takes the framing off a body that is sent in chunks, however it is cut when it is written."""

    __slots__ = ("_left", "_line", "over")

    def __init__(self) -> None:
        self._left = 0
        self._line = b""
        self.over = False
        """True once the last one has come."""

    def data(self, framed: bytes) -> bytes:
        """What is inside of the next bytes; all of them, where they are no chunks after all."""
        parts: list[bytes] = []
        framed, self._line, at = self._line + framed, b"", 0
        while at < len(framed) and not self.over:
            if self._left:
                parts.append(framed[at : at + self._left])
                self._left -= len(parts[-1])
                at += len(parts[-1])
                continue
            # Looked for no further than a size may reach: a line that is none would be looked for again and again.
            end = framed.find(b"\r\n", at, at + _LONGEST_SIZE + 2)
            if end < 0 and len(framed) - at <= _LONGEST_SIZE:
                self._line = framed[at:]
                break
            size = None if end < 0 else _size.fullmatch(framed, at, end)
            if size is not None:
                self._left = int(size[1], 16)
                self.over = not self._left
            elif end != at:
                parts.append(framed[at:])
                break
            at = end + 2
        return b"".join(parts)


class Wire:
    """The bytes that a server writes on one connection: responses where they are HTTP/1, else anything."""

    __slots__ = ("_chunks", "_head", "_left", "_response", "_sinks", "_target", "request", "switched")

    def __init__(self, sinks: Exits, target: str) -> None:
        self._sinks = sinks
        self._target = target
        self._response: LeavingResponse | None = None
        self._left: int | None = None
        self._chunks: Chunks | None = None
        self._head = b""
        self.request = AnsweredRequest()
        self.switched = False
        """True once it is HTTP no more."""

    def write(self, data: bytes) -> None:
        """The next bytes; a response's head is taken for one where it begins them, however many parts it is sent in."""
        if self._head or data.startswith(HEAD):
            self._head += data
            if b"\r\n\r\n" not in self._head and len(self._head) < _LONGEST_HEAD:
                return
            data, self._head = self._begin(self._head), b""
        if self._response is None:
            self._sinks.secrets(data, self._target, PUSHED)
        elif data and self._chunks is not None:
            self._response.chunk(self._chunks.data(data), last=self._chunks.over)
        elif data:
            if self._left is not None:
                self._left -= len(data)
            # Where nothing tells how long it is, and when the request ends, each part is taken for the last one.
            unbounded = self._left is None and current_inputs() is not None
            self._response.chunk(data, last=not unbounded and (self._left is None or self._left <= 0))

    def _begin(self, data: bytes) -> bytes:
        head, _, body = data.partition(b"\r\n\r\n")
        headers = [(name.lower(), value) for name, value in _headers.findall(head)]
        told = dict(headers)
        length = told.get(b"content-length", b"")
        self._left = int(length) if length.isdigit() and len(length) < _DIGITS else None
        self._chunks = Chunks() if b"transfer-encoding" in told else None
        # After "101 Switching Protocols" it is HTTP no more.
        self.switched = head[9:12] == b"101"
        self._response = None if self.switched else self._sinks.response(self._target, headers, self.request)
        return body
