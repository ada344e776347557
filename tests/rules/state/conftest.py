"""Small applications as modules at depth ``state``: two users ask, one after the other or at once."""

import asyncio
import importlib
import inspect
import itertools
import os
import sys
import textwrap
from contextvars import Context

import pytest
from requesting import APP, ask

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

ASKED = {"alice": "the pin of my card is 47-11", "bob": "please buy some milk"}
_numbers = itertools.count()


async def at_once(handle, asked):
    async def one(user, before):
        await asyncio.sleep(before)
        with user_scope(user):
            return await handle(user, asked[user])

    return await asyncio.gather(*(one(user, 0.005 * place) for place, user in enumerate(asked)))


def one_by_one(handle, asked):
    said = []
    for user, text in asked.items():
        with user_scope(user):
            said.append(handle(user, text))
    return said


def said_by(handle, asked):
    return asyncio.run(at_once(handle, asked)) if inspect.iscoroutinefunction(handle) else one_by_one(handle, asked)


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """Runs the handler of a source for each user; gives findings at error or warning (or all), and what it said."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("STATE_TEST_TOKEN", raising=False)

    def run(source, more="", *, asked=ASKED, notes=False):
        name = f"small_app_{os.getpid()}_{next(_numbers)}"
        tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(source))
        config = tmp_path / "isolation-audit.toml"
        config.write_text(f'[audit]\ndepth = "state"\n{more.format(app=name)}')
        try:
            with Auditor(load_config(config)) as auditor:
                handle = importlib.import_module(name).handle
                said = Context().run(said_by, handle, asked)  # nothing that an earlier test has set
        finally:
            database = getattr(sys.modules.pop(name, None), "db", None)
            if database is not None:
                database.close()
            os.environ.pop("STATE_TEST_TOKEN", None)
        assert auditor.runtime.barrier.counts == {}
        findings = [entry.finding for entry in auditor.recorder.entries()]
        # The modules of these tests themselves had been imported before.
        return [one for one in findings if (notes or one.severity is not Severity.NOTE) and one.rule != "IA902"], said

    return run


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Asks the application one thing after the other; gives what was found at error or warning."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(*questions):
        name = f"requests_app_{os.getpid()}_{next(_numbers)}"
        tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(APP))
        config = tmp_path / "isolation-audit.toml"
        config.write_text('[audit]\ndepth = "state"\n[identity]\nheaders = ["x-user"]\n')
        try:
            with Auditor(load_config(config)) as auditor:
                app = importlib.import_module(name).app
                for question in questions:
                    asyncio.run(ask(app, *question))
        finally:
            sys.modules.pop(name, None)
        assert auditor.runtime.barrier.counts == {}
        findings = [entry.finding for entry in auditor.recorder.entries()]
        return [one for one in findings if one.severity is not Severity.NOTE and one.rule < "IA9"]

    return run
