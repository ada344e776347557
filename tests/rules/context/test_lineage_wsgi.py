"""WSGI: a thread serves one request after the other, and keeps what none of them takes back."""

from __future__ import annotations

import pytest

SITE = """
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass

def plain(environ, start_response):
    user = environ.get("HTTP_X_USER")
    {begin}
    text = f"hello {current_user.get()}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]

def flask_site():
    import flask
    site = flask.Flask("site")

    @site.get("/")
    def page():
        user = flask.request.headers.get("X-User")
        {begin}
        text = f"hello {current_user.get()}"
        return text

    return site

def ask(port, user):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"X-User": user} if user else {})
    return urllib.request.urlopen(request, timeout=60).read().decode()

def by_waitress(application):
    import waitress
    connections, over = dict(), threading.Event()
    server = waitress.create_server(application, map=connections, host="127.0.0.1", port=0, threads=1,
                                    clear_untrusted_proxy_headers=True)
    def serve():  # server.run() can't be ended from another thread
        while not over.is_set():
            server.asyncore.loop(timeout=0.01, map=connections, count=1)
    serving = threading.Thread(target=serve)
    serving.start()
    answers = [ask(server.effective_port, user) for user in ("alice", "bob", None)]
    over.set()
    serving.join()
    server.task_dispatcher.shutdown()
    server.asyncore.close_all(connections)
    return answers

def main():
    if {waitress}:
        return by_waitress({site})
    with make_server("127.0.0.1", 0, {site}, handler_class=Quiet) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        answers = [ask(server.server_port, user) for user in ("alice", "bob", None)]
        server.shutdown()
        serving.join()
    return answers
"""

READ = 'text = f"hello {current_user.get()}"'
SITES = ["plain", "flask_site()", "plain on waitress"]


def program(site: str, begin: str) -> str:
    if site.startswith("flask"):
        pytest.importorskip("flask")
    site, _, server = site.partition(" on ")
    if server:
        pytest.importorskip(server)
    text = SITE.replace("{site}", site).replace("{begin}", begin)
    return text.replace("{waitress}", str(server == "waitress"))


@pytest.mark.parametrize("site", SITES)
def test_a_visitor_is_served_as_whoever_came_before(outcome_of, site: str) -> None:
    outcome = outcome_of(program(site, "if user: current_user.set(user)"))
    assert outcome.result == ["hello alice", "hello bob", "hello bob"]
    assert outcome.found == [("IA503", "bob", None, READ)]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("begin", ["current_user.set(user)", "before = current_user.get(); current_user.set(user)"])
def test_requests_that_set_their_user_each_time(outcome_of, site: str, begin: str) -> None:
    outcome = outcome_of(program(site, begin))
    assert outcome.result == ["hello alice", "hello bob", "hello None"]
    assert outcome.found == []


ONLY_ONCE = "if user and current_user.get() is None: current_user.set(user)"


@pytest.mark.parametrize("site", SITES)
def test_a_visitor_who_finds_her_own_name_there_is_served_as_herself(outcome_of, site: str) -> None:
    """One user alone: her own requests are all that her thread has served, as its headers say."""
    source = program(site, ONLY_ONCE).replace('("alice", "bob", None)', '("alice.liddell",) * 3')
    outcome = outcome_of(source)
    assert outcome.result == ["hello alice.liddell"] * 3
    assert outcome.found == []


@pytest.mark.parametrize("site", SITES)
def test_another_visitor_who_finds_her_name_there(outcome_of, site: str) -> None:
    source = program(site, "seen.append(user); len(seen) > 1 or current_user.set(user)")
    source = source.replace('("alice", "bob", None)', '("alice.liddell", "bob.builder")')
    outcome = outcome_of("seen = []\n" + source)
    assert outcome.result == ["hello alice.liddell"] * 2
    assert outcome.found == [("IA503", "alice.liddell", "bob.builder", READ)]
