"""Compiled hooks under `python -O`, under coverage, after a reload, and with optimised modules."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap

import pytest
from audited_source import auditing, counts, make_auditor

from isolation_audit import user_scope

APP = """
class Engine:
    def __init__(self, user_id):
        self.user_id = user_id

    def ask(self, question):
        if question:
            return [self.user_id, question]
        return []
"""

CONFIG = '[[engines]]\ntarget = "APP:Engine"\nowner = "self.user_id"\n'

PROGRAM = """
import json, sys
import app
from isolation_audit import Auditor, user_scope
from isolation_audit.instrument.patching import inlined
from isolation_audit.config import parse_config

inlined.KNOWN = sys.argv[1] == "inlined"
with Auditor(parse_config({"engines": [{"target": "app:Engine", "owner": "self.user_id"}]})) as auditor:
    engine = app.Engine("alice")
    with user_scope("alice"):
        answers = [engine.ask(number % 2) for number in range(6)]
    clean = sum(site.clean for site in auditor.runtime.tally.cells._cells)
    with user_scope("bob"):
        answers.append(engine.ask(1))
    crossings = auditor.recorder.counts["IA201"]
print(json.dumps([answers, clean, crossings, auditor.runtime.barrier.counts]))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def test_optimised(folder, installation):
    command = [sys.executable, "-O", "program.py", installation]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    answers = [[], ["alice", 1]] * 3 + [["alice", 1]]
    assert eval(done.stdout) == [answers, 4, 1, {}]


def test_coverage_counts_the_same_lines(folder, installation):
    pytest.importorskip("coverage.control")  # a folder of these tests has the library's name
    measure = textwrap.dedent(
        """
        import coverage, runpy, sys
        measured = coverage.Coverage(branch=True, include=["*/app.py"], data_file=None, config_file=False)
        measured.start()
        runpy.run_path(sys.argv.pop(1))
        measured.stop()
        _name, lines, _excluded, missing, _text = measured.analysis2("app.py")
        print(lines, missing)
        """
    )
    bare = "import app\nengine = app.Engine('alice')\nprint([engine.ask(number % 2) for number in range(6)])\n"
    (folder / "bare.py").write_text(bare, encoding="utf-8")
    (folder / "measure.py").write_text(measure, encoding="utf-8")
    said = []
    for program in ("bare.py", "program.py"):
        done = subprocess.run(
            [sys.executable, "measure.py", program, installation],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines()[-1])
    assert said[0] == said[1]


def test_a_reloaded_class_is_compared_anew(folder, monkeypatch, installation):
    monkeypatch.syspath_prepend(str(folder))
    name = f"app_that_is_reloaded_{installation}"
    (folder / "app.py").rename(folder / f"{name}.py")
    module = importlib.import_module(name)
    auditor = make_auditor(CONFIG, module)
    with auditor, user_scope("alice"):
        old = module.Engine("alice")
        for _ in range(4):
            old.ask(1)
        importlib.reload(module)
        auditor.instrumentation.refresh()
        new = module.Engine("bob")
        for _ in range(2):
            new.ask(1)
        assert counts(auditor)["IA201"] == 2
        assert type(new).ask.__code__ is not type(old).ask.__code__
    del sys.modules[name]


@pytest.mark.usefixtures("installation")
def test_functions_that_are_pickled_by_value_ask_nobody_elsewhere(tmp_path):
    """As for functions of `__main__`; the auditor need not be there where they are unpickled."""
    cloudpickle = pytest.importorskip("cloudpickle")
    source = APP + "\nclass Sink:\n    def send(self, user_id, data):\n        return [user_id, data]\n"
    config = CONFIG + '[[emitters]]\ntarget = "APP:Sink"\naddressee = "args.user_id"\nmethods = { send = "sent" }\n'
    with auditing(source, config) as (app, _auditor), user_scope("alice"):
        engine, sink = app.Engine("alice"), app.Sink()
        for _ in range(4):
            engine.ask(1)
            sink.send("alice", 1)
        cloudpickle.register_pickle_by_value(app)
        pickled = cloudpickle.dumps((app.Engine.ask, app.Sink.send))
        cloudpickle.unregister_pickle_by_value(app)
    (tmp_path / "pickled").write_bytes(pickled)
    program = (
        "import pickle, sys\n"
        "sys.modules['isolation_audit'] = None\n"
        "from types import SimpleNamespace\n"
        "ask, send = pickle.load(open('pickled', 'rb'))\n"
        "engine = SimpleNamespace(user_id='bob')\n"
        "print([ask(engine, 1), ask(engine, 0), send(engine, 'alice', 2)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert eval(done.stdout) == [["bob", 1], [], ["alice", 2]]
