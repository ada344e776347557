"""For whom stored things are meant: reads that are no leak, and what is next to them and is one."""

import pytest
from requesting import ALICE, BOB, note

from isolation_audit.content.request_texts import of_asgi
from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.listener import ATTRIBUTE, ITEM
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.model.users import User
from isolation_audit.rules.state.meant import is_asked_by_path, is_asked_for, is_read_before, is_signed
from isolation_audit.rules.state.paths import StatePath
from isolation_audit.rules.state.read_inputs import ReadInputs
from isolation_audit.rules.state.records import Write
from isolation_audit.rules.state.taken import Taken
from isolation_audit.rules.state.units import Unit

FILE = "/srv/meant.py"
NUMBER = sites.first_of(b"", FILE)
PLANS = [
    (1, "put", "rooms[name]", sites.NAVIGATED, ()),
    (2, "put", "rooms[name]", sites.WRITTEN, ()),
    (3, "count", "total", sites.WRITTEN, ()),
    (4, "count", "total", sites.RETURNED, ()),
    (5, "put", "rooms['tea']", sites.RETURNED, ()),
    (6, "put", "rooms[name]", sites.WRITTEN, ()),
    (7, "count", "rooms[name]", sites.WRITTEN, ()),
    (8, "put", "docs[7]", sites.RETURNED, ()),
    (9, "reset", "total", sites.WRITTEN, ()),
    (10, "reset", "total", sites.WRITTEN, ()),
]
PLACES = (sites.AccessSite(FILE, *PLANS[0]), sites.AccessSite(FILE, *PLANS[1]))


@pytest.fixture(autouse=True)
def _known():
    sites.add(NUMBER, FILE, PLANS)


def taken(key=None, value="what was written", *, kind=ITEM, user="alice", container=None, **more):
    write = Write(Unit(None, User(user) if user else None), NUMBER + 1, value)
    made = Taken(write, {} if container is None else container, kind, key, value, NUMBER)
    for name, what in more.items():
        setattr(made, name, what)
    return made


def asked_with(path, query=b""):
    inputs = Inputs()
    inputs.receive(Input(REQUEST, {"method": "GET", "path": path, "query_string": query}, texts=of_asgi))
    return ReadInputs(inputs, None, None)


@pytest.mark.parametrize(
    ("key", "kind", "path", "query", "found"),
    [
        *(("tea", ITEM, "/rooms/tea", b"", True), ("tea", ITEM, "/rooms", b"name=tea", True)),
        (7, ITEM, "/docs/7", b"", True),
        *(("coffee", ITEM, "/rooms/tea", b"", False), ("tea", ATTRIBUTE, "/rooms/tea", b"", False)),
        *((("tea", 7), ITEM, "/tea/7", b"", False), (None, ITEM, "/rooms/tea", b"", False)),
    ],
)
def test_a_key_that_came_in(key, kind, path, query, found) -> None:
    assert is_asked_for(taken(key, kind=kind), asked_with(path, query), PLACES) is found


def test_a_key_that_stands_in_the_code_is_a_place_of_its_own() -> None:
    places = (sites.AccessSite(FILE, *PLANS[4]), PLACES[1])
    assert not is_asked_for(taken("tea"), asked_with("/rooms/tea"), places)
    assert is_asked_for(taken("coffee"), asked_with("/rooms/coffee"), places)


@pytest.mark.parametrize("author", ["alice", "A.", "al***", "Ali…"])
def test_one_of_many_records_that_says_whose_it_is(author) -> None:
    record = {"author": author, "text": "hello"}
    assert is_signed(taken(value=record, of_many=True))
    assert is_signed(taken(value=record, among_others=True))
    assert is_signed(taken(value="hello", container=record, of_many=True)), "a part of it"
    assert not is_signed(taken(value=record))


@pytest.mark.parametrize(
    "record", [{"author": "bob"}, {"author": "b."}, {"author": "al"}, {"author": "..."}, {"text": "alice"}, {}]
)
def test_a_record_that_says_something_else(record) -> None:
    assert not is_signed(taken(value=record, of_many=True))


def test_what_nobody_has_written_is_signed_by_nobody() -> None:
    assert not is_signed(taken(value={"author": "alice"}, user=None, of_many=True))


@pytest.mark.parametrize(
    ("steps", "keys", "path", "query", "found"),
    [
        (("app.rooms", ("tea",)), ("tea",), "/rooms/tea", b"", True),
        (("app.rooms", ("tea",)), ("tea",), "/rooms/coffee", b"", False),
        (("app.docs", "[9]"), (), "/docs/9", b"", True),
        (("app.docs", "[9]"), (), "/docs", b"number=9", False),
        (("app.docs", "[7]"), (), "/docs/7", b"", False),
        (("app.docs", "._all"), (), "/docs/9", b"", False),
    ],
)
def test_a_key_on_the_way_that_came_in(steps, keys, path, query, found) -> None:
    places = (sites.AccessSite(FILE, *PLANS[7]), PLACES[1])
    assert is_asked_by_path(StatePath(steps, keys=keys), asked_with(path, query), places) is found


@pytest.mark.parametrize(("place", "found"), [(1, True), (5, True), (2, False), (6, False), (9, False)])
def test_a_store_of_what_its_function_has_read_further_up(place, found) -> None:
    assert is_read_before(NUMBER + place) is found


SHOWN = """
    here = {{}}

    def handle(user, text):
        here[{key}] = text
        return [{shown}]
    """


@pytest.mark.parametrize(
    ("key", "shown", "found"),
    [
        ("user", "*here", False),
        ("user", "line for line in here.values()", False),
        ("user", "sorted(here.values())", False),
        ("user", "next(iter(here.values()))", True),
        ("user", "list(here.values())[0]", True),
        ("text[:5]", "line for line in here.values()", True),
        ("user", "*sorted(here)", False),
        ("user", "*sorted(\n            here,\n        )", False),
        ("user", "repr(here)", True),
        ("user", "len(list(here)) and\n            repr(here)", True),
    ],
)
def test_what_is_shown_where_all_are(audited, key, shown, found):
    findings, said = audited(SHOWN.format(key=key, shown=shown))
    assert bool(findings) is found, said


def test_a_room_that_both_have_asked_for(asked):
    first, second = ("/rooms/tea", "text=call+me+at+555-4711", ALICE), ("/rooms/tea", "text=hello", BOB)
    assert asked(first, second) == []


def test_a_board_says_whose_its_messages_are(asked):
    assert asked(("/post", "text=the+pin+is+4711", ALICE), ("/read", "", BOB)) == []


def test_who_asks_for_somebody_by_name_is_told_of_them(asked):
    assert asked(note("the+pin+is+4711", ALICE), ("/look", "who=alice-1", BOB)) == []


def test_who_was_named_by_somebody_is_told_what_they_wrote(asked):
    assert asked(("/note", "text=the+pin+is+4711&to=bob-2", ALICE), ("/look", "", BOB)) == []


BEST = """
    class Lot:
        def __init__(self, seller):
            self.seller, self.leader, self.note = seller, None, ""

    lots = {{}}

    def handle(user, text):
        which = "oak desk"
        if user == "alice":
            lots[which] = Lot(user)
        elif user == "bob":
            lots[which].note = text
            {leads}
        else:
            return {shown}
    """


@pytest.mark.parametrize(
    ("leads", "shown", "found"),
    [
        ("lots[which].leader = user", "[one.note for one in lots.values()]", False),
        ("pass", "[one.note for one in lots.values()]", True),
        ("lots[which].leader = user", "lots['oak desk'].note", True),
    ],
)
def test_a_part_of_one_of_many_says_whose_it_is_as_well(audited, leads, shown, found):
    asked = {"alice": "hello", "bob": "my limit is 47-11", "carol": "what is there?"}
    assert bool(audited(BEST.format(leads=leads, shown=shown), asked=asked)[0]) is found


LOADED = """
    import sqlite3

    db = sqlite3.connect(":memory:")
    db.execute("create table accounts (owner text, iban text)")
    db.execute("insert into accounts values ('alice', 'DE02-4711-0815'), ('bob', 'DE77-1234-5678')")
    {kept}

    def keep(last, user, text):
        {after} = db.execute("select iban from accounts where owner = ?", (user,)).fetchone()[0]

    def handle(user, text):
        {first}
        before = {before}
        keep(last, user, text)
        return before
    """
IN_A_GENERATOR = "\n    ".join(
    ["def keep():", "    kept = {}", "    while True:", "        yield kept", "", "keeping = keep()"]
)


@pytest.mark.parametrize(
    ("kept", "first", "place", "found"),
    [
        ("last = {}", "pass", "last['iban']", True),
        ("last = {}", "db.execute('select owner from accounts').fetchall()", "last['iban']", False),
        ("last = {}", "pass", "last[text[:1]]", True),
        (IN_A_GENERATOR, "last = next(keeping)", "last['iban']", True),
        (IN_A_GENERATOR, "last = next(keeping)", "last[text[:1]]", False),
    ],
)
def test_what_was_read_for_the_writer(audited, kept, first, place, found):
    before = f"{place} if {place[5:-1]} in last else None"
    source = LOADED.format(kept=kept, first=first, before=before, after=place)
    findings, said = audited(source, asked={"alice": "please", "bob": "please"})
    assert said[1] == "DE02-4711-0815"
    assert bool([one for one in findings if one.rule == "IA402"]) is found
