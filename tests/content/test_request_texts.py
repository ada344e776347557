"""What requests say of themselves, as each framework holds it."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

import pytest

from isolation_audit.content import request_texts
from isolation_audit.model.inputs import REQUEST, Input, Inputs

ROOM = UUID("6f1c9a52-8a5c-4c0e-9d5e-3f0b8a1d2c3e")
ROUTED = SimpleNamespace(kwargs={"room": "kitchen"}, args=(7,))
HELD = {
    "Starlette": (request_texts.of_asgi, {"path_params": {"room": "kitchen", "number": 7}}),
    "Flask": (request_texts.of_object, SimpleNamespace(view_args={"room": "kitchen", "number": 7})),
    "Django": (request_texts.of_object, SimpleNamespace(resolver_match=ROUTED)),
    "Pyramid": (request_texts.of_environ, {"bfg.routes.matchdict": {"room": "kitchen", "number": "7"}}),
    "Bottle": (request_texts.of_environ, {"route.url_args": {"room": "kitchen", "number": 7}}),
    "wsgiorg": (request_texts.of_environ, {"wsgiorg.routing_args": ((7,), {"room": "kitchen"})}),
}


@pytest.mark.parametrize("framework", HELD)
def test_the_parameters_of_a_route(framework) -> None:
    kind, value = HELD[framework]
    assert request_texts.addressed(Input(REQUEST, value, texts=kind)) == {"kitchen", "7"}


def test_a_parameter_that_is_a_uuid() -> None:
    assert request_texts.addressed(Input(REQUEST, {"path_params": {"room": ROOM}}, texts=request_texts.of_asgi)) == {
        str(ROOM)
    }


@pytest.mark.parametrize("odd", [{"path_params": None}, {"wsgiorg.routing_args": "kitchen"}, {"path_params": [1]}])
def test_odd_parameters_are_none(odd) -> None:
    for kind in (request_texts.of_asgi, request_texts.of_environ):
        assert request_texts.addressed(Input(REQUEST, odd, texts=kind)) == frozenset()


def test_paths_and_queries() -> None:
    asgi = Input(
        REQUEST, {"path": "/rooms/kitchen", "query_string": b"of=alice%20liddell"}, texts=request_texts.of_asgi
    )
    wsgi = Input(REQUEST, {"PATH_INFO": "/rooms/hall", "QUERY_STRING": "of=bob"}, texts=request_texts.of_environ)
    assert request_texts.paths_asked(Inputs([asgi, wsgi])) == ["/rooms/kitchen", "alice liddell", "/rooms/hall", "bob"]
