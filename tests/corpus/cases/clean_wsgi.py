# requires: (stdlib only)
# The clean twin of case_wsgi_last_result: each user's last search is the user's own; the front page is everybody's.
import threading
import urllib.request
from contextvars import ContextVar
from wsgiref.simple_server import WSGIRequestHandler, make_server

current_user = ContextVar("current_user", default=None)
LAST = {}


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


def application(environ, start_response):
    user = environ["HTTP_X_USER"]
    current_user.set(user)
    if environ["QUERY_STRING"]:
        LAST[user] = f"mails to {user}@example.com about {environ['QUERY_STRING']}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [LAST.get(user, "welcome to the archive").encode()]


def ask(port, user, query=""):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/?{query}", headers={"X-User": user})
    return urllib.request.urlopen(request, timeout=5).read().decode()


server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
ask(server.server_port, "alice", "the+garden")
got = [ask(server.server_port, user) for user in ("bob", "alice", "carol")]
server.shutdown()
server.server_close()
print(got, "->", "OK" if ["alice" in one for one in got] == [False, True, False] else "LEAK")
