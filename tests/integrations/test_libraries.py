"""Integrations wait for their libraries: what an application does not import is neither loaded nor watched."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from doors import clean_environment
from isolation_audit import Auditor
from isolation_audit.config import Config
from isolation_audit.foundation.plugins import INTEGRATIONS, LIBRARIES, Plugin, _in_folders, plugins
from isolation_audit.instrument.patching.targets import State

AWAITED = {plugin.name: plugin.module for plugin in plugins(LIBRARIES)}

WATCHING = """\
import sys
from isolation_audit import Auditor
from isolation_audit.config import Config

def loaded():
    return "isolation_audit.integrations.wsgiref" in sys.modules

with Auditor(Config()) as auditor:
    assert not loaded()
    import wsgiref.handlers
    assert loaded()
    watched = [one for one in auditor.instrumentation.integrated if one.library == "wsgiref"]
    assert watched and all(one.state.value == "applied" for one in watched), watched
    shim = wsgiref.handlers.BaseHandler.run.__code__
import wsgiref.handlers
assert wsgiref.handlers.BaseHandler.run.__code__ is not shim
with Auditor(Config()) as auditor:
    assert [one for one in auditor.instrumentation.integrated if one.library == "wsgiref"], "it is there already"
with Auditor(Config()):
    pass
import smtplib
assert "isolation_audit.integrations.mail_clients" not in sys.modules, "no audit waits for it any more"
"""


def test_an_integration_is_loaded_when_its_library_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHING], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


TOLD_BY_OTHERS = {"raw_sockets": "socket"}
"""What one waits for that is told by another's hook: ``listening`` has that of a socket's ``accept``."""


@pytest.mark.parametrize("plugin", plugins(INTEGRATIONS), ids=lambda plugin: plugin.name)
def test_an_integration_waits_for_the_module_that_it_watches(plugin: Plugin) -> None:
    if not plugin.module.startswith("isolation_audit."):
        pytest.skip("another package's")
    if plugin.name not in AWAITED:
        pytest.skip("it waits for nothing")
    integration = plugin.load()
    auditor = Auditor(Config())
    roots = {point.target.partition(":")[0].partition(".")[0] for point in integration.points(auditor.runtime)}
    assert AWAITED[plugin.name] in {*roots, TOLD_BY_OTHERS.get(plugin.name)} or not roots


def test_nothing_waits_on_behalf_of_an_integration_that_is_not_there() -> None:
    assert AWAITED.keys() <= {plugin.name for plugin in plugins(INTEGRATIONS)}


def test_entry_points_are_those_that_the_standard_library_finds() -> None:
    for group in (INTEGRATIONS, LIBRARIES):
        expected = {(one.name, one.value) for one in metadata.entry_points(group=group)}
        assert {(one.name, one.value) for one in _in_folders(tuple(sys.path)) if one.group == group} == expected
        assert {(one.name, one.value) for one in plugins(group)} == expected


def test_what_is_imported_already_is_watched_from_the_start() -> None:
    import queue  # noqa: F401 - it is what this test is about

    with Auditor(Config()) as auditor:
        watched = [one for one in auditor.instrumentation.integrated if one.target.module == "queue"]
        assert watched
        assert {one.state for one in watched} == {State.APPLIED}
