"""Uses of Twisted's web server, on connections without a network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from uses import as_user, outcome, use

__all__: list[str] = []


@use("twisted")
def sites() -> Any:
    from twisted.internet import defer
    from twisted.internet.error import ConnectionDone
    from twisted.internet.task import Clock
    from twisted.internet.testing import StringTransport
    from twisted.python.failure import Failure
    from twisted.web.resource import Resource
    from twisted.web.server import NOT_DONE_YET, Session, Site
    from twisted.web.wsgi import WSGIResource

    waiting: list[Any] = []

    class View(Resource):
        isLeaf = True

        def render_GET(self, request: Any) -> Any:
            if request.path == b"/me":
                return request.getHeader("x-user").encode()
            if request.path == b"/session":
                return repr(sorted(set(vars(request.getSession())) & {"uid", "username"})).encode()
            if request.path == b"/broken":
                raise LookupError("broken")
            waiting.append(request)
            return NOT_DONE_YET

        def render_POST(self, request: Any) -> bytes:
            return request.content.read() + repr(request.args).encode()

    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    def at_once(call: Any, *words: Any, **more: Any) -> Any:
        return call(*words, **more)

    def given(_call: Any, *_words: Any) -> None:
        raise RuntimeError("the reactor is gone")

    def site_of(resource: Any) -> Any:
        clock = Clock()
        site = Site(resource, reactor=clock)
        site.displayTracebacks = site.noisy = False
        site.sessionFactory = lambda made_for, uid: Session(made_for, uid, clock)
        return site

    def asked(site: Any, head: str, body: bytes = b"", user: str = "alice") -> tuple[Any, Any]:
        connection = site.buildProtocol(None)
        transport = StringTransport()
        connection.makeConnection(transport)
        rest = f"Host: here\r\nX-User: {user}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.dataReceived(f"{head} HTTP/1.1\r\n{rest}".encode() + body)
        return connection, transport

    def answered(site: Any, head: str, body: bytes = b"", user: str = "alice") -> Any:
        found = asked(site, head, body, user)[1].value().decode()
        return [found.partition("\r\n")[0], found.rpartition("\r\n\r\n")[2]]

    site = site_of(View())
    got: list[Any] = [
        as_user(None, answered, site, f"GET {path}", b"", user)
        for path in ("/me", "/session", "/broken")
        for user in ("alice", "bob")
    ]
    got.append(answered(site, "POST /", b"said=hello"))
    got.append(answered(site, "HEAD /me"))
    pool = SimpleNamespace(callInThread=at_once)
    for reactor in (SimpleNamespace(callFromThread=at_once), SimpleNamespace(callFromThread=given)):
        resource = WSGIResource(reactor, pool, application)
        got.append(outcome(answered, site_of(resource), "GET /"))

    # What goes on after the request was received: a part at a time, and a client that has left.
    _, transport = asked(site, "GET /later")
    request = waiting.pop()
    request.write(b"first ")
    request.write(b"second")
    request.finish()
    got.append(transport.value().decode().rpartition("\r\n\r\n")[0].count("second"))
    got.append([outcome(request.write, b"third"), outcome(request.finish)])
    connection, _ = asked(site, "GET /later")
    request, gone = waiting.pop(), Failure(ConnectionDone())
    told: list[str] = []
    request.notifyFinish().addErrback(lambda why: told.append(why.type.__name__))
    connection.connectionLost(gone)
    got.append([told, outcome(request.finish)])
    request.notifications = [defer.succeed(None)]
    got.append([outcome(request.connectionLost, gone), outcome(request.requestReceived, b"GET", b"/", b"HTTP/1.1")])
    request.site = None
    request.sitepath = ["none"]
    request.received_cookies.clear()
    return [*got, outcome(request.getSession)]
