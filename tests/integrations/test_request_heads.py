"""The first line of a request, as each framework's own object of it tells."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from isolation_audit.content.request_texts import head_of, method_of, of_asgi, of_environ, paths_asked
from isolation_audit.model.inputs import REQUEST, Input, Inputs

HEAD = ("PUT", "/notes/7", "of=alice")


def of_starlette() -> Input:
    scope = {"method": "PUT", "path": "/notes/7", "query_string": b"of=alice", "headers": []}
    return Input(REQUEST, scope, texts=of_asgi)


def of_wsgi() -> Input:
    environ = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/notes/7", "QUERY_STRING": "of=alice"}
    return Input(REQUEST, environ, texts=of_environ)


def of_aiohttp() -> Input:
    mocked = pytest.importorskip("aiohttp.test_utils").make_mocked_request("PUT", "/notes/7?of=alice")
    return Input(REQUEST, mocked, texts=texts_of("aiohttp_web"))


def of_tornado() -> Input:
    httputil = pytest.importorskip("tornado.httputil")
    made = httputil.HTTPServerRequest(
        connection=SimpleNamespace(set_close_callback=lambda _callback: None),
        start_line=httputil.RequestStartLine("PUT", "/notes/7?of=alice", "HTTP/1.0"),
    )
    return Input(REQUEST, SimpleNamespace(request=made), texts=texts_of("tornado"))


def of_sanic() -> Input:
    made = pytest.importorskip("sanic.request").Request(
        b"/notes/7?of=alice", {}, "1.1", "PUT", SimpleNamespace(), SimpleNamespace()
    )
    return Input(REQUEST, made, texts=texts_of("sanic"))


def texts_of(integration: str) -> Any:
    return vars(import_module(f"isolation_audit.integrations.{integration}"))["_texts"]


@pytest.mark.parametrize("made", [of_starlette, of_wsgi, of_aiohttp, of_tornado, of_sanic])
def test_each_tells_what_it_asks_for(made) -> None:
    one = made()
    assert head_of(one) == HEAD
    assert method_of(Inputs([Input(REQUEST, "a message"), one])) == "PUT"
    assert paths_asked(Inputs([one])) == ["/notes/7", "alice"]


def test_a_message_tells_nothing() -> None:
    inputs = Inputs([Input(REQUEST, "a message")])
    assert (method_of(inputs), paths_asked(inputs)) == ("", [])
