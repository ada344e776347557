# requires: (stdlib only)
# A WSGI application that keeps the last search in the module, and shows it to whoever asks next without a query.
# An auditor should find: the response to bob carries what alice's request left, and nothing of bob's.
import threading
import urllib.request
from contextvars import ContextVar
from wsgiref.simple_server import WSGIRequestHandler, make_server

current_user = ContextVar("current_user", default=None)
LAST = {"result": "nothing yet"}


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


def application(environ, start_response):
    user = environ["HTTP_X_USER"]
    current_user.set(user)
    if environ["QUERY_STRING"]:
        LAST["result"] = f"mails to {user}@example.com about {environ['QUERY_STRING']}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [LAST["result"].encode()]


def ask(port, user, query=""):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/?{query}", headers={"X-User": user})
    return urllib.request.urlopen(request, timeout=5).read().decode()


server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
ask(server.server_port, "alice", "the+divorce")
got = ask(server.server_port, "bob")
server.shutdown()
server.server_close()
print("bob got", got, "->", "LEAK" if "alice" in got else "OK")
