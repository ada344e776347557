"""Signs of a client: by which of its headers it is told from others."""

from types import SimpleNamespace

import pytest

from isolation_audit.model.inputs import REQUEST, ROWS, Input, Inputs
from isolation_audit.rules.state.signs import headers, signs

COOKIE = b"theme=dark; sid=a1b2c3d4e5f6g7"
SCOPE = {"headers": [(b"cookie", COOKIE), (b"user-agent", b"Browser/120.0 (4711)")]}


def unit(*inputs):
    made = Inputs()
    made.kept += inputs
    return made


def request(*pairs):
    return Input(REQUEST, {"headers": [(name.encode(), value.encode()) for name, value in pairs]})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (SCOPE, True),
        ({"HTTP_COOKIE": "sid=a1b2c3d4e5f6g7"}, True),
        (SimpleNamespace(environ={"HTTP_COOKIE": "sid=a1b2c3d4e5f6g7"}), True),
        (SimpleNamespace(environ=None), False),
        ([("Cookie", "sid=a1b2c3d4e5f6g7")], True),
    ],
)
def test_headers_are_found_in_every_kind_of_request(value, found):
    one = Input(REQUEST, value, texts=lambda held: held if type(held) is list else [])
    assert any(name == "cookie" for name, _value in headers(one)) is found
    assert bool(signs(unit(one))) is found


@pytest.mark.parametrize(
    ("header", "found"),
    [("x-session", True), ("x-auth-token", True), ("x-my-api-key", True), ("x-request-id", False), ("x-tokens", False)],
)
def test_headers_that_tell_one_client_from_another(header, found):
    one = Input(REQUEST, {"headers": [(header.encode(), b"sess-aa")]}, texts=lambda held: held)
    assert bool(signs(unit(one))) is found


def test_a_short_value_of_a_cookie_tells_nobody_apart():
    assert signs(unit(request(("cookie", "theme=dark; lang=en")))) == frozenset()
    assert signs(unit(request(("cookie", "theme=dark; sid=a1b2c3d4e5f6g7")))) == signs(
        unit(request(("cookie", "sid=a1b2c3d4e5f6g7")))
    )


def test_two_clients_and_one():
    alice, bob = request(("authorization", "Bearer a1")), request(("authorization", "Bearer b2"))
    assert signs(unit(alice)).isdisjoint(signs(unit(bob)))
    assert signs(unit(alice)) == signs(unit(request(("Authorization", "Bearer a1"), ("accept", "*/*"))))
    assert signs(unit(alice, bob)) == signs(unit(alice)) | signs(unit(bob))


def test_rows_and_empty_headers_are_no_signs():
    assert signs(unit(Input(ROWS, {"headers": [(b"cookie", COOKIE)]}))) == frozenset()
    assert signs(unit(request(("authorization", "")))) == frozenset()
