"""Rooms of one user in which a client stays, though somebody else has logged in there."""

from __future__ import annotations

from typing import Any

import pytest
from test_socketio import Chat, config, enter, labels

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model
from isolation_audit.instrument.work.session_users import SessionUsers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")

THREE = ["guest-00", "guest-01", "guest-02"]
MAIL = {"text": "the results have come in, call me"}


def mailing(room: str, then: dict[str, str], *, leaves: bool = False) -> Any:
    """The client of guest-01 enters the room, its session says something else, and guest-00 sends a mail there."""

    async def answer(chat: Chat, _sid: str, _user: str) -> None:
        shared = chat.sids["guest-01"]
        await enter(chat.server, shared, room)
        if leaves:
            await enter(chat.server, shared, room, leave=True)
        await chat.server.save_session(shared, then)
        await chat.server.emit("mail", MAIL, room=room)

    return answer


@pytest.mark.parametrize("login", [True, False])
def test_who_has_logged_in_there_is_sent_the_mail_of_whoever_was_there_before(audited, login: bool) -> None:
    answer = mailing("inbox-guest-01", {"user": "guest-02"})
    done = audited(Chat(answer, login=login).scenario(THREE), config())
    assert done.result["guest-01"] == [MAIL]
    assert set(done.findings) == {"IA202"}
    (finding,) = done.findings["IA202"]
    assert labels(done, finding) == {"ambient": "guest-00", "content": "guest-01", "addressee": "guest-02"}


@pytest.mark.parametrize(
    ("room", "then", "leaves"),
    [
        ("inbox-guest-01", {"user": "guest-02"}, True),
        ("inbox-guest-01", {"user": "guest-01"}, False),
        ("inbox-guest-01", {"user": "guest-01", "name": "Somebody Else"}, False),
        ("inbox-guest-01", {"theme": "dark"}, False),
        ("inbox-guest-02", {"user": "guest-02"}, False),
        ("garden-party", {"user": "guest-02"}, False),
    ],
)
@pytest.mark.parametrize("login", [True, False])
def test_rooms_that_are_ones_own_or_for_several(audited, login: bool, room: str, then: Any, leaves: bool) -> None:
    done = audited(Chat(mailing(room, then, leaves=leaves), login=login).scenario(THREE), config())
    assert done.result["guest-01"] == ([] if leaves else [MAIL])
    assert done.findings == {}


def test_a_room_that_the_configuration_calls_shared(audited) -> None:
    answer = mailing("inbox-guest-01", {"user": "guest-02"})
    done = audited(Chat(answer).scenario(THREE), config(addressees={"shared": ["inbox-*"]}))
    assert done.result["guest-01"] == [MAIL]
    assert done.findings == {}


@pytest.mark.parametrize("login", [True, False])
def test_an_id_of_a_browser_is_nobody_who_was_there_before(login: bool) -> None:
    """A weaker source has called the client so until somebody has logged in."""
    with Auditor(Config(report=model.Report(terminal=False))) as auditor:
        sessions, users = SessionUsers(auditor.runtime), auditor.runtime.users
        for name in ("b-17c3", "alice.liddell"):
            users.token(name).login = login
            sessions.told("sid", {"user": name})
        assert [user.id for user in sessions.former("sid")] == (["b-17c3"] if login else [])


BERG, KLEIN = "anna.berg@example.org", "anna.klein@example.org"


@pytest.mark.parametrize(
    ("room_of", "users", "found"),
    [
        (lambda user: f"inbox_{user.partition('.')[0]}", [BERG, KLEIN], True),
        (lambda user: f"user:{user.partition('@')[0]}", ["john@acme.example", "john@globex.example"], True),
        (lambda user: f"inbox_{user}", [BERG, KLEIN], False),
        (lambda user: f"user:{user.partition('@')[0]}", [BERG, KLEIN], False),
        (lambda user: f"users:{user.partition('.')[0]}", [BERG, KLEIN], False),
        (lambda user: f"team-{user.partition('.')[0]}", [BERG, KLEIN], False),
        (lambda _user: "user:1", ["1.berg", "1.klein"], False),
        (lambda user: f"user:{user.partition('@')[0]}", ["anna", "anna@example.org"], False),
    ],
    ids=["first name", "local part", "whole", "whole local part", "users", "team", "number", "one of them whole"],
)
def test_rooms_of_ones_own_by_a_part_of_an_address(audited, room_of: Any, users: list[str], found: bool) -> None:
    async def answer(chat: Chat, _sid: str, user: str) -> None:
        for one, sid in chat.sids.items():
            await enter(chat.server, sid, room_of(one))
        await chat.server.emit("mail", MAIL, room=room_of(user))

    done = audited(Chat(answer).scenario(users), config())
    assert set(done.findings) == ({"IA202"} if found else set())
    for finding in done.findings.get("IA202", ()):
        hers, others = map(done.auditor.pseudonyms.text, users)
        assert labels(done, finding) == {"ambient": hers, "content": hers, "addressee": others}
