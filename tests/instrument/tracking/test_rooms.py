"""Addressees that are several users: collections, rooms learned from joins, and rooms in the emitter's own state."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import pytest

from isolation_audit import user_scope
from isolation_audit.config import load_config
from isolation_audit.exceptions import ConfigError
from isolation_audit.instrument.tracking import rooms as bounds
from isolation_audit.instrument.tracking.rooms import Rooms
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.owner_records import Objects
from isolation_audit.model.users import Users

if TYPE_CHECKING:
    from isolation_audit.auditor import Auditor

SOURCE = """\
from collections import defaultdict

class Hub:
    def __init__(self):
        self.rooms = defaultdict(set)

    def join(self, room, user, fail=False):
        if fail:
            raise ValueError
        self.rooms[room].add(user)

    async def join_later(self, room, user):
        self.rooms[room].add(user)

    def leave(self, room, user=None):
        self.rooms.pop(room) if user is None else self.rooms[room].discard(user)

    def emit_news(self, text, to=None):
        for user in to or ():
            deliver(user, text)

    def emit_in(self, room, text):
        for user in list(self.rooms.get(room, ())):
            deliver(user, text)

def deliver(user, text):
    pass

class Socket:
    pass
"""

LEARNED = """\
[rooms.room]
join = "APP:Hub.join"
leave = "APP:Hub.leave"
room = "args.room"
member = "args.user"
"""


def emitters(addressee: str, more: str = "") -> str:
    return f"""\
[identity]
bind = {{ run_id = "run_id" }}
[[emitters]]
target = "APP:Hub"
methods = {{ "emit_*" = "news" }}
addressee = {addressee}
payload = "args.text"
{more}
[[emitters]]
target = "APP:deliver"
event = {{ name = "news" }}
addressee = "args.user"
layer = "sink"
"""


@pytest.fixture
def audited(audits):
    return partial(audits, SOURCE)


def codes(auditor: Auditor) -> dict[str, int]:
    return {code: count for code, count in auditor.recorder.counts.items() if count and not code.startswith("IA9")}


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (["alice"], {}),
        (["alice", "bob"], {}),
        ({"bob", "alice"}, {}),
        ({"alice": object(), "bob": object()}, {}),
        ({"alice": 1}.keys(), {}),
        ({1: "alice"}.values(), {}),
        (["bob"], {"IA202": 1}),
        (("bob", "carol"), {"IA202": 1}),
        (frozenset({"bob"}), {"IA202": 1}),
        (defaultdict(list, bob=[1]), {"IA202": 1}),
        ([], {}),
        ([object(), None, 5], {}),
        (None, {}),
    ],
)
def test_collections_of_users(audited, to, expected) -> None:
    app, auditor = audited(emitters('"args.to"').partition('[[emitters]]\ntarget = "APP:deliver"')[0])
    with user_scope("alice"):
        app.Hub().emit_news("hello", to=to)
    assert codes(auditor) == expected


@pytest.mark.parametrize(
    ("kind", "to", "expected"),
    [
        ("shared", ["bob", "carol"], {}),
        ("joined", ["bob", "carol"], {"IA202": 1}),
        ("personal", ["alice", "bob"], {"IA202": 1}),
        ("personal", ["alice"], {}),
    ],
)
def test_kinds_of_rooms(audited, kind, to, expected) -> None:
    config = emitters('"args.to"', f'rooms = "{kind}"').partition('[[emitters]]\ntarget = "APP:deliver"')[0]
    app, auditor = audited(config)
    with user_scope("alice"):
        app.Hub().emit_news("hello", to=to)
    assert codes(auditor) == expected


def test_none_is_everyone_where_that_is_declared(audited) -> None:
    app, auditor = audited(emitters('["args.to", "everyone"]', 'public = ["maintenance"]'))
    with user_scope("alice"):
        app.Hub().emit_news("hello")
    assert codes(auditor) == {"IA205": 1}


def test_a_room_in_the_emitters_own_state(audited) -> None:
    app, auditor = audited(emitters('"self.rooms[args.room]"'))
    hub = app.Hub()
    with user_scope("alice"):
        hub.emit_in("lobby", "nobody is there")
    assert "lobby" not in hub.rooms, "looking makes no room"
    hub.join("lobby", "alice")
    hub.join("lobby", "bob")
    with user_scope("alice"):
        hub.emit_in("lobby", "hello")
    assert codes(auditor) == {}
    hub.leave("lobby", "alice")
    with user_scope("alice"):
        hub.emit_in("lobby", "still there?")
    assert codes(auditor) == {"IA202": 1}
    (entry,) = auditor.recorder.entries()
    label = auditor.pseudonyms.text
    assert (entry.finding.witnesses.ambient, entry.finding.witnesses.addressee) == (label("alice"), label("bob"))
    assert auditor.runtime.tally.crossings == 1


def test_each_member_who_gets_it_wrongly_is_a_crossing(audited) -> None:
    app, auditor = audited(emitters('"self.rooms[args.room]"'))
    hub = app.Hub()
    hub.join("lobby", "bob")
    hub.join("lobby", "carol")
    with user_scope("alice"):
        hub.emit_in("lobby", "hello")
    assert codes(auditor) == {"IA202": 1}
    assert auditor.runtime.tally.crossings == 2


def test_a_room_learned_from_its_joins(audited) -> None:
    app, auditor = audited(LEARNED + emitters('"room:args.room"'))
    hub = app.Hub()
    hub.join("lobby", "bob")
    hub.join("lobby", "alice")
    with pytest.raises(ValueError):
        hub.join("other", "alice", fail=True)
    hub.join("other", "bob")
    with user_scope("alice"):
        hub.emit_in("lobby", "hello")
    assert codes(auditor) == {}
    with user_scope("alice"):
        hub.emit_in("other", "hello")
    assert codes(auditor) == {"IA202": 1}
    hub.leave("lobby", "alice")
    with user_scope("alice"):
        hub.emit_in("lobby", "hello")
    assert codes(auditor) == {"IA202": 2}
    hub.leave("lobby")
    assert list(auditor.runtime.rooms.members("room", "lobby")) == []


def test_a_room_joined_by_a_coroutine_and_by_objects(audited) -> None:
    config = LEARNED.replace("Hub.join", "Hub.join_later") + emitters('"room:args.room"')
    app, auditor = audited(config)
    hub, socket = app.Hub(), app.Socket()
    asyncio.run(hub.join_later("lobby", socket))
    record = auditor.runtime.objects.record(socket)
    assert record is not None
    assert list(auditor.runtime.rooms.members("room", "lobby")) == [None]
    record.owner = auditor.runtime.users.token("bob")  # as integrations do, once somebody logs in
    with user_scope("alice"):
        hub.rooms.clear()
        hub.emit_in("lobby", "hello")
    assert codes(auditor) == {"IA202": 1}
    del socket, record
    hub.rooms.clear()
    assert list(auditor.runtime.rooms.members("room", "lobby")) == [None], "held by nobody"


def test_members_by_what_is_bound_to_them(audited) -> None:
    config = LEARNED.replace('"args.user"', '"run_id:args.user"') + emitters('["run_id:args.to", "room:args.room"]')
    app, auditor = audited(config)
    hub = app.Hub()
    hub.join("lobby", "run-b")
    with user_scope("alice", run_id="run-a"), user_scope("bob", run_id="run-b"):
        pass
    with user_scope("alice"):
        hub.emit_in("lobby", "hello")
        hub.emit_news("hello", to=["run-b"])
    assert codes(auditor)["IA202"] == 2


def test_members_of_a_room_may_be_named_in_it(audited) -> None:
    app, auditor = audited(emitters('"self.rooms[args.room]"'))
    hub = app.Hub()
    hub.join("lobby", "user-alice")
    hub.join("lobby", "user-bob")
    with user_scope("user-carol"), user_scope("user-alice"):
        hub.emit_in("lobby", "ask user-bob")
        assert codes(auditor) == {}
        hub.emit_in("lobby", "ask user-carol")
    assert codes(auditor) == {"IA203": 1}


def test_an_inner_layer_may_leave_the_room_only_wrongly(audited) -> None:
    app, auditor = audited(emitters('"args.to"'))
    hub = app.Hub()

    def wrong(user, text, original=app.deliver):
        original("carol", text)

    hub_deliver, app.deliver = app.deliver, wrong
    with user_scope("alice"):
        hub.emit_news("hello", to=["alice", "bob"])
    app.deliver = hub_deliver
    assert codes(auditor) == {"IA202": 1}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            LEARNED.replace("[rooms.room]", "[rooms.run_id]") + '[identity]\nbind = { run_id = "x" }\n',
            "is a binding already",
        ),
        (LEARNED.replace('room = "args.room"\n', ""), "room"),
        (LEARNED + emitters('"rooms:args.room"'), "'rooms' is not declared"),
        (LEARNED + '[[scopes]]\ntarget = "APP:x"\nuser = "room:args.room"\n', "'room' is not declared"),
        ('[ambient]\ncontextvar = "a:b"\nuser_id = "[args.x]"\n', "reads a key from a call"),
        (emitters('"self.rooms[args.room"'), "can't be read"),
        (emitters('"args.to"', 'rooms = "private"'), "is not a kind of room"),
    ],
)
def test_configurations_that_are_wrong(tmp_path, config, problem) -> None:
    file = tmp_path / "isolation-audit.toml"
    file.write_text(config.replace("APP", "app"))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert problem in "\n".join(caught.value.problems)


def test_the_table_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(bounds, "MEMBERS", 5)
    rooms = Rooms(Users().token, Bindings(), Objects(), limit=3)
    for number in range(10):
        rooms.join("room", "one", None, f"user-{number}")
        rooms.join("room", number, None, "bob")
        rooms.join("room", None, None, "bob")
    assert len(list(rooms.members("room", 9))) == 1
    assert list(rooms.members("room", 0)) == []
    assert len(rooms._rooms) == 3
    assert rooms.evicted > 5
