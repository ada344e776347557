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
