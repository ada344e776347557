"""How modules lead to a container, in words."""

import sys
from contextvars import ContextVar
from types import ModuleType

import pytest

from isolation_audit.rules.state.paths import Paths


class Agent:
    shared = []

    def __init__(self):
        self.history = []


def handler(seen=[]):
    return seen


def counter():
    kept = []

    def inner():
        return kept

    return inner, kept


@pytest.fixture
def app(monkeypatch):
    module = ModuleType("shop.state")
    module.__file__ = "/srv/shop/state.py"
    monkeypatch.setitem(sys.modules, "shop.state", module)
    return module


def words(value):
    path = Paths().of(id(value), ["/srv/shop/state.py"])
    return None if path is None else path.words(lambda key: key != "alice")


def test_attributes_and_keys(app):
    agent = Agent()
    app.registry = {"agents": {"triage": agent}}
    assert words(agent.history) == "shop.state.registry['agents']['triage'].history"
    path = Paths().of(id(agent.history), ["/srv/shop/state.py"])
    assert path.target == "shop.state:registry"
    assert path.keys == ("agents", "triage")
    assert f"{Agent.__module__}:Agent" in path.classes


def test_attributes_of_classes(app):
    app.Agent = Agent
    path = Paths().of(id(Agent.shared), ["/srv/shop/state.py"])
    assert (path.words(str), path.target) == ("shop.state.Agent.shared", "shop.state:Agent.shared")


def test_closures_defaults_and_variables(app):
    app.inner, kept = counter()
    app.handler = handler
    app.variable = ContextVar("variable", default={"kept": []})
    assert words(kept) == "shop.state.inner.<kept>"
    assert words(handler.__defaults__[0]) == "shop.state.handler(seen=...)"
    assert words(app.variable.get()["kept"]) == "shop.state.variable.get()['kept']"


def test_a_global_is_held_by_its_module(app):
    app.last = "x"
    assert words(vars(app)) == "shop.state"


def test_keys_that_may_be_somebodys_are_not_shown(app):
    app.registry = {"alice": {"last": []}}
    assert words(app.registry["alice"]["last"]) == "shop.state.registry[...]['last']"


def test_what_no_module_leads_to_has_no_path(app):
    assert words([]) is None


def test_however_many_modules_there_are_the_own_ones_and_their_packages_come_first(app, monkeypatch):
    for number in range(2_000):
        other = ModuleType(f"crowd.other_{number}")
        other.__file__ = f"/srv/crowd/other_{number}.py"
        vars(other).update({f"name_{one}": [one] for one in range(30)})
        monkeypatch.setitem(sys.modules, other.__name__, other)
    monkeypatch.delitem(sys.modules, "shop.state")
    monkeypatch.setitem(sys.modules, "shop.state", app)  # as the last
    app.registry = {"agents": {"triage": []}}
    assert words(app.registry["agents"]["triage"]) == "shop.state.registry['agents']['triage']"
    registry = ModuleType("shop.registry")
    registry.__file__ = "/srv/shop/registry.py"
    registry.last = []
    monkeypatch.setitem(sys.modules, "shop.registry", registry)
    assert words(registry.last) == "shop.registry.last"


def test_when_searching_has_taken_its_share_each_key_still_has_its_own_path(app):
    app.rooms = {"tea": [], "coffee": []}
    paths = Paths()
    assert paths.of(id(app.rooms["tea"]), ["/srv/shop/state.py"], "say").keys == ("tea",)
    paths._spent = float("inf")
    assert paths.of(id(app.rooms["coffee"]), ["/srv/shop/state.py"], "say").keys == ("coffee",)
    elsewhere = []
    assert paths.of(id(elsewhere), ["/srv/shop/state.py"], "say").keys == ("coffee",)


def test_numbers_under_which_something_lies_are_keys_as_well(app):
    app.lots = {7: {"bids": []}}
    path = Paths().of(id(app.lots[7]["bids"]), ["/srv/shop/state.py"])
    assert path.keys == ("7", "bids")
    assert path.words(lambda one: one == "bids") == "shop.state.lots[<int>]['bids']"
