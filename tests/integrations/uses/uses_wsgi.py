"""Uses of WSGI frameworks and servers, and of what logs their users in."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from typing import Any
from wsgiref.util import setup_testing_defaults

from uses import as_user, async_outcome, current_user, outcome, use

__all__: list[str] = []

KEY = "0123456789abcdef0123456789abcdef"


def wsgi(app: Any, path: str, user: str | None = None, **environ: Any) -> Any:
    """Status and body of one request to an application, without a server."""
    made: dict[str, Any] = {"PATH_INFO": path, **({"HTTP_X_USER": user} if user else {}), **environ}
    setup_testing_defaults(made)
    made = {name: value for name, value in made.items() if value is not None}
    told: list[Any] = []

    def call() -> Any:
        answer = app(made, lambda status, headers, *_error: told.append(status))
        try:
            return [*told, b"".join(answer).decode()]
        finally:
            getattr(answer, "close", lambda: None)()

    return as_user(None, outcome, call)


@contextmanager
def threaded(server: Any) -> Any:
    """A server on a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(port: int, *paths: str, **headers: str) -> Any:
    """Status and body of requests on one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    got = []
    for path in paths:
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            got.append([response.status, response.read().decode()])
        except Exception as error:
            got.append(type(error).__name__)
            connection.close()
    connection.close()
    return got


def answering(environ: dict[str, Any], start_response: Any) -> Any:
    """A bare application."""
    current_user.set(environ.get("HTTP_X_USER"))
    if environ["PATH_INFO"] == "/broken":
        raise LookupError("broken")
    start_response("200 OK", [("content-type", "application/json")])
    return [f'{{"for": "{current_user.get()}"}}'.encode()]


@use("http_server")
def http_server() -> Any:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Plain(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: Any) -> None:
            pass

        def do_GET(self) -> None:
            current_user.set(self.headers["x-user"])
            if self.path == "/broken":
                raise LookupError("broken")
            body = f'{{"for": "{current_user.get()}"}}'.encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.send_header("set-cookie", f"session={current_user.get()}")
            self.end_headers()
            self.wfile.write(body)

    class Buffered(Plain):
        wbufsize = -1

    class Quiet(HTTPServer):
        def handle_error(self, *_words: Any) -> None:
            pass

    got = []
    for handler in (Plain, Buffered):
        server = Quiet(("127.0.0.1", 0), handler)
        with threaded(server):
            got += [fetch(server.server_port, "/", "/two", "/broken", x_user=user) for user in ("alice", "bob")]
    return got


@use("wsgiref")
def wsgiref() -> Any:
    from wsgiref.handlers import BaseHandler
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_words: Any) -> None:
            pass

        def get_stderr(self) -> Any:
            import io

            return io.StringIO()

    class Failing(BaseHandler):
        """Where even the report of an error fails."""

        def setup_environ(self) -> None:
            raise LookupError("broken")

        def handle_error(self) -> None:
            raise LookupError("broken again")

    server = make_server("127.0.0.1", 0, answering, handler_class=Quiet)
    with threaded(server):
        got = [fetch(server.server_port, "/", "/broken", x_user=user) for user in ("alice", "bob")]
    return [got, as_user(None, outcome, Failing().run, answering)]


@use("werkzeug")
def werkzeug() -> Any:
    import logging

    from werkzeug.serving import WSGIRequestHandler, make_server
    from werkzeug.wrappers import Response

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        current_user.set(environ.get("HTTP_X_USER"))
        if environ["PATH_INFO"] == "/broken":
            raise LookupError("broken")
        return Response(f"for {current_user.get()}", mimetype="text/plain")(environ, start_response)

    class Broken(WSGIRequestHandler):
        def __init__(self) -> None:
            self.environ = {}

        def make_environ(self) -> Any:
            raise LookupError("broken")

        headers = {}

    server = make_server("127.0.0.1", 0, app)
    with threaded(server):
        got = [fetch(server.port, "/", "/broken", x_user=user) for user in ("alice", "bob")]
    return [got, as_user(None, outcome, Broken().run_wsgi), wsgi(app, "/", "alice")]


def flask_app() -> Any:
    """A shop with sessions, and with logins where Flask-Login is there."""
    import logging

    from flask import Flask, jsonify, session

    logging.getLogger("uses_wsgi").setLevel(logging.CRITICAL)
    app = Flask(__name__)
    app.secret_key = KEY

    @app.get("/sign-in/<name>")
    def sign_in(name: str) -> Any:
        session["user_id"] = name
        current_user.set(name)
        return jsonify(name)

    @app.get("/me")
    def me() -> Any:
        return jsonify([current_user.get(), session.get("user_id")])

    @app.get("/broken")
    def broken() -> Any:
        raise LookupError("broken")

    return app


@use("bottle")
def bottle() -> Any:
    from bottle import Bottle, request

    app = Bottle(catchall=False)

    @app.get("/me")
    def me() -> Any:
        current_user.set(request.headers.get("x-user"))
        return {"me": current_user.get()}

    @app.get("/broken")
    def broken() -> Any:
        raise LookupError("broken")

    return [wsgi(app, path, user) for path in ("/me", "/nothing", "/broken") for user in ("alice", "bob")]


@use("falcon")
def falcon() -> Any:
    import falcon
    import falcon.asgi
    from uses_web import called

    class Me:
        def on_get(self, req: Any, resp: Any) -> None:
            req.context.user = req.get_header("x-user")
            current_user.set(req.context.user)
            resp.media = {"me": current_user.get()}

    class Mine:
        async def on_get(self, req: Any, resp: Any) -> None:
            Me().on_get(req, resp)

    class Broken:
        def on_get(self, req: Any, resp: Any) -> None:
            raise LookupError("broken")

    class Called:
        async def on_get(self, req: Any, resp: Any) -> None:
            raise asyncio.CancelledError

    async def main() -> Any:
        app = falcon.asgi.App()
        app.add_route("/me", Mine())
        app.add_route("/off", Called())
        return [await called(app, path, user) for path in ("/me", "/nothing", "/off") for user in ("alice", "bob")]

    app = falcon.App()
    app.add_route("/me", Me())
    app.add_route("/broken", Broken())
    app.add_error_handler(LookupError, lambda _req, _resp, error, _params: (_ for _ in ()).throw(error))
    got = [wsgi(app, path, user) for path in ("/me", "/nothing", "/broken") for user in ("alice", "bob")]
    return [got, as_user(None, asyncio.run, main()), outcome(app._get_responder, None)]


@use("pyramid")
def pyramid() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyramid.config import Configurator
        from pyramid.httpexceptions import HTTPNotFound

    class Policy:
        def identity(self, request: Any) -> Any:
            return request.headers.get("x-user")

        def authenticated_userid(self, request: Any) -> Any:
            return request.identity

        def permits(self, _request: Any, _context: Any, _permission: str) -> bool:
            return True

    def me(request: Any) -> Any:
        current_user.set(request.authenticated_userid)
        return {"me": current_user.get()}

    def broken(_request: Any) -> Any:
        raise LookupError("broken")

    config = Configurator()
    config.set_security_policy(Policy())
    for name, view in (("me", me), ("broken", broken)):
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name, renderer="json")
    config.add_notfound_view(lambda _request: HTTPNotFound())
    app = config.make_wsgi_app()
    return [wsgi(app, path, user) for path in ("/me", "/nothing", "/broken") for user in ("alice", "bob")]


@use("flask")
def flask() -> Any:
    app = flask_app()

    def visit(user: str) -> Any:
        client = app.test_client()
        paths = ("/me", f"/sign-in/{user}", "/me", "/nothing")
        answers = [client.get(path, headers={"x-user": user}) for path in paths]
        return [[answer.status_code, answer.text] for answer in answers]

    got = [as_user(None, visit, user) for user in ("alice", "bob")]
    app.testing = True  # exceptions go through
    return [got, wsgi(app, "/broken", "alice")]


@use("flask_login")
def flask_login() -> Any:
    from flask import jsonify
    from flask_login import LoginManager, UserMixin, login_required, login_user, logout_user
    from flask_login import current_user as visitor

    class Person(UserMixin):
        def __init__(self, name: str) -> None:
            self.id = name

    app = flask_app()
    LoginManager(app).user_loader(Person)

    @app.get("/login/<name>")
    def login(name: str) -> Any:
        return jsonify(login_user(Person(name)))

    @app.get("/logout")
    def logout() -> Any:
        return jsonify(logout_user())

    @app.get("/ask")
    @login_required
    def ask() -> Any:
        return jsonify(visitor.get_id())

    def visit(user: str) -> Any:
        client = app.test_client()
        return [client.get(path).status_code for path in ("/ask", f"/login/{user}", "/ask", "/logout", "/ask")]

    return [as_user(None, visit, user) for user in ("alice", "bob")]


def tokens(encode: Any, decode: Any) -> Any:
    """Subjects of tokens: of two users, with a wrong key, and of no token at all."""
    made = [encode({"sub": user}, key) for user in ("alice", "bob") for key in (KEY, KEY[::-1])]
    return [as_user(None, outcome, decode, token) for token in (*made, "no token")]


@use("pyjwt")
def pyjwt() -> Any:
    import jwt

    return tokens(
        lambda claims, key: jwt.encode(claims, key, algorithm="HS256"),
        lambda token: jwt.decode(token, KEY, algorithms=["HS256"]),
    )


@use("python_jose")
def python_jose() -> Any:
    from jose import jwt

    return tokens(
        lambda claims, key: jwt.encode(claims, key, algorithm="HS256"),
        lambda token: jwt.decode(token, KEY, algorithms=["HS256"]),
    )


@use("authlib")
def authlib() -> Any:
    from authlib.jose import JsonWebToken

    jwt = JsonWebToken(["HS256"])
    return tokens(lambda claims, key: jwt.encode({"alg": "HS256"}, claims, key), lambda token: jwt.decode(token, KEY))


@use("joserfc")
def joserfc() -> Any:
    from joserfc import jwt
    from joserfc.jwk import OctKey

    return tokens(
        lambda claims, key: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key)),
        lambda token: jwt.decode(token, OctKey.import_key(KEY)).claims,
    )


@cache
def django_settings() -> None:
    """Django, as far as these uses need it, once a process."""
    import logging

    import django
    from django.conf import settings

    logging.getLogger("django").setLevel(logging.CRITICAL)
    settings.configure(
        SECRET_KEY=KEY,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="uses_django",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "file:uses?mode=memory&cache=shared",
                "OPTIONS": {"uri": True},
            }
        },
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    # The database is gone with its last connection.
    connections["default"].inc_thread_sharing()
    call_command("migrate", verbosity=0)
    for name in ("alice", "bob"):
        User.objects.create_user(name, f"{name}@example.com", "pass")


@use("django")
def django() -> Any:
    django_settings()
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application

    def cookie_of(told: list[Any]) -> str:
        return next((value.partition(";")[0] for name, value in told if name.lower() == "set-cookie"), "")

    app = get_wsgi_application()

    def visit(user: str) -> Any:
        got, cookie = [], ""
        for path in ("/me", f"/login/{user}", "/me", "/broken", "/logout", "/me"):
            environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_COOKIE": cookie}
            setup_testing_defaults(environ)
            told: list[Any] = []
            answer = app(environ, lambda status, headers, told=told: told.extend([("", status), *headers]))
            got.append([told[0][1], b"".join(answer).decode() if path != "/broken" else ""])
            answer.close()
            cookie = cookie_of(told[1:]) or cookie
        return got

    async def called() -> Any:
        asgi = get_asgi_application()

        async def ask(path: str, cookie: str, kind: str = "http") -> Any:
            sent: list[Any] = []
            received = asyncio.Queue()
            received.put_nowait({"type": "http.request", "body": b"", "more_body": False})

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {"type": kind, "method": "GET", "path": path, "headers": [(b"cookie", cookie.encode())]}
            raised = await async_outcome(asgi(scope, received.get, send))
            if not sent:
                return raised, ""
            told = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
            body = b"".join(one.get("body", b"") for one in sent[1:]).decode()
            return [sent[0]["status"], body if sent[0]["status"] == 200 else ""], cookie_of(told)

        got = [(await ask("/", "", "websocket"))[0]]
        for user in ("alice", "bob"):
            cookie = ""
            for path in (f"/async-login/{user}", "/async-me", "/async-logout", "/async-me"):
                answer, given = await asyncio.create_task(ask(path, cookie))
                cookie = given or cookie
                got.append(answer)
        return got

    broken = as_user(None, outcome, app, {}, lambda *_told: None)
    return [[as_user(None, visit, user) for user in ("alice", "bob")], broken, asyncio.run(called())]


@use("djangorestframework")
def rest_framework() -> Any:
    django_settings()
    from django.core.wsgi import get_wsgi_application

    app = get_wsgi_application()
    return [wsgi(app, "/rest", HTTP_AUTHORIZATION=token) for token in ("of alice", "of bob", "stolen", None)]
