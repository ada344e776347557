"""Names, and things of a request's context, that say who is running."""

from __future__ import annotations

import threading

import asgiref.local
import pytest
import werkzeug.local

from isolation_audit.rules.caches.identities import is_of_the_call, is_of_the_context, says_who


@pytest.mark.parametrize(
    "name",
    [
        *("user", "user_id", "userId", "username", "current_user", "CurrentUser", "_user", "logged_in_user"),
        *("active_account_pk", "principal", "member_email", "auth_user_name", "viewer"),
    ],
)
def test_names_of_whoever_is_running(name) -> None:
    assert says_who(name)


@pytest.mark.parametrize(
    "name",
    ["users", "user_agent", "user_count", "tenant", "id", "author", "current", "superuser", "", 7, None, b"user"],
)
def test_names_of_other_things(name) -> None:
    assert not says_who(name)


def test_what_belongs_to_the_context_of_a_request() -> None:
    import flask

    local = werkzeug.local.Local()
    of_flask = (flask.g, flask.session, flask.request)
    for one in (
        threading.local(),
        local,
        local("user"),
        *of_flask,
        *(asgiref.local.Local(way) for way in (False, True)),
    ):
        assert is_of_the_context(one), type(one)


def test_what_does_not() -> None:
    class Own(threading.local):
        """What a class of the application adds to it is not known."""

    for one in ({}, object(), threading.Lock(), werkzeug.local.Local, Own()):
        assert not is_of_the_context(one)


def test_the_request_itself_may_ask_about_anybody() -> None:
    assert is_of_the_call("request")
    assert is_of_the_call("websocket")
    assert not is_of_the_call("session")
    assert not is_of_the_call("requests")
