"""Whose a request is, and which of several sources has the word."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from isolation_audit.model.bindings import Bindings
from isolation_audit.model.remembered import remembered
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import LOGIN, SCOPES, TOKEN, Sources
from isolation_audit.model.user_names import Name
from isolation_audit.model.user_sources import SOURCES, USER_HEADERS
from isolation_audit.model.users import Kind, Users


@pytest.fixture
def users():
    return Users(system=["service:*"], placeholders=["nobody-*"])


def make(users, detect=SOURCES, headers=USER_HEADERS):
    return Sources(users, Bindings(), detect, headers)


@pytest.fixture
def sources(users):
    return make(users)


def request(sources, scope=None, **headers):
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(sources, lambda: given, scope={} if scope is None else scope)


def who(one):
    user = one.user()
    return None if user is None else user.id


def test_nobody_is_known_until_somebody_tells(sources):
    one = request(sources)
    assert who(one) is None
    one.told(TOKEN, Name("alice"))
    assert who(one) == "alice"


def test_a_header_tells_where_nothing_else_does(sources):
    assert who(request(sources, x_user="alice")) == "alice"
    assert who(request(sources, x_user="anonymous")) is None
    assert who(request(sources, accept="text/html")) is None


def bearer(**claims):
    parts = [{"alg": "HS256"}, claims, {}]
    return "Bearer " + ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts)


@pytest.mark.parametrize(
    ("claims", "user", "after_all"),
    [
        ({"sub": "bob"}, "bob", None),
        ({"sub": "alice"}, "alice", "alice"),
        ({"username": "bob"}, None, None),
        ({"aud": "shop"}, None, None),
    ],
)
def test_a_token_is_decoded_once_and_kept_for_the_next_time(sources, claims, user, after_all):
    """The application looks up what a token says; ``after_all``, whose it is where that was decoded and refused."""
    first = request(sources, authorization=bearer(sub="alice"))
    first.decodes()
    first.decoded(bearer(sub="alice").partition(" ")[2], {"sub": "alice"})
    assert who(first) == "alice"
    kept, refused = (request(sources, authorization=bearer(**claims)) for _ in range(2))
    refused.decodes()
    assert (who(kept), who(refused)) == (user, after_all)


def test_a_token_that_nobody_has_decoded_yields_to_the_login(sources):
    assert who(request(sources, authorization=bearer(sub="bob"))) == "bob"
    assert who(request(sources, {"user": "alice"}, authorization=bearer(sub="17"))) == "alice"
    assert who(request(sources, authorization=bearer(sub="bob"))) is None


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ({"user_id": "alice"}, "alice"),
        ({"x_webui_user_name": "Alice Liddell", "x_webui_user_id": "u-1", "x_webui_user_role": "admin"}, "u-1"),
        ({"x_pomerium_claim_email": "alice@example.com"}, "alice@example.com"),
        ({"x_desk_username": "bob", "x_user": "alice"}, "alice"),
        ({"user_agent": "curl", "x_user_role": "admin"}, None),
        ({"x_target_user": "alice"}, None),
        ({"x_impersonated_user_id": "alice"}, None),
    ],
)
def test_headers_that_nobody_has_listed(sources, headers, user):
    assert who(request(sources, **headers)) == user


def test_a_list_of_ones_own_leaves_no_others(users):
    assert who(request(make(users, headers=["x-employee"]), x_desk_user="alice")) is None


def test_the_framework_s_user_is_seen_as_soon_as_it_is_there(sources):
    scope = {}
    one = request(sources, scope)
    assert who(one) is None
    scope["user"] = "alice"
    assert who(one) == "alice"


@pytest.mark.parametrize("key", ["user_id", "_user_id", "username", "user"])
def test_the_session_s_user_is_seen(sources, key):
    assert who(request(sources, {"session": {key: "alice", "theme": "dark"}})) == "alice"


@pytest.mark.parametrize(
    "key", ["admin_actor_id", "actor", "currentUser", "userId", "member_id", "auth_user_email", "logged_in_as"]
)
def test_an_application_may_have_a_name_of_its_own_for_whoever_is_logged_in(sources, key):
    assert who(request(sources, {"session": {"theme": "dark", 7: "x", key: "alice"}})) == "alice"
    assert who(request(sources, {"session": {key: "alice", "user_id": "alice.liddell"}})) == "alice.liddell"


@pytest.mark.parametrize(
    "key",
    ["target_user_id", "impersonatedUser", "last_user", "user_agent", "user_ids", "account_id", "tenant", "login"],
)
def test_what_else_a_session_holds_names_nobody(sources, key):
    assert who(request(sources, {"session": {key: "alice"}})) is None


def test_who_is_not_logged_in_is_nobody_whatever_the_headers_say(sources):
    assert who(request(sources, {"user": object()}, x_user="alice")) is None


def test_one_source_speaks_for_the_process_and_what_weaker_ones_told_is_forgotten(sources, users):
    guessed = request(sources, x_user="gateway")
    mistaken = guessed.user()
    assert mistaken.id == "gateway"
    assert who(request(sources, {"user": "alice"}, x_user="gateway")) == "alice"
    assert mistaken.kind is Kind.PLACEHOLDER
    assert len(users) == 1
    assert who(guessed) is None
    assert who(request(sources, x_user="gateway")) is None
    assert who(request(sources, {"session": {"user_id": 7}})) is None


def test_a_name_that_the_better_source_tells_too_is_a_user_again(sources):
    assert who(request(sources, x_user="alice")) == "alice"
    user = request(sources, {"user": "alice"}).user()
    assert (user.id, user.kind) == ("alice", Kind.USER)


def test_a_placeholder_has_not_the_word(sources):
    assert who(request(sources, {"user": "nobody-7"}, x_user="alice")) == "alice"
    assert who(request(sources, x_user="alice")) == "alice"


def test_the_better_header_has_the_word(sources):
    assert who(request(sources, x_user_id="7")) == "7"
    assert who(request(sources, x_user_id="7", x_user="alice")) == "alice"
    assert who(request(sources, x_user_id="8")) is None


def test_a_header_that_comes_twice_names_nobody(sources):
    one = Request(sources, lambda: [("x-user", "alice"), ("x-user", "bob"), ("x-user", "alice")])
    assert who(one) is None


def test_a_request_that_names_two_users_is_nobody_s(sources):
    one = request(sources)
    one.told(TOKEN, Name("alice"))
    one.told(TOKEN, Name("alice"))
    assert who(one) == "alice"
    one.told(TOKEN, Name("bob"))
    assert who(one) is None
    one.told(LOGIN, Name("carol"))
    assert who(one) is None


def test_logging_in_and_out_is_followed(sources):
    one = request(sources)
    one.told(LOGIN, None)
    assert who(one) is None
    one.told(LOGIN, Name("alice"))
    assert who(one) == "alice"
    one.told(LOGIN, None)
    assert who(one) is None


def test_a_session_that_gets_another_user_is_nobody_s(sources):
    session = {"user_id": "alice"}
    one = request(sources, {"session": session})
    assert who(one) == "alice"
    session["user_id"] = "bob"
    assert who(one) is None


def test_an_ended_request_names_nobody_and_holds_nothing(sources):
    scope = {"user": "alice"}
    one = request(sources, scope, x_user="alice")
    assert who(one) == "alice"
    one.end()
    one.told(LOGIN, Name("bob"))
    assert who(one) is None
    assert (one.scope, one.session, one.mark) == (None, None, None)
    assert one.named


def test_what_the_application_says_itself_is_not_guessed_beside(sources):
    one = request(sources, x_user="7")
    one.settle()
    assert who(one) is None


def test_declared_principals_are_what_they_are_declared_to_be(sources):
    assert request(sources, x_user="service:billing").user().kind is Kind.SYSTEM
    assert who(request(sources, x_user="nobody-7")) is None


@pytest.mark.parametrize(
    ("detect", "expected"), [(("headers",), "header"), (("session",), "session"), (("login",), "login"), ((), None)]
)
def test_only_what_is_wanted_is_looked_at(users, detect, expected):
    sources = make(users, detect)
    assert who(request(sources, {"user": "login", "session": {"user": "session"}}, x_user="header")) == expected


def test_the_names_of_headers_are_the_configuration_s(users):
    sources = make(users, headers=("X-Tenant",))
    assert who(request(sources, x_tenant="acme", x_user="alice")) == "acme"


def test_further_names_of_a_user_are_known(users):
    bindings = Bindings()
    sources = Sources(users, bindings, SOURCES, ())
    one = request(sources)
    one.told(LOGIN, Name("7", ("alice@example.com",)))
    assert bindings.user_of("login", "alice@example.com") is one.user()


def test_a_connection_is_its_own_task_s_alone(sources):
    async def serve():
        one = Request(sources, lambda: [("x-user", "alice")], own_task_only=True)

        async def started_on_the_way():
            return who(one)

        return who(one), await asyncio.create_task(started_on_the_way()), await asyncio.to_thread(who, one)

    assert asyncio.run(serve()) == ("alice", None, None)


def test_the_list_of_guesses_is_bounded(users, monkeypatch):
    monkeypatch.setattr("isolation_audit.model.agreement._MOST", 3)
    sources = make(users)
    for number in range(10):
        request(sources, x_user=f"user-{number}").user()
    assert [len(agreement.told) for agreement in sources._agreements.values()] == [3]


def test_a_request_on_another_event_loop_than_asyncio_s(sources):
    # Trio runs applications, too; there is no task of asyncio's to go by.
    one = Request(sources, lambda: [("x-user", "alice")], scope={}, own_task_only=True)
    assert who(one) == "alice"


def test_a_weaker_source_may_name_whom_the_better_one_calls_the_same(sources):
    assert who(request(sources, {"user": {"username": "alice", "id": 7}}, x_user="gateway")) == "alice"
    assert who(request(sources, x_user="alice")) == "alice"
    assert who(request(sources, x_user_id="7")) == "alice"
    assert who(request(sources, x_user="gateway")) is None
    assert who(request(sources, {"user": object()}, x_user="alice")) is None, "known to be nobody"


def test_the_same_word_once_more_has_nothing_forgotten(sources, users):
    """Each scope in a request says whose it is: what all others remember must not go with that."""
    one = request(sources)
    one.meet(users.token("alice"), SCOPES)
    version = remembered.version
    one.meet(users.token("alice"), SCOPES)
    assert remembered.version is version
    one.meet(users.token("bob"), SCOPES)
    assert remembered.version is not version
