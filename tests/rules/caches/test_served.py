"""Values that were computed in one user's work and are handed out in another's: which of them are a leak."""

from __future__ import annotations

import functools
import subprocess
import sys
from contextvars import ContextVar
from pathlib import Path

import pytest
from asgiref.local import Local
from auditing import Audit, config, current_user

from isolation_audit import canary, system_scope, user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.content import secrets
from isolation_audit.integrations.lru import Box, CachePoint
from isolation_audit.model.users import Users

C_TYPE = functools._lru_cache_wrapper
HERE = Path(__file__).name


def who():
    return current_user.get()


# What is reported


def test_a_value_of_one_user_given_to_another(audit: Audit) -> None:
    @functools.lru_cache
    def dashboard(page):
        return {"of": current_user.get(), "page": page}

    def handle():
        return dashboard("home")

    assert audit.as_user("alice", handle) is audit.as_user("bob", handle)
    (finding,) = audit.found("IA404")
    assert (finding.witnesses.owner, finding.witnesses.ambient, finding.witnesses.content) == ("alice", "bob", "alice")
    assert finding.target == f"{__name__}:{dashboard.__qualname__}"
    assert (Path(finding.site.top.file).name, finding.site.top.function.rpartition(".")[2]) == (HERE, "handle")
    assert (Path(finding.origin.top.file).name, finding.origin.top.function.rpartition(".")[2]) == (HERE, "dashboard")


tenant: ContextVar[str] = ContextVar("tenant")


def test_a_variable_that_no_configuration_names_and_that_holds_whoever_is_there(audit: Audit) -> None:
    @functools.cache
    def limits():
        return {"alice": 900, "bob": 10}[tenant.get()]

    def handle(user):
        tenant.set(user)
        return limits()

    assert audit.as_user("alice", handle, "alice") is audit.as_user("bob", handle, "bob")
    assert audit.pairs("IA404") == {("alice", "bob")}


def test_a_variable_that_holds_something_else_of_the_request(audit: Audit) -> None:
    @functools.cache
    def texts():
        return {"en": "Hello", "de": "Hallo"}[tenant.get()]

    def handle(language):
        tenant.set(language)
        return texts()

    assert audit.as_user("alice", handle, "en") is audit.as_user("bob", handle, "en")
    assert audit.pairs("IA404") == set()


@pytest.mark.parametrize(("name", "pairs"), [("user_id", {("alice", "bob")}), ("language", set())])
def test_what_a_local_of_the_request_calls_the_user(audit: Audit, name, pairs) -> None:
    local = Local()

    def by_user():
        return {"limit": len(local.user_id)}

    def by_language():
        return {"limit": len(local.language)}

    limits = functools.cache({"user_id": by_user, "language": by_language}[name])

    def handle(user):
        setattr(local, name, user)
        return limits()

    audit.as_user("alice", handle, "alice")
    audit.as_user("bob", handle, "bob")
    assert audit.pairs("IA404") == pairs


def test_a_value_that_names_nobody_but_was_made_from_the_user(audit: Audit) -> None:
    @functools.cache
    def may_delete():
        return who() == "alice"

    assert audit.as_user("alice", may_delete) is audit.as_user("bob", may_delete) is True
    assert audit.pairs("IA404") == {("alice", "bob")}


def test_methods_of_one_service(audit: Audit) -> None:
    class Service:
        @functools.lru_cache
        def theme(self):
            return self.of()

        def of(self):
            return {"of": who()}

    service = Service()
    audit.as_user("alice", service.theme)
    audit.as_user("bob", service.theme)
    assert audit.pairs("IA404") == {("alice", "bob")}


def test_a_canary_needs_no_other_evidence(audit: Audit) -> None:
    rows = {"note": f"the code is {canary('alice')}"}

    @functools.cache
    def note():
        return dict(rows)

    audit.as_user("alice", note)
    audit.as_user("bob", note)
    assert audit.pairs("IA404") == {("alice", "bob")}


def test_scopes_name_the_user_as_well(audit: Audit) -> None:
    @functools.cache
    def page():
        return {"of": who()}

    def inside(user):
        with user_scope(user):
            return page()

    current_user.set(None)
    with user_scope("alice"):
        current_user.set("alice")
        page()
    current_user.set(None)
    inside("bob")
    assert audit.pairs("IA404") == {("alice", "bob")}


# What is not


def no_arguments():
    return {"price": 5}


def with_a_log_line():
    import logging

    logging.getLogger(__name__).debug("for %s", who())
    return {"price": 5}


def with_a_refusal():
    if who() is None:
        raise PermissionError
    return {"price": 5}


def an_author_of_something():
    return {"article": 7, "author": "alice"}


@pytest.mark.parametrize(
    "function", [no_arguments, with_a_log_line, with_a_refusal, an_author_of_something], ids=lambda one: one.__name__
)
def test_what_is_meant_to_be_shared_is_silent(audit: Audit, function) -> None:
    cached = functools.cache(function)
    for user in ("alice", "bob", "carol"):
        audit.as_user(user, cached)
    assert cached.cache_info().hits == 2
    assert audit.found("IA404") == []


def test_a_key_that_names_the_user_is_silent(audit: Audit) -> None:
    class Account:
        def __init__(self, user):
            self.user = user

        @functools.cache
        def of_self(self):
            return {"of": who()}

    @functools.cache
    def profile(user, *, page=""):
        return {"of": user, "by": who(), "page": page}

    account = Account("alice")
    for user in ("alice", "bob"):  # bob looks at alice's: he asked for it
        audit.as_user(user, profile, "alice")
        audit.as_user(user, profile, ("tenant", "alice"), page="x")
        audit.as_user(user, account.of_self)
    assert audit.found("IA404") == []


def test_a_value_that_names_the_reader_is_silent(audit: Audit) -> None:
    @functools.cache
    def chat():
        return {"from": who(), "to": "bob"}

    audit.as_user("alice", chat)
    audit.as_user("bob", chat)
    assert audit.found("IA404") == []


def test_the_same_user_nobody_and_the_system_are_silent(audit: Audit) -> None:
    @functools.cache
    def page():
        return {"of": who()}

    def as_system():
        with system_scope():
            return page()

    audit.as_user("alice", page)
    audit.as_user("al" + "ice", page)
    audit.as_user(None, page)
    audit.as_user(None, as_system)
    page.cache_clear()
    audit.as_user(None, as_system)
    audit.as_user("bob", page)
    assert audit.found("IA404") == []


def test_a_user_who_signs_in_meanwhile_owns_nothing(audit: Audit) -> None:
    @functools.cache
    def sign_in():
        current_user.set("bob")
        return {"of": who()}

    audit.as_user("alice", sign_in)
    audit.as_user("carol", sign_in)
    assert audit.found("IA404") == []


def test_faults_of_judging_change_nothing(monkeypatch) -> None:
    from isolation_audit.rules.caches.served import Caches

    monkeypatch.setattr(Caches, "served", lambda *_args, **_keywords: 1 / 0)
    with Auditor(config()) as auditor:
        page = functools.lru_cache(lambda: {"of": who()})
        assert Audit.as_user("alice", page) is Audit.as_user("bob", page)
    assert auditor.runtime.barrier.counts == {CachePoint.place: 1}


def test_a_function_is_judged_once(audit: Audit, monkeypatch) -> None:
    monkeypatch.setattr(secrets, "_owners", {})
    page = functools.lru_cache(no_arguments)
    for user in ("alice", "bob"):
        audit.as_user(user, page)
    monkeypatch.setattr(Box, "__init__", lambda *_args: 1 / 0)
    page.cache_clear()
    monkeypatch.setattr(Users, "token", lambda *_args: 1 / 0)
    for user in ("carol", "dave"):
        assert audit.as_user(user, page) == {"price": 5}


def test_a_script_s_own_variable_is_known_late(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import contextvars, functools\n"
        "current_user = contextvars.ContextVar('current_user', default=None)\n"
        "@functools.cache\n"
        "def page(): return {'of': current_user.get()}\n"
        "def handle(user): current_user.set(user); return page()\n"
        "for user in ('alice', 'bob'): contextvars.copy_context().run(handle, user)\n"
    )
    configuration = tmp_path / "isolation-audit.toml"
    configuration.write_text('[ambient]\ncontextvar = "__main__:current_user"\n[report]\nraw_ids = true\n')
    command = [Path(sys.executable).with_name("isolation-audit"), "run", "--config", configuration, "--"]
    done = subprocess.run([*command, sys.executable, script], capture_output=True, text=True, timeout=280, check=False)
    assert "was computed for alice and is given to bob" in done.stderr + done.stdout
