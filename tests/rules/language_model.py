"""A server of a language model, as far as a chat needs one: real HTTP, and answers that are known beforehand."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = "Returns are accepted within thirty days of the delivery."


ANSWERS = {
    "mole": "A dermatologist should look at it before the weekend.",
    "cake": "Bake it for half an hour more and cover it.",
    "return": POLICY,
    "a joke": "Two tomatoes went to the market together.",
}
"""By what is in a question, or at its end."""


@contextmanager
def language_model() -> Iterator[str]:
    """Its address. It answers what nobody has asked with, in JSON or, where that is wanted, as a stream of events.

    Each answer has the id of a conversation, as services give it that keep what was said. A path that ends with
    ``/threads`` begins one and answers nothing else, and each path beneath takes one more turn.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if "/threads" in self.path:
                self.answer(json.dumps({"id": f"thread_{uuid4().hex}", "object": "thread"}).encode())
                return
            last = asked["messages"][-1]["content"]
            words = (
                "A dermatologist should look at it before the weekend."
                if "mole" in last
                else "Bake it for half an hour more and cover it."
            )
            words = {"return": POLICY, "a joke": "Two tomatoes went to the market together."}.get(last[-6:], words)
            conversation = {"id": f"conv_{uuid4().hex}"}
            if asked.get("stream"):
                parts = [conversation | {"choices": [{"delta": {"content": f"{word} "}}]} for word in words.split()]
                body = "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + "data: [DONE]\n\n"
            else:
                body = json.dumps(conversation | {"choices": [{"message": {"role": "assistant", "content": words}}]})
            self.answer(body.encode(), in_chunks=asked.get("in_chunks", False))

        def answer(self, body: bytes, *, in_chunks: bool = False) -> None:
            self.send_response(200)
            if not in_chunks:
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (*body.splitlines(keepends=True), b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/v1/chat/completions"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
