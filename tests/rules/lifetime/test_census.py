"""IA502 for classes that no configuration names: all objects are counted now and then."""

from __future__ import annotations

import pytest
from test_growth import drive

import isolation_audit

CLOSED = """\
class Note:
    def __init__(self, text):
        self.text = text

NOTES = []

def note(text):
    NOTES.append(Note([text]))

def keep(engine):
    pass
"""


def test_classes_that_no_configuration_names(running) -> None:
    one = running(CLOSED)

    def work(number: int) -> None:
        with isolation_audit.user_scope("alice"):
            one.module.note(f"note {number}")

    found = drive(one, work)
    assert found == {"app:Note": found["app:Note"]}
    assert "objects of app:Note pile up: 1 with each unit of work" in found["app:Note"]
    assert found["app:Note"].endswith("held by app.NOTES -> a list")


@pytest.mark.parametrize(
    "source",
    [
        "import collections\nNOTES = collections.deque(maxlen=100_000)\n",
        "import queue\nNOTES = queue.Queue(maxsize=100_000)\nNOTES.append = NOTES.put\n",
        "class Cache(list):\n    def __init__(self):\n        self.max_size = 100_000\n\nNOTES = Cache()\n",
    ],
)
def test_what_has_a_maximum_is_silent(running, source: str) -> None:
    one = running(CLOSED.replace("NOTES = []\n", source))

    def work(number: int) -> None:
        with isolation_audit.user_scope("alice"):
            one.module.note(number)

    assert drive(one, work) == {}


def test_few_objects_and_those_of_libraries_are_not_followed(running) -> None:
    """Each unit leaves a note for a while only: there are never more than a few of them."""
    one = running(CLOSED.replace("NOTES = []\n", "NOTES = []\nLEFT = []\n"))

    def work(number: int) -> None:
        with isolation_audit.user_scope("alice"):
            one.module.note(number)
            del one.module.NOTES[:-10]
            one.module.LEFT.append({"number": number})

    assert drive(one, work, 600) == {}
