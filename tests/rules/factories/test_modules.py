"""The modules of the application: which they are, and that each is told of once it is complete."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import pytest
import starlette.applications

import isolation_audit
from isolation_audit.rules.factories.modules import Modules


@pytest.fixture
def modules(application: Any):
    """The modules of an audit, and the names of those that a listener has been told of."""

    def start(config: str = "") -> tuple[Modules, list[str]]:
        application.start(config)
        made, told = application.auditor.runtime.part(Modules), []
        made.listen(lambda module: told.append(module.__name__))
        return made, told

    return start


def test_whose_modules_are_the_application_s(application, modules) -> None:
    application.write(app="class Engine: pass\ndef made(): return Engine()\n")
    made, _told = modules()
    app = application.load("app")
    assert made.is_own(app)
    assert made.of(app.Engine) is app
    assert made.is_of_own(app.made)
    for other in (json, starlette.applications, isolation_audit, sys):
        assert not made.is_own(other), other
    assert made.of(dict) is None
    assert made.of(starlette.applications.Starlette) is None
    assert not made.is_of_own(json.loads)


def test_an_installed_package_that_the_configuration_names_is(application, modules) -> None:
    made, _told = modules('[[engines]]\ntarget = "starlette.applications:Starlette"\noptional = true\n')
    assert made.is_own(starlette.applications)
    assert not made.is_own(json)


def test_each_is_told_once_and_again_after_a_reload(application, modules) -> None:
    application.write(app="NUMBER = 1\n", other="NUMBER = 2\n")
    made, told = modules()
    app = application.load("app")
    made.look()
    made.look()
    assert told.count(app.__name__) == 1
    importlib.reload(app)
    made.imported(app, app.__name__)
    assert told.count(app.__name__) >= 2
    assert f"{application.name}.other" not in told
    application.load("other")
    application.auditor.settle(0.0)
    assert f"{application.name}.other" in told
    assert not [name for name in told if name.startswith(("json", "starlette", "isolation_audit"))]


def test_a_listener_that_fails_keeps_the_next_from_nothing(application, modules) -> None:
    application.write(app="NUMBER = 1\n")
    application.start("")
    made, told = application.auditor.runtime.part(Modules), []
    made.listen(lambda _module: 1 / 0)
    made.listen(lambda module: told.append(module.__name__))
    application.load("app")
    made.look()
    assert f"{application.name}.app" in told
    assert application.auditor.runtime.barrier.counts["modules"] > 0
