"""Outside of units, rewritten code asks nobody; inside, and in what a unit has left behind, everything is told."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

APP = """
class Notes:
    pass

notes = Notes()

def write(text):
    notes.last = text

def read():
    return notes.last
"""
BEGINNING = """
import asyncio, contextvars, gc, json, os, sys, threading
sys.path.insert(0, {folder!r})
from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.instrument.rewrite import listener

class Counted:
    "The monitor, which counts how often it is asked for the unit, and what it is told of attributes."
    def __init__(self):
        self.monitor, self.asked, self.told = listener.ear.listener, [], []
    def unit(self):
        self.asked.append(1)
        return None if self.monitor.unit() is None else self  # another one: what only a unit itself reads is not told
    def hears(self, *_of):
        return True
    def wrote(self, _unit, container, kind, *more):
        self.told.append(kind)
        self.monitor.wrote(self.monitor.unit(), container, kind, *more)
    def read(self, _unit, container, kind, *more):
        self.told.append(kind)
        self.monitor.read(self.monitor.unit(), container, kind, *more)
    def born(self, _unit, obj):
        self.monitor.born(self.monitor.unit(), obj)

def told(work):
    "What the monitor is told of attributes; None where it isn't even asked whether a unit runs."
    counted, ear = Counted(), listener.ear
    before = ear.listener, ear.hears, ear.unit
    ear.listener, ear.hears, ear.unit = counted, counted.hears, counted.unit
    try:
        work()
    finally:
        ear.listener, ear.hears, ear.unit = before
    return counted.told.count(listener.ATTRIBUTE) if counted.asked else None

def both():
    app.write("one")
    app.read()

counts = {{}}
"""


def run(tmp_path, body, more="", before=""):
    (tmp_path / "app.py").write_text(APP)
    config = tmp_path / "isolation-audit.toml"
    config.write_text(f'[audit]\ndepth = "state"\n{more}')
    program = BEGINNING.format(folder=str(tmp_path)) + textwrap.dedent(before)
    program += f"\nauditor = Auditor(load_config({str(config)!r}))\nwith auditor:\n    import app\n"
    program += textwrap.indent(textwrap.dedent(body), "    ") + "\nprint(json.dumps(counts))\n"
    words = [sys.executable, "-c", program]
    environ = {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(words, cwd=tmp_path, env=environ, text=True, capture_output=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_nobody_is_asked_before_between_and_after_units(tmp_path):
    counts = run(
        tmp_path,
        """
        counts["before"] = told(both)
        for name in ("first", "second"):
            with user_scope(name):
                counts[name] = told(both)
            gc.collect()
            counts["after " + name] = told(both)
        counts["faults"] = auditor.runtime.barrier.total
        """,
    )
    assert counts == {
        "before": None,
        "first": 2,
        "after first": None,
        "second": 2,
        "after second": None,
        "faults": 0,
    }


def test_what_a_unit_has_left_behind_is_asked_about(tmp_path):
    counts = run(
        tmp_path,
        """
        with user_scope("alice"):
            context = contextvars.copy_context()
        gc.collect()
        counts["in its context"] = context.run(told, both)
        del context
        gc.collect()
        counts["gone"] = told(both)

        async def later():
            with user_scope("bob"):
                task = asyncio.create_task(asyncio.to_thread(told, both))
            gc.collect()
            counts["on a thread"] = await task

        asyncio.run(later())
        """,
    )
    assert counts == {"in its context": 2, "gone": None, "on a thread": 2}


def test_a_request_is_a_unit(tmp_path):
    counts = run(
        tmp_path,
        """
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route
        from starlette.testclient import TestClient

        async def look(request):
            counts["request"] = told(both)
            return PlainTextResponse("seen")

        client = TestClient(Starlette(routes=[Route("/", look)]))
        counts["before"] = told(both)
        client.get("/")
        client.get("/")
        gc.collect()
        counts["after"] = told(both)
        """,
    )
    assert counts == {"before": None, "request": 2, "after": None}


def test_units_on_threads_miss_nothing(tmp_path):
    counts = run(
        tmp_path,
        """
        def work(user):
            for _ in range(200):
                with user_scope(user):
                    both()
        threads = [threading.Thread(target=work, args=(f"user-{number}",)) for number in range(6)]
        def all_of_them():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        counts["told"] = told(all_of_them)
        """,
    )
    assert counts == {"told": 6 * 200 * 2}


def test_the_applications_own_variable_may_name_somebody_at_any_time(tmp_path):
    counts = run(
        tmp_path,
        """
        import whose
        counts["unnamed"] = told(both)
        whose.user.set("alice")
        counts["named"] = told(both)
        """,
        more='[ambient]\ncontextvar = "whose:user"\n',
        before=f"""
        import pathlib
        pathlib.Path({str(tmp_path / "whose.py")!r}).write_text(
            "import contextvars\\nuser = contextvars.ContextVar('user')\\n"
        )
        """,
    )
    assert counts == {"unnamed": 0, "named": 2}


def test_a_scope_that_began_before_the_audit_is_a_unit(tmp_path):
    counts = run(tmp_path, 'counts["inside"] = told(both)', before='scope = user_scope("alice")\nscope.__enter__()\n')
    assert counts == {"inside": 2}


def test_nobody_is_asked_once_the_audit_has_stopped(tmp_path):
    counts = run(
        tmp_path,
        """
        with user_scope("alice"):
            auditor.stop()
            counts["listening"] = listener.ear.listener is not None
            counts["on"] = getattr(listener.active, "True")
        """,
    )
    assert counts == {"listening": False, "on": False}
