"""Views that read all entries of a table, and fields by which they select: read from their code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.rules.provenance.gone_through import compared, goes_through, tables_gone_through

if TYPE_CHECKING:
    from types import CodeType

SOURCE = """
scores, rows = {"alice": 7}, ["a row"]

class Game:
    def __init__(self):
        self.scores = {"bob": 9}
    def best(self):
        return max(self.scores.values())
    def mine(self, user):
        return self.scores[user]

def in_a_loop(user):
    return [name for name in scores]

def by_items(user):
    return sorted(one for _name, one in scores.items())

def of_a_parameter(user, scores):
    for name in scores:
        print(name)

def in_a_closure(user):
    scores = {}
    return lambda: [name for name in scores]

def by_key(user):
    return scores[user], scores.get(user), len(scores), user in scores

def other_table(user):
    return [name for name in rows], scores[user]

def through_three(user):
    return one(user)

def one(user):
    return two(user)

def two(user):
    return by_items(user)

def through_four(user):
    return through_three(user)

def recursive(user):
    return recursive(user)

def by_owner(user):
    return [row for row in rows if row["owner"] == user]

def by_attribute(user):
    return [row for row in rows if user == row.author]

def of_a_helper(user):
    return by_owner(user)

game = Game()

def of_an_object(user):
    return game.best()

def of_an_objects_one(user):
    return game.mine(user)

def all_rows(user):
    return dict(rows=rows)

def by_others(user):
    return [row for row in rows if row["size"] < 7 and row["owner"] != user]
"""


@pytest.fixture(scope="module")
def code_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("views")
    (folder / "views_that_select.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        module = importlib.import_module("views_that_select")

        def found(name: str) -> CodeType:
            holder, _, method = name.rpartition(".")
            code: CodeType = getattr(getattr(module, holder) if holder else module, method).__code__
            return code

        yield found


@pytest.mark.parametrize(
    "view", ["in_a_loop", "by_items", "of_a_parameter", "in_a_closure", "Game.best", "through_three", "of_an_object"]
)
def test_views_that_read_all_entries(code_of, view) -> None:
    assert goes_through(code_of(view), "scores")


@pytest.mark.parametrize(
    "view", ["by_key", "other_table", "Game.mine", "through_four", "recursive", "by_owner", "of_an_objects_one"]
)
def test_views_that_read_one_or_those_of_another_table(code_of, view) -> None:
    assert not goes_through(code_of(view), "scores")


@pytest.mark.parametrize(
    ("view", "table"),
    [
        ("by_items", {"alice": 7}),
        ("through_three", {"alice": 7}),
        ("of_an_object", {"bob": 9}),
        ("all_rows", ["a row"]),
        ("by_owner", ["a row"]),
    ],
)
def test_the_tables_themselves(code_of, view, table) -> None:
    assert table in [*tables_gone_through(code_of(view))]


@pytest.mark.parametrize("view", ["by_key", "of_an_objects_one"])
def test_what_is_asked_by_a_key_is_not_among_them(code_of, view) -> None:
    assert not [one for one in tables_gone_through(code_of(view)) if isinstance(one, dict | list)]


@pytest.mark.parametrize(
    ("view", "fields"),
    [("by_owner", {"owner"}), ("by_attribute", {"author"}), ("of_a_helper", {"owner"}), ("by_others", set())],
)
def test_fields_by_which_a_view_selects(code_of, view, fields) -> None:
    assert compared(code_of(view)) & {"owner", "author", "size"} == fields


def test_a_view_whose_module_is_gone_is_read_alone() -> None:
    names: dict[str, Any] = {}
    source = "def view(user):\n    return inner(user)\ndef inner(user):\n    return [one for one in scores]\n"
    exec(compile(source, "gone.py", "exec"), names)
    assert not goes_through(names["view"].__code__, "scores")
    assert goes_through(names["inner"].__code__, "scores")


def test_no_view_is_known() -> None:
    assert not goes_through(None, "scores")
    assert compared(None) == frozenset()
