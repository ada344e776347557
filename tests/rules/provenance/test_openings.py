"""What a unit was asked for by its path: a room's words are for whoever asks for the room."""

from __future__ import annotations

import pytest
from saying import ALICE, BOB, FOUND, WORDS

from isolation_audit.content.request_texts import of_asgi
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.rules.provenance.openings import asked_for, asked_in, may_name, opening_of, steps


def test_words_that_were_said_in_the_room_that_is_asked_for(audit, site) -> None:
    site.ask(ALICE, "/rooms/tea?text=my+card+ends+in+4242")
    assert WORDS in site.ask(BOB, "/rooms/tea")
    assert audit.alarms() == []


def test_words_that_were_said_in_another_room(audit, site) -> None:
    site.ask(ALICE, "/rooms/tea?text=my+card+ends+in+4242")
    assert WORDS in site.ask(BOB, "/rooms/coffee?of=tea")
    assert audit.found() == [FOUND]


def request_for(path: str, parameters: dict[str, str]) -> Inputs:
    made = Inputs()
    made.receive(Input(REQUEST, {"method": "GET", "path": path, "path_params": parameters}, texts=of_asgi))
    return made


def test_the_parameters_of_a_path_are_what_is_asked_for() -> None:
    inputs = request_for("/teams/red-7/docs/4811/edit", {"team": "red-7", "doc": "4811"})
    assert asked_for(inputs) == {"red-7", "4811"}
    assert set(opening_of(inputs).things(inputs)) == {"teams/red-7", "red-7", "teams/red-7\0docs/4811", "\0docs/4811"}
    assert opening_of(inputs).addressed(inputs) == {"red-7", "4811"}


@pytest.mark.parametrize(
    ("written", "asked", "same"),
    [
        ("/rooms/:tea/notes/:1", "/rooms/:tea/notes/:1/edit", True),
        ("/rooms/:tea/notes/:1", "/rooms/:tea/notes", True),
        ("/rooms/:tea/notes/:1", "/notes/:1", True),
        ("/notes/:1", "/rooms/:tea/notes/:1", True),
        ("/rooms/:tea/notes/:1", "/rooms/:hall/notes/:1", False),
        ("/rooms/:tea", "/rooms/:tea/notes/:1", False),
    ],
)
def test_what_is_in_something_else_is_that_of_the_same(written, asked, same) -> None:
    def told(path: str) -> tuple[str, frozenset[str]]:
        return path.replace(":", ""), frozenset(part[1:] for part in path.split("/") if part.startswith(":"))

    path, parameters = told(written)
    inputs = request_for(path, {name: name for name in parameters})
    assert set(opening_of(inputs).things(inputs)).isdisjoint(asked_in(*told(asked))) is not same


def test_a_path_without_parameters_asks_for_nothing() -> None:
    inputs = request_for("/teams/red-7", {})
    assert asked_for(inputs) == frozenset()
    assert opening_of(inputs).things(inputs) == ()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/rooms/tea", ["/rooms", "rooms/tea"]),
        ("/Rooms/Room-7/", ["/rooms", "rooms/room-7", "room-7"]),
        ("/docs/4811", ["/docs", "docs/4811"]),
    ],
)
def test_steps_of_a_path_name_a_thing_beside_what_stands_before_it(path, found) -> None:
    assert [name for name, _segment in steps(path)] == found


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *(("tea", True), ("room-7", True), ("x" * 100, True)),
        *(("ab", False), ("x" * 101, False), ("4811", False), ("a room", False), ("Latest", False), ("message", False)),
    ],
)
def test_what_may_be_the_name_of_one_thing(text, named) -> None:
    assert may_name(text) is named
