"""What stands in the code is nobody's."""

import sys
from types import ModuleType

import pytest

from isolation_audit.instrument.rewrite.sites import AccessSite
from isolation_audit.rules.state.literals import Literals

TEXT = """\
GREETING = "Good morning, world"

def answer(
    text,
):
    reply = "the shop is open"
    return reply

def ask():
    return answer("the pin is 4711")

if __name__ == "__main__":
    answer("my other pin is 4712")
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    def make(name, line):
        file = tmp_path / name
        file.write_text(TEXT)
        module = ModuleType(file.stem)
        module.__file__ = str(file)
        monkeypatch.setitem(sys.modules, file.stem, module)
        return AccessSite(str(file), line, "answer", "reply", "returned")

    return make


def test_words_of_the_code_count_whatever_stands_between_them(site):
    place = site("greeting.py", 6)
    assert Literals().hold("good morning world", [place])
    assert Literals().hold("the pin is 4711", [place])
    assert not Literals().hold("the pin is 4712", [place])


def test_of_a_script_and_of_tests_only_the_functions_count(site):
    place = site("test_shop.py", 6)
    assert Literals().hold("the shop is open", [place])
    assert not Literals().hold("the pin is 4711", [place])
    assert not Literals().hold("good morning world", [place])


def test_a_file_that_is_gone_has_no_words():
    assert not Literals().hold("the shop", [AccessSite("/nowhere/x.py", 1, "f", "x", "returned")])


def test_where_a_program_runs_is_nobodys_data(monkeypatch, tmp_path):
    """A store that the first user's work opens is no leak for its folder's name."""
    folder = tmp_path / "srv-data" / "Notes_App 7"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    literals = Literals()
    assert literals.is_of_paths("srv-data notes")
    assert literals.is_of_paths("app 7")
    assert not literals.is_of_paths("srv-data other")
    assert not literals.is_of_paths("account 4711")


PICKED = """\
def by_number(number):
    return next((row for row in store["rows"] if row["number"] == number), None)

def search(owner):
    rows = store["rows"]
    found = []
    wanted = owner.lower()
    if wanted:
        wanted = wanted.strip()
    count = 0
    limit = 100
    offset = 0
    for row in rows:
        if owner and row.get("owner") != wanted:
            continue
        found.append(row)
    return found

def everything():
    rows = store["rows"]
    found = []
    for row in rows:
        found.append(row)
    return found

def last():
    rows = store["rows"]
    return rows[-1]

def unused(rows):
    return [row for row in rows if row["number"] == 7]
"""


@pytest.mark.parametrize(
    ("function", "picks"), [("by_number", True), ("search", True), ("everything", False), ("last", False)]
)
def test_what_goes_through_a_container_with_a_comparison(tmp_path, function, picks):
    """Also where it has a name of its own first, and whatever quotes its code is written with."""
    file = tmp_path / "rows.py"
    file.write_text(PICKED)
    lines = PICKED.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"def {function}"))
    line = next(number for number, text in enumerate(lines) if number > begin and "store[" in text)
    site = AccessSite(str(file), line + 1, function, "store['rows']", "navigated")
    assert Literals().picks(site) is picks
