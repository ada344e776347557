"""Names that the application is written with."""

from __future__ import annotations

import importlib
import sys

import pytest

from isolation_audit.rules.provenance.code import FunctionTexts, StaticTexts, constants

MODULE = """
import os
TEAM = ["alice.liddell", "bob.builder"]
TABLE = {
    "carol.kane": 1,

    "dave.null": 2,
}
NAME: str = "erin.gray"
made = os.getenv("frank.poole")

def view():
    return {"support": "grace.hopper", "more": ("heidi.klum", [lambda: "ivan.drago"])}
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "written_app"
    (folder / "templates" / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text(MODULE)
    (folder / "test_views.py").write_text('WHO = ["judy.garland"]')
    (folder / "templates" / "deep" / "page.html").write_text("ask <b>ken.thompson</b>")
    (folder / "templates" / "picture.svg").write_text("linus.pauling")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("written_app"), importlib.import_module("written_app.test_views")
    del sys.modules["written_app"], sys.modules["written_app.test_views"]


def test_data_of_modules_and_templates(package) -> None:
    texts = StaticTexts()
    text = texts.all()
    for name in ("alice.liddell", "bob.builder", "carol.kane", "dave.null", "erin.gray", "ken.thompson"):
        assert name in text
    for name in ("frank.poole", "grace.hopper", "judy.garland", "linus.pauling"):
        assert name not in text, "calls, functions, tests and pictures are no data of the application"
    assert texts.all() == text


PROXIES = """
class Proxy:
    def __getattribute__(self, name):
        raise RuntimeError("Not within an app context")

class Odd(type):
    def __getattribute__(cls, name):
        raise RuntimeError("asked")

class Shown(metaclass=Odd):
    pass

class View:
    @staticmethod
    def get():
        return "grace.hopper"

    @classmethod
    def post(cls):
        return "heidi.klum"

g = Proxy()

def view():
    return "ivan.drago"
"""


def test_texts_of_functions_are_read_past_proxies_that_are_bound_to_a_request(tmp_path, monkeypatch) -> None:
    """As Flask's and Quart's ``g`` and ``request``, which every module of an application imports."""
    (tmp_path / "app_with_proxies.py").write_text(PROXIES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "app_with_proxies", None)  # so that it is taken out afterwards
    del sys.modules["app_with_proxies"]
    importlib.import_module("app_with_proxies")
    text = FunctionTexts().without("nobody")
    assert {"grace.hopper", "heidi.klum", "ivan.drago"} <= {*text.split("\0")}


@pytest.mark.parametrize(("folder", "test", "data"), [
    ("tests", "test_views.py", False),
    ("tests", "views.py", True),
    ("shop", "test_views.py", True),
])  # fmt: skip
def test_what_tests_keep_beside_them_is_no_data_of_the_application(tmp_path, monkeypatch, folder, test, data) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / test).touch()
    (tmp_path / folder / "people_who_ask.py").write_text('WHO = ["judy.garland"]\n')
    monkeypatch.syspath_prepend(tmp_path / folder)
    importlib.import_module("people_who_ask")
    try:
        assert ("judy.garland" in StaticTexts().all()) is data
    finally:
        del sys.modules["people_who_ask"]


def test_constants_of_a_view(package) -> None:
    found = constants(package[0].view.__code__)
    assert {"grace.hopper", "heidi.klum", "ivan.drago"} <= set(found)
    assert constants(None) == []
