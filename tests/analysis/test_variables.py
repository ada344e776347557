"""Variables of functions that run: what is read, and what stays as it was."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from isolation_audit.analysis.variables import variables_of


class Thing:
    """May be referred to weakly."""


def test_the_variables_of_a_function_are_told_by_name() -> None:
    outer = "from around"

    def function(given: str) -> dict[str, Any]:
        assert outer
        return variables_of(sys._getframe())

    assert function("given") == {"given": "given", "outer": outer}


def test_what_the_function_lets_go_is_let_go() -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    assert variables_of(sys._getframe())["thing"] is thing
    del thing
    gc.collect()
    assert gone() is None


def test_what_the_application_has_got_from_locals_stays() -> None:
    kept = locals()
    kept["more"] = 1
    assert "kept" in variables_of(sys._getframe())
    assert kept["more"] == 1
    assert kept is locals() or sys.version_info >= (3, 13)


def test_the_names_of_code_that_is_executed_stay() -> None:
    names: dict[str, Any] = {"answer": 42}
    exec("found = look(frame())", {"look": variables_of, "frame": sys._getframe}, names)
    assert names == {"answer": 42, "found": {}}


def test_the_names_of_a_class_body_stay() -> None:
    class Body:
        answer = 42
        found = variables_of(sys._getframe())

    assert Body.answer == 42
    assert Body.found == {}


@pytest.mark.parametrize(("put", "event"), [(sys.setprofile, "c_call"), (sys.settrace, "line")])
def test_a_function_that_is_being_watched_keeps_its_variables(put, event) -> None:
    before = sys.getprofile() if put is sys.setprofile else sys.gettrace()
    seen: list[dict[str, Any]] = []

    def watch(frame, what, _argument):
        if what == event and frame.f_code.co_name == "function":
            seen.append(variables_of(frame))
        return watch

    def function(given: str) -> str:
        more = given + "!"
        len(given)
        return given + more

    put(watch)
    try:
        said = function("given")
    finally:
        put(before)
    assert said == "givengiven!"
    assert {"given": "given", "more": "given!"} in seen
