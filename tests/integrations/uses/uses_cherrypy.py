"""Uses of CherryPy, and of its server."""

from __future__ import annotations

import threading
from typing import Any

from uses import current_user, use
from uses_wsgi import answering, fetch, wsgi

__all__: list[str] = []


@use("cherrypy")
def pages() -> Any:
    import cherrypy

    class Root:
        @cherrypy.expose
        def login(self, name: str) -> str:
            cherrypy.session["username"] = name
            cherrypy.request.login = name
            return f"welcome {name}"

        @cherrypy.expose
        def me(self) -> str:
            current_user.set(cherrypy.request.headers.get("x-user"))
            return f"{current_user.get()} {cherrypy.session.get('username')}"

        @cherrypy.expose
        def away(self) -> None:
            raise cherrypy.HTTPRedirect("/me")

        @cherrypy.expose
        def broken(self) -> None:
            raise LookupError("broken")

    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    config = {"tools.sessions.on": True, "request.show_tracebacks": False}
    app = cherrypy.Application(Root(), "", {"/": config})
    app.log.error_log.propagate = False  # its name has the address of the application
    throwing = cherrypy.Application(Root(), "", {"/": config | {"request.throw_errors": True}})
    throwing.wsgiapp.pipeline = []  # nothing around it makes a page of an error
    paths = [(app, path) for path in ("/me", "/away", "/nothing", "/broken")]
    logins = [wsgi(app, "/login", user, QUERY_STRING=f"name={user}") for user in ("alice", "bob")]
    return logins + [
        wsgi(one, path, user) for one, path in (*paths, (throwing, "/broken")) for user in ("alice", "bob")
    ]


@use("cheroot")
def server() -> Any:
    from cheroot.wsgi import Server

    serving = Server(("127.0.0.1", 0), answering, numthreads=1)
    serving.error_log = lambda *_arguments, **_more: None
    serving.prepare()
    thread = threading.Thread(target=serving.serve)
    thread.start()
    try:
        return fetch(serving.bind_addr[1], "/me", "/broken", "/me", x_user="alice")
    finally:
        serving.stop()
        thread.join()
