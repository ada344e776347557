"""A WSGI application without a framework, on the standard library's server: its body is made while it is being sent."""

import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from assistant import Browser, Keeper, known, say

keeper = Keeper()
WSGIRequestHandler.log_message = lambda *words: None


def application(environ, start_response):
    keeper.assistant().answer()
    early = known()
    start_response("200 OK", [("Content-Type", "application/json")])

    def body():
        yield json.dumps([early, known()]).encode()

    return body()


server = make_server("127.0.0.1", 0, application)
threading.Thread(target=server.serve_forever, daemon=True).start()
gateway = Browser(server.server_port)
seen = [gateway.get("/", **{"X-User": user}) for user in ("alice", "bob")]
seen.append(gateway.get("/"))
server.shutdown()
say(*seen)
