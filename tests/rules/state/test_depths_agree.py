"""What is found at depth ``calls`` is found at depth ``state``: rules read functions as they were written."""

import asyncio
import importlib
import itertools
import os
import sys
import textwrap
from contextvars import Context

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

_numbers = itertools.count()

PROGRAMS = {
    "a listener that keeps whatever it hears": (
        "blinker",
        """
        from blinker import signal
        settled, answers = signal("settled-{app}"), {}

        async def order(user):
            lines = answers[user] = []
            def hear(sender, **line):
                lines.append(line)
            settled.connect(hear, weak=False)
            await asyncio.sleep(0)
            settled.send("shop", customer=user, total=4711)
        """,
        """
        from blinker import signal
        settled, answers = signal("settled-{app}"), {}

        async def order(user):
            lines = answers[user] = []
            def hear(sender, **line):
                if line["customer"] == user:
                    lines.append(line)
            settled.connect(hear, weak=False)
            await asyncio.sleep(0)
            settled.send("shop", customer=user, total=4711)
        """,
    ),
    "a session's listener": (
        "pyee",
        """
        from pyee import EventEmitter
        notices = EventEmitter()

        class Session:
            def __init__(self, user):
                self.user, self.shown = user, []
                notices.on("notice", self.show)
            def show(self, notice):
                self.shown.append(notice["text"])

        async def order(user):
            opened = Session(user)
            await asyncio.sleep(0.02)
            if user == "alice":
                notices.emit("notice", {"to": user, "text": "your code is 4711"})
            await asyncio.sleep(0.02)
        """,
        """
        from pyee import EventEmitter
        notices = EventEmitter()

        class Session:
            def __init__(self, user):
                self.user, self.shown = user, []
                notices.on("notice", self.show)
            def show(self, notice):
                if notice["to"] == self.user:
                    self.shown.append(notice["text"])

        async def order(user):
            opened = Session(user)
            await asyncio.sleep(0.02)
            if user == "alice":
                notices.emit("notice", {"to": user, "text": "your code is 4711"})
            await asyncio.sleep(0.02)
        """,
    ),
    "a cached function that asks who is there": (
        "functools",
        """
        import functools
        class Prices:
            def __init__(self): self.rates = {"alice": 0.7211, "bob": 0.9433}
        PRICES = Prices()

        @functools.lru_cache
        def rate(product):
            rates = PRICES.rates
            return {"rate": rates[current_user.get()], "product": product}

        async def order(user):
            await asyncio.sleep(0)
            return rate("shoes")
        """,
        """
        import functools
        class Prices:
            def __init__(self): self.rates = {"shoes": 0.7211}
        PRICES = Prices()

        @functools.lru_cache
        def rate(product):
            rates = PRICES.rates
            return {"rate": rates[product], "product": product}

        async def order(user):
            await asyncio.sleep(0)
            return rate("shoes")
        """,
    ),
}
BEGINNING = """
import asyncio
from contextvars import ContextVar
current_user = ContextVar("current_user", default=None)
"""
END = """
async def one(user):
    current_user.set(user)
    await order(user)

async def main():
    if "Session" in globals():
        await asyncio.gather(*(asyncio.create_task(one(user)) for user in ("alice", "bob")))
    else:
        for user in ("alice", "bob"):
            await asyncio.create_task(one(user))
"""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """The rules that a program's run breaks, at one depth."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(source, depth):
        name = f"depths_app_{os.getpid()}_{next(_numbers)}"
        text = BEGINNING + textwrap.dedent(source.replace("{app}", name)) + END
        tmp_path.joinpath(f"{name}.py").write_text(text)
        config = tmp_path / "isolation-audit.toml"
        config.write_text(f'[audit]\ndepth = "{depth}"\n[ambient]\ncontextvar = "{name}:current_user"\n')
        try:
            with Auditor(load_config(config)) as auditor:
                Context().run(asyncio.run, importlib.import_module(name).main())
        finally:
            sys.modules.pop(name, None)
        assert auditor.runtime.barrier.counts == {}
        findings = [entry.finding for entry in auditor.recorder.entries()]
        return {one.rule for one in findings if one.severity is not Severity.NOTE and not one.rule.startswith("IA9")}

    return run


@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_calls_finds_state_finds(found, kind):
    library, leak, clean = PROGRAMS[kind]
    pytest.importorskip(library)
    at_calls = found(leak, "calls")
    assert at_calls
    assert at_calls <= found(leak, "state")
    assert found(clean, "calls") == found(clean, "state") == set()
