"""Users at work that an application keeps on a ``threading.local``, or on any object."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.exceptions import ConfigError
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.model.contexts import change_unit
from isolation_audit.model.requests import Request

local = threading.local()
STATE = SimpleNamespace(session=None)
working_for: str | None = None


@pytest.fixture
def known(monkeypatch):
    holders = [
        {"target": f"{__name__}:local", "user_id": "user['id']"},
        {"target": f"{__name__}:STATE", "user_id": "session.user"},
        {"target": f"{__name__}:working_for"},
    ]
    monkeypatch.setattr(STATE, "session", None)
    config = parse_config({"ambient": {"holders": holders}, "report": {"terminal": False}})
    with Auditor(config) as auditor:

        def ask() -> str | None:
            user = auditor.runtime.ambient.current()
            return None if user is None else user.id

        ask.auditor = auditor
        yield ask
    local.__dict__.clear()


def test_what_each_holds_is_the_user_in_the_order_of_the_configuration(known, monkeypatch):
    assert known() is None
    monkeypatch.setattr(f"{__name__}.working_for", "carol")
    assert known() == "carol"
    STATE.session = SimpleNamespace(user="bob")
    assert known() == "bob"
    local.user = {"id": "alice"}
    assert known() == "alice"
    with user_scope("dave"):
        assert known() == "dave"
    local.user = {"id": None}
    assert known() == "bob"


def test_a_thread_has_its_own(known):
    local.user = {"id": "alice"}
    seen: list[Any] = []

    def work() -> None:
        seen.append(known())
        local.user = {"id": "bob"}
        seen.append(known())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (seen, known()) == ([None, "bob"], "alice")


def test_the_request_has_its_user_by_it(known):
    request = Request(known.auditor.runtime.part(sources), list)
    change_unit(request=request)
    try:
        local.user = {"id": "alice"}
        assert known() == "alice"
        assert request.said_by == {"ambient": None}
        assert known.auditor.snapshot()["summary"]["ambient_told"] == 1
    finally:
        change_unit(request=None)


def test_a_holder_needs_a_target():
    with pytest.raises(ConfigError, match="target"):
        parse_config({"ambient": {"holders": [{"user_id": "user.id"}]}})
