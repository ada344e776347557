"""An application for WSGI servers and, below, for ASGI servers, with no framework: who asks is told by a header.

Each answer is about whoever asked before, in this process: the leak; with ``CLEAN`` in the environment, about who asks.
"""

import json
import os
import time

STREAMED = 3
last = {"user": None}


def letter(user):
    before, last["user"] = last["user"], user
    return json.dumps({"to": user if "CLEAN" in os.environ else before or user})


def slowly(words):
    for place in range(0, len(words), 10):
        time.sleep(0.01)
        yield words[place : place + 10]


def application(environ, start_response):
    words = letter(environ["HTTP_X_USER"]).encode()
    headers = [("Content-Type", "application/json")]
    if environ["PATH_INFO"] == "/streamed":
        start_response("200 OK", headers)
        return (words[place : place + STREAMED] for place in range(0, len(words), STREAMED))
    if environ["PATH_INFO"] == "/slow":
        start_response("200 OK", headers)
        return slowly(words)
    if environ["PATH_INFO"] == "/written":
        start_response("200 OK", headers)(words)
        return []
    start_response("200 OK", [*headers, ("Content-Length", str(len(words)))])
    return [words]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    words = letter(dict(scope["headers"])[b"x-user"].decode()).encode()
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    await send(head)
    size = STREAMED if scope["path"] == "/streamed" else len(words)
    for place in range(0, len(words), size):
        await send({"type": "http.response.body", "body": words[place : place + size], "more_body": True})
    await send({"type": "http.response.body"})


def flask_site():
    from flask import Flask, Response, request

    site = Flask(__name__)

    @site.get("/<how>")
    def ask(how):
        words = letter(request.headers["X-User"])
        body = [words] if how != "streamed" else (words[place : place + 3] for place in range(0, len(words), 3))
        return Response(body, content_type="application/json")

    return site


def starlette_site():
    from starlette.applications import Starlette
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    async def ask(request):
        words = json.dumps({"to": request.path_params["who"]})
        kind = Response if request.path_params["how"] == "whole" else StreamingResponse
        return kind(words if kind is Response else iter([words]), media_type="application/json")

    return Starlette(routes=[Route("/{how}/{who}", ask)])
