"""Under which names sessions and requests keep their user."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from isolation_audit.model.kept_users import LATER, PLACES, SUFFIXED, kept_in, kept_in_namespace

ALICE = SimpleNamespace(username="alice")


@pytest.mark.parametrize(
    ("session", "found"),
    [
        ({"user_id": 5, "user": ALICE}, (0, 5)),
        ({"cart": [], "currentUser": "alice"}, (PLACES - 1, "alice")),
        ({"logged_in_as": "alice"}, (PLACES - 1, "alice")),
        ({"user_info": {"username": "alice"}}, (PLACES - 1, {"username": "alice"})),
        ({"user_data": {"colour": "blue"}, "userInfo": "of 3 kinds"}, (None, None)),
        ({"viewed_user_info": {"username": "alice"}}, (None, None)),
        ({"uid": b"a7", "username": "alice"}, (3, "alice")),
        ({"viewed_user": "alice", "account": 5}, (None, None)),
        (None, (None, None)),
    ],
)
def test_what_a_session_keeps(session, found):
    assert kept_in(session) == found


@pytest.mark.parametrize(
    ("namespace", "found"),
    [
        ({"user": ALICE}, (PLACES - 2, ALICE)),
        ({"current_user": ALICE}, (PLACES - 1, ALICE)),
        ({"user_id": 5, "started": 1.5}, (0, 5)),
        ({"desk_user": ALICE}, (SUFFIXED, ALICE)),
        ({"deskUser": ALICE, "desk_token": "x"}, (SUFFIXED, ALICE)),
        ({"user": None, "db": object()}, (None, LATER)),
        ({"auth": {"sub": "alice", "scope": "read"}}, (SUFFIXED, {"sub": "alice", "scope": "read"})),
    ],
)
def test_what_is_noted_for_a_request(namespace, found):
    assert kept_in_namespace(namespace, 0) == found


@pytest.mark.parametrize(
    "namespace",
    [
        {"email": SimpleNamespace(host="mail.example", username="robot")},  # what sends mails
        {"sub": SimpleNamespace(id="queue-1")},  # a subscription
        {"desk_user": "alice"},  # a text may be a setting
        {"profile_user": ALICE},
        {"desk_user": ALICE, "shop_user": SimpleNamespace(username="bob")},
        {"target_user": ALICE, "invited_user": ALICE},
        {5: ALICE},
        {"auth": "f81d4fae7dec11d0a765"},  # a token
        {"auth": SimpleNamespace(scopes=["read"], id=5)},
    ],
)
def test_what_may_be_anybody_or_anything_names_nobody(namespace):
    assert kept_in_namespace(namespace, 0) == (None, None)


def test_what_was_there_before_the_request_is_not_its_user():
    namespace = {"identity": "service-1"}
    assert kept_in_namespace(namespace, 1) == (None, None)
    namespace["member"] = "alice"
    assert kept_in_namespace(namespace, 1) == (PLACES - 1, "alice")
