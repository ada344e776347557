"""A model for the agent, on the interface of OpenAI's chat completions: it says what it was told. ``model.py PORT``."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Completions(BaseHTTPRequestHandler):
    """Whole answers, and the same word by word."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = "you said: " + [one["content"] for one in asked["messages"] if one["role"] == "user"][-1]
        self.send_response(200)
        self.send_header("connection", "close")
        if asked.get("stream"):
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for word in text.split(" "):
                self._send("chat.completion.chunk", {"delta": {"role": "assistant", "content": word + " "}})
            self._send("chat.completion.chunk", {"delta": {}, "finish_reason": "stop"})
            self.wfile.write(b"data: [DONE]\n\n")
        else:
            self.send_header("content-type", "application/json")
            self.end_headers()
            message = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self.wfile.write(json.dumps(_body("chat.completion", message)).encode())
        self.close_connection = True

    def _send(self, kind, choice):
        self.wfile.write(f"data: {json.dumps(_body(kind, choice))}\n\n".encode())


def _body(kind, choice):
    return {"id": "c", "object": kind, "created": 1, "model": "m", "choices": [{"index": 0, **choice}]}


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Completions).serve_forever()
