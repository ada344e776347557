"""With which credentials somebody logs in by a message, and which an answer hands out."""

from __future__ import annotations

import pytest

from isolation_audit.content.credential_fields import brought_in, handed_out_in, is_password

TOKEN = "f81d4fae7dec11d0a76500a0c91e6bf6"


@pytest.mark.parametrize(
    "message",
    [
        f'{{"type": "auth", "token": "{TOKEN}"}}',
        f'{{"type": "connection_init", "payload": {{"accessToken": "{TOKEN}"}}}}'.encode(),
        {"token": TOKEN},
        TOKEN,
    ],
)
def test_a_login_by_message(message):
    assert brought_in(message) == [TOKEN]


@pytest.mark.parametrize(
    "message",
    [
        f'{{"session_id": "{TOKEN}", "text": "hello"}}',  # a conversation, which may have several people in it
        f'{{"push_token": "{TOKEN}"}}',
        '{"token": "short"}',
        "how are you",
        "x" * 10_000 + TOKEN,
        None,
        42,
    ],
)
def test_what_is_no_login(message):
    assert brought_in(message) == []


def test_what_an_answer_hands_out():
    assert handed_out_in({"data": {"token": TOKEN, "name": "alice"}}) == [TOKEN]
    assert handed_out_in({"token": "tea"}) == []


@pytest.mark.parametrize(
    "name",
    ["password", "user_password", "userpassword", "password2", "passwd", "passcode", "pass", "j_pass", "pwd", "pin"],
)
def test_what_a_password_is_called(name):
    assert is_password(name)


@pytest.mark.parametrize("name", ["bypass", "compass", "passenger", "passport", "map_pin", "opinion", "user", ""])
def test_what_is_no_password(name):
    assert not is_password(name)
