"""Which of an application's context variables have its user, where nobody has said so."""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from types import ModuleType, SimpleNamespace

import pytest

from isolation_audit.analysis import application, frames
from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model
from isolation_audit.targets import user_variables
from isolation_audit.targets.user_variables import UserVariables, _name_in, _says_so, _spelled


@pytest.mark.parametrize(
    "name",
    ["current_user", "user", "user_id", "current_user_id", "CURRENT_USER_ID", "currentUserId", "_current_user",
     "request_user", "user_ctx", "user_context", "ctx_user_id", "username", "auth_user", "principal",
     "user_id_ctx_var"],
)  # fmt: skip
def test_names_that_say_so(name):
    assert _says_so.fullmatch(_spelled(name))


@pytest.mark.parametrize(
    "name",
    ["user_agent", "user_locale", "user_service", "db_session", "request_id", "superuser_mode", "users", "user_cache",
     "tenant", "trace", "account_id", "current_order", "user_timezone", "current_request"],
)  # fmt: skip
def test_names_that_do_not(name):
    assert not _says_so.fullmatch(_spelled(name))


class Person:
    def __init__(self, **fields):
        vars(self).update(fields)


@pytest.mark.parametrize(
    ("value", "user"),
    [
        ("alice", "alice"),
        (7, "7"),
        ({"user": "alice", "api_key": "k"}, "alice"),
        ({"user": {"id": 7, "username": "alice"}}, "alice"),
        (Person(user_id="alice", tenant="t"), "alice"),
        (Person(current_user=Person(email="a@example.com")), "a@example.com"),
        ({"request": "r-1"}, None),
        ("anonymous", None),
        (None, None),
        (object(), None),
    ],
)
def test_the_user_in_a_value(value, user):
    assert _name_in(value) == user


def found(monkeypatch, file="/srv/shop_with_variables.py", /, **variables):
    """What an audit finds in a module with these, beside which there is none of an application."""
    module = ModuleType("shop_with_variables")
    module.__file__ = file
    vars(module).update(variables)
    monkeypatch.setattr(user_variables, "sys", SimpleNamespace(modules={module.__name__: module}))
    with Auditor(Config(report=model.Report(terminal=False))) as auditor:
        known = auditor.runtime.part(UserVariables)
        known.began()
        return known, copy_context().run(asked, auditor, variables)


def asked(auditor, variables):
    for value, variable in zip((set_in.get(None) or ()), variables.values(), strict=False):
        variable.set(value)
    user = auditor.runtime.ambient.current()
    return None if user is None else user.id


set_in = ContextVar("set_in")


def test_a_variable_that_is_called_so_is_asked(monkeypatch):
    set_in.set(("r-1", "alice"))
    current, other = ContextVar("a"), ContextVar("b")
    known, user = found(monkeypatch, request_id=other, current_user=current)
    assert known.found is current
    assert user == "alice"


def test_what_a_variable_was_made_with_says_so_as_well(monkeypatch):
    set_in.set(("r-1", "alice"))
    current, other = ContextVar("app.current-user"), ContextVar("app.current-request")
    known, user = found(monkeypatch, asks=other, current=current)
    assert known.found is current
    assert user == "alice"


def test_a_variable_of_another_name_is_asked_once_something_with_a_user_is_in_it(monkeypatch):
    set_in.set(({"user": "alice", "api_key": "k"},))
    provider = ContextVar("provider_data")
    known, user = found(monkeypatch, provider_data=provider)
    assert known.found is provider
    assert user == "alice"


class Lazy:
    """As a lazy user, or what is bound to a request."""

    asked = 0

    def __getattribute__(self, name):
        Lazy.asked += 1
        raise RuntimeError("there is no request")


def test_a_lazy_object_beside_a_variable_is_not_asked_for_its_class(monkeypatch):
    set_in.set(("r-1",))
    kept = type("Kept", (), {"user_id": ContextVar("user_id"), "lazy": Lazy(), "__module__": "shop_with_variables"})
    known, _user = found(monkeypatch, request_id=ContextVar("a"), lazy=Lazy(), kept=kept)
    assert known.found is kept.user_id
    assert Lazy.asked == 0


def test_what_has_no_user_in_it_or_somebody_else_is_not_asked(monkeypatch):
    set_in.set(("de-DE", {"trace": "t-1"}, Person(user_id="alice", total=12)))
    known, user = found(
        monkeypatch, locale=ContextVar("locale"), request=ContextVar("request"), order=ContextVar("current_order")
    )
    assert known.found is None
    assert user is None


def test_the_user_of_a_connection_is_an_object_and_no_login_of_a_database(monkeypatch):
    database, connection = ContextVar("db_connection"), ContextVar("current_connection")
    set_in.set((Person(user="postgres", host="db"), Person(user=Person(username="alice"))))
    known, user = found(monkeypatch, db_connection=database, current_connection=connection)
    assert known.found is connection
    assert user == "alice"


def test_an_installed_application_has_variables_and_a_library_none(monkeypatch):
    set_in.set(("alice",))
    file = "/venv/lib/python3.11/site-packages/tracker/web.py"
    assert found(monkeypatch, file, current_user=ContextVar("current_user"))[1] is None
    monkeypatch.setattr(frames.is_run.__globals__["_application"], "packages", frozenset({"tracker"}))
    monkeypatch.setattr(application, "recognise", lambda: None)
    assert found(monkeypatch, file, current_user=ContextVar("current_user"))[1] == "alice"


@pytest.mark.parametrize("detect", [[], ["login", "token"]])
def test_it_can_be_switched_off(detect):
    with Auditor(Config(report=model.Report(terminal=False), identity=model.Identity(detect=tuple(detect)))) as auditor:
        known = auditor.runtime.part(UserVariables)
        known.began()
        assert known.found is None
        assert not auditor.runtime.ambient.asks


def test_the_configurations_variable_is_the_only_one(load_app):
    module = load_app("from contextvars import ContextVar\nwho = ContextVar('who')\n")
    from isolation_audit.config import parse_config

    config = parse_config({"ambient": {"contextvar": f"{module.__name__}:who"}, "report": {"terminal": False}})
    with Auditor(config) as auditor:
        known = auditor.runtime.part(UserVariables)
        known.began()
        assert known.found is None
        assert auditor.runtime.ambient.variable is module.who
