"""No framework: WSGI on the standard library's server; ``python bare_app.py PORT``."""

import sys
from wsgiref.simple_server import make_server

import last


def app(environ, start_response):
    pages = {"/own": last.own, "/last": last.last}
    if environ["PATH_INFO"] == "/fails":
        raise ValueError("as it should")
    page = pages.get(environ["PATH_INFO"])
    start_response("200 OK" if page else "404 Not Found", [("Content-Type", "text/plain")])
    return [page(environ["HTTP_X_USER"]).encode() if page else b"no such page"]


make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
