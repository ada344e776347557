"""Small leaks of every kind of state, each found; their twins, and what is shared by design, silent."""

import asyncio
import importlib
import inspect
import itertools
import os
import sys
import textwrap
from contextvars import Context

import pytest
from healthy import HEALTHY
from small_leaks import LEAKS

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

ASKED = {"alice": "the pin of my card is 47-11", "bob": "please buy some milk"}
_numbers = itertools.count()


async def at_once(handle):
    async def one(user, before):
        await asyncio.sleep(before)
        with user_scope(user):
            return await handle(user, ASKED[user])

    return await asyncio.gather(one("alice", 0), one("bob", 0.005))


def one_by_one(handle):
    said = []
    for user, text in ASKED.items():
        with user_scope(user):
            said.append(handle(user, text))
    return said


def said_by(handle):
    return asyncio.run(at_once(handle)) if inspect.iscoroutinefunction(handle) else one_by_one(handle)


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """Runs the handler of a source for both users; gives findings at error or warning, and what the handler said."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("STATE_TEST_TOKEN", raising=False)

    def run(source, more=""):
        name = f"small_app_{os.getpid()}_{next(_numbers)}"
        tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(source))
        config = tmp_path / "isolation-audit.toml"
        config.write_text(f'[audit]\ndepth = "state"\n{more.format(app=name)}')
        try:
            with Auditor(load_config(config)) as auditor:
                handle = importlib.import_module(name).handle
                said = Context().run(said_by, handle)  # nothing that an earlier test has set
        finally:
            sys.modules.pop(name, None)
            os.environ.pop("STATE_TEST_TOKEN", None)
        assert auditor.runtime.barrier.counts == {}
        findings = [entry.finding for entry in auditor.recorder.entries()]
        # The modules of these tests themselves had been imported before.
        return [one for one in findings if one.severity is not Severity.NOTE and one.rule != "IA902"], said

    return run


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_found(audited, kind):
    findings, _said = audited(LEAKS[kind][0])
    assert [one.rule for one in findings if one.rule == "IA402"], findings
    finding = next(one for one in findings if one.rule == "IA402")
    assert "47-11" not in finding.message
    assert finding.site.top.line > 1
    assert finding.origin.top.line > 1


@pytest.mark.parametrize("kind", LEAKS)
def test_its_twin_is_silent(audited, kind):
    assert audited(LEAKS[kind][1])[0] == []


@pytest.mark.parametrize("kind", HEALTHY)
def test_what_is_shared_by_design_is_silent(audited, kind):
    assert audited(HEALTHY[kind])[0] == []


def test_a_writer_whom_a_better_source_has_named_since(tmp_path, monkeypatch):
    """As where a request's header has told the first user, before any login had."""
    source = """
        kept = {}

        def handle(user):
            kept.setdefault("owner", user)
            return "rows of " + kept["owner"]
        """
    name = f"small_app_{os.getpid()}_{next(_numbers)}"
    monkeypatch.syspath_prepend(tmp_path)
    tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(source))
    config = tmp_path / "isolation-audit.toml"
    config.write_text('[audit]\ndepth = "state"\n')
    try:
        with Auditor(load_config(config)) as auditor:
            handle = importlib.import_module(name).handle
            with user_scope("alice"):
                handle("alice")
            auditor.runtime.users.forget("alice")
            with user_scope("alice"):
                pass
            with user_scope("bob"):
                assert handle("bob") == "rows of alice"
    finally:
        sys.modules.pop(name, None)
    found = [entry.finding.rule for entry in auditor.recorder.entries()]
    assert "IA402" in found


SHARED = '[[shared]]\ntarget = "{{app}}:last"\npolicy = "{}"\n{}'


def test_what_is_shared_by_design_can_be_said(audited):
    findings, _said = audited(LEAKS["global"][0])
    assert 'policy = "allow"' in findings[0].remedy
    allowed = SHARED.format("allow", 'reason = "everybody reads it"\n')
    assert audited(LEAKS["global"][0], allowed)[0] == []


def test_an_entry_for_something_else_allows_nothing(audited):
    other = SHARED.format("allow", 'reason = "x"\n').replace(":last", ":lasting")
    findings, _said = audited(LEAKS["global"][0], other)
    assert [one.rule for one in findings] == ["IA402"]


RACE = """
    import asyncio

    class Account:
        balance = 100

    account = Account()

    async def handle(user, text):
        balance = account.balance
        {waits}
        account.balance = balance - 10
        return {{"ok": True}}
    """


def test_an_update_is_lost_across_an_await(audited):
    findings, _said = audited(RACE.format(waits="await asyncio.sleep(0.03)"))
    assert [(one.rule, one.severity) for one in findings] == [("IA402", Severity.WARNING)]
    assert "an update is lost" in findings[0].message
    assert "account.balance" in findings[0].message


def test_an_update_without_a_wait_is_not(audited):
    assert audited(RACE.format(waits="pass"))[0] == []


def test_a_counter_that_several_users_count_is_silent(audited):
    source = RACE.format(waits="account.balance += 1").replace("account.balance = balance - 10", "return balance")
    assert audited(source)[0] == []
