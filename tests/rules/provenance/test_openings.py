"""What a unit was asked for by its path: a room's words are for whoever asks for the room."""

from __future__ import annotations

import pytest
from saying import ALICE, BOB, FOUND, WORDS

from isolation_audit.content.request_texts import of_asgi
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.rules.provenance.openings import asked_for, may_name, opening_of, steps


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
    assert set(opening_of(inputs).things(inputs)) == {"teams/red-7", "red-7", "docs/4811"}
    assert opening_of(inputs).addressed(inputs) == {"red-7", "4811"}


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
